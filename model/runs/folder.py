"""A run folder on disk, as `train` writes it (`model/runs/loading.py` loads it).

The format is described in ``docs/model.md``. A network is written as safetensors and built again
from ``config.json`` alone; nothing is ever unpickled. A frozen image backbone is included too, so
that a run predicts on any machine. ``model/runs/files.py`` lists the files and which may be
removed; ``model/runs/workplace.py`` says where a run lies until it is complete.
"""

import json
import platform
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from flickr_emotion.common.plain_files import check_plain
from flickr_emotion.common.whole_files import json_text, whole_file, write_json, write_text
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.model.config import TrainingConfig
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.networks.system import System
from flickr_emotion.model.posts.posts import Encoding
from flickr_emotion.model.runs.checkpoints import Checkpoint, read_checkpoint, write_checkpoint
from flickr_emotion.model.runs.digests import check_file, digests_of
from flickr_emotion.model.runs.files import (
    CALIBRATION,
    CARD,
    CHECKPOINT,
    CONFIG,
    DIGESTS,
    FORMAT,
    FORMAT_VERSION,
    HISTORY,
    METRICS,
    NETWORK,
    own_entries,
    parts,
)
from flickr_emotion.model.runs.tensor_files import write_tensors


class RunFolder:
    """The folder that a run is written to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._replaceable: list[Path] = []

    @property
    def replaces(self) -> bool:
        """Whether the folder holds an older run that this one would replace."""
        return bool(self._replaceable)

    def check_replaceable(self) -> None:
        """Refuse a folder that holds anything but an older run."""
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise ModelError(f"{self.path} is a file: give --out a folder")
        self._replaceable = list(own_entries(self.path))

    def begin(self) -> None:
        """Remove an older run to make room for the new one.

        Only files that ``check_replaceable`` has recognised as a run's are removed.
        """
        with self.writing():
            self.path.mkdir(parents=True, exist_ok=True)
            for entry in self._replaceable:
                if not entry.is_dir():
                    entry.unlink(missing_ok=True)
                elif not any(entry.iterdir()):
                    entry.rmdir()
        self._replaceable = []

    def write_config(self, description: dict[str, Any]) -> None:
        """Write ``config.json``, which marks a run folder and is therefore written first."""
        with self.writing():
            write_json(self.path / CONFIG, description)

    def write_network(self, network: System) -> None:
        """Write the weights."""
        state = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
        with self.writing():
            # Left by a training that was killed before writing its metrics; resumed, it may differ.
            (self.path / DIGESTS).unlink(missing_ok=True)
            write_tensors(state, self.path / NETWORK)

    def read_network(self, network: System) -> None:
        """Load the written weights into a network."""
        weights = self.path / NETWORK
        try:
            check_plain(weights)
            state = load_file(weights)
        except FileNotFoundError:
            advice = f"train --resume {self.path}" if self._is_interrupted() else "train again"
            raise ModelError(f"{weights} does not exist: {advice}") from None
        except (OSError, SafetensorError) as error:
            raise ModelError(f"{weights} cannot be read ({error}): train again") from None
        check_file(self.path, NETWORK)
        try:
            network.load_state_dict(state)
        except RuntimeError:
            raise ModelError(
                f"{weights} holds a different network from the one in {CONFIG}: train again"
            ) from None

    def write_calibration(self, content: dict[str, Any]) -> None:
        """Write the temperatures of the heads (``model/evaluation/calibration.py``)."""
        with self.writing():
            write_json(self.path / CALIBRATION, content)

    def write_metrics(self, metrics: dict[str, Any], card: str) -> None:
        """Write card and digests, then ``metrics.json``: its presence marks a finished run."""
        text = json_text(metrics)
        with self.writing():
            write_text(self.path / CARD, card)
            write_json(self.path / DIGESTS, digests_of(self.path, {METRICS: text.encode()}))
            write_text(self.path / METRICS, text)
            (self.path / CHECKPOINT).unlink(missing_ok=True)

    def write_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Write the state that the training can be resumed from."""
        with self.writing():
            write_checkpoint(checkpoint, self.path / CHECKPOINT)

    def read_checkpoint(self) -> Checkpoint | None:
        """Return the state to resume from; None if there is none."""
        if not (self.path / CHECKPOINT).exists():
            return None
        return read_checkpoint(self.path / CHECKPOINT)

    def _is_interrupted(self) -> bool:
        return (self.path / CHECKPOINT).exists() or bool(parts(self.path))

    def write_history(self, epochs: list[dict[str, Any]]) -> None:
        """Write ``history.jsonl``, one line per epoch."""
        with self.writing():
            write_text(self.path / HISTORY, "".join(json.dumps(epoch) + "\n" for epoch in epochs))

    def copy_network(self, other: "RunFolder") -> None:
        """Copy another run's network, with its temperatures and, if it has one, its history.

        A run of several networks has no history: each network's is in its own folder.
        """
        with self.writing():
            for name in (NETWORK, HISTORY, CALIBRATION):
                if name == HISTORY and not (other.path / name).exists():
                    continue
                with whole_file(self.path / name) as new:
                    shutil.copyfile(other.path / name, new)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Turn errors when writing the run into a one-line ``ModelError``."""
        try:
            yield
        except OSError as error:
            raise ModelError(
                f"{self.path} cannot be written ({error.strerror or error}): the last epoch's "
                "state is kept; free some space there and run `train --resume`"
            ) from None


def describe(
    config: TrainingConfig,
    encoding: Encoding,
    dataset: Dataset,
    *,
    networks: Sequence[str],
    words_with_vector: int,
    readers: dict[str, str],
    files: dict[str, str],
    training_posts: dict[str, int],
    hub: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the content of ``config.json``; ``readers`` and ``files`` are digests by name.

    ``training_posts``: by subset, how many training posts hold it. ``hub``: by name, what is needed
    to build the image encoders of the hub.
    """
    options = config.options() | {"warm_up_steps": config.warm_up_steps}
    # An absolute path, because the training may be resumed from another working directory.
    options["word_vectors"] = str(config.word_vectors.resolve()) if config.word_vectors else None
    if config.image_weights not in ("imagenet", "none"):
        options["image_weights"] = str(Path(config.image_weights).resolve())
    return {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "model": config.model,
        "subset": config.subset,
        "networks": list(networks),
        "recipe": config.recipe,
        "without": list(config.without),
        "parts": sorted(config.parts),
        "readers": readers,
        "files": files,
        "image_encoder": config.resolved_image_encoder,
        "text_encoder": config.resolved_text_encoder,
        "hub": dict(hub),
        "finetune_image": config.finetune_image,
        "finetune_text": config.finetune_text,
        "classes": list(encoding.classes),
        "words": list(encoding.words),
        "words_with_vector": words_with_vector,
        "tags": list(encoding.tags),
        "training_posts": training_posts,
        "dataset": _origin(dataset),
        "options": options,
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "torchvision": version("torchvision"),
        },
    }


def _origin(dataset: Dataset) -> dict[str, Any]:
    """Return what a run records of its data set: its path, its content and its origin.

    A manifest of the data set holds the same ``digest``, so the two can be matched; a data set that
    was built from a manifest has the manifest in its ``lists_digest``.
    """
    return {
        "folder": str(dataset.folder.resolve()),
        "digest": dataset.digest,
        "preparation": dataset.preparation,
        "kind": dataset.kind,
        "service": dataset.service,
        "lists_digest": dataset.described.get("lists_digest"),
        "options": dataset.options,
    }
