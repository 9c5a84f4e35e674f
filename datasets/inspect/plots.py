"""Draws the plots of an inspection as SVG for an HTML page, without a display.

The same figures give the same bytes: the SVG has no date, its ids depend only on the plot's name,
and matplotlib's default settings replace the user's. Text is not converted to paths, so that the
browser can draw any script.
"""

import io
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import matplotlib as mpl
from matplotlib.figure import Figure

from flickr_emotion.common.printing import printable

_WIDTH = 6.4
_COLOURS = ("#4477aa", "#ccbb44", "#cc3311")
_NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))


def stacked_bars(name: str, rows: Mapping[str, Mapping[str, int]], columns: Sequence[str]) -> str:
    """Return a plot with one stacked bar for each row; the first row is at the top."""
    with _settings(name):
        figure = Figure(figsize=(_WIDTH, 0.9 + 0.27 * len(rows)), layout="constrained")
        axes = figure.subplots()
        places = range(len(rows))
        left = [0] * len(rows)
        for column, colour in zip(columns, _COLOURS, strict=True):
            counts = [row[column] for row in rows.values()]
            axes.barh(places, counts, left=left, color=colour, label=column)
            left = [sum(pair) for pair in zip(left, counts, strict=True)]
        axes.set_yticks(places, list(map(printable, rows)))
        axes.invert_yaxis()
        axes.set_xlabel("posts")
        # The legend is beside the bars, because it would cover the longest ones.
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
        return _svg(figure)


def histogram(name: str, bins: Sequence[tuple[int, int, int]], unit: str) -> str:
    """Return a histogram; a bin is its first and last value and its number of posts."""
    with _settings(name):
        figure = Figure(figsize=(_WIDTH, 2.8), layout="constrained")
        axes = figure.subplots()
        for first, last, count in bins:
            axes.bar(first, count, width=last + 1 - first, align="edge", color=_COLOURS[0])
        axes.set_xlabel(unit)
        axes.set_ylabel("posts")
        return _svg(figure)


@contextmanager
def _settings(name: str) -> Iterator[None]:
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()
        mpl.rcParams["svg.hashsalt"] = name
        mpl.rcParams["svg.fonttype"] = "none"
        # A dollar sign in a label does not start a formula.
        mpl.rcParams["text.parse_math"] = False
        # The browser has fonts for glyphs that matplotlib's font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def _svg(figure: Figure) -> str:
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", metadata=_NO_METADATA)
    text = drawn.getvalue()
    return text[text.index("<svg") :]
