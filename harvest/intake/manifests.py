"""Add a manifest to the ledger: the photos to request, and the values that it fixes.

A data set is rebuilt from a harvest of one manifest and nothing else: with a list or a second
manifest in it, labels and splits would be ambiguous.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.flickr.photo_url import size_in_words
from flickr_emotion.harvest.ledger.facts import (
    keep_list_kind,
    keep_manifest_description,
    list_kind,
    manifest_description,
)
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.lists import ListFileRecord, list_files
from flickr_emotion.harvest.ledger.rows.manifest_posts import (
    PostColumns,
    follow_manifest,
    holds_all_but,
    store_manifest,
)
from flickr_emotion.harvest.ledger.takedown import take_down
from flickr_emotion.harvest.manifests.description import parse_description

if TYPE_CHECKING:  # loads Arrow
    import pyarrow as pa

    from flickr_emotion.harvest.manifests.file import Manifest

_SEPARATE = "give it a separate harvest folder (--out)"


def size_to_fetch(manifest: "Manifest", given: str, say: Callable[[str], None]) -> str:
    """Return the size of the pictures that a crawl of a manifest fetches, and report why.

    It is the manifest's size, so that the posts are the same, unless another one is ``given``.
    """
    size = manifest.description.image_size
    known = f"the pictures of the manifest {manifest.path.name} are of {size_in_words(size)}"
    if size is None:
        if not given:
            say(
                f"{known}: {size_in_words('')} are fetched; if its sender fetched larger ones, "
                "crawl into a separate harvest folder with the same --image-size"
            )
        return given
    if given in ("", size):
        if size and not given:
            say(f"{known}, which are fetched")
        return size
    say(
        f"{known}, but {size_in_words(given)} are fetched as requested: `manifest verify` cannot "
        "tell which pictures were edited"
    )
    return given


def keep_lists_and_manifests_apart(ledger: Ledger, manifest: "Manifest | None") -> None:
    """Raise ``HarvestError`` if a list and a manifest would be mixed in the ledger.

    ``manifest``: the manifest to add; None if a published list is added.
    """
    if list_kind(ledger) is None:
        return
    holds_manifest = manifest_description(ledger) is not None
    if manifest is None and holds_manifest:
        raise HarvestError(f"{ledger.path} contains a manifest and takes no list: {_SEPARATE}")
    if manifest is not None and not holds_manifest:
        raise HarvestError(f"{ledger.path} contains a list and takes no manifest: {_SEPARATE}")


def add_manifest(ledger: Ledger, manifest: "Manifest", say: Callable[[str], None]) -> None:
    """Add a manifest to a ledger that has none, or the same one under any name.

    A newer one of the same data set takes the older one's place if posts were only withdrawn from
    it: these are removed. If it is refused half-way, nothing is added. Raises ``HarvestError``.
    """
    # A name that is not valid UTF-8 could not be stored.
    name = manifest.path.name.encode("utf-8", errors="replace").decode("utf-8")
    file = ListFileRecord(name, _digest(manifest.path))
    if known := list_files(ledger):
        if known[0].digest != file.digest:
            _follow(ledger, manifest, file, known[0].name, say)
        return
    kind = manifest.description.kind
    with ledger.transaction():
        keep_list_kind(ledger, kind)
        keep_manifest_description(ledger, manifest.description.to_json())
        store_manifest(
            ledger,
            file,
            (_columns(batch) for batch in manifest.batches()),
            kind=kind,
            withdrawn=manifest.tombstones,
        )


def _follow(
    ledger: Ledger,
    manifest: "Manifest",
    file: ListFileRecord,
    known: str,
    say: Callable[[str], None],
) -> None:
    """Let a newer manifest with tombstones take the place of the one in the ledger."""
    withdrawn, before = manifest.tombstones, manifest_description(ledger)
    described = manifest.description
    older = parse_description(before.encode()) if before else None
    same = older is not None and (described.kind, described.service, described.classes) == (
        *(older.kind, older.service, older.classes),
    )
    posts = (_columns(batch) for batch in manifest.batches())
    if not (withdrawn and same and holds_all_but(ledger, posts, withdrawn)):
        raise HarvestError(
            f"{ledger.path} contains the manifest {known}, and {manifest.path} is another one: "
            f"{_SEPARATE}"
            + (
                f", and run `takedown --file {manifest.path} --in {ledger.path.parent}` to remove "
                "the posts that were withdrawn"
                if withdrawn
                else ""
            )
        )
    removed = take_down(ledger, ledger.path.parent / "images", withdrawn)
    keep_manifest_description(ledger, described.to_json())
    follow_manifest(ledger, file)
    say(f"{manifest.path.name}: {len(removed)} posts were withdrawn, and nothing of them is kept")


def _columns(batch: "pa.RecordBatch") -> PostColumns:
    from flickr_emotion.harvest.manifests.distribution_column import DISTRIBUTION, shares_of

    shares: list[list[float] | None] = [None] * batch.num_rows
    if DISTRIBUTION in batch.schema.names:
        there = batch[DISTRIBUTION].is_valid().to_pylist()
        rows = shares_of(batch[DISTRIBUTION]).tolist()
        shares = [row if given else None for row, given in zip(rows, there, strict=True)]
    columns = {
        name: batch[name].to_pylist() for name in PostColumns._fields if name != DISTRIBUTION
    }
    return PostColumns(**columns, vote_distribution=shares)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
