"""A run and an epoch to be tracked."""

from pathlib import Path
from typing import Any

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.model.config import TrainingConfig
from flickr_emotion.model.tracking.tracker import TrackedRun


def tracked(folder: Path) -> TrackedRun:
    options = TrainingConfig(seed=3, word_vectors=Path("vectors.bin")).options()
    return TrackedRun(name=folder.name, folder=folder, options=options, dataset="d" * 64)


def epoch(number: int, loss: float = 0.5, complete: int = 8) -> dict[str, Any]:
    """An epoch as the training loop has it; nobody holds tags alone."""
    figures = {"accuracy": 0.75, "macro_f1": 0.7, "weighted_f1": 0.72, "count": complete}
    none = {"accuracy": None, "macro_f1": None, "weighted_f1": None, "count": 0}
    return {
        "epoch": number,
        "train_loss": 1.25,
        "validation_loss": loss,
        "validation": {
            subset: none if subset == "tags" or not complete else figures for subset in SUBSETS
        },
        "seconds": 3.14,
    }
