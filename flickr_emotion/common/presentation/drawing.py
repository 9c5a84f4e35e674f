"""Draws figures with matplotlib, for pages and for print: inline SVG, and SVG, PDF and PNG files.

Drawn without a display, and with matplotlib's own settings instead of the user's; the same content
gives the same bytes every time. Texts stay texts, so that a browser can draw any script. Inline in
a page, the colours are the variables of its style sheet, so that a figure is light or dark with it.
"""

import io
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from flickr_emotion.common.printing import printable
from flickr_emotion.common.whole_files import whole_file

TEXT, LINE = "#1c222b", "#d5d9df"
BLUE, PALE, ORANGE, GREY, HEAT = "#2f6db3", "#a9c4e4", "#c2571a", "#838b97", "#2a5c99"
GREEN, PLUM = "#2b7d6f", "#8f4f86"
_VARIABLES = {
    **{TEXT: "text", LINE: "line", BLUE: "blue", PALE: "pale", ORANGE: "orange"},
    **{GREY: "grey", HEAT: "heat", GREEN: "green", PLUM: "plum"},
}

WIDTH = 4.8
"""Inches. A figure of this width has legible texts on a telephone and in a column of print."""
_REM_PER_POINT = 32 / (72 * WIDTH)
"""On a wide page; it makes the texts of all figures equally large."""
_DOTS_PER_INCH = 150
_CROPPED: dict[str, Any] = {"bbox_inches": "tight", "pad_inches": 0.04}
"""What is drawn decides the edges, so that no long label is cut."""
_METADATA: dict[str, dict[str, None]] = {
    "svg": dict.fromkeys(("Date", "Creator", "Format", "Type")),
    "pdf": dict.fromkeys(("CreationDate", "Creator", "Producer")),
    "png": {"Software": None},
}


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A figure."""

    name: str
    """The name of its files."""
    title: str
    subject: str = ""
    """Whose figure it is, for the title of a file; a page says it elsewhere."""
    said: str
    """What it shows, for those who do not see it."""
    draw: Callable[[Figure], None]
    size: tuple[float, float] = (WIDTH, 3.2)
    """Width and height in inches."""


def inline_svg(drawing: Drawing) -> str:
    """Return a figure as SVG to stand in a page, without its title."""
    with _settings(drawing.name):
        figure = _drawn(drawing, ground="none")
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata=_METADATA["svg"], **_CROPPED)
    text = file.getvalue()
    text = text[text.index("<svg") :]
    # Names of groups would stand in the page several times, and nothing refers to them.
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(f": {colour}", f": var(--{variable})")
    said = escape(printable(f"{drawing.title}. {drawing.said}"))
    points = re.search(r'viewBox="0 0 ([\d.]+)', text)
    assert points
    style = f"max-width: {float(points[1]) * _REM_PER_POINT:.1f}rem"
    return text.replace("<svg ", f'<svg role="img" aria-label="{said}" style="{style}" ', 1)


def write_drawing(folder: Path, drawing: Drawing, kinds: tuple[str, ...] = ("svg", "pdf")) -> None:
    """Write a figure with its title, as a file of its name for each kind; raises ``OSError``."""
    with _settings(drawing.name):
        figure = _drawn(drawing, ground="white")
        of = f" ({drawing.subject})" if drawing.subject else ""
        figure.suptitle(printable(drawing.title + of), fontsize="medium", wrap=True)
        for kind in kinds:
            with whole_file(folder / f"{drawing.name}.{kind}") as new:
                figure.savefig(
                    new, format=kind, dpi=_DOTS_PER_INCH, metadata=_METADATA[kind], **_CROPPED
                )


def _drawn(drawing: Drawing, ground: str) -> Figure:
    figure = Figure(figsize=drawing.size, layout="constrained", facecolor=ground)
    drawing.draw(figure)
    return figure


def plain_axes(figure: Figure) -> Axes:
    """Return the only axes of a figure, without a frame above and at the right."""
    axes: Axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return axes


@contextmanager
def _settings(name: str) -> Iterator[None]:
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()
        mpl.rcParams |= {
            "svg.hashsalt": name,
            "svg.fonttype": "none",
            "pdf.fonttype": 42,  # TrueType: Type 3 is refused by some publishers
            "text.parse_math": False,  # a dollar sign in a label starts no formula
            "axes.facecolor": "none",
            "font.size": 10,
            "legend.frameon": False,
            "legend.fontsize": "small",
            "lines.linewidth": 1.8,
            **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), TEXT),
            **dict.fromkeys(("axes.edgecolor", "legend.labelcolor"), TEXT),
        }
        # The browser has fonts for glyphs that matplotlib's font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield
