"""Posts as numbers: word ids, tag ids, the row of the picture, the label.

Ids are frequency ranks in the training split, so no table of counts is needed: of more than ten
tags, the ten smallest ids are the ten most frequent. 0 is padding, 1 is ``<UNK>``. A post with
unknown tags and fewer than ten known ones gets a single ``<UNK>``, last: it records only that the
post has unusual tags.
"""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from flickr_emotion.common.modalities import MODALITIES
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.datasets.folder.shards import DISTRIBUTION
from flickr_emotion.datasets.folder.vocabulary import Vocabulary
from flickr_emotion.datasets.rules.text import words
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.posts.ids import MAX_WORDS, tag_ids, word_ids

PADDING = 0
UNKNOWN = 1
FIRST_ID = 2

MAX_TAGS = 10
NO_IMAGE = -1
WINDOWS = (3, 4, 5)
"""Window sizes of the text encoder's convolutions, in words; a text is padded to the longest."""
_ROUNDING = 1e-4

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


class Post(NamedTuple):
    """A post before encoding; absent modalities are empty."""

    photo_id: str
    text: str
    tags: Sequence[str]
    has_image: bool
    label: str | None
    sentiment: float | None = None
    shares: Sequence[float] | None = None
    """The distribution over the network's classes, where it is known."""
    words: Sequence[str] | None = None
    """The words of the text, where they are known already."""


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """The numbers of words, tags and classes."""

    words: tuple[str, ...]
    """The known words, most frequent in training first."""
    tags: tuple[str, ...]
    classes: tuple[str, ...]

    @classmethod
    def of(cls, dataset: Dataset, vocabulary: Vocabulary | None = None) -> "Encoding":
        """Take a data set's classes and a vocabulary, by default the data set's own."""
        vocabulary = vocabulary or dataset.vocabulary()
        return cls(
            words=tuple(_by_frequency(vocabulary.kept_words(), vocabulary.words)),
            tags=tuple(_by_frequency(vocabulary.kept_tags(), vocabulary.tags)),
            classes=dataset.classes,
        )

    @cached_property
    def _word_ids(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words, FIRST_ID)}

    @cached_property
    def _tag_ids(self) -> dict[str, int]:
        return {tag: number for number, tag in enumerate(self.tags, FIRST_ID)}

    def word_ids(self, text: str) -> list[int]:
        """Return the ids of the first 150 words of a text."""
        return self.ids_of_words(words(text))

    def ids_of_words(self, words: Sequence[str]) -> list[int]:
        """Return the ids of the first 150 of a text's words."""
        return word_ids(words, self._word_ids, unknown=UNKNOWN, most=MAX_WORDS)

    def tag_ids(self, tags: Iterable[str]) -> list[int]:
        """Return the ids of the ten tags most frequent in training; ``<UNK>`` once, and last."""
        return tag_ids(tags, self._tag_ids, unknown=UNKNOWN, most=MAX_TAGS)

    def label_id(self, label: str, photo_id: str) -> int:
        """Return the number of a class."""
        if label not in self.classes:
            raise ModelError(
                f"photo {photo_id} has the label {label!r}, but the network's classes are "
                f"{', '.join(self.classes)}: give a data set with the same classes"
            )
        return self.classes.index(label)

    def places_of(self, classes: Sequence[str]) -> list[int]:
        """Return the number of each of a data set's classes; -1 for one that is not known."""
        return [self.classes.index(it) if it in self.classes else -1 for it in classes]


def _by_frequency(kept: Iterable[str], counts: dict[str, int]) -> list[str]:
    return sorted(kept, key=lambda entry: (-counts[entry], entry))


