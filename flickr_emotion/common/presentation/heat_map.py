"""A matrix of shares as a figure: a colour and a number for each cell, and a bar of the colours.

One hue whose strength is the share, so that it can be read in grey and by the colour-blind.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_rgba
from matplotlib.figure import Figure

from flickr_emotion.common.presentation.drawing import HEAT, TEXT, WIDTH
from flickr_emotion.common.printing import printable, shortened

_STEPS = 40
"""Of the colours; from 50 on matplotlib would draw their bar as a bitmap."""
_MOST_NUMBERED = 16
_WHITE_FROM = 0.7
_TICKS = {25: [0, 10, 20], 50: [0, 25, 50], 100: [0, 25, 50, 75, 100]}
"""By the end of the colours, what is written beside their bar."""
_MOST_CHARACTERS = 24


def heat_map_size(cells: int) -> tuple[float, float]:
    """Return the size in inches of a square matrix with so many rows."""
    side = max(WIDTH, 1.6 + 0.32 * cells)
    return side, 0.85 * side


def heat_map(
    figure: Figure,
    shares: Sequence[Sequence[float]],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    row_axis: str,
    column_axis: str,
    bar: str,
    posts: Sequence[int] = (),
) -> None:
    """Draw a matrix of shares in per cent, the first row at the top; ``bar`` says what of.

    ``posts``: how many posts each row is, which then stands behind its name.

    The colours go up to 25, 50 or 100 per cent, whichever holds the largest share.
    """
    axes: Axes = figure.subplots()
    strengths = ListedColormap([to_rgba(HEAT, step / _STEPS) for step in range(_STEPS + 1)])
    matrix = np.asarray(shares, dtype=float)
    most = next(end for end in _TICKS if matrix.max() <= end)
    drawn = axes.pcolormesh(matrix, cmap=strengths, vmin=0, vmax=most, edgecolors="none")
    axes.invert_yaxis()
    axes.set_aspect("equal")
    small = "small" if len(rows) <= _MOST_NUMBERED // 2 else "x-small"
    if len(rows) <= _MOST_NUMBERED:
        for (row, column), share in np.ndenumerate(matrix):
            if round(share):
                colour = "white" if share > _WHITE_FROM * most else TEXT
                axes.text(
                    column + 0.5,
                    row + 0.5,
                    f"{share:.0f}",
                    ha="center",
                    va="center",
                    color=colour,
                    fontsize=small,
                )
    axes.set_xticks(
        np.arange(len(columns)) + 0.5,
        _names(columns),
        rotation=45,
        ha="right",
        rotation_mode="anchor",
        fontsize="small",
    )
    named = _names(rows)
    if posts:
        named = [f"{name} ({count})" for name, count in zip(named, posts, strict=True)]
    axes.set_yticks(np.arange(len(rows)) + 0.5, named, fontsize="small")
    axes.tick_params(length=0)
    axes.set_xlabel(column_axis)
    axes.set_ylabel(row_axis)
    shown = figure.colorbar(drawn, ax=axes, shrink=0.7, aspect=25, pad=0.03)
    shown.set_label(bar, fontsize="small")
    shown.ax.tick_params(labelsize="small")
    shown.set_ticks(_TICKS[most])


def _names(names: Sequence[str]) -> list[str]:
    return [shortened(printable(name), _MOST_CHARACTERS) for name in names]
