"""What a training run tells of its epochs: ``history.jsonl``, TensorBoard events, a line each."""

from typing import Any

from torch.utils.tensorboard.writer import SummaryWriter

from datasets.modalities import COMPLETE
from model.run_folder import RunFolder


class Journal:
    """What a run tells of its epochs. Its folder is touched when the first one is over."""

    def __init__(self, run: RunFolder, replaces: RunFolder | None) -> None:
        self.run = run
        self.epochs: list[dict[str, Any]] = []
        self._replaces = replaces
        self._events: SummaryWriter | None = None

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        if self._events:
            self._events.close()

    def add(self, epoch: dict[str, Any]) -> None:
        """Write an epoch to ``history.jsonl`` and as TensorBoard events."""
        if self._events is None:
            if self._replaces:
                self._replaces.begin()
            self.run.begin()
            self._events = SummaryWriter(str(self.run.path))
        self.epochs.append(epoch)
        self.run.write_history(self.epochs)
        for name in ("train_loss", "validation_loss"):
            self._events.add_scalar(name, epoch[name], epoch["epoch"])
        for subset, figures in epoch["validation"].items():
            if figures["count"]:
                for name in ("accuracy", "weighted_f1"):
                    self._events.add_scalar(
                        f"validation_{name}/{subset}", figures[name], epoch["epoch"]
                    )

    def line(self, epochs: int) -> str:
        """Return the last epoch of at most ``epochs`` as a line."""
        entry = self.epochs[-1]
        line = (
            f"epoch {entry['epoch']} of {epochs}: loss {entry['train_loss']:.3f}, validation "
            f"{entry['validation_loss']:.3f}"
        )
        complete = entry["validation"][COMPLETE]
        if complete["count"]:
            line += f", {COMPLETE} {complete['accuracy']:.1%}"
        return f"{line} ({entry['seconds']:.1f} s)"
