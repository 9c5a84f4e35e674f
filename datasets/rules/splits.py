"""The split rule: which posts validation and test are drawn from, and which of them are drawn.

The paper, section 4.1: 80% training, 10% validation, 10% test; for Flickr Emotion validation and
test only from posts with five votes for the label. Of each class's posts with all three modalities
a tenth goes to validation and a tenth to test.

Posts are looked at in the order of a digest of seed and photo id (``order_key``): of each class's
posts that may be evaluated on, test takes the first, validation the last, training what is between
and all other posts. So neither the order of rows nor other classes matter, and a post that Flickr
loses moves at most two others. Folds cut the same order in pieces.
"""

import hashlib
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from flickr_emotion.common.split_names import SPLITS, TEST, VALIDATION

Places = npt.NDArray[np.int8]
"""By post: the index of its split in ``SPLITS``, or ``NOWHERE``."""
NOWHERE = -1


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """What the split rule looks at: posts in the order of their digests."""

    classes: npt.NDArray[np.int16]
    """(N,) the class of each post, a number from 0."""
    complete: npt.NDArray[np.bool_]
    """(N,) whether it counts for the size of validation and test: it has every modality."""
    eligible: npt.NDArray[np.bool_]
    """(N,) whether it may be evaluated on."""

    def wanted(self, label: int) -> int:
        """Return how many posts of a class validation and test want each."""
        count = int(np.count_nonzero(self.complete & (self.classes == label)))
        return (count + 5) // 10  # a tenth, rounded half up

    def of_class(self, label: int) -> npt.NDArray[np.intp]:
        """Return the posts of a class that may be evaluated on, in the order of their digests."""
        return np.flatnonzero(self.eligible & (self.classes == label))

    def labels(self) -> range:
        """Return the classes."""
        return range(int(self.classes.max(initial=-1)) + 1)


@dataclass(frozen=True, kw_only=True)
class Splits:
    """Where each post goes."""

    places: Places
    short_classes: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Classes with too few posts to evaluate on: how many there are, how many were wanted, of
    validation and test together."""


def order_key(seed: int, photo_id: str) -> bytes:
    """Return the digest that decides a post's place among its like."""
    return hashlib.sha256(f"{seed}:{photo_id}".encode()).digest()


def split_posts(posts: Candidates) -> Splits:
    """Assign every post to a split."""
    places = np.zeros(len(posts.classes), np.int8)
    short_classes: dict[int, tuple[int, int]] = {}
    for label in posts.labels():
        order = posts.of_class(label)
        test = validation = posts.wanted(label)
        if len(order) < 2 * test:
            short_classes[label] = len(order), 2 * test
            test, validation = (len(order) + 1) // 2, len(order) // 2
        places[order[:test]] = SPLITS.index(TEST)
        places[order[len(order) - validation :]] = SPLITS.index(VALIDATION)
    return Splits(places=places, short_classes=short_classes)


def fold_posts(posts: Candidates, *, fold: int, folds: int) -> Splits:
    """Assign every post to a split of one of ``folds`` cross-validation folds, from 1.

    A class's order is cut into ``folds`` pieces of equal size but for one post; the ``fold``-th is
    test, the next tenth of the order, which goes on at its beginning, validation. The test sets of
    all folds together hold every post that may be evaluated on, each once.
    """
    places = np.zeros(len(posts.classes), np.int8)
    for label in posts.labels():
        order = posts.of_class(label)
        first, end = len(order) * (fold - 1) // folds, len(order) * fold // folds
        rest = np.concatenate([order[end:], order[:first]])
        places[order[first:end]] = SPLITS.index(TEST)
        places[rest[: (len(order) + 5) // 10]] = SPLITS.index(VALIDATION)
    return Splits(places=places)
