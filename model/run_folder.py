"""A run folder on disk: what `train` leaves behind (`model/trained_run.py` reads it back).

The format is described in ``docs/model.md``. A network is written as safetensors and built again
from ``config.json`` alone; nothing is ever unpickled. The image backbone is part of it even where
it was frozen, so that a run predicts on any machine. Every file is written under a temporary name
and renamed.
"""

import json
import os
import platform
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import torchvision
from safetensors import SafetensorError
from safetensors.torch import load_file

from datasets.json_files import read_json
from datasets.modalities import SUBSETS
from datasets.reading import Dataset
from model.checkpoints import Checkpoint, read_checkpoint, write_checkpoint
from model.config import TrainingConfig
from model.errors import ModelError
from model.metrics_file import check_metrics
from model.posts import Encoding
from model.systems.system import System
from model.tensor_files import write_tensors

FORMAT = "flickr-emotion-run"
FORMAT_VERSION = 1

NETWORK = "model.safetensors"
# What an interrupted training goes on from; gone when it has come to its end.
CHECKPOINT = "checkpoint.safetensors"
TRACE = "trace.json"
CONFIG = "config.json"
METRICS = "metrics.json"
CALIBRATION = "calibration.json"
HISTORY = "history.jsonl"
# Features may have been kept in the run's folder before its first epoch: a new run keeps them.
FEATURES = "features"
# A run that was killed may leave a file under its temporary name, or under safetensors' own.
_FILE = re.compile(
    r"(?P<dot>\.)?((model|checkpoint)\.safetensors|(config|calibration|metrics|trace)\.json|history\.jsonl)"
    r"(?(dot)\.([0-9]+|tmp\.json))"
    r"|events\.out\.tfevents\..+|\.tmp[0-9A-Za-z]{6}"
)
# The runs that a run is made of: its seeds', or its networks'.
_PART = re.compile(r"seed-[0-9]+|network-(" + "|".join(map(re.escape, SUBSETS)) + ")")


