"""Tells the figures of a run to TensorBoard, and to what ``--log-to`` names.

TensorBoard's events belong to the run's folder, and what cannot be written there ends the training.
The other is a convenience: if it cannot begin for the first run of a training, that is an error
before the first epoch, and if it fails later, the training goes on without it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any

from flickr_emotion.common.printing import say
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.features.packages import is_installed
from flickr_emotion.model.tracking.mlflow_runs import MlflowRun
from flickr_emotion.model.tracking.tensorboard_events import TensorBoard
from flickr_emotion.model.tracking.tracker import TrackedRun, Tracker
from flickr_emotion.model.tracking.wandb_runs import WandbRun

_TRACKERS: dict[str, Callable[[TrackedRun], Tracker]] = {"mlflow": MlflowRun, "wandb": WandbRun}
"""By the name of the option, which is also that of the package."""


def check_tracker(name: str | None) -> None:
    """Refuse a tracker that is not known, or whose package is not installed."""
    if name is None:
        return
    if name not in _TRACKERS:
        raise ModelError(f"--log-to {name} is not known: give {' or '.join(_TRACKERS)}")
    if not is_installed(name):
        raise ModelError(
            f"--log-to {name} needs the package {name}: install it with `pip install {name}`, "
            "or omit the option"
        )


class Tracking:
    """What tracks a run, while it is trained."""

    def __init__(
        self,
        run: TrackedRun,
        log_to: str | None = None,
        epochs: Sequence[dict[str, Any]] = (),
        *,
        must_begin: bool = True,
    ) -> None:
        """``epochs`` are those of the interrupted training that is being resumed.

        What is outside of the run's folder gets them again, as a new run, so that its curves are
        whole. ``must_begin``: raise ``ModelError`` if that cannot begin.
        """
        self._run = run
        self._log_to = log_to
        self._epochs = epochs
        self._must_begin = must_begin
        self._events = TensorBoard(run)
        self._other: Tracker | None = None

    def __enter__(self) -> "Tracking":
        if self._log_to is None:
            return self
        try:
            self._other = _TRACKERS[self._log_to](self._run)
            for epoch in self._epochs:
                self._other.add(_scalars(epoch), epoch["epoch"])
        except Exception as error:  # of a library that is not ours, or of its server
            if self._must_begin:
                self._leave()
                raise ModelError(
                    f"--log-to {self._log_to} does not work: {_line(error)}"
                ) from error
            self._go_on_without(error)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._events.close()
        self._tell(lambda it: it.close())

    def add(self, epoch: dict[str, Any]) -> None:
        """Keep the figures of an epoch, as ``history.jsonl`` has them; raises ``OSError``."""
        scalars = _scalars(epoch)
        self._events.add(scalars, epoch["epoch"])
        self._tell(lambda it: it.add(scalars, epoch["epoch"]))

    def finish(self, figures: Mapping[str, float], files: Mapping[str, str]) -> None:
        """Keep test figures and files, each by name; raises ``OSError``."""
        self._events.finish(figures, files)
        self._tell(lambda it: it.finish(figures, files))

    def _tell(self, tell: Callable[[Tracker], None]) -> None:
        if self._other is None:
            return
        try:
            tell(self._other)
        except Exception as error:  # of a library that is not ours, or of its server
            self._go_on_without(error)

    def _go_on_without(self, error: Exception) -> None:
        say(f"{self._log_to} failed, and the training goes on without it: {_line(error)}")
        self._leave()

    def _leave(self) -> None:
        """End the other's run if it can be, so that it is not shown as running for ever."""
        if self._other is not None:
            with suppress(Exception):
                self._other.close()
        self._other = None


def _scalars(epoch: dict[str, Any]) -> dict[str, float]:
    scalars: dict[str, float] = {name: epoch[name] for name in ("train_loss", "validation_loss")}
    for subset, figures in epoch["validation"].items():
        if figures["count"]:
            for name in ("accuracy", "weighted_f1"):
                scalars[f"validation_{name}/{subset}"] = figures[name]
    return scalars


def _line(error: Exception) -> str:
    """Return what an error says, without the password that an address may hold.

    A password may hold any character but a blank, so all up to the last @ goes.
    """
    said = (str(error).splitlines() or [""])[0] or type(error).__name__
    return re.sub(r"//\S*@", "//", said)
