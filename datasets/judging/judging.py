"""Judges listed photos in batches: what of each photo stays in the data set.

Text, picture and tags are judged by the rules of their own modules. Batches are independent of each
other, so they can be judged in any process, on any machine and in any order. They are cut by posts
and by the bytes of their pictures, and a picture that is a file is in memory only while it is
judged.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import compress, product
from typing import Any

import pyarrow as pa

from flickr_emotion.common.modalities import COMPLETE, MODALITIES, subset_name
from flickr_emotion.common.takedown.tombstones import WITHDRAWN, Tombstones
from flickr_emotion.datasets.corrections.applying import Corrections
from flickr_emotion.datasets.folder.decisions import Decisions
from flickr_emotion.datasets.judging.judged_rows import (
    JUDGED_SCHEMA,
    Row,
    fingerprint_of,
    judged_table,
)
from flickr_emotion.datasets.judging.post_picture import PostPicture
from flickr_emotion.datasets.judging.text_filter import JudgedText, TextFilter
from flickr_emotion.datasets.rules.near_duplicates import text_signature
from flickr_emotion.datasets.rules.options import BuildOptions
from flickr_emotion.datasets.rules.permissions import NOT_LICENSED, UNWANTED
from flickr_emotion.datasets.rules.splits import order_key
from flickr_emotion.datasets.rules.tags import normalise_tags
from flickr_emotion.datasets.rules.text import post_text
from flickr_emotion.datasets.rules.verdicts import KEPT

POSTS_PER_BATCH = 1000
MOST_BATCH_BYTES = 32 * 2**20
"""Bytes of pictures in a batch, before and after it is judged."""
_SUBSETS = {
    present: subset_name(compress(MODALITIES, present)) if any(present) else None
    for present in product((False, True), repeat=len(MODALITIES))
}
"""The name of the subset by whether each of ``MODALITIES`` is there."""

_OF_LABEL = ("label", "votes", "sentiment")
_OF_REFERENCE = ("server", "farm", "secret", "pair")
_NO_PICTURE = (None, False, None, None, None, None)  # as ``PostPicture.columns`` returns it
_IMAGE, _TAGS = map(JUDGED_SCHEMA.get_field_index, ("image", "tags"))
_BLANK = tuple({"image_known": False, "tags": ()}.get(name) for name in JUDGED_SCHEMA.names)
# The last columns of a row without a post: those from the picture on, and those behind the text.
_NOTHING_JUDGED, _NOTHING_ELSE = _BLANK[_IMAGE:], _BLANK[_TAGS:]


@dataclass(frozen=True, kw_only=True)
class Judge:
    """The rules of one build; it can be pickled and sent to other processes."""

    options: BuildOptions
    keep_incomplete: bool
    withdrawn: Tombstones = field(default_factory=Tombstones)
    """Those of the harvest, and of the data set that is replaced."""
    corrections: Corrections | None = None
    """What readers of an earlier build have found wrong."""

    def judge(self, rows: Iterable[dict[str, Any]], known: Decisions) -> Iterator[pa.Table]:
        """Judge posts (``datasets.sources.raw_posts``); yield tables of ``JUDGED_SCHEMA``.

        ``known``: what the previous build decided. The pictures are taken out of the rows.
        """
        for batch in in_batches(rows):
            yield from self._judge_batch(batch, known)

    def _judge_batch(self, rows: list[dict[str, Any]], known: Decisions) -> Iterator[pa.Table]:
        self._exclude(rows)
        candidates = [row for row in rows if row.get("reason") is None]
        texts = TextFilter(
            min_words=self.options.min_words,
            max_words=self.options.max_words,
            language=self.options.language,
        ).judge(
            [post_text(row.get("title") or "", row.get("description") or "") for row in candidates],
            known,
        )
        judged = [self._excluded(row) for row in rows if row.get("reason") is not None]
        size = 0
        for row, text in zip(candidates, texts, strict=True):
            picture = PostPicture(row, self.options.short_side) if _has_picture(row) else None
            if picture is not None:
                picture.prepare(known)
            judged.append(self._judged(row, text, picture))
            size += len(judged[-1][_IMAGE] or b"")
            if size >= MOST_BATCH_BYTES:
                yield judged_table(judged)
                judged, size = [], 0
        if judged:
            yield judged_table(judged)

    def _exclude(self, rows: list[dict[str, Any]]) -> None:
        """Give the posts that may not be used their reason, and correct others."""
        not_allowed = self._use_rule()
        if not self.withdrawn and not_allowed is None and self.corrections is None:
            return
        for row in rows:
            if self.withdrawn.name(row["photo_id"], row.get("owner")):
                row["reason"] = WITHDRAWN
            elif row.get("reason") is None and not_allowed is not None:
                row["reason"] = not_allowed(row)
            if self.corrections is not None and row.get("reason") is None:
                self.corrections.apply(row)

    def _use_rule(self) -> Callable[[dict[str, Any]], str | None] | None:
        """Return a function that says which rule on the use of posts excludes a post, if any does.

        None if there is no such rule.
        """
        licenses, wishes = self.options.license_rule, self.options.respect_preferences
        if licenses is None and not wishes:
            return None

        def not_allowed(row: dict[str, Any]) -> str | None:
            if licenses is not None and not licenses.takes(row.get("license")):
                return NOT_LICENSED
            preference: str | None = row.get("preference")
            return preference if wishes and preference in UNWANTED else None

        return not_allowed

    def _excluded(self, row: dict[str, Any]) -> Row:
        return self._named(row, row.get("reason")) + _NOTHING_JUDGED

    def _named(self, row: dict[str, Any], reason: str | None) -> Row:
        """Return the first columns of a post: which it is, and why it is excluded."""
        photo_id = row["photo_id"]
        place = order_key(self.options.seed, photo_id)
        return None, row.get("input"), place, photo_id, row["source"], reason

    def _judged(self, row: dict[str, Any], text: JudgedText, picture: PostPicture | None) -> Row:
        tags = normalise_tags(row.get("tags") or ())
        # In the order of ``MODALITIES``.
        present: tuple[bool, ...] = (
            picture is not None and picture.usable,
            text.verdict == KEPT,
            bool(tags),
        )
        if row.get("modalities"):
            # A manifest's post keeps at most the modalities that it had when it was made.
            fixed = row["modalities"].split("+")
            present = tuple(
                has and name in fixed for has, name in zip(present, MODALITIES, strict=True)
            )
        subset = _SUBSETS[present]
        error = None if picture is None else picture.error
        if subset is None or (not self.keep_incomplete and subset != COMPLETE):
            named = self._named(row, "empty" if subset is None else "incomplete")
            no_picture = (None, False, error, None, None, None)
            no_text = (None, text.verdict, None, None, text.language_key, text.language)
            return named + no_picture + no_text + _NOTHING_ELSE
        has_image, has_text, has_tags = present
        jpeg, known, key, hash_, is_plain, sha256 = (
            picture.columns() if has_image and picture is not None else _NO_PICTURE
        )
        shown = found = signature = None
        if has_text:
            shown, found, signature = text.text, text.words, text_signature(text.words)
        if not has_tags:
            tags = []
        get = row.get
        photo_id, label, votes, sentiment = row["photo_id"], *map(get, _OF_LABEL)
        owner, license = owner_digest(get("owner"), self.options.seed), get("license")
        content = (photo_id, sha256, shown, tags, label, votes, sentiment, owner, license, subset)
        of_picture = (jpeg, known, error, key, hash_, is_plain)
        of_text = (shown, text.verdict, found, signature, text.language_key, text.language)
        others = (tags, label, votes, sentiment, get("ballots"), owner, license, get("preference"))
        last = (subset, get("split"), fingerprint_of(content, is_plain), sha256)
        named = self._named(row, None)
        return named + of_picture + of_text + others + last + tuple(map(get, _OF_REFERENCE))


def _has_picture(row: dict[str, Any]) -> bool:
    return row.get("image_bytes") is not None or row.get("image_path") is not None


def in_batches(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Yield posts in batches that are small enough to be judged at once."""
    batch: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += len(row.get("image_bytes") or b"")
        if len(batch) >= POSTS_PER_BATCH or size >= MOST_BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def owner_digest(owner: str | None, seed: int) -> str | None:
    """Return a pseudonym of an owner, by which their posts can be grouped."""
    return hashlib.sha256(f"owner:{seed}:{owner}".encode()).hexdigest()[:16] if owner else None