class RunFolder:
    """The folder that a run writes to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._replaceable: list[Path] = []

    @property
    def replaces(self) -> bool:
        """Whether an older run would have to make room."""
        return bool(self._replaceable)

    def check_replaceable(self) -> None:
        """Refuse a folder that holds anything but an older run."""
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise ModelError(f"{self.path} is a file: give --out a folder")
        self._replaceable = list(_own_entries(self.path))

    def begin(self) -> None:
        """Make room: an older run goes when the new one has finished its first epoch.

        Nothing goes but what ``check_replaceable`` has found to be the older run's.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        for entry in self._replaceable:
            if not entry.is_dir():
                entry.unlink(missing_ok=True)
            elif not any(entry.iterdir()):
                entry.rmdir()
        self._replaceable = []

    def write_config(self, description: dict[str, Any]) -> None:
        """Write ``config.json``, first of all: it tells that the folder is a run's."""
        self._write_json(CONFIG, description)

    def write_network(self, network: System) -> None:
        """Write the weights."""
        state = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
        write_tensors(state, self.path / NETWORK)

    def read_network(self, network: System) -> None:
        """Fill a network with the weights that were written."""
        weights = self.path / NETWORK
        try:
            network.load_state_dict(load_file(weights))
        except FileNotFoundError:
            way_out = f"train --resume {self.path}" if self._is_interrupted() else "train again"
            raise ModelError(f"{weights} is not there: {way_out}") from None
        except (OSError, SafetensorError) as error:
            raise ModelError(f"{weights} cannot be read ({error}): train again") from None
        except RuntimeError:
            raise ModelError(
                f"{weights} holds another network than {CONFIG} describes: train again"
            ) from None

    def write_calibration(self, content: dict[str, Any]) -> None:
        """Write the temperatures of the heads (``model/calibration.py``)."""
        self._write_json(CALIBRATION, content)

    def write_metrics(self, metrics: dict[str, Any]) -> None:
        """Write ``metrics.json``: its presence says that the run came to its end."""
        self._write_json(METRICS, metrics)
        (self.path / CHECKPOINT).unlink(missing_ok=True)

    def read_metrics(self) -> dict[str, Any] | None:
        """Return the metrics of a run that came to its end, else None."""
        path = self.path / METRICS
        try:
            content = read_json(path)
            check_metrics(content)
            return content
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise ModelError(f"{path} cannot be read ({error}): train again") from None

    def write_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Write what the training goes on from."""
        write_checkpoint(checkpoint, self.path / CHECKPOINT)

    def read_checkpoint(self) -> Checkpoint | None:
        """Return what an interrupted training goes on from; None where it left nothing."""
        if not (self.path / CHECKPOINT).exists():
            return None
        return read_checkpoint(self.path / CHECKPOINT)

    def _is_interrupted(self) -> bool:
        return (self.path / CHECKPOINT).exists() or any(
            _PART.fullmatch(entry.name) for entry in self.path.iterdir()
        )

    def write_history(self, epochs: list[dict[str, Any]]) -> None:
        """Write ``history.jsonl``, a line for each epoch."""
        lines = "".join(json.dumps(epoch) + "\n" for epoch in epochs)
        temporary = self._temporary(HISTORY)
        temporary.write_text(lines, encoding="utf-8")
        temporary.replace(self.path / HISTORY)

    def copy_network(self, other: "RunFolder") -> None:
        """Take over another run's network, with its temperatures and, if it has one, its history.

        A run of several networks has none: theirs are in their own folders.
        """
        for name in (NETWORK, HISTORY, CALIBRATION):
            if name == HISTORY and not (other.path / name).exists():
                continue
            temporary = self._temporary(name)
            shutil.copyfile(other.path / name, temporary)
            temporary.replace(self.path / name)

    def _write_json(self, name: str, content: dict[str, Any]) -> None:
        temporary = self._temporary(name)
        temporary.write_text(
            json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
            encoding="utf-8",
        )
        temporary.replace(self.path / name)

    def _temporary(self, name: str) -> Path:
        return self.path / f".{name}.{os.getpid()}"


def _own_entries(folder: Path) -> Iterator[Path]:
    """Yield what goes when a new run takes a run's place; refuse a folder with anything else.

    A part's folder comes after what it holds, the file that tells a run's folder after the others.
    """
    configuration = folder / CONFIG
    if configuration.exists():
        read_config(folder)
    for entry in sorted(folder.iterdir()):
        if entry.name == FEATURES or entry == configuration:
            continue
        if _PART.fullmatch(entry.name) and entry.is_dir() and not entry.is_symlink():
            yield from _own_entries(entry)
            yield entry
        elif not _FILE.fullmatch(entry.name) or entry.is_dir():
            raise ModelError(
                f"{folder} holds {entry.name!r}, which is no part of a run: give --out a new folder"
            )
        elif not configuration.exists():
            raise ModelError(
                f"{folder} holds {entry.name!r} but no {CONFIG} of a run: give --out a new folder"
            )
        else:
            yield entry
    if configuration.exists():
        yield configuration


def describe(
    config: TrainingConfig,
    encoding: Encoding,
    dataset: Dataset,
    *,
    networks: Sequence[str],
    words_with_vector: int,
    readers: dict[str, str],
) -> dict[str, Any]:
    """Return the content of ``config.json``; ``readers`` are digests by name."""
    options = asdict(config) | {"warm_up_steps": config.warm_up_steps}
    # Resolved, as the training may go on in another working folder.
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
        "readers": readers,
        "image_encoder": config.image_encoder,
        "finetune_image": config.finetune_image,
        "classes": list(encoding.classes),
        "words": list(encoding.words),
        "words_with_vector": words_with_vector,
        "tags": list(encoding.tags),
        "dataset": _origin(dataset),
        "options": options,
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
        },
    }


def _origin(dataset: Dataset) -> dict[str, Any]:
    """Return what a run says of its data set: where it lay, what it held, what it came from.

    A manifest of the data set holds ``digest`` as well, so that the two find each other; a data set
    that was built from a manifest has the manifest in its ``lists_digest``.
    """
    return {
        "folder": str(dataset.folder.resolve()),
        "digest": dataset.digest,
        "kind": dataset.kind,
        "service": dataset.service,
        "lists_digest": dataset.described.get("lists_digest"),
        "options": dataset.options,
    }


def read_config(folder: Path) -> dict[str, Any]:
    """Read ``config.json``, which says that a folder is a run's."""
    path = folder / CONFIG
    try:
        content = read_json(path)
    except FileNotFoundError:
        raise ModelError(
            f"{folder} is no run folder: give the folder that `train --out` wrote"
        ) from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read ({error}): train again") from None
    if content.get("format") != FORMAT:
        raise ModelError(f"{path} describes no run of `train`: give the folder that it wrote")
    version = content.get("version")
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise ModelError(
            f"{folder} has run format {version}, this program reads up to {FORMAT_VERSION}: "
            "update the program"
        )
    return content
