"""A table or figure, as the command that makes it sees it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from flickr_emotion.common.presentation.tables import Table
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.model.reproduction.cell import Cell
from flickr_emotion.model.reproduction.cells import Finished

Trained = Mapping[Cell, Finished]
Content = dict[str, Any]
"""The content of the JSON file; the other files are made from nothing else."""


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A table or a figure."""

    title: str
    cells: Callable[[Dataset, Sequence[int]], list[Cell]]
    """Returns the cells to train, for a data set and the seeds."""
    content: Callable[[Dataset, Trained, Sequence[int]], Content]
    markdown: Callable[[Content], list[str]]
    """Returns the experiment's own lines, without title, claims and settings."""
    tables: Callable[[Content], list[Table]]
    """Returns the experiment's tables, for LaTeX."""
    draw: Callable[[Content, Figure], None]
    size: Callable[[Content], tuple[float, float]]
    """Returns the width and height of the picture, in inches."""


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
