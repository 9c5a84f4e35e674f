"""A harvest folder as a source of posts: every listed photo with its label and its post.

Each process reads its own ranges of the ledger's rows, so a list of a million photos is read on all
cores and is never in memory as a whole.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any, cast

from flickr_emotion.common.plain_files import open_plain
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.classes import MOST_CLASSES
from flickr_emotion.datasets.folder.description_values import TIME
from flickr_emotion.datasets.rules.labels import (
    Label,
    NoLabel,
    label_by_list,
    label_by_sentiment,
    label_by_votes,
)
from flickr_emotion.datasets.rules.permissions import preference_of
from flickr_emotion.datasets.rules.vote_distributions import Ballot, ballots_of
from flickr_emotion.datasets.sources.list_labels import LabelRow, ListLabels
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.ledger.check import (
    check_ledger,
    check_rows,
    stored_shares,
    stored_signals,
    stored_tags,
)
from flickr_emotion.harvest.ledger.facts import list_kind, manifest_description, service_of_posts
from flickr_emotion.harvest.ledger.folder import picture_size
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.listings import subjects
from flickr_emotion.harvest.ledger.rows.counts import call_count, unfinished_photos, work_times
from flickr_emotion.harvest.ledger.rows.dataset_rows import ListedPost, last_photo_row, listed_posts
from flickr_emotion.harvest.ledger.rows.lists import (
    RejectedRow,
    list_files,
    listed_photo_ids,
    listed_photos,
    pair_sentiments,
    rejected_rows,
)
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.ledger.rows.tombstones import tombstones_in
from flickr_emotion.harvest.pictures.files import image_path

_LAST_TIME = 253_402_300_799
"""The last second of the year 9999, the latest that a date can be; ledgers come from others."""


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

    def read(self, first: int, last: int) -> list[dict[str, Any]]:
        """Return the listed photos among the ledger's rows from ``first`` to before ``last``."""
        # The inode tells a harvest that was made anew under the same name.
        ledger, sentiments = _opened(self.folder, (self.folder / FILE_NAME).stat().st_ino)
        posts = listed_posts(ledger, first, last, of_manifest=self.fixed)
        return [
            self._photo(sorted(group, key=lambda post: (post.file, post.row)), sentiments)
            for _, group in groupby(posts, key=lambda post: post.photo_id)
        ]

    def _photo(self, listed: list[ListedPost], sentiments: Mapping[str, float]) -> dict[str, Any]:
        post, label = listed[0], self._label(listed, sentiments)
        outcome = "failed" if post.api_outcome == "pending" else post.api_outcome
        photo: dict[str, Any] = {
            "photo_id": post.photo_id,
            "source": f"{post.file}:{post.row}",
            "pair": post.pair,
            "server": post.server,
            "farm": post.farm,
            "secret": post.secret,
        }
        # The label's reason comes first, because it depends on the list alone.
        if isinstance(label, NoLabel):
            return photo | {"reason": label.reason}
        photo |= {"label": label.name, "votes": label.votes, "sentiment": label.sentiment}
        photo["ballots"] = self._ballots(listed)
        if self.fixed:
            photo |= {"split": post.split, "modalities": post.modalities}
        if outcome != "ok":
            return photo | {"reason": outcome}
        if post.image_outcome == "ok":
            photo |= {
                "image_path": str(image_path(self.folder / "images", post.photo_id)),
                "image_sha256": post.image_sha256,
            }
        return photo | {
            "title": post.title,
            "description": post.description,
            "tags": stored_tags(self.folder / FILE_NAME, post.photo_id, post.tags),
            "owner": post.owner,
            "license": post.license,
            "preference": preference_of(
                stored_signals(
                    self.folder / FILE_NAME, post.photo_id, post.image_headers, post.usage
                )
            ),
        }

    def _label(self, listed: list[ListedPost], sentiments: Mapping[str, float]) -> Label | NoLabel:
        post = listed[0]
        if self.fixed:
            return Label(name=cast("str", post.label), votes=post.votes, sentiment=post.sentiment)
        if self.kind == "votes":
            return label_by_votes(
                cast("list[tuple[str, int, int]]", self._rows(listed)), min_votes=self.min_votes
            )
        if self.kind == "labels":
            return label_by_list(self._rows(listed), min_votes=self.min_votes)
        return label_by_sentiment((cast("str", it.pair) for it in listed), sentiments)

    def _rows(self, listed: list[ListedPost]) -> list[LabelRow]:
        if self.labels is not None:
            return self.labels.of(listed[0].photo_id)
        return [(it.emotion, it.agree, it.disagree) for it in listed]

    def _ballots(self, listed: list[ListedPost]) -> list[dict[str, Any]] | None:
        post = listed[0]
        if not self.fixed:
            ballots = ballots_of(self._rows(listed))
        elif post.vote_distribution is None:
            return None
        else:
            shares = stored_shares(
                self.folder / FILE_NAME, post.photo_id, post.vote_distribution, len(self.classes)
            )
            ballots = [
                Ballot(name, share, None) for name, share in zip(self.classes, shares, strict=True)
            ]
        return None if ballots is None else [ballot._asdict() for ballot in ballots]


