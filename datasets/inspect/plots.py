"""The plots of an inspection, as SVG that stands inside a page.

Drawn without a display. The same figures give the same bytes: no date, ids that depend on the
plot's name alone, and matplotlib's own settings instead of the user's. Texts stay texts, so that a
browser draws them in whatever script they are.
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
    """Return a plot of a bar for each row, made of its columns; the first row is uppermost."""
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
        # Beside the bars: on them it would hide the longest.
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
        return _svg(figure)


def histogram(name: str, bins: Sequence[tuple[int, int, int]], unit: str) -> str:
    """Return a plot of bins: first and last value, and how many posts there are."""
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
        # A label may hold dollar signs; it is no formula.
        mpl.rcParams["text.parse_math"] = False
        # The browser's fonts draw what matplotlib's own lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def _svg(figure: Figure) -> str:
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", metadata=_NO_METADATA)
    text = drawn.getvalue()
    return text[text.index("<svg") :]
