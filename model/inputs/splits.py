"""A data set's splits as a network's input: encoded posts, and their pictures or features.

The only place that decides between precomputed features, for a frozen backbone, and pictures that
are decoded in every epoch, for a trained one.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.model.config import AUTO
from flickr_emotion.model.features.feature_extraction import picture_contents
from flickr_emotion.model.features.image_backbones import Backbone
from flickr_emotion.model.features.image_features import FeatureTable, check_count, frozen_features
from flickr_emotion.model.features.picture_decoding import (
    PictureDecoder,
    PictureTable,
    open_decoder,
)
from flickr_emotion.model.features.texts.readers import TextReader
from flickr_emotion.model.features.texts.text_features import text_features
from flickr_emotion.model.inputs.batches import Split
from flickr_emotion.model.posts.posts import Encoding, Posts, read_posts


def open_splits(
    dataset: Dataset,
    names: tuple[str, ...],
    encoding: Encoding,
    backbone: Backbone | None,
    *,
    finetuned: bool,
    run_folder: Path,
    device: torch.device,
    decode: str = "cpu",
    engine: str = AUTO,
    readers: Sequence[TextReader] = (),
) -> dict[str, Split]:
    """Read splits with their pictures: features, or the pictures if the backbone is trained.

    Without a backbone no picture is read. ``decode`` names the picture decoder: ``cpu``, or
    ``gpu``, which rounds differently. ``engine`` says what runs a frozen backbone. With
    ``readers``, their features of texts and tags are read too.
    """
    splits = _with_pictures(
        dataset,
        {name: read_posts(dataset, name, encoding) for name in names},
        backbone,
        finetuned=finetuned,
        run_folder=run_folder,
        device=device,
        decode=decode,
        engine=engine,
    )
    return with_texts(splits, dataset, readers, run_folder=run_folder) if readers else splits


def with_texts(
    splits: dict[str, Split],
    dataset: Dataset,
    readers: Sequence[TextReader],
    *,
    run_folder: Path,
) -> dict[str, Split]:
    """Return splits, or a selection of their posts, with the readers' features."""
    counts = {name: dataset.counts[name]["total"] for name in splits}
    texts = text_features(dataset, readers, counts, run_folder=run_folder)
    return {name: replace(split, texts=texts[name]) for name, split in splits.items()}


def _with_pictures(
    dataset: Dataset,
    posts: dict[str, Posts],
    backbone: Backbone | None,
    *,
    finetuned: bool,
    run_folder: Path,
    device: torch.device,
    decode: str,
    engine: str,
) -> dict[str, Split]:
    if backbone is None:
        return {
            name: Split(posts=part, images=FeatureTable(torch.empty(part.images, 0)))
            for name, part in posts.items()
        }
    decoder = open_decoder(backbone.preprocessing, decode, device)
    if finetuned:
        return {
            name: Split(posts=posts[name], images=_pictures(dataset, name, posts[name], decoder))
            for name in posts
        }
    features = frozen_features(
        dataset,
        backbone,
        posts,
        run_folder=run_folder,
        device=device,
        decoder=decoder,
        engine=engine,
    )
    return {name: Split(posts=posts[name], images=features[name]) for name in posts}


def _pictures(dataset: Dataset, split: str, posts: Posts, decoder: PictureDecoder) -> PictureTable:
    pictures = list(picture_contents(dataset, split))
    check_count(dataset, split, len(pictures), posts.images)
    return PictureTable(
        [content for _, content in pictures],
        [photo for photo, _ in pictures],
        decoder,
    )
