"""The inputs of a training: the data set's splits, the backbone and the word vectors."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from flickr_emotion.common.printing import say
from flickr_emotion.common.split_names import SPLITS, TRAIN, VALIDATION
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.model.config import DISTRIBUTION, TrainingConfig
from flickr_emotion.model.departures import departures
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.features.backbone_weights import load_backbone
from flickr_emotion.model.features.image_backbones import Backbone
from flickr_emotion.model.features.texts.readers import TextReader, open_readers
from flickr_emotion.model.features.texts.tuned import TunedReader
from flickr_emotion.model.features.word_vectors import (
    WORD_DIMENSION,
    WordVectors,
    random_vectors,
    read_word_vectors,
)
from flickr_emotion.model.inputs.batches import Split
from flickr_emotion.model.inputs.selection import Selection
from flickr_emotion.model.inputs.splits import open_splits, with_texts
from flickr_emotion.model.posts.posts import Encoding, Posts
from flickr_emotion.model.processes.devices import make_deterministic
from flickr_emotion.model.processes.distributed import World
from flickr_emotion.model.recipes import PAPER, SENTENCES
from flickr_emotion.model.runs.contents import file_contents
from flickr_emotion.model.runs.heads import count_training_posts
from flickr_emotion.model.training.tuning import tuned_reader


@dataclass(frozen=True, kw_only=True)
class Material:
    """What the repeats of a training share."""

    seed: int
    """The seed of a random backbone."""
    dataset: Dataset
    encoding: Encoding
    splits: dict[str, Split]
    backbone: Backbone | None
    """None for a system that reads no pictures."""
    vectors: WordVectors
    readers: list[TextReader]
    """The frozen readers of texts and tags; none with the paper's recipe."""
    tuned: TunedReader | None
    """The reader that was trained on the training posts, if any."""
    selection: Selection | None
    files: dict[str, str]
    """SHA-256 of the files of vectors and weights, by option."""

    @property
    def all_readers(self) -> list[TextReader]:
        """The frozen readers, and behind them the trained one."""
        return [*self.readers, *([self.tuned] if self.tuned else [])]

    @cached_property
    def training_posts(self) -> dict[str, int]:
        """How many training posts hold each subset."""
        return count_training_posts(self.splits[TRAIN].posts)

    def has_posts_for(self, subset: str) -> bool:
        """Return whether training and validation both have posts that hold a subset."""
        return all(self.splits[name].posts.holding(subset).any() for name in (TRAIN, VALIDATION))


def prepare(
    config: TrainingConfig,
    dataset: Dataset,
    out: Path,
    world: World,
    selection: Selection | None = None,
) -> Material:
    """Read everything that a run in the folder ``out`` needs.

    Without a selection it is trained on all training posts.
    """
    make_deterministic(world.device)
    encoding = Encoding.of(dataset, selection.vocabulary(dataset) if selection else None)
    vectors = random_vectors(WORD_DIMENSION)
    if config.word_vectors and SENTENCES in config.parts:
        say("--word-vectors is ignored: this recipe reads sentences, not single words")
    elif config.word_vectors:
        vectors = read_word_vectors(config.word_vectors, encoding.words, WORD_DIMENSION)
    other = departures(config.options(), config.modalities) if config.recipe == PAPER else []
    if other and world.writes:
        say(f"not as in the paper: {'; '.join(other)}")
    backbone = _backbone(config, dataset)
    readers = open_readers(config.readers, download=config.download, engine=config.engine)
    splits = _splits(config, dataset, encoding, backbone, readers, out, world, selection)
    tuned = None
    if config.finetune_text:
        # The first rank trains it; the others find it on disk.
        with world.first_rank_first():
            tuned = tuned_reader(
                dataset,
                splits[TRAIN],
                # 42 MB that only an experiment with the same selection could use again.
                folders=[out] if selection else [dataset.folder, out],
                device=world.device,
            )
            splits = with_texts(splits, dataset, [*readers, tuned], run_folder=out)
    if config.target == DISTRIBUTION and world.writes:
        _say_distributions(splits[TRAIN].posts, dataset)
    for name in (TRAIN, VALIDATION):
        if not len(splits[name].posts):
            raise ModelError(f"{dataset.folder} has no post in {name}: build the splits again")
    return Material(
        seed=config.seed,
        dataset=dataset,
        encoding=encoding,
        splits=splits,
        backbone=backbone,
        vectors=vectors,
        readers=readers,
        tuned=tuned,
        selection=selection,
        files=file_contents(config),
    )


def for_seed(material: Material, config: TrainingConfig, out: Path, world: World) -> Material:
    """Return the material for another seed, so that a repeat equals a separate run."""
    if config.seed == material.seed:
        return material
    if config.image_weights != "none" or material.backbone is None:
        return replace(material, seed=config.seed)
    backbone = _backbone(config, material.dataset)
    splits = material.splits
    if not config.finetune_image:  # else they hold pictures, which do not depend on the seed
        splits = _splits(
            config,
            material.dataset,
            material.encoding,
            backbone,
            material.all_readers,
            out,
            world,
            material.selection,
        )
    return replace(material, seed=config.seed, backbone=backbone, splits=splits)


def _backbone(config: TrainingConfig, dataset: Dataset) -> Backbone | None:
    if "image" not in config.modalities:
        return None
    torch.manual_seed(config.seed)  # a random backbone depends on the seed too
    if _has_training_pictures(dataset):
        return load_backbone(
            config.resolved_image_encoder, config.image_weights, download=config.download
        )
    if config.image_weights != "none":
        say("no training post has a picture: --image-weights are not read")
    return load_backbone(config.resolved_image_encoder, "none", download=config.download)


def _has_training_pictures(dataset: Dataset) -> bool:
    subsets = dataset.counts[TRAIN]["subsets"]
    return any(count for subset, count in subsets.items() if "image" in subset.split("+"))


def _splits(
    config: TrainingConfig,
    dataset: Dataset,
    encoding: Encoding,
    backbone: Backbone | None,
    readers: list[TextReader],
    out: Path,
    world: World,
    selection: Selection | None,
) -> dict[str, Split]:
    if not _has_training_pictures(dataset):
        backbone = None  # it is not trained, and answers nothing
    # The first rank computes the features; the others find them on disk.
    with world.first_rank_first():
        splits = open_splits(
            dataset,
            SPLITS,
            encoding,
            backbone,
            finetuned=config.finetune_image,
            run_folder=out,
            device=world.device,
            decode=config.decode,
            engine=config.engine,
            readers=readers,
        )
    if selection:
        train = splits[TRAIN]
        splits[TRAIN] = replace(train, posts=selection.cut(train.posts, dataset))
    if config.target == DISTRIBUTION:
        if splits[TRAIN].posts.distributions is None:
            raise ModelError(
                f"--target distribution: no training post of {dataset.folder} has a distribution "
                "(docs/datasets.md): build it from a list or table with votes for each class, or "
                "omit the option"
            )
        for name, split in splits.items():
            known = split.posts.distributions is not None
            splits[name] = replace(split, by_distribution=known)
    return splits


def _say_distributions(posts: Posts, dataset: Dataset) -> None:
    """Say how many training posts are learnt by their label, because they have no distribution."""
    assert posts.distributions is not None
    if without := int(np.isnan(posts.distributions[:, 0]).sum()):
        say(
            f"{without} of {len(posts)} training posts of {dataset.folder} have no distribution "
            "and are learnt by their label"
        )
