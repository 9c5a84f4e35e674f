"""A run folder on disk: what `train` leaves behind and `evaluate` and `predict` read.

The format is described in ``docs/model.md``. A network is written as safetensors and built again
from ``config.json`` alone; nothing is ever unpickled. The image backbone is part of it even where
it was frozen, so that a run predicts on any machine. Every file is written under a temporary name
and renamed.
"""

import json
import os
import platform
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torchvision
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from datasets.reading import Dataset
from model.config import TrainingConfig
from model.errors import ModelError
from model.image_backbones import build_backbone
from model.network import MultitaskNetwork
from model.posts import Encoding

FORMAT = "flickr-emotion-run"
FORMAT_VERSION = 1

CHECKPOINT = "model.safetensors"
CONFIG = "config.json"
METRICS = "metrics.json"
HISTORY = "history.jsonl"
# Features may have been kept in the run's folder before its first epoch: a new run keeps them.
FEATURES = "features"
_FILES = (CHECKPOINT, CONFIG, METRICS, HISTORY)
# A run that was killed may leave a file under its temporary name.
_OURS = (*_FILES, *(f".{name}.*" for name in _FILES), "events.out.tfevents.*", "seed-*")


class RunFolder:
    """The folder that a run writes to."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def check_replaceable(self) -> None:
        """Refuse a folder that holds anything but an older run."""
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise ModelError(f"{self.path} is a file: give --out a folder")
        foreign = [
            entry.name
            for entry in self.path.iterdir()
            if entry.name != FEATURES and not any(entry.match(pattern) for pattern in _OURS)
        ]
        if (self.path / CONFIG).exists():
            _read_config(self.path)
        if foreign:
            raise ModelError(
                f"{self.path} holds {sorted(foreign)[0]!r}, which is no part of a run: give --out "
                "a new folder"
            )

    def begin(self) -> None:
        """Make room: an older run goes when the new one has finished its first epoch."""
        self.path.mkdir(parents=True, exist_ok=True)
        for pattern in _OURS:
            for entry in self.path.glob(pattern):
                if entry.is_dir():
                    shutil.rmtree(entry)
                else:
                    entry.unlink()

    def write_network(self, network: MultitaskNetwork, description: dict[str, Any]) -> None:
        """Write the weights, and what is needed to build the network again."""
        state = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
        temporary = self._temporary(CHECKPOINT)
        save_file(state, temporary)
        temporary.replace(self.path / CHECKPOINT)
        self._write_json(CONFIG, description)

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
        for name in (CHECKPOINT, CONFIG, HISTORY):
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


def describe(
    config: TrainingConfig, encoding: Encoding, dataset: Dataset, words_with_vector: int
) -> dict[str, Any]:
    """Return the content of ``config.json``."""
    options = asdict(config)
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


@dataclass(frozen=True, kw_only=True)
class TrainedRun:
    """A run that has been read back."""

    folder: Path
    network: MultitaskNetwork
    encoding: Encoding
    finetuned: bool
    """Whether the image backbone was trained too."""
    dataset_folder: Path
    dataset_digest: str


def load_run(folder: Path, device: torch.device) -> TrainedRun:
    """Build a run's network again, in evaluation mode."""
    content = _read_config(folder)
    try:
        encoding = Encoding(
            words=tuple(content["words"]),
            tags=tuple(content["tags"]),
            classes=tuple(content["classes"]),
        )
        finetuned = bool(content["finetune_image"])
        backbone = build_backbone(content["image_encoder"])
        dataset_folder = Path(content["dataset"]["folder"])
        dataset_digest = str(content["dataset"]["digest"])
    except (KeyError, TypeError) as error:
        raise ModelError(f"{folder / CONFIG} lacks {error}: train again") from None
    network = MultitaskNetwork(encoding, backbone, frozen_image=not finetuned)
    RunFolder(folder).read_network(network)
    return TrainedRun(
        folder=folder,
        network=network.to(device).eval(),
        encoding=encoding,
        finetuned=finetuned,
        dataset_folder=dataset_folder,
        dataset_digest=dataset_digest,
    )


def _read_config(folder: Path) -> dict[str, Any]:
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