@dataclass(frozen=True, kw_only=True)
class Posts:
    """The posts of a split. Words and tags lie end to end; ``starts`` delimit each post's own."""

    labels: Integers
    """The number of the class; -1 if unknown."""
    words: Integers
    word_starts: Integers
    tags: Integers
    tag_starts: Integers
    image_rows: Integers
    """The row of the post's picture among the split's pictures, -1 if it has none."""
    sentiments: Floats | None = None
    """VSO's sentiment values, NaN for a post without one; None if no post has one."""
    distributions: Floats | None = None
    """The distribution over the classes, (N, C), NaN for a post without one; None if no post has
    one."""
    places: Integers | None = None
    """The position of each post in its split; None if they are all of the split's, in order."""

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def text_lengths(self) -> Integers:
        """The number of words of each post, (N,)."""
        return np.diff(self.word_starts)

    @cached_property
    def present(self) -> dict[str, npt.NDArray[np.bool_]]:
        """By modality, whether each post has it, (N,)."""
        flags = (self.image_rows != NO_IMAGE, self.text_lengths > 0, np.diff(self.tag_starts) > 0)
        return dict(zip(MODALITIES, flags, strict=True))

    def holding(self, subset: str) -> npt.NDArray[np.bool_]:
        """Return which posts hold all modalities of a subset, and possibly others, (N,)."""
        flags: npt.NDArray[np.bool_] = np.all([self.present[m] for m in subset.split("+")], axis=0)
        return flags

    def targets(self, indices: Integers) -> Floats:
        """Return what is learnt of some posts by distribution, (N, C).

        This is a post's distribution; of a post without one, all is on its label.
        """
        assert self.distributions is not None
        chosen = self.distributions[indices]
        without = np.flatnonzero(np.isnan(chosen[:, 0]))
        chosen[without] = 0
        chosen[without, self.labels[indices[without]]] = 1
        return chosen

    @property
    def images(self) -> int:
        """The number of posts with a picture."""
        return int(self.present["image"].sum())


def encode(posts: Iterable[Post], encoding: Encoding) -> Posts:
    """Encode posts one by one, keeping only the numbers."""
    labels, image_rows = array("q"), array("q")
    word_ids, word_starts = array("q"), array("q", [0])
    tag_ids, tag_starts = array("q"), array("q", [0])
    sentiments = array("f")
    distributions = array("f")
    images = 0
    for number, post in enumerate(posts):
        sentiments.append(np.nan if post.sentiment is None else post.sentiment)
        if post.shares is not None or distributions:
            # Nothing is held until a post has a distribution; those before it have none.
            unknown = [np.nan] * len(encoding.classes)
            distributions.extend(unknown * (0 if distributions else number))
            distributions.extend(unknown if post.shares is None else post.shares)
        labels.append(-1 if post.label is None else encoding.label_id(post.label, post.photo_id))
        known = words(post.text) if post.words is None else post.words
        word_ids.extend(encoding.ids_of_words(known))
        word_starts.append(len(word_ids))
        tag_ids.extend(encoding.tag_ids(post.tags))
        tag_starts.append(len(tag_ids))
        image_rows.append(images if post.has_image else NO_IMAGE)
        images += post.has_image
    values = np.array(sentiments, dtype=np.float32)
    return Posts(
        labels=_integers(labels),
        words=_integers(word_ids),
        word_starts=_integers(word_starts),
        tags=_integers(tag_ids),
        tag_starts=_integers(tag_starts),
        image_rows=_integers(image_rows),
        sentiments=None if np.isnan(values).all() else values,
        distributions=np.array(distributions, np.float32).reshape(-1, len(encoding.classes))
        if distributions
        else None,
    )


def read_posts(dataset: Dataset, split: str, encoding: Encoding) -> Posts:
    """Read the posts of a split, without their pictures."""
    columns = ["photo_id", "text", "tags", "label", "sentiment", "modalities"]
    if dataset.has_distributions:
        columns.append(DISTRIBUTION)
    places = encoding.places_of(dataset.classes)

    def in_order(shares: Sequence[float] | None, photo_id: str) -> list[float] | None:
        """Return the shares in the order of the network's classes."""
        if shares is None:
            return None
        # A comparison with NaN is false.
        if len(shares) != len(places) or not (
            min(shares) >= 0 and abs(sum(shares) - 1) < _ROUNDING
        ):
            raise ModelError(
                f"{dataset.folder}: the {DISTRIBUTION} of photo {photo_id} is not a share for each "
                "class, whose sum is 1: build the splits again"
            )
        ordered = [0.0] * len(encoding.classes)
        for place, share in zip(places, shares, strict=True):
            if place >= 0:
                ordered[place] = share
        return ordered

    return encode(
        (
            Post(
                photo_id=row["photo_id"],
                text=row["text"] or "",
                tags=row["tags"] or (),
                has_image="image" in row["modalities"].split("+"),
                label=row["label"],
                sentiment=row["sentiment"],
                shares=in_order(row.get(DISTRIBUTION), row["photo_id"]),
            )
            for batch in dataset.batches(split, columns)
            for row in batch
        ),
        encoding,
    )


def _integers(values: "array[int]") -> Integers:
    return np.array(values, dtype=np.int64)
