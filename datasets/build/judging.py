"""Judges listed photos in batches: what of each photo stays in the data set.

Text, picture and tags are judged by the rules of their own modules. Batches are independent of each
other, so they can be judged in any process, on any machine and in any order. They are cut by posts
and by the bytes of their pictures, and a picture that is a file is in memory only while it is
judged.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from flickr_emotion.common.modalities import COMPLETE, MODALITIES, subset_name
from flickr_emotion.common.takedown.tombstones import WITHDRAWN, Tombstones
from flickr_emotion.datasets.build.text_filter import JudgedText, TextFilter
from flickr_emotion.datasets.folder.decisions import Decisions, picture_key
from flickr_emotion.datasets.pictures.files import read_picture_file
from flickr_emotion.datasets.pictures.formats import UnreadablePictureError
from flickr_emotion.datasets.rules.near_duplicates import text_signature
from flickr_emotion.datasets.rules.options import BuildOptions
from flickr_emotion.datasets.rules.permissions import NOT_LICENSED, UNWANTED
from flickr_emotion.datasets.rules.pictures import PREPARATION, prepare_picture
from flickr_emotion.datasets.rules.splits import order_key
from flickr_emotion.datasets.rules.tags import normalise_tags
from flickr_emotion.datasets.rules.text import post_text
from flickr_emotion.datasets.rules.verdicts import KEPT
from flickr_emotion.datasets.sources.corrections import Corrections
from flickr_emotion.datasets.sources.raw_posts import BALLOTS

JUDGED_SCHEMA = pa.schema(
    [
        # Digest of seed and photo id, which posts are sorted by.
        pa.field("place", pa.binary(32), nullable=False),
        pa.field("photo_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        # Why the post is excluded; null where it is not.
        pa.field("reason", pa.string()),
        pa.field("image", pa.binary()),
        # Whether the picture is reused from the data set that is replaced.
        pa.field("image_known", pa.bool_(), nullable=False),
        pa.field("picture_error", pa.string()),
        pa.field("picture_key", pa.binary(16)),
        # Null too for a picture that is too flat to have one.
        pa.field("picture_hash", pa.uint64()),
        # Whether it was an ordinary JPEG.
        pa.field("picture_is_plain", pa.bool_()),
        pa.field("text", pa.string()),
        # The verdict on the text; null where the text was not judged.
        pa.field("verdict", pa.string()),
        pa.field("words", pa.list_(pa.string())),
        pa.field("text_signature", pa.binary(64)),
        pa.field("language_key", pa.binary(16)),
        pa.field("language", pa.string()),
        pa.field("tags", pa.list_(pa.string()), nullable=False),
        pa.field("label", pa.string()),
        pa.field("votes", pa.int32()),
        pa.field("sentiment", pa.float64()),
        pa.field("ballots", BALLOTS),
        pa.field("owner", pa.string()),
        pa.field("license", pa.string()),
        # What is stated on its use; null for posts of one's own.
        pa.field("preference", pa.string()),
        pa.field("modalities", pa.string()),
        # The split that a manifest fixes.
        pa.field("split", pa.string()),
        # Digest of the post's content; its distribution, which needs all classes, is added later.
        pa.field("fingerprint", pa.binary(32)),
        pa.field("image_sha256", pa.string()),
        pa.field("server", pa.string()),
        pa.field("farm", pa.string()),
        pa.field("secret", pa.string()),
        pa.field("pair", pa.string()),
    ]
)

POSTS_PER_BATCH = 1000
MOST_BATCH_BYTES = 32 * 2**20
"""Bytes of pictures in a batch, before and after it is judged."""
_subset_name = cache(subset_name)


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
        for row in rows:
            if self.withdrawn.name(row["photo_id"], row.get("owner")):
                row["reason"] = WITHDRAWN
            elif row.get("reason") is None:
                row["reason"] = self._not_allowed(row)
            if self.corrections is not None and row.get("reason") is None:
                self.corrections.apply(row)
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
            picture = _Picture(row, self.options.short_side)
            picture.prepare(known)
            judged.append(self._judged(row, text, picture))
            size += len(judged[-1].get("image") or b"")
            if size >= MOST_BATCH_BYTES:
                yield pa.Table.from_pylist(judged, schema=JUDGED_SCHEMA)
                judged, size = [], 0
        if judged:
            yield pa.Table.from_pylist(judged, schema=JUDGED_SCHEMA)

    def _not_allowed(self, row: dict[str, Any]) -> str | None:
        """Return which rule on the use of posts excludes a post; None if none does."""
        rule = self.options.license_rule
        if rule is not None and not rule.takes(row.get("license")):
            return NOT_LICENSED
        preference: str | None = row.get("preference")
        if self.options.respect_preferences and preference in UNWANTED:
            return preference
        return None

    def _excluded(self, row: dict[str, Any]) -> dict[str, Any]:
        return {
            "place": order_key(self.options.seed, row["photo_id"]),
            "photo_id": row["photo_id"],
            "source": row["source"],
            "reason": row.get("reason"),
            "image_known": False,
            "tags": [],
        }

    def _judged(self, row: dict[str, Any], text: JudgedText, picture: "_Picture") -> dict[str, Any]:
        tags = normalise_tags(row.get("tags") or ())
        # A manifest's post keeps at most the modalities that it had when the manifest was made.
        fixed = row["modalities"].split("+") if row.get("modalities") else MODALITIES
        present = {"image": picture.usable, "text": text.verdict == KEPT, "tags": bool(tags)}
        modalities = tuple(modality for modality in fixed if present[modality])
        judged = self._excluded(row)
        judged["verdict"] = text.verdict
        judged["language_key"] = text.language_key
        judged["language"] = text.language
        judged["picture_error"] = picture.error
        subset = _subset_name(modalities) if modalities else None
        if subset is None or (not self.keep_incomplete and subset != COMPLETE):
            judged["reason"] = "empty" if subset is None else "incomplete"
            return judged
        if "text" in modalities:
            judged["text"] = text.text
            judged["words"] = text.words
            judged["text_signature"] = text_signature(text.words)
        if "image" in modalities:
            judged.update(picture.columns())
        if "tags" in modalities:
            judged["tags"] = tags
        for name in _COPIED:
            judged[name] = row.get(name)
        judged["owner"] = owner_digest(row.get("owner"), self.options.seed)
        judged["modalities"] = subset
        judged["fingerprint"] = fingerprint(judged)
        return judged


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


class _Picture:
    """A post's picture on its way into the data set."""

    def __init__(self, row: dict[str, Any], short_side: int) -> None:
        self._short_side = short_side
        self._path: Path | None = None
        self._jpeg: bytes | None = None
        self._hash: int | None = None
        self._is_plain: bool | None = None
        self._known = False
        self.usable = False
        """Whether there is a whole picture."""
        self.error: str | None = None
        """Why the picture cannot be used; None where it can, or where there is none."""
        self.key: bytes | None = None
        self._data = self._read(row)
        if self._data is not None:
            self._sha256 = hashlib.sha256(self._data).hexdigest()
            if row.get("image_sha256") not in (None, self._sha256):
                self.error, self._data = "has changed since it was fetched", None
            else:
                self.key = picture_key(row["photo_id"], self._sha256, short_side)

    def prepare(self, known: Decisions) -> None:
        """Decode and reduce the picture, or reuse it from the last build."""
        data, self._data = self._data, None
        if data is None or self.key is None:
            return
        (decided,) = known.find([self.key])
        if decided is not None:
            self.usable = self._known = True
            self._hash = known.picture_hashes[decided].as_py()
            self._is_plain = known.plain_pictures[decided].as_py()
            return
        try:
            prepared = prepare_picture(data, short_side=self._short_side)
        except UnreadablePictureError as error:
            self.error = str(error.of(self._path))
        else:
            self.usable = True
            self._jpeg, self._hash = prepared.jpeg, prepared.hash
            self._is_plain = prepared.is_plain

    def columns(self) -> dict[str, Any]:
        return {
            "image": self._jpeg,
            "image_known": self._known,
            "image_sha256": self._sha256,
            "picture_key": self.key,
            "picture_hash": self._hash,
            "picture_is_plain": self._is_plain,
        }

    def _read(self, row: dict[str, Any]) -> bytes | None:
        data: bytes | None = row.pop("image_bytes", None)
        if data is not None or row.get("image_path") is None:
            return data
        self._path = Path(row["image_path"])
        try:
            return read_picture_file(self._path)
        except UnreadablePictureError as error:
            self.error = str(error)
            return None


def owner_digest(owner: str | None, seed: int) -> str | None:
    """Return a pseudonym of an owner, by which their posts can be grouped."""
    return hashlib.sha256(f"owner:{seed}:{owner}".encode()).hexdigest()[:16] if owner else None


_COPIED = (
    *("label", "votes", "sentiment", "ballots", "license", "preference", "split"),
    *("server", "farm", "secret", "pair"),
)
FINGERPRINTED = (
    *("photo_id", "image_sha256", "text", "tags", "label", "votes", "sentiment", "owner"),
    *("license", "modalities"),
)


def fingerprint(post: Mapping[str, Any]) -> bytes:
    """Return a digest of a post's content; of its picture, the digest of the fetched file."""
    content = [post.get(name) for name in FINGERPRINTED]
    if post.get("picture_is_plain") is False:  # the rule decides what its pixels are
        content.append(f"picture:{PREPARATION}")
    return hashlib.sha256(json.dumps(content).encode()).digest()
