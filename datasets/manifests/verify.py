"""``manifest verify M H``: checks which posts of a manifest a harvest holds unchanged.

The text of a harvested post is cleaned and filtered with the manifest's options and its tags are
normalised, as a build would do; then the digests are compared. For a picture, the SHA-256 that the
ledger recorded when it was fetched is compared, and its file must exist; ``build-splits`` checks
whether the file has changed on disk since.

If manifest and harvest have pictures of different sizes, a picture that differs is ``unknown`` and
not ``edited``, because almost every picture differs then. A photo that has no picture larger than
either size has the same picture in both.

A post that was taken down from the harvest is ``withdrawn``. A manifest's own tombstones name posts
that the harvest must not hold any more: those that it still holds are counted, as ``still_held``.

Only modalities that the manifest has are compared. It lacks one, for example, if the text was too
short when it was made.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from flickr_emotion.common.modalities import MODALITIES, subset_name
from flickr_emotion.common.takedown.tombstones import WITHDRAWN, Tombstones
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.judging.text_filter import TextFilter
from flickr_emotion.datasets.manifests.digests import half_digests, tags_as_json
from flickr_emotion.datasets.manifests.verdict_file import VERDICTS_SCHEMA, verdict_writer
from flickr_emotion.datasets.rules.language import known_languages
from flickr_emotion.datasets.rules.tags import former_tags, normalise_tags
from flickr_emotion.datasets.rules.text import post_text
from flickr_emotion.datasets.rules.verdicts import KEPT
from flickr_emotion.harvest.flickr.photo_url import size_in_words
from flickr_emotion.harvest.ledger.check import check_rows
from flickr_emotion.harvest.ledger.folder import picture_size
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.dataset_rows import HeldPost, held_posts
from flickr_emotion.harvest.ledger.rows.outcomes import VIDEO
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.ledger.rows.tombstones import photos_named, tombstones_in
from flickr_emotion.harvest.ledger.stored_values import stored_tags
from flickr_emotion.harvest.manifests.file import DIGEST, open_manifest
from flickr_emotion.harvest.pictures.files import image_path

SAME, EDITED, UNKNOWN = "same", "edited", "unknown"
GONE, PRIVATE, MISSING = "gone", "private", "missing"
VERDICTS = (SAME, EDITED, UNKNOWN, GONE, PRIVATE, VIDEO, WITHDRAWN, MISSING)

_ROWS_PER_BATCH = 8192
_TAGS = pa.list_(pa.string())


@dataclass(kw_only=True)
class Verification:
    """The verdicts on a manifest's posts, counted."""

    image_sizes: tuple[str | None, str | None]
    """Size of the manifest's pictures and of the harvest's; None if unknown."""
    posts: int = 0
    verdicts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(VERDICTS, 0))
    edited: dict[str, int] = field(default_factory=lambda: dict.fromkeys(MODALITIES, 0))
    """Edited posts by modality; one may count under several."""
    still_held: int = 0
    """Posts that were withdrawn from the manifest's data set, and that the harvest holds."""

    def add(self, verdicts: pa.RecordBatch) -> None:
        """Count a batch of ``VERDICTS_SCHEMA``."""
        self.posts += verdicts.num_rows
        for count in pc.value_counts(verdicts["verdict"]).to_pylist():
            self.verdicts[count["values"]] += count["counts"]
        for count in pc.value_counts(verdicts["edited"].drop_null()).to_pylist():
            for modality in count["values"].split("+"):
                self.edited[modality] += count["counts"]

    @property
    def all_same(self) -> bool:
        """Whether the harvest holds every post unchanged, and none that was withdrawn; ``unknown``
        posts do not count."""
        return self.verdicts[SAME] == self.posts and not self.still_held

    def content(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        return {
            "posts": self.posts,
            **self.verdicts,
            "still_held": self.still_held,
            "edited_modalities": self.edited,
            "image_sizes": list(self.image_sizes),
        }

    def table(self) -> str:
        """Return the counts as lines."""
        wanted, held = map(size_in_words, self.image_sizes)
        remarks = {
            EDITED: ", ".join(f"{count} {name}" for name, count in self.edited.items() if count),
            UNKNOWN: f"pictures of {wanted} in the manifest, of {held} in the harvest"
            if self.verdicts[UNKNOWN]
            else "",
        }
        rows = {**self.verdicts, "all": self.posts}
        lines = [
            f"{name:<10}{count:>10}" + (f"  ({remark})" if (remark := remarks.get(name)) else "")
            for name, count in rows.items()
        ]
        if self.still_held:
            lines.append(
                f"{self.still_held} posts that the harvest holds were withdrawn: crawl this "
                "manifest into it, or run `takedown --file M --in H`, to remove them"
            )
        return "\n".join(lines)


class _Held(NamedTuple):
    """A post as the harvest holds it; ``verdict`` is None if the content must be compared."""

    verdict: str | None
    text: str | None = None
    tags: tuple[str, ...] = ()
    image_sha256: str | None = None


def verify_manifest(manifest_path: Path, harvest: Path, *, out: Path | None = None) -> Verification:
    """Compare a harvest with a manifest; write each post's verdict to ``out`` (Parquet or CSV).

    Raises ``HarvestError`` if the manifest is not valid or the folder is not a harvest,
    ``DatasetError`` if ``out`` cannot be written.

    >>> from pathlib import Path
    >>> from flickr_emotion import verify_manifest
    >>> verify_manifest(Path("manifest.parquet"), Path("harvest")).all_same
    True
    """
    manifest = open_manifest(manifest_path)
    options = manifest.description.options
    if options["language"] not in known_languages():
        raise DatasetError(
            f"{manifest_path} has the option language {options['language']!r}, which cannot be "
            "detected: ask the sender for a manifest with another language"
        )
    text_filter = TextFilter(
        min_words=options["min_words"],
        max_words=options["max_words"],
        language=options["language"],
    )
    former = manifest.description.version == 1
    with _checked(harvest / FILE_NAME) as ledger, verdict_writer(out) as write:
        sizes = manifest.description.image_size, picture_size(ledger)
        found = Verification(image_sizes=sizes)
        withdrawn = tombstones_in(ledger)
        found.still_held = len(photos_named(ledger, manifest.tombstones))
        comparable = sizes[0] is not None and sizes[0] == sizes[1]
        for batch in manifest.batches():
            for start in range(0, batch.num_rows, _ROWS_PER_BATCH):
                rows = batch.slice(start, _ROWS_PER_BATCH)
                held = _held(ledger, harvest / "images", rows, withdrawn)
                verdicts = _verdicts(rows, held, text_filter, comparable=comparable, former=former)
                found.add(verdicts)
                write(verdicts)
    return found


@contextmanager
def _checked(path: Path) -> Iterator[Ledger]:
    try:
        with Ledger(path) as ledger:
            check_rows(ledger)
            yield ledger
    except sqlite3.Error as error:
        raise DatasetError(
            f"the ledger {path} cannot be read ({error}): check it with `verify {path.parent}`"
        ) from None


def _held(ledger: Ledger, images: Path, rows: pa.RecordBatch, withdrawn: Tombstones) -> list[_Held]:
    """Return what the harvest holds of each row's post, in the order of the rows."""
    photo_ids = rows["photo_id"].to_pylist()
    has_image = dict(zip(photo_ids, rows["image_sha256"].is_valid().to_pylist(), strict=True))
    held = {
        post.photo_id: _post(ledger.path, post, images, wants_image=has_image[post.photo_id])
        for post in held_posts(ledger, photo_ids)
    }
    lost = _Held(MISSING), _Held(WITHDRAWN)
    return [held.get(photo_id) or lost[withdrawn.name(photo_id)] for photo_id in photo_ids]


def _post(ledger: Path, post: HeldPost, images: Path, *, wants_image: bool) -> _Held:
    if post.api_outcome in (GONE, PRIVATE, VIDEO):
        return _Held(post.api_outcome)
    if post.api_outcome != "ok":
        return _Held(MISSING)
    has_picture = post.image_outcome == "ok"
    if wants_image:
        unfetched = post.image_outcome in ("pending", "failed")
        if unfetched or (has_picture and not image_path(images, post.photo_id).is_file()):
            return _Held(MISSING)
    return _Held(
        None,
        text=post_text(post.title or "", post.description or ""),
        tags=tuple(normalise_tags(stored_tags(ledger, post.photo_id, post.tags))),
        image_sha256=post.image_sha256 if has_picture else None,
    )


def _verdicts(
    rows: pa.RecordBatch,
    held: list[_Held],
    text_filter: TextFilter,
    *,
    comparable: bool,
    former: bool,
) -> pa.RecordBatch:
    """Return the rows' verdicts as a batch of ``VERDICTS_SCHEMA``.

    ``comparable``: whether both sides have pictures of the same size, so that a picture that
    differs was edited. ``former``: whether tags may also match by the rule of version 1.
    """
    digests = {
        "image": pa.array(
            [
                bytes.fromhex(it.image_sha256)[: DIGEST.byte_width] if it.image_sha256 else None
                for it in held
            ],
            DIGEST,
        ),
        "text": _text_digests(rows, held, text_filter),
        "tags": _tags_digests([it.tags for it in held]),
    }
    if former:
        before = _tags_digests([former_tags(it.tags) for it in held])
        as_before = pc.fill_null(pc.equal(rows["tags_sha256"], before), False)
        digests["tags"] = pc.if_else(as_before, before, digests["tags"])
    edited = {
        modality: pc.and_(
            rows[f"{modality}_sha256"].is_valid(),
            pc.invert(pc.fill_null(pc.equal(rows[f"{modality}_sha256"], digests[modality]), False)),
        ).to_pylist()
        for modality in MODALITIES
    }
    verdicts: list[str] = []
    modalities: list[str | None] = []
    for number, it in enumerate(held):
        changed = [] if it.verdict else [name for name in MODALITIES if edited[name][number]]
        otherwise = SAME
        if not comparable and it.image_sha256 and "image" in changed:
            changed.remove("image")
            otherwise = UNKNOWN
        verdicts.append(it.verdict or (EDITED if changed else otherwise))
        modalities.append(subset_name(changed) if changed else None)
    return pa.record_batch([rows["photo_id"], verdicts, modalities], schema=VERDICTS_SCHEMA)


def _tags_digests(tags: Sequence[Sequence[str]]) -> pa.Array:
    return half_digests(tags_as_json(pa.array(tags, _TAGS)))


def _text_digests(rows: pa.RecordBatch, held: list[_Held], text_filter: TextFilter) -> pa.Array:
    """Return the digests of texts that pass the filter; texts that are not compared are skipped."""
    wanted = rows["text_sha256"].is_valid().to_pylist()
    texts = [it.text if want else None for it, want in zip(held, wanted, strict=True)]
    judged = iter(text_filter.judge([text for text in texts if text is not None]))
    kept = [text if text is not None and next(judged).verdict == KEPT else None for text in texts]
    return half_digests(pa.array(kept, pa.string()))
