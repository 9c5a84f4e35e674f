"""The photos of a harvest as posts, each read with the label that its list gives it.

Each process reads its own ranges of the ledger's rows, so a list of a million photos is read on all
cores and is never in memory as a whole.
"""

import hashlib
import marshal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import Any, cast

import numpy as np

from flickr_emotion.datasets.pictures.files import read_picture_file
from flickr_emotion.datasets.pictures.formats import UnreadablePictureError
from flickr_emotion.datasets.rules.labels import (
    Label,
    NoLabel,
    label_by_list,
    label_by_sentiment,
    label_by_votes,
)
from flickr_emotion.datasets.rules.permissions import NOT_KNOWN, preference_of
from flickr_emotion.datasets.rules.vote_distributions import Ballot, ballots_of
from flickr_emotion.datasets.sources.list_labels import LabelRow, ListLabels
from flickr_emotion.datasets.sources.raw_posts import INPUT_BYTES, Changed, Known
from flickr_emotion.harvest.ledger.check import check_posts
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.dataset_rows import ListedPost, last_photo_row, listed_posts
from flickr_emotion.harvest.ledger.rows.lists import (
    pair_sentiments,
)
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.ledger.stored_values import stored_shares, stored_signals, stored_tags
from flickr_emotion.harvest.pictures.files import image_path

Ballots = list[dict[str, Any]] | None
Values = tuple[Any, ...]
"""Those of a ``ListedPost``."""
_PHOTO_ID, _IMAGE_OUTCOME = map(ListedPost._fields.index, ("photo_id", "image_outcome"))
_PLACE = itemgetter(*map(ListedPost._fields.index, ("file", "row")))


@dataclass(frozen=True, kw_only=True)
class HarvestPosts:
    """The photos of a harvest (``datasets.sources.raw_posts.Source``)."""

    folder: Path
    kind: str
    min_votes: int
    """Agreeing votes that a label needs."""
    fixed: bool
    """Whether the harvest was made from a manifest, which fixes each photo's label and split."""
    labels: ListLabels | None = None
    """The labels of a file, in place of the list's; then ``kind`` is ``labels``."""
    classes: tuple[str, ...] = ()
    """The classes of the manifest, if the harvest was made from one."""

    def ranges(self, size: int) -> list[tuple[int, int]]:
        """Cut the ledger's rows into ranges of ``size``."""
        with Ledger(self.folder / FILE_NAME) as ledger:
            last = last_photo_row(ledger)
        return [(first, first + size) for first in range(1, last + 1, size)]

    def facts(self) -> dict[str, Any]:
        """Return as JSON what all posts depend on beside their own rows of the ledger."""
        with Ledger(self.folder / FILE_NAME) as ledger:
            sentiments = sorted(pair_sentiments(ledger).items())
        return {
            "kind": self.kind,
            "min_votes": self.min_votes,
            "fixed": self.fixed,
            "classes": self.classes,
            "labels": self.labels and self.labels.digest,
            "sentiments": hashlib.sha256(repr(sentiments).encode()).hexdigest(),
        }

    def read(self, first: int, last: int) -> list[dict[str, Any]]:
        """Return the listed photos among the ledger's rows from ``first`` to before ``last``."""
        ledger, rules = self._opened()
        photos = _by_photo(listed_posts(ledger, first, last, of_manifest=self.fixed))
        return [
            self._photo(list(map(ListedPost._make, listed)), ledger.path, rules, digest)
            for listed, digest in zip(photos, _inputs(photos), strict=True)
        ]

    def read_changed(self, first: int, last: int, known: Known) -> Changed:
        """Return the photos of a range without those whose rows and picture are ``known``.

        The rows of all others are checked; raises ``HarvestError``. Known rows have been.
        """
        ledger, rules = self._opened()
        listed_rows = listed_posts(ledger, first, last, of_manifest=self.fixed)
        try:
            photos = _by_photo(listed_rows)
        except TypeError:  # an order of values that no crawl writes
            check_posts(ledger, [row[_PHOTO_ID] for row in listed_rows])
            raise
        inputs = _inputs(photos)
        rows = known.rows(inputs)
        for at, listed in enumerate(photos):
            has_picture = listed[0][_IMAGE_OUTCOME] == "ok"
            if has_picture and rows[at] >= 0 and not self._has_same_picture(listed[0]):
                rows[at] = -1
        changed = np.flatnonzero(rows < 0).tolist()
        check_posts(ledger, [photos[at][0][_PHOTO_ID] for at in changed])
        posts = [
            self._photo(list(map(ListedPost._make, photos[at])), ledger.path, rules, inputs[at])
            for at in changed
        ]
        return Changed(posts, rows[rows >= 0])

    def _opened(self) -> tuple[Ledger, "_ListRules"]:
        # The inode tells a harvest that was made anew under the same name.
        return _opened(self, (self.folder / FILE_NAME).stat().st_ino)

    def _has_same_picture(self, listed: Values) -> bool:
        """Whether the file of a post's picture is the one that was fetched."""
        post = ListedPost._make(listed)
        try:
            data = read_picture_file(image_path(self.folder / "images", post.photo_id))
        except UnreadablePictureError:
            return False
        return hashlib.sha256(data).hexdigest() == post.image_sha256

    def _photo(
        self, listed: list[ListedPost], file: Path, rules: "_ListRules", digest: bytes
    ) -> dict[str, Any]:
        post = listed[0]
        if self.fixed:
            label: Label | NoLabel = self._fixed_label(post)
            ballots = self._fixed_ballots(post, file)
        else:
            label, ballots = rules.of(listed)
        photo: dict[str, Any] = {
            "photo_id": post.photo_id,
            "source": f"{post.file}:{post.row}",
            "pair": post.pair,
            "server": post.server,
            "farm": post.farm,
            "secret": post.secret,
            "input": digest,
        }
        # The label's reason comes first, because it depends on the list alone.
        if isinstance(label, NoLabel):
            photo["reason"] = label.reason
            return photo
        photo["label"] = label.name
        photo["votes"] = label.votes
        photo["sentiment"] = label.sentiment
        photo["ballots"] = ballots
        if self.fixed:
            photo["split"] = post.split
            photo["modalities"] = post.modalities
        if post.api_outcome != "ok":
            photo["reason"] = "failed" if post.api_outcome == "pending" else post.api_outcome
            return photo
        if post.image_outcome == "ok":
            photo["image_path"] = str(image_path(self.folder / "images", post.photo_id))
            photo["image_sha256"] = post.image_sha256
        photo["title"] = post.title
        photo["description"] = post.description
        photo["tags"] = stored_tags(file, post.photo_id, post.tags)
        photo["owner"] = post.owner
        photo["license"] = post.license
        photo["preference"] = _preference(file, post.photo_id, post.image_headers, post.usage)
        return photo

    def _fixed_label(self, post: ListedPost) -> Label:
        return Label(name=cast("str", post.label), votes=post.votes, sentiment=post.sentiment)

    def _fixed_ballots(self, post: ListedPost, file: Path) -> Ballots:
        if post.vote_distribution is None:
            return None
        shares = stored_shares(file, post.photo_id, post.vote_distribution, len(self.classes))
        return [
            Ballot(name, share, None)._asdict()
            for name, share in zip(self.classes, shares, strict=True)
        ]


