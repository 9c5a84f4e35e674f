"""Records the epochs of a run: ``history.jsonl``, what tracks it, a line of output each.

With several ranks only the first records anything.
"""

from collections.abc import Sequence
from types import TracebackType
from typing import Any

from flickr_emotion.common.modalities import COMPLETE
from flickr_emotion.common.progress import ProgressReport
from flickr_emotion.model.networks.system import System
from flickr_emotion.model.processes.profiling import StepProfile
from flickr_emotion.model.runs.checkpoints import Checkpoint
from flickr_emotion.model.runs.files import TRACE
from flickr_emotion.model.runs.folder import RunFolder
from flickr_emotion.model.tracking.tracking import Tracking


class Journal:
    """Writes a run's folder, which is not touched before the end of the first epoch."""

    def __init__(
        self,
        folders: Sequence[tuple[RunFolder, dict[str, Any]]],
        epochs: Sequence[dict[str, Any]],
        report: ProgressReport,
        tracking: Tracking,
        *,
        writes: bool,
        losses: tuple[str, str] = ("", ""),
    ) -> None:
        """``folders`` are begun together, each with its ``config.json``; the last is the run's.

        ``epochs`` are the entries of the interrupted training that is being resumed; ``losses``
        says what the two losses are if they cannot be compared.
        """
        self.run = folders[-1][0]
        self.epochs = list(epochs)
        self._folders = folders
        self._report = report
        self._tracking = tracking
        self._writes = writes
        self._begun = False
        self._losses = losses

    def __enter__(self) -> "Journal":
        if self._writes:
            self._report.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._writes:
            self._report.__exit__(kind, error, traceback)

    @property
    def would_replace(self) -> bool:
        """Whether an older run is still there, which this one would replace."""
        return not self._begun and any(folder.replaces for folder, _ in self._folders)

    def begin(self) -> None:
        """Make room for the run, once."""
        if self._writes and not self._begun:
            for folder, description in self._folders:
                folder.begin()
                folder.write_config(description)
        self._begun = True

    def advance(self, posts: int) -> None:
        """Report that ``posts`` more posts were trained on."""
        if self._writes:
            self._report.advance(posts)

    def add(self, epoch: dict[str, Any], epochs: int) -> None:
        """Record an epoch, out of at most ``epochs``."""
        self.epochs.append(epoch)
        self.begin()
        if self._writes:
            self.run.write_history(self.epochs)
            with self.run.writing():
                self._tracking.add(epoch)
            self._report.say(self._line(epochs))

    def write_network(self, network: System) -> None:
        """Save the weights as the best so far."""
        if self._writes:
            self.run.write_network(network)

    def write_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Save the state to resume from."""
        self.begin()
        if self._writes:
            self.run.write_checkpoint(checkpoint)

    def write_profile(self, steps: StepProfile) -> None:
        """Save the trace once it is recorded, and print the most expensive operations."""
        if not self._writes:
            return
        with self.run.writing():
            table = steps.write(self.run.path / TRACE)
        if table:
            self._report.say(f"{table}\nopen {self.run.path / TRACE} in Perfetto")

    def _line(self, epochs: int) -> str:
        entry = self.epochs[-1]
        of_training, of_validation = (f" ({what})" if what else "" for what in self._losses)
        line = (
            f"epoch {entry['epoch']} of {epochs}: training loss {entry['train_loss']:.3f}"
            f"{of_training}, validation loss {entry['validation_loss']:.3f}{of_validation}"
        )
        complete = entry["validation"][COMPLETE]
        if complete["count"]:
            line += f", validation accuracy of {COMPLETE} {complete['accuracy']:.1%}"
        return f"{line} ({entry['seconds']:.1f} s)"
