"""A run folder read back: what `evaluate` and `predict` begin with."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch

from datasets.progress import say
from model.errors import ModelError
from model.image_backbones import build_backbone
from model.network import MultitaskNetwork
from model.posts import Encoding
from model.run_folder import CONFIG, METRICS, RunFolder, read_config

Kind = TypeVar("Kind", bool, dict[str, Any], str)

_KINDS: dict[type, str] = {bool: "neither true nor false", dict: "no object", str: "no text"}


@dataclass(frozen=True, kw_only=True)
class TrainedRun:
    """A run that has been read back."""

    network: MultitaskNetwork
    encoding: Encoding
    finetuned: bool
    """Whether the image backbone was trained too."""
    dataset_folder: Path
    dataset_digest: str


def load_run(folder: Path, device: torch.device) -> TrainedRun:
    """Build a run's network again, in evaluation mode."""
    content = read_config(folder)
    path = folder / CONFIG
    encoding = Encoding(
        words=_names(content, "words", path),
        tags=_names(content, "tags", path),
        classes=_names(content, "classes", path),
    )
    finetuned = _entry(content, "finetune_image", bool, path)
    dataset = _entry(content, "dataset", dict, path)
    dataset_folder = Path(_entry(dataset, "folder", str, path))
    dataset_digest = _entry(dataset, "digest", str, path)
    backbone = build_backbone(_entry(content, "image_encoder", str, path))
    network = MultitaskNetwork(encoding, backbone, frozen_image=not finetuned)
    RunFolder(folder).read_network(network)
    if not (folder / METRICS).exists():
        say(f"{folder} has no {METRICS}: its training was interrupted, it is used as it is")
    return TrainedRun(
        network=network.to(device).eval(),
        encoding=encoding,
        finetuned=finetuned,
        dataset_folder=dataset_folder,
        dataset_digest=dataset_digest,
    )


def _entry(content: dict[str, Any], name: str, kind: type[Kind], path: Path) -> Kind:
    if name not in content:
        raise ModelError(f"{path} lacks {name!r}: train again")
    value = content[name]
    if not isinstance(value, kind):
        raise ModelError(f"{path}: {name!r} is {_KINDS[kind]}: train again")
    return value


def _names(content: dict[str, Any], name: str, path: Path) -> tuple[str, ...]:
    if name not in content:
        raise ModelError(f"{path} lacks {name!r}: train again")
    names = content[name]
    if not isinstance(names, list) or not all(isinstance(entry, str) for entry in names):
        raise ModelError(f"{path}: {name!r} is no list of names: train again")
    return tuple(names)
