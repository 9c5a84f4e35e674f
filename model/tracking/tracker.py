"""What each place that keeps a training's figures does: TensorBoard, MLflow, Weights & Biases.

A training knows this interface alone. Each run of its tree (``model/training/run_tree.py``) is one
run there, too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

PROJECT_NAME = "flickr-emotion"
"""The experiment or project that runs go to, unless the environment names another."""


@dataclass(frozen=True, kw_only=True)
class TrackedRun:
    """A run whose figures are kept."""

    name: str
    """The name of the training's folder, and the run's place in it: ``run/seed-1``."""
    folder: Path
    options: Mapping[str, Any]
    """Of ``TrainingConfig``."""
    dataset: str
    """The content digest of the data set."""

    @property
    def parameters(self) -> dict[str, int | float | str]:
        """The options that are set, as values that tables can show."""
        return {
            name: value if isinstance(value, int | float) else str(value)
            for name, value in self.options.items()
            if value not in (None, ())
        }


class Tracker(Protocol):
    """A place that keeps the figures of one run."""

    def add(self, scalars: Mapping[str, float], epoch: int) -> None:
        """Keep the figures of an epoch, by name."""

    def finish(self, figures: Mapping[str, float], files: Mapping[str, str]) -> None:
        """Keep a finished run's test figures and the texts of its files, each by name."""

    def close(self) -> None:
        """End; a run that is not finished was interrupted."""
