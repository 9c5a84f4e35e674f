"""Posts for `speed`: MVSA's real ones, and synthetic ones of any size."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from torch import Tensor

from flickr_emotion.common.checkout import PROJECT
from flickr_emotion.datasets.rules.tags import normalise_tags
from flickr_emotion.datasets.rules.text import words
from flickr_emotion.model.features.backbone_weights import load_backbone
from flickr_emotion.model.features.image_backbones import Backbone
from flickr_emotion.model.features.image_features import FeatureTable
from flickr_emotion.model.features.picture_sizes import FOR_A_DATASET
from flickr_emotion.model.inputs.batches import Split
from flickr_emotion.model.posts.posts import FIRST_ID, Encoding, Integers, Post, Posts, encode

MVSA = PROJECT.parent / "shared" / "data" / "mvsa.parquet"
MIN_WORDS, MIN_COUNT = 5, 5
FEATURES = 1280
TAGS = 5_000
PICTURES_PER_PASS = 32


@cache
def mvsa_rows() -> list[dict[str, Any]]:
    """Return MVSA's labelled posts without their pictures."""
    columns = ["photo_id", "description", "tags", "label"]
    table = pq.read_table(MVSA, columns=columns).to_pylist()
    return [row | {"row": n} for n, row in enumerate(table) if row["label"]]


def in_training(row: dict[str, Any]) -> bool:
    """Put nine tenths of the posts into training, by a digest; the others are for validation."""
    return int(hashlib.sha256(row["photo_id"].encode()).hexdigest(), 16) % 10 > 0


@cache
def mvsa_encoding() -> Encoding:
    """Return the words and tags that occur at least five times in training."""
    rows = [row for row in mvsa_rows() if in_training(row)]
    counts = Counter(word for row in rows for word in words(_text(row)))
    tags = Counter(tag for row in rows for tag in normalise_tags(row["tags"] or ()))
    return Encoding(
        words=tuple(word for word, count in counts.most_common() if count >= MIN_COUNT),
        tags=tuple(tag for tag, count in tags.most_common() if count >= MIN_COUNT),
        classes=("negative", "neutral", "positive"),
    )


def mvsa_posts(*, training: bool) -> tuple[Posts, list[int]]:
    """Return the posts of a split, and the rows of their pictures in MVSA's file."""
    rows = [row for row in mvsa_rows() if in_training(row) == training]
    posts = encode(
        (
            Post(
                photo_id=row["photo_id"],
                text=_text(row),
                tags=normalise_tags(row["tags"] or ()),
                has_image=True,
                label=row["label"],
            )
            for row in rows
        ),
        mvsa_encoding(),
    )
    return posts, [row["row"] for row in rows]


def _text(row: dict[str, Any]) -> str:
    text: str = row["description"]
    return text if len(words(text)) >= MIN_WORDS else ""


def mvsa_pictures(rows: Iterable[int]) -> list[bytes]:
    """Return the bytes of pictures."""
    images = pq.read_table(MVSA, columns=["image"]).column("image")
    return [images[row].as_py() for row in rows]


@cache
def mvsa_features() -> dict[bool, Tensor]:
    """Return the pictures' EfficientNet-lite0 features, for training (True) and validation."""
    backbone = load_backbone("efficientnet_lite0", "imagenet")
    return {
        training: _features(backbone, mvsa_pictures(mvsa_posts(training=training)[1]))
        for training in (True, False)
    }


@torch.inference_mode()
def _features(backbone: Backbone, pictures: list[bytes]) -> Tensor:
    parts = []
    with ThreadPoolExecutor() as pool:
        for start in range(0, len(pictures), PICTURES_PER_PASS):
            decoded = pool.map(
                lambda content: backbone.preprocessing.picture(content, "MVSA", FOR_A_DATASET),
                pictures[start : start + PICTURES_PER_PASS],
            )
            parts.append(backbone(torch.stack(list(decoded))))
    return torch.cat(parts).clone()


def random_features(posts: Posts) -> Tensor:
    """Return random numbers as features: the cost of a step does not depend on them."""
    return torch.randn(posts.images, FEATURES, generator=torch.Generator().manual_seed(0))


def split(posts: Posts, features: Tensor) -> Split:
    """Return posts with their features."""
    return Split(posts=posts, images=FeatureTable(features))


def made_up_encoding(vocabulary: int) -> Encoding:
    """Return a vocabulary with ``vocabulary`` ids, and two classes."""
    return Encoding(
        words=tuple(f"w{n}" for n in range(vocabulary - FIRST_ID)),
        tags=tuple(f"t{n}" for n in range(TAGS - FIRST_ID)),
        classes=("negative", "positive"),
    )


def made_up_posts(count: int, *, shortest: int, longest: int, vocabulary: int) -> Posts:
    """Return complete posts; text lengths are uniform, all words are equally frequent.

    A real text repeats frequent words, so it has fewer distinct words at the same length.
    """
    random = np.random.default_rng(0)
    word_counts = random.integers(shortest, longest + 1, count)
    tag_counts = random.integers(1, 11, count)
    return Posts(
        labels=random.integers(0, 2, count),
        words=random.integers(FIRST_ID, vocabulary, word_counts.sum()),
        word_starts=_starts(word_counts),
        tags=random.integers(FIRST_ID, TAGS, tag_counts.sum()),
        tag_starts=_starts(tag_counts),
        image_rows=np.arange(count),
    )


def _starts(counts: Integers) -> Integers:
    return np.concatenate([[0], np.cumsum(counts)])
