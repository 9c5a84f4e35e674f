"""A run folder read back: what `evaluate` and `predict` begin with."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch

from datasets.progress import say
from model.config import ENSEMBLES, TrainingConfig
from model.errors import ModelError
from model.image_backbones import build_backbone
from model.network import MultitaskNetwork
from model.posts import Encoding
from model.run_folder import CONFIG, METRICS, RunFolder, read_config
from model.systems.catalogue import build_ensemble, build_system
from model.systems.system import System

Kind = TypeVar("Kind", bool, dict[str, Any], str)

_KINDS: dict[type, str] = {bool: "neither true nor false", dict: "no object", str: "no text"}


@dataclass(frozen=True, kw_only=True)
class TrainedRun:
    """A run that has been read back."""

    network: System
    encoding: Encoding
    finetuned: bool
    """Whether the image backbone was trained too."""
    dataset_folder: Path
    dataset_digest: str


def load_run(folder: Path, device: torch.device) -> TrainedRun:
    """Build a run's system again, in evaluation mode."""
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
    network = _build(content, path, encoding, finetuned)
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


def _build(content: dict[str, Any], path: Path, encoding: Encoding, finetuned: bool) -> System:
    """Build a run's system with new weights."""
    image_encoder = _entry(content, "image_encoder", str, path)
    model = _entry(content, "model", str, path)
    subset = content.get("subset")  # runs of the first version have none
    try:
        TrainingConfig(model=model, subset=subset)
    except ModelError as error:
        raise ModelError(f"{path}: {error}".replace("--", "")) from None

    def one(name: str, of: str | None) -> System:
        seen = TrainingConfig(model=name, subset=of).modalities
        backbone = build_backbone(image_encoder) if "image" in seen else None
        return build_system(name, of, encoding, backbone, frozen_image=not finetuned)

    if model not in ENSEMBLES or subset:
        return one(model, subset)
    networks = {}
    for name in _names(content, "networks", path):
        network = one("single-task", name)
        assert isinstance(network, MultitaskNetwork)
        networks[name] = network
    return build_ensemble(model, networks)


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
