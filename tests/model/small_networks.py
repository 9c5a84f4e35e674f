"""Networks and batches for tests that need no data set: features in place of pictures."""

import numpy as np
import torch
from torch import Tensor

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.model.features.image_backbones import build_backbone
from flickr_emotion.model.features.image_features import FeatureTable
from flickr_emotion.model.inputs.batches import Batch, Split
from flickr_emotion.model.networks.multitask import MultitaskNetwork
from flickr_emotion.model.posts.packing import Packed, pack
from flickr_emotion.model.posts.posts import Encoding, Post, encode

ENCODING = Encoding(
    words=tuple(f"w{n}" for n in range(40)),
    tags=tuple(f"t{n}" for n in range(30)),
    classes=("a", "b", "c"),
)


def network(encoding: Encoding = ENCODING) -> MultitaskNetwork:
    torch.manual_seed(0)
    return MultitaskNetwork(encoding, build_backbone("squeezenet1_1"), frozen_image=True)


def loss_of(net: MultitaskNetwork, batch: Batch) -> Tensor:
    """Return the loss of a step that consists of this batch only."""
    counts = {subset: len(rows) for subset, rows in batch.rows.items()}
    return net.loss(net(batch), batch, counts)


def pack_lists(lists: list[list[int]], *, least: int = 1) -> Packed:
    """Pack lists of ids."""
    starts = np.concatenate([[0], np.cumsum([len(entries) for entries in lists])])
    ids = np.array([entry for entries in lists for entry in entries], dtype=np.int64)
    return pack(ids, starts, np.arange(len(lists)), least=least)


def batch_of(subsets: list[str], seed: int = 0) -> Batch:
    """Return a batch with one post per given subset, of random content and length."""
    return split_of(subsets, seed).batch(np.arange(len(subsets)))


def split_of(subsets: list[str], seed: int = 0) -> Split:
    """Return a split with such posts."""
    random = np.random.default_rng(seed)
    posts = encode(
        (
            Post(
                photo_id=str(number),
                text=" ".join(f"w{w}" for w in random.integers(0, 40, random.integers(1, 20)))
                if "text" in subset
                else "",
                tags=[f"t{t}" for t in random.integers(0, 30, 4)] if "tags" in subset else [],
                has_image="image" in subset,
                label="abc"[number % 3],
            )
            for number, subset in enumerate(subsets)
        ),
        ENCODING,
    )
    features = torch.from_numpy(random.normal(size=(posts.images, 512)).astype(np.float32))
    return Split(posts=posts, images=FeatureTable(features))


EVERY_SUBSET_TWICE = [subset for subset in SUBSETS for _ in range(2)]
