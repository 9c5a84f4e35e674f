"""Loads a run folder, the first step of `evaluate` and `predict`."""

from dataclasses import dataclass
from pathlib import Path

import torch

from flickr_emotion.common.printing import say
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.model.config import AUTO, TrainingConfig
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.features.hub_images import numbers_of_hub_network
from flickr_emotion.model.features.image_backbones import build_backbone
from flickr_emotion.model.features.texts.minilm import open_minilm
from flickr_emotion.model.features.texts.readers import TextReader, open_readers
from flickr_emotion.model.features.texts.tuned import TunedReader, contiguous, new_tuned_text
from flickr_emotion.model.features.word_vectors import WORD_DIMENSION
from flickr_emotion.model.inputs.batches import Split
from flickr_emotion.model.inputs.splits import open_splits
from flickr_emotion.model.networks.catalogue import build_ensemble, build_system
from flickr_emotion.model.networks.multitask import MultitaskNetwork
from flickr_emotion.model.networks.recipe_network import RecipeNetwork
from flickr_emotion.model.networks.system import System
from flickr_emotion.model.posts.posts import Encoding
from flickr_emotion.model.recipes import PAPER
from flickr_emotion.model.runs.description import Description, check_readers, read_description
from flickr_emotion.model.runs.digests import check_file
from flickr_emotion.model.runs.files import CONFIG, METRICS, NETWORK, read_metrics
from flickr_emotion.model.runs.folder import RunFolder
from flickr_emotion.model.runs.heads import (
    ranked,
    recorded_training_posts,
    say_heads,
    validation_accuracies,
)
from flickr_emotion.model.runs.withdrawn import say_withdrawn

_UNCHECKED_SIZE = 2**24
"""An embedding of up to this many numbers takes too little memory to need a check."""


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
    """The readers of texts and tags; the last one may have been trained by the run."""
    features_in: Path
    """The run's folder, where features are kept if the data set's is not writable."""
    device: torch.device
    engine: str
    """What runs frozen encoders (``model/engines/choice.py``)."""
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
            engine=self.engine,
            readers=self.readers,
        )


def load_run(folder: Path, device: torch.device, engine: str = AUTO) -> TrainedRun:
    """Build a run's system in evaluation mode and load its weights.

    Raises ``ModelError`` if a file is not what the training wrote.
    """
    described = read_description(folder)
    folder, content, path = described.folder, described.content, described.path
    config, encoding = described.config, described.encoding
    _check_vocabulary(config, encoding, folder)
    readers = open_readers(config.readers, engine=engine)
    check_readers(content, readers, path)
    try:
        _check_hub(described)
        network = _build(described, readers)
    except ModelError as error:
        raise ModelError(f"{path}: {error}".replace("--", "")) from None
    RunFolder(folder).read_network(network)
    if isinstance(network, RecipeNetwork) and network.tuned is not None:
        weights = contiguous(network.tuned.state_dict())
        readers = [*readers, TunedReader(weights, len(encoding.classes), engine)]
        check_readers(content, readers, path)
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
        dataset_folder=described.dataset_folder,
        dataset_digest=described.dataset_digest,
        readers=readers,
        features_in=folder,
        device=device,
        engine=engine,
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


def _check_hub(described: Description) -> None:
    """Refuse a hub's image encoder larger than the weights, before it takes memory."""
    weights = described.folder / NETWORK
    if described.hub and weights.is_file():
        numbers = sum(numbers_of_hub_network(*record) for record in described.hub.items())
        if 4 * numbers > weights.stat().st_size:
            raise ModelError(f"its image encoder is larger than {NETWORK}: train again")


def _build(described: Description, readers: list[TextReader]) -> System:
    """Build a run's system with new weights."""
    config, encoding = described.config, described.encoding

    def one(name: str, of: str | None) -> System:
        seen = TrainingConfig(model=name, subset=of).modalities
        backbone = None
        if "image" in seen:
            backbone = build_backbone(config.resolved_image_encoder, described.hub)
        return build_system(
            name,
            of,
            encoding,
            backbone,
            frozen_image=not config.finetune_image,
            parts=config.parts,
            readers=readers,
            tuned=new_tuned_text(open_minilm(), len(encoding.classes)).tuned()
            if config.finetune_text
            else None,
        )

    if not config.networks:
        return one(config.model, config.subset)
    networks = {}
    for name in described.networks:
        network = one("single-task", name)
        assert isinstance(network, MultitaskNetwork)
        networks[name] = network
    return build_ensemble(config.model, networks)
