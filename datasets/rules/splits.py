"""The split rule: which posts go to training, validation and test.

The paper, section 4.1: 80% training, 10% validation, 10% test; for Flickr Emotion, validation and
test are drawn only from posts with five votes for the label. Validation and test each get a tenth
(or another fraction) of the number of posts of each class that are complete.

Posts are sorted by a digest of seed and photo id (``order_key``). Of the posts of each class that
are eligible for evaluation, test takes the first and validation the last; all other posts go to
training. So neither the order of rows nor the other classes matter, and a post that Flickr loses
moves at most two others. Cross-validation folds are slices of the same order.
"""

import hashlib
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from flickr_emotion.common.split_names import SPLITS, TEST, TRAIN, VALIDATION

Places = npt.NDArray[np.int8]
"""(N,) the index of each post's split in ``SPLITS``, or ``NOWHERE``."""
NOWHERE = -1

_TENTH = Fraction(1, 10)


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """The input of the split rule: posts in the order of their digests."""

    classes: npt.NDArray[np.int16]
    """(N,) the class of each post, a number from 0."""
    complete: npt.NDArray[np.bool_]
    """(N,) whether the post has every modality that is needed; such posts decide how large
    validation and test are."""
    eligible: npt.NDArray[np.bool_]
    """(N,) whether the post may go to validation or test."""
    test: Fraction = _TENTH
    validation: Fraction = _TENTH

    def wanted(self, label: int, split: str = TEST) -> int:
        """Return how many posts of a class test or validation should get."""
        count = int(np.count_nonzero(self.complete & (self.classes == label)))
        return rounded(count * (self.test if split == TEST else self.validation))

    def of_class(self, label: int) -> npt.NDArray[np.intp]:
        """Return the eligible posts of a class, in the order of their digests."""
        return np.flatnonzero(self.eligible & (self.classes == label))

    def labels(self) -> range:
        """Return the classes."""
        return range(int(self.classes.max(initial=-1)) + 1)


@dataclass(frozen=True, kw_only=True)
class Splits:
    """The split of each post."""

    places: Places
    short_classes: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Classes with too few eligible posts: how many there are and how many were wanted, for
    validation and test together."""


def fraction_of(number: float) -> Fraction:
    """Return a fraction as it was written: 0.1 is a tenth."""
    return Fraction(str(number))


def rounded(number: Fraction) -> int:
    """Return the nearest whole number, a half rounded up."""
    return int(number + Fraction(1, 2))


def order_key(seed: int, photo_id: str) -> bytes:
    """Return the digest that posts are sorted by."""
    return hashlib.sha256(f"{seed}:{photo_id}".encode()).digest()


def split_posts(posts: Candidates) -> Splits:
    """Assign every post to a split."""
    places = np.zeros(len(posts.classes), np.int8)
    short_classes: dict[int, tuple[int, int]] = {}
    for label in posts.labels():
        order = posts.of_class(label)
        test, validation = posts.wanted(label, TEST), posts.wanted(label, VALIDATION)
        if len(order) < test + validation:
            short_classes[label] = len(order), test + validation
            test = rounded(len(order) * posts.test / (posts.test + posts.validation))
            validation = len(order) - test
        places[order[:test]] = SPLITS.index(TEST)
        places[order[len(order) - validation :]] = SPLITS.index(VALIDATION)
    return Splits(places=places, short_classes=short_classes)


def fold_posts(posts: Candidates, *, fold: int, folds: int) -> Splits:
    """Assign every post to a split of one of ``folds`` cross-validation folds, counted from 1.

    The sorted posts of a class are cut into ``folds`` slices whose sizes differ by at most one. The
    ``fold``-th slice is test; the tenth of the posts that follows it, wrapping around at the end,
    is validation. Every eligible post is in exactly one fold's test set.
    """
    places = np.zeros(len(posts.classes), np.int8)
    for label in posts.labels():
        order = posts.of_class(label)
        first, end = len(order) * (fold - 1) // folds, len(order) * fold // folds
        rest = np.concatenate([order[end:], order[:first]])
        places[order[first:end]] = SPLITS.index(TEST)
        places[rest[: rounded(len(order) * posts.validation)]] = SPLITS.index(VALIDATION)
    return Splits(places=places)


def given_splits(posts: Candidates, places: Places) -> Splits:
    """Return the splits that the user gave; ``places`` is -1 for a post without one.

    Such a post is a training post. If no post is for validation, without which no network can be
    trained, posts of each class are drawn from training, as the rule draws them.
    """
    places = np.where(places < 0, SPLITS.index(TRAIN), places).astype(np.int8)
    if not np.any(places == SPLITS.index(VALIDATION)):
        in_training = places == SPLITS.index(TRAIN)
        for label in posts.labels():
            order = np.flatnonzero(posts.eligible & in_training & (posts.classes == label))
            validation = rounded(len(order) * posts.validation)
            places[order[len(order) - validation :]] = SPLITS.index(VALIDATION)
    return Splits(places=places)
