"""The plots of an inspection."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from flickr_emotion.common.presentation.drawing import (
    BLUE,
    ORANGE,
    PALE,
    WIDTH,
    Drawing,
    plain_axes,
)
from flickr_emotion.common.printing import printable, shortened

_COLOURS = (BLUE, PALE, ORANGE)
_MOST_CHARACTERS = 24


def stacked_bars(
    name: str, title: str, rows: Mapping[str, Mapping[str, int]], columns: Sequence[str]
) -> Drawing:
    """Return a plot with one stacked bar for each row; the first row is at the top."""

    def draw(figure: Figure) -> None:
        axes = plain_axes(figure)
        places = range(len(rows))
        left = [0] * len(rows)
        for column, colour in zip(columns, _COLOURS, strict=True):
            counts = [row[column] for row in rows.values()]
            axes.barh(places, counts, left=left, color=colour, label=column)
            left = [sum(pair) for pair in zip(left, counts, strict=True)]
        axes.set_yticks(places, [shortened(printable(row), _MOST_CHARACTERS) for row in rows])
        axes.invert_yaxis()
        axes.set_xlabel("number of posts")
        # The legend is above the bars, because it would cover the longest ones.
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(columns))

    return Drawing(
        name=name,
        title=title,
        said="The table that follows has the numbers.",
        draw=draw,
        size=(WIDTH, 1.2 + 0.27 * len(rows)),
    )


def histogram(
    name: str, title: str, bins: Sequence[tuple[int, int, int]], unit: str, counted: str
) -> Drawing:
    """Return a histogram; a bin is its first and last value and its number of posts."""

    def draw(figure: Figure) -> None:
        axes = plain_axes(figure)
        for first, last, count in bins:
            axes.bar(first, count, width=last + 1 - first, align="edge", color=BLUE)
        axes.set_xlabel(unit)
        axes.set_ylabel(f"number of {counted}")

    spoken = ", ".join(f"{first} to {last}: {count}" for first, last, count in bins)
    return Drawing(name=name, title=title, said=f"{unit}: {spoken}.", draw=draw, size=(WIDTH, 2.8))
