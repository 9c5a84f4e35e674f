"""The loop over epochs, with early stopping on the validation loss (section 3.2).

Where the paper does not say: the validation loss is computed over the whole split, not averaged
over batches; the weights of the best epoch are kept.
"""

import math
import time
from typing import Any

from flickr_emotion.model.config import TrainingConfig
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.evaluation.evaluation import score
from flickr_emotion.model.inputs.batches import Split
from flickr_emotion.model.processes.distributed import World
from flickr_emotion.model.processes.interruption import StopSignals
from flickr_emotion.model.processes.profiling import StepProfile
from flickr_emotion.model.training.fitting import Fitting
from flickr_emotion.model.training.journal import Journal


def fit(
    fitting: Fitting,
    config: TrainingConfig,
    validation: Split,
    classes: int,
    journal: Journal,
    world: World,
    profile: StepProfile | None = None,
) -> bool:
    """Train until the validation loss stops falling; the journal's run gets the best weights.

    Returns whether training finished: after a signal it is False, and the run holds a checkpoint.
    Raises ``KeyboardInterrupt`` after a signal in the first epoch if a checkpoint would replace an
    older run.
    """
    with journal, StopSignals(patient=world.size > 1) as stop:
        while not _is_over(journal.epochs, config):
            started = time.monotonic()
            train_loss = fitting.train_epoch(stop, journal.advance, profile)
            seconds = time.monotonic() - started
            if train_loss is None:
                if journal.would_replace:
                    raise KeyboardInterrupt
                journal.write_checkpoint(fitting.checkpoint(journal.epochs))
                return False
            judged = score(fitting.network, validation, classes, world)
            epoch = len(journal.epochs) + 1
            if not math.isfinite(train_loss + judged.loss):
                raise ModelError(
                    f"the loss is not finite after epoch {epoch}: lower --learning-rate "
                    f"(now {config.resolved_learning_rate})"
                )
            journal.add(
                {
                    "epoch": epoch,
                    "train_loss": train_loss,
                    "validation_loss": judged.loss,
                    "validation": judged.figures(),
                    "seconds": round(seconds, 3),
                },
                config.epochs,
            )
            if best_epoch(journal.epochs)["epoch"] == epoch:
                journal.write_network(fitting.network)
            journal.write_checkpoint(fitting.checkpoint(journal.epochs))
            if profile:
                journal.write_profile(profile)
        if profile:
            profile.stop()
            journal.write_profile(profile)
    return True


def best_epoch(epochs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the epoch with the lowest validation loss; of equal ones, the first."""
    return min(epochs, key=lambda epoch: epoch["validation_loss"])


def _is_over(epochs: list[dict[str, Any]], config: TrainingConfig) -> bool:
    if not epochs:
        return False
    since_best = epochs[-1]["epoch"] - best_epoch(epochs)["epoch"]
    return len(epochs) >= config.epochs or since_best >= config.patience
