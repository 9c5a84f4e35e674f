"""One cell of the paper's experiments: a system, trained on some of the posts, with one seed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.model.config import TrainingConfig
from flickr_emotion.model.inputs.selection import Selection, complete_posts, fraction_complete
from flickr_emotion.model.training.training import train

MULTITASK, SINGLE_TASK, LATE_FUSION = "multitask", "single-task", "late-fusion"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One training."""

    system: str
    """A name of ``train --model``."""
    seed: int
    fraction: float | None = None
    """Fraction of the complete posts that stay complete; incomplete posts are not used then. The
    multitask network is trained on the rest too, cut to one modality. None: all posts as they
    are."""
    subset: str | None = None
    """The one subset of a single-task network; None for all."""

    @property
    def title(self) -> str:
        """The cell's description, as a part of its name."""
        if self.fraction is None:
            posts = "all-posts"
        else:
            posts = "complete-posts" if self.fraction == 1 else f"{self.fraction:g}-complete"
        return "-".join(filter(None, (self.system, self.subset, posts, f"seed-{self.seed}")))

    def selection(self, dataset: Dataset) -> Selection | None:
        """Return the training posts."""
        if self.fraction is None:
            return None
        if self.fraction == 1:
            return complete_posts(dataset)
        return fraction_complete(
            dataset, self.fraction, seed=self.seed, with_the_cut=self.system == MULTITASK
        )


def train_cell(
    cell: Cell,
    dataset: Dataset,
    settings: TrainingConfig,
    run: Path,
    features_in: Path | None = None,
) -> dict[str, Any]:
    """Train one cell into a run folder, as ``train`` would; return its metrics.

    If the data set's folder is read-only, features are kept in ``features_in``, so that cells share
    them.
    """
    options = settings.options() | {
        "model": cell.system,
        "subset": cell.subset,
        "seed": cell.seed,
        "repeats": 1,
    }
    return train(
        TrainingConfig.of_options(options),
        dataset=dataset.folder,
        out=run,
        selection=cell.selection(dataset),
        features_in=features_in,
    )
