"""What a table or a figure is, to the command that makes it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes

from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.model.reproduction.cells import Cell, Finished

Trained = Mapping[Cell, Finished]
Content = dict[str, Any]
"""What goes into the JSON file. Markdown and picture are made of it and of nothing else."""


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A table or a figure."""

    title: str
    cells: Callable[[Dataset, Sequence[int]], list[Cell]]
    """From the data set and the seeds to what has to be trained."""
    content: Callable[[Dataset, Trained, Sequence[int]], Content]
    markdown: Callable[[Content], list[str]]
    """The lines of its own, without title, claims and settings."""
    draw: Callable[[Content, Axes], None]
    size: tuple[float, float] = (6.4, 4.0)
    """Of the picture, in inches."""


def repeats(
    trained: Trained,
    seeds: Sequence[int],
    system: str,
    fraction: float | None,
    subset: str | None = None,
) -> list[Finished]:
    """Return the repeats of a system, in the order of the seeds."""
    return [
        trained[Cell(system=system, seed=seed, fraction=fraction, subset=subset)] for seed in seeds
    ]
