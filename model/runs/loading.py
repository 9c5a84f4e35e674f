"""A run folder read back: what `evaluate` and `predict` begin with."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch

from flickr_emotion.common.printing import say
from flickr_emotion.common.replacing import standing
from flickr_emotion.datasets.folder.classes import class_names
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.model.config import TrainingConfig
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.features.image_backbones import build_backbone
from flickr_emotion.model.features.text_readers import TextReader, open_readers
from flickr_emotion.model.features.word_vectors import WORD_DIMENSION
from flickr_emotion.model.inputs.batches import Split
from flickr_emotion.model.inputs.splits import open_splits
from flickr_emotion.model.networks.catalogue import build_ensemble, build_system
from flickr_emotion.model.networks.multitask import MultitaskNetwork
from flickr_emotion.model.networks.system import System
from flickr_emotion.model.posts.posts import Encoding
from flickr_emotion.model.recipes import PAPER
from flickr_emotion.model.runs.digests import check_file
from flickr_emotion.model.runs.files import CONFIG, METRICS, NETWORK, read_config
from flickr_emotion.model.runs.folder import RunFolder

Kind = TypeVar("Kind", bool, dict[str, Any], str)

_HARMLESS = 2**24
"""Numbers that take no memory to speak of."""
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
    readers: list[TextReader]
    """What reads texts and tags, frozen."""
    features_in: Path
    """Where features lie that the data set cannot keep: the run's folder."""
    device: torch.device

    def splits(self, dataset: Dataset, names: tuple[str, ...]) -> dict[str, Split]:
        """Read splits of a data set as the run reads posts."""
        return open_splits(
            dataset,
            names,
            self.encoding,
            self.network.backbone,
            finetuned=self.finetuned,
            run_folder=self.features_in,
            device=self.device,
            readers=self.readers,
        )


def load_run(folder: Path, device: torch.device) -> TrainedRun:
    """Build a run's system again, in evaluation mode.

    Raises ``ModelError`` where a file is not what the training wrote.
    """
    folder = standing(folder)
    content = read_config(folder)
    path = folder / CONFIG
    encoding = Encoding(
        words=_names(content, "words", path),
        tags=_names(content, "tags", path),
        classes=_classes(content, path),
    )
    dataset = _entry(content, "dataset", dict, path)
    dataset_folder = Path(_entry(dataset, "folder", str, path))
    dataset_digest = _entry(dataset, "digest", str, path)
    config = _config(content, path)
    _check_vocabulary(config, encoding, folder)
    readers = open_readers(config.readers)
    check_readers(content, readers, path)
    try:
        network = _build(content, path, config, encoding, readers)
    except ModelError as error:
        raise ModelError(f"{path}: {error}".replace("--", "")) from None
    RunFolder(folder).read_network(network)
    check_file(folder, CONFIG)
    if not (folder / METRICS).exists():
        say(f"{folder} has no {METRICS}: its training was interrupted, it is used as it is")
    return TrainedRun(
        network=network.to(device).eval(),
        encoding=encoding,
        finetuned=config.finetune_image,
        dataset_folder=dataset_folder,
        dataset_digest=dataset_digest,
        readers=readers,
        features_in=folder,
        device=device,
    )


def _check_vocabulary(config: TrainingConfig, encoding: Encoding, folder: Path) -> None:
    """Refuse a vocabulary of which the weights cannot hold the vectors, before it takes memory."""
    if config.recipe != PAPER or "text" not in config.modalities:
        return  # no vectors of words are trained
    weights, numbers = folder / NETWORK, len(encoding.words) * WORD_DIMENSION
    if numbers > _HARMLESS and weights.is_file() and numbers > weights.stat().st_size:
        raise ModelError(
            f"{folder / CONFIG} names {len(encoding.words):,} words, more than {NETWORK} has "
            "vectors of: train again"
        )


def check_readers(content: dict[str, Any], readers: Sequence[TextReader], path: Path) -> None:
    """Refuse readers with other weights than those that a run was trained with."""
    digests = _entry({"readers": {}} | content, "readers", dict, path)
    for reader in readers:
        if digests.get(reader.name) != reader.digest():
            raise ModelError(
                f"{path}: the reader {reader.name!r} that the run was trained with had other "
                "weights than the installed package's: install that version, or train again"
            )


def _config(content: dict[str, Any], path: Path) -> TrainingConfig:
    """Return those settings that decide what is built."""
    try:
        return TrainingConfig(
            model=_entry(content, "model", str, path),
            # Runs of earlier versions lack what follows.
            subset=content.get("subset"),
            recipe=_entry({"recipe": PAPER} | content, "recipe", str, path),
            without=_names({"without": []} | content, "without", path),
            finetune_image=_entry(content, "finetune_image", bool, path),
            image_encoder=_entry(content, "image_encoder", str, path),
        )
    except ModelError as error:
        raise ModelError(f"{path}: {error}".replace("--", "")) from None


def _build(
    content: dict[str, Any],
    path: Path,
    config: TrainingConfig,
    encoding: Encoding,
    readers: list[TextReader],
) -> System:
    """Build a run's system with new weights."""

    def one(name: str, of: str | None) -> System:
        seen = TrainingConfig(model=name, subset=of).modalities
        backbone = build_backbone(config.resolved_image_encoder) if "image" in seen else None
        return build_system(
            name,
            of,
            encoding,
            backbone,
            frozen_image=not config.finetune_image,
            parts=config.parts,
            readers=readers,
        )

    if not config.networks:
        return one(config.model, config.subset)
    networks = {}
    for name in _names(content, "networks", path):
        network = one("single-task", name)
        assert isinstance(network, MultitaskNetwork)
        networks[name] = network
    return build_ensemble(config.model, networks)


def _entry(content: dict[str, Any], name: str, kind: type[Kind], path: Path) -> Kind:
    if name not in content:
        raise ModelError(f"{path} lacks {name!r}: train again")
    value = content[name]
    if not isinstance(value, kind):
        raise ModelError(f"{path}: {name!r} is {_KINDS[kind]}: train again")
    return value


def _classes(content: dict[str, Any], path: Path) -> tuple[str, ...]:
    try:
        return class_names(content.get("classes"))
    except ValueError as error:
        raise ModelError(f"{path}: {error}: train again") from None


def _names(content: dict[str, Any], name: str, path: Path) -> tuple[str, ...]:
    if name not in content:
        raise ModelError(f"{path} lacks {name!r}: train again")
    names = content[name]
    if not isinstance(names, list) or not all(isinstance(entry, str) for entry in names):
        raise ModelError(f"{path}: {name!r} is no list of names: train again")
    return tuple(names)
