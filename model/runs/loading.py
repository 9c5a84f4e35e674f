"""Loads a run folder, the first step of `evaluate` and `predict`."""

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
from flickr_emotion.model.features.hub_images import numbers_of_hub_network
from flickr_emotion.model.features.image_backbones import build_backbone
from flickr_emotion.model.features.texts.readers import TextReader, open_readers
from flickr_emotion.model.features.word_vectors import WORD_DIMENSION
from flickr_emotion.model.inputs.batches import Split
from flickr_emotion.model.inputs.splits import open_splits
from flickr_emotion.model.networks.catalogue import build_ensemble, build_system
from flickr_emotion.model.networks.multitask import MultitaskNetwork
from flickr_emotion.model.networks.system import System
from flickr_emotion.model.posts.posts import Encoding
from flickr_emotion.model.recipes import BEST, PAPER
from flickr_emotion.model.runs.digests import check_file
from flickr_emotion.model.runs.files import CONFIG, METRICS, NETWORK, read_config, read_metrics
from flickr_emotion.model.runs.folder import RunFolder
from flickr_emotion.model.runs.heads import (
    ranked,
    recorded_training_posts,
    say_heads,
    validation_accuracies,
)
from flickr_emotion.model.runs.withdrawn import say_withdrawn

Kind = TypeVar("Kind", bool, dict[str, Any], str)

_UNCHECKED_SIZE = 2**24
"""An embedding of up to this many numbers takes too little memory to need a check."""
_KINDS: dict[type, str] = {bool: "not true or false", dict: "not an object", str: "not a string"}


@dataclass(frozen=True, kw_only=True)
class TrainedRun:
    """A loaded run."""

    network: System
    encoding: Encoding
    finetuned: bool
    """Whether the image backbone was trained too."""
    dataset_folder: Path
    dataset_digest: str
    readers: list[TextReader]
    """The frozen readers of texts and tags."""
    features_in: Path
    """The run's folder, where features are kept if the data set's is not writable."""
    device: torch.device
    ranking: tuple[str, ...]
    """The heads, the preferred ones last (``model/runs/heads.py``)."""

    def splits(self, dataset: Dataset, names: tuple[str, ...]) -> dict[str, Split]:
        """Read splits of a data set with the run's encoding and preprocessing."""
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
    """Build a run's system in evaluation mode and load its weights.

    Raises ``ModelError`` if a file is not what the training wrote.
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
    check_recipe(content, folder)
    config = _config(content, path)
    _check_vocabulary(config, encoding, folder)
    readers = open_readers(config.readers)
    check_readers(content, readers, path)
    try:
        _check_hub(content, folder)
        network = _build(content, path, config, encoding, readers)
    except ModelError as error:
        raise ModelError(f"{path}: {error}".replace("--", "")) from None
    RunFolder(folder).read_network(network)
    check_file(folder, CONFIG)
    metrics = read_metrics(folder)
    if metrics is None:
        say(f"{folder} has no {METRICS}: its training was interrupted; using it as it is")
    if (posts := recorded_training_posts(content, path)) is not None:
        network.leave_out_untaught(posts)
    say_withdrawn(folder)
    say_heads(folder, network.subsets, network.built_for())
    return TrainedRun(
        network=network.to(device).eval(),
        encoding=encoding,
        finetuned=config.finetune_image,
        dataset_folder=dataset_folder,
        dataset_digest=dataset_digest,
        readers=readers,
        features_in=folder,
        device=device,
        ranking=ranked(network.subsets, validation_accuracies(metrics)),
    )


def _check_vocabulary(config: TrainingConfig, encoding: Encoding, folder: Path) -> None:
    """Refuse a vocabulary larger than the weights' embedding, before it takes memory."""
    if config.recipe != PAPER or "text" not in config.modalities:
        return  # no word vectors are trained
    weights, numbers = folder / NETWORK, len(encoding.words) * WORD_DIMENSION
    if numbers > _UNCHECKED_SIZE and weights.is_file() and numbers > weights.stat().st_size:
        raise ModelError(
            f"{folder / CONFIG} names {len(encoding.words):,} words, more than {NETWORK} has "
            "vectors for: train again"
        )


def _check_hub(content: dict[str, Any], folder: Path) -> None:
    """Refuse a hub's image encoder larger than the weights, before it takes memory."""
    records = _entry({"hub": {}} | content, "hub", dict, folder / CONFIG)
    weights = folder / NETWORK
    if records and weights.is_file():
        numbers = sum(numbers_of_hub_network(name, record) for name, record in records.items())
        if 4 * numbers > weights.stat().st_size:
            raise ModelError(f"its image encoder is larger than {NETWORK}: train again")


def check_readers(content: dict[str, Any], readers: Sequence[TextReader], path: Path) -> None:
    """Refuse readers whose weights differ from those that the run was trained with."""
    digests = _entry({"readers": {}} | content, "readers", dict, path)
    for reader in readers:
        if digests.get(reader.name) != reader.digest():
            raise ModelError(
                f"{path}: the run was trained with other weights of the reader "
                f"{reader.name!r} than are on this machine: install those, or train again"
            )


def check_recipe(content: dict[str, Any], folder: Path) -> None:
    """Refuse a run of an earlier version's best recipe, which did not record its parts."""
    if content.get("recipe") == BEST and "parts" not in content:
        raise ModelError(
            f"{folder} was trained by an earlier version, whose best recipe built another network: "
            "train again, or use that version"
        )


def _config(content: dict[str, Any], path: Path) -> TrainingConfig:
    """Return the settings that decide how the network is built."""
    try:
        return TrainingConfig(
            model=_entry(content, "model", str, path),
            # Runs of earlier versions lack the following.
            subset=content.get("subset"),
            recipe=_entry({"recipe": PAPER} | content, "recipe", str, path),
            without=_names({"without": []} | content, "without", path),
            finetune_image=_entry(content, "finetune_image", bool, path),
            image_encoder=_entry(content, "image_encoder", str, path),
            text_encoder=_text_encoder(content, path),
        )
    except ModelError as error:
        raise ModelError(f"{path}: {error}".replace("--", "")) from None


def _text_encoder(content: dict[str, Any], path: Path) -> str | None:
    named = content.get("text_encoder")
    return named if named is None else _entry({"text_encoder": named}, "text_encoder", str, path)


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
        backbone = None
        if "image" in seen:
            records = _entry({"hub": {}} | content, "hub", dict, path)
            backbone = build_backbone(config.resolved_image_encoder, records)
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
        raise ModelError(f"{path}: {name!r} is not a list of names: train again")
    return tuple(names)
