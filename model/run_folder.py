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
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import torchvision
from safetensors import SafetensorError
from safetensors.torch import load_file

from datasets.reading import Dataset
from model.config import TrainingConfig
from model.errors import ModelError
from model.network import MultitaskNetwork
from model.posts import Encoding
from model.tensor_files import write_tensors

FORMAT = "flickr-emotion-run"
FORMAT_VERSION = 1

CHECKPOINT = "model.safetensors"
CONFIG = "config.json"
METRICS = "metrics.json"
HISTORY = "history.jsonl"
# Features may have been kept in the run's folder before its first epoch: a new run keeps them.
FEATURES = "features"
# A run that was killed may leave a file under its temporary name, or under safetensors' own.
_FILE = re.compile(
    r"(?P<dot>\.)?(model\.safetensors|(config|metrics)\.json|history\.jsonl)(?(dot)\.[0-9]+)"
    r"|events\.out\.tfevents\..+|\.tmp[0-9A-Za-z]{6}"
)
_SEED = re.compile(r"seed-[0-9]+")


class RunFolder:
    """The folder that a run writes to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._replaceable: list[Path] = []

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

    def write_network(self, network: MultitaskNetwork, description: dict[str, Any]) -> None:
        """Write the weights, and what is needed to build the network again."""
        state = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
        # First what tells that the folder is a run's: without it none takes its place.
        self._write_json(CONFIG, description)
        write_tensors(state, self.path / CHECKPOINT)

    def read_network(self, network: MultitaskNetwork) -> None:
        """Fill a network with the weights that were written."""
        checkpoint = self.path / CHECKPOINT
        try:
            network.load_state_dict(load_file(checkpoint))
        except FileNotFoundError:
            raise ModelError(f"{checkpoint} is not there: train again") from None
        except (OSError, SafetensorError) as error:
            raise ModelError(f"{checkpoint} cannot be read ({error}): train again") from None
        except RuntimeError:
            raise ModelError(
                f"{checkpoint} holds another network than {CONFIG} describes: train again"
            ) from None

    def write_metrics(self, metrics: dict[str, Any]) -> None:
        """Write ``metrics.json``: its presence says that the run came to its end."""
        self._write_json(METRICS, metrics)

    def write_history(self, epochs: list[dict[str, Any]]) -> None:
        """Write ``history.jsonl``, a line for each epoch."""
        lines = "".join(json.dumps(epoch) + "\n" for epoch in epochs)
        temporary = self._temporary(HISTORY)
        temporary.write_text(lines, encoding="utf-8")
        temporary.replace(self.path / HISTORY)

    def copy_network(self, other: "RunFolder") -> None:
        """Take over another run's network and history."""
        for name in (CONFIG, CHECKPOINT, HISTORY):
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

    A seed's folder comes after what it holds, the file that tells a run's folder after the others.
    """
    configuration = folder / CONFIG
    if configuration.exists():
        read_config(folder)
    for entry in sorted(folder.iterdir()):
        if entry.name == FEATURES or entry == configuration:
            continue
        if _SEED.fullmatch(entry.name) and entry.is_dir() and not entry.is_symlink():
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
    words_with_vector: int,
    warm_up_steps: int,
) -> dict[str, Any]:
    """Return the content of ``config.json``."""
    options = asdict(config) | {"warm_up_steps": warm_up_steps}
    options["word_vectors"] = str(config.word_vectors) if config.word_vectors else None
    return {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "model": "multitask",
        "image_encoder": config.image_encoder,
        "finetune_image": config.finetune_image,
        "classes": list(encoding.classes),
        "words": list(encoding.words),
        "words_with_vector": words_with_vector,
        "tags": list(encoding.tags),
        "dataset": {"folder": str(dataset.folder.resolve()), "digest": dataset.digest},
        "options": options,
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
        },
    }


def read_config(folder: Path) -> dict[str, Any]:
    """Read ``config.json``, which says that a folder is a run's."""
    path = folder / CONFIG
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(
            f"{folder} is no run folder: give the folder that `train --out` wrote"
        ) from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read ({error}): train again") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ModelError(f"{path} describes no run of `train`: give the folder that it wrote")
    version = content.get("version")
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise ModelError(
            f"{folder} has run format {version}, this program reads up to {FORMAT_VERSION}: "
            "update the program"
        )
    return content
