"""Draws figures as PNG for documents and SVG for print, with identical bytes every time.

Drawn without a display, and with matplotlib's own settings instead of the user's.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from flickr_emotion.common.whole_files import whole_file

PAPER, OURS, OTHER, OTHER_PAPER = "#bbbbbb", "#4477aa", "#cc3311", "#ddccbb"
_DOTS_PER_INCH = 150
_METADATA = {
    "svg": dict.fromkeys(("Date", "Creator", "Format", "Type")),
    "png": {"Software": None},
}


def write_picture(
    folder: Path, name: str, draw: Callable[[Axes], None], *, size: tuple[float, float]
) -> None:
    """Write ``name``.png and ``name``.svg of a figure; the size is in inches."""
    with _settings(name):
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots()
        axes.spines[["top", "right"]].set_visible(False)
        draw(axes)
        for kind, metadata in _METADATA.items():
            with whole_file(folder / f"{name}.{kind}") as new:
                figure.savefig(new, format=kind, dpi=_DOTS_PER_INCH, metadata=metadata)


@contextmanager
def _settings(name: str) -> Iterator[None]:
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams["svg.hashsalt"] = name
        mpl.rcParams["svg.fonttype"] = "none"
        mpl.rcParams["text.parse_math"] = False  # a class name may contain dollar signs
        yield