@lru_cache(maxsize=1)
def _opened(folder: Path, file: int) -> tuple[Ledger, dict[str, float]]:
    """Open a ledger with the sentiments of its pairs, once in each process; ``file``: inode."""
    ledger = Ledger(folder / FILE_NAME)
    return ledger, pair_sentiments(ledger)


def _file_digest(path: Path) -> str:
    """Return a digest of a ledger's file and of its write-ahead log, if it has one."""
    digest = hashlib.sha256()
    for part in (path, path.with_name(f"{path.name}-wal")):
        if part.exists():
            with open_plain(part) as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


class Harvest:
    """What ``build-splits`` must know about a harvest as a whole."""

    def __init__(self, folder: Path, checked: str | None = None) -> None:
        """Open a harvest; raises ``HarvestError`` if it is none, ``DatasetError`` if empty.

        ``checked``: the ``digest`` of the ledger whose rows were checked before, if any; where it
        is another one now, they are checked here.
        """
        self.folder = folder
        self._ledger = Ledger(folder / FILE_NAME)
        self.digest = _file_digest(folder / FILE_NAME)
        """A digest of the ledger's file: where it is the same, so is every row."""
        try:
            check_ledger(self._ledger)
            if self.digest != checked:
                self.check_rows()
        except HarvestError:
            self._ledger.close()
            raise
        kind = list_kind(self._ledger)
        if kind is None:
            self._ledger.close()
            raise DatasetError(f"{folder} holds no list yet: run `crawl LIST --out {folder}`")
        self.kind = kind
        """``votes``, ``sentiment`` or ``labels``."""
        self.service = service_of_posts(self._ledger)
        """``flickr``, or ``other`` where the posts came from elsewhere, such as the sandbox."""
        self.tombstones = tombstones_in(self._ledger)
        """Those of the posts that were withdrawn from the harvest."""
        self.image_size = picture_size(self._ledger)
        """Size of its pictures (``harvest.flickr.photo_url.SIZES``); None without pictures."""
        self.manifest: dict[str, Any] | None = json.loads(
            manifest_description(self._ledger) or "null"
        )
        """The manifest's metadata, if the harvest was made from one."""

    def check_rows(self) -> None:
        """Check every row before it is used; raises ``HarvestError``."""
        check_rows(self._ledger)

    def close(self) -> None:
        """Close the ledger."""
        self._ledger.close()

    def posts(self, *, min_votes: int, labels: ListLabels | None = None) -> HarvestPosts:
        """Return the harvest's photos as a source, with the labels of a file if it is given.

        Raises ``DatasetError`` if there is no label, or more different ones than a data set may
        have.
        """
        if self.kind == "labels" and labels is None and self.manifest is None:
            self._check_labels()
        return HarvestPosts(
            folder=self.folder,
            kind=self.kind if labels is None else "labels",
            min_votes=min_votes,
            fixed=self.manifest is not None,
            labels=labels,
            classes=tuple(self.manifest["classes"]) if self.manifest else (),
        )

    def _check_labels(self) -> None:
        several = len(subjects(self._ledger))
        if not several:
            raise DatasetError(
                f"{self.folder} has no labels, because its list has none: give a file with a label "
                "of each photo, --labels FILE"
            )
        if several > MOST_CLASSES:
            raise DatasetError(
                f"{self.folder} has {several} different labels, and a data set at most "
                f"{MOST_CLASSES}: give coarser ones, --labels FILE"
            )

    def photo_ids(self) -> Iterator[str]:
        """Yield the ids of the photos that the list names."""
        return listed_photo_ids(self._ledger)

    def lists_digest(self, labels: ListLabels | None = None) -> str:
        """Return a SHA-256 of the names and contents of the list's files, and of the labels."""
        digest = hashlib.sha256()
        for file in list_files(self._ledger):
            digest.update(f"{file.name}\n{file.digest}\n".encode())
        if labels is not None:
            digest.update(f"labels\n{labels.digest}\n".encode())
        return digest.hexdigest()

    def listed(self) -> int:
        """Return the number of different photos that the list names."""
        return listed_photos(self._ledger)

    def has_pictures(self) -> bool:
        """Return whether any photo has a picture."""
        found = self._ledger.query("SELECT 1 FROM photos WHERE image_outcome = 'ok' LIMIT 1")
        return bool(found)

    def unfinished(self) -> int:
        """Return the number of photos whose post or picture a further crawl may still bring."""
        return unfinished_photos(self._ledger)

    def collected(self) -> dict[str, Any] | None:
        """Return when the first and the last call was made, and their number; None without any."""
        times = work_times(self._ledger)
        if times is None:
            return None
        first, last = (datetime.fromtimestamp(min(max(at, 0), _LAST_TIME), UTC) for at in times)
        return {
            "first": first.strftime(TIME),
            "last": last.strftime(TIME),
            "calls": call_count(self._ledger),
        }

    def rejected_rows(self) -> Iterator[RejectedRow]:
        """Yield the rows that name no photo, in the order of files and rows."""
        return rejected_rows(self._ledger)
