"""The split rule: which posts validation and test are drawn from, and which of them are drawn.

The paper, section 4.1: 80% training, 10% validation, 10% test; for Flickr Emotion validation and
test only from posts with five votes for the label. Of each class's posts with all three modalities
a tenth goes to validation and a tenth to test.

A post's place is decided by a digest of seed and photo id within its class: test takes the first of
that order, validation the last, training what is between and all other posts. So neither the order
of rows nor other classes matter, and a post that Flickr loses moves at most two others.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from datasets.modalities import COMPLETE

SPLITS = TRAIN, VALIDATION, TEST = "train", "validation", "test"


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledPost:
    """What the split rule looks at."""

    photo_id: str
    label: str
    votes: int | None
    """Agreeing votes; none where there are no votes to ask for."""
    subset: str


@dataclass(frozen=True, kw_only=True)
class Splits:
    """Where each post goes."""

    split_of: dict[str, str]
    """Split by photo id."""
    short_classes: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Classes with too few posts to evaluate on: how many there are, how many were wanted."""


def order_key(seed: int, photo_id: str) -> bytes:
    """Return the digest that decides a post's place among its like."""
    return hashlib.sha256(f"{seed}:{photo_id}".encode()).digest()


def split_posts(posts: Iterable[LabelledPost], *, eval_votes: int, seed: int) -> Splits:
    """Assign every post to a split."""
    split_of: dict[str, str] = {}
    complete: dict[str, int] = defaultdict(int)
    candidates: dict[str, list[str]] = defaultdict(list)
    for post in posts:
        split_of[post.photo_id] = TRAIN
        if post.subset == COMPLETE:
            complete[post.label] += 1
            if post.votes is None or post.votes >= eval_votes:
                candidates[post.label].append(post.photo_id)
    short_classes: dict[str, tuple[int, int]] = {}
    for label, count in sorted(complete.items()):
        order = sorted(candidates[label], key=lambda photo_id: order_key(seed, photo_id))
        wanted = (count + 5) // 10  # a tenth, rounded half up
        test = validation = wanted
        if len(order) < 2 * wanted:
            short_classes[label] = (len(order), 2 * wanted)
            test, validation = (len(order) + 1) // 2, len(order) // 2
        split_of.update(dict.fromkeys(order[:test], TEST))
        split_of.update(dict.fromkeys(order[len(order) - validation :], VALIDATION))
    return Splits(split_of=split_of, short_classes=short_classes)