def _by_photo(rows: list[Values]) -> list[list[Values]]:
    """Return the rows of each photo, in the order of the lists."""
    photos: list[list[Values]] = []
    last = None
    for row in rows:
        if row[_PHOTO_ID] == last:
            photos[-1].append(row)
        else:
            photos.append([row])
            last = row[_PHOTO_ID]
    if len(photos) < len(rows):
        for listed in photos:
            listed.sort(key=_PLACE)
    return photos


def _inputs(photos: list[list[Values]]) -> list[bytes]:
    """Return a digest of all that the ledger says of each photo."""
    dumps, blake2b = marshal.dumps, hashlib.blake2b
    # Version 2 has no references, so that equal values give equal bytes.
    return [blake2b(dumps(listed, 2), digest_size=INPUT_BYTES).digest() for listed in photos]


class _ListRules:
    """The label and the ballots that a list's rows give a photo.

    Most photos have a row like those of many others, so each different one is decided once.
    """

    def __init__(self, posts: HarvestPosts, sentiments: Mapping[str, float]) -> None:
        self._labels = posts.labels
        self._sentiments = sentiments if posts.kind == "sentiment" else None
        self._min_votes = posts.min_votes
        by_kind = label_by_votes if posts.kind == "votes" else label_by_list
        # A list of votes has a label and both counts in each row.
        self._by_kind = cast("Callable[..., Label | NoLabel]", by_kind)
        self._decided = lru_cache(_DIFFERENT_ROWS)(self._decide)

    def of(self, listed: list[ListedPost]) -> tuple[Label | NoLabel, Ballots]:
        """Return the label and the ballots of a photo."""
        if self._labels is not None:
            rows = tuple(self._labels.of(listed[0].photo_id))
        else:
            rows = tuple([(it.emotion, it.agree, it.disagree) for it in listed])
        label, ballots = self._decided(rows)
        if self._sentiments is not None:
            label = label_by_sentiment((cast("str", it.pair) for it in listed), self._sentiments)
        return label, ballots

    def _decide(self, rows: tuple[LabelRow, ...]) -> tuple[Label | NoLabel, Ballots]:
        return self._by_kind(rows, min_votes=self._min_votes), _ballots(rows)


def _ballots(rows: tuple[LabelRow, ...]) -> Ballots:
    ballots = ballots_of(rows)
    return None if ballots is None else [ballot._asdict() for ballot in ballots]


_DIFFERENT_ROWS = 4096


def _preference(file: Path, photo_id: str, headers: str | None, usage: str | None) -> str:
    if headers is None and usage is None:
        return NOT_KNOWN
    return preference_of(stored_signals(file, photo_id, headers, usage))


@lru_cache(maxsize=1)
def _opened(posts: HarvestPosts, file: int) -> tuple[Ledger, _ListRules]:
    """Open a ledger with the rules for its rows, once in each process; ``file``: its inode."""
    ledger = Ledger(posts.folder / FILE_NAME)
    return ledger, _ListRules(posts, pair_sentiments(ledger))
