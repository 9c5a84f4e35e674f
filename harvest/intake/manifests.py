"""A manifest goes into the ledger: which photos to ask for, and what it has fixed of their posts.

A data set is built again from a harvest that holds one manifest and nothing else: with a list or
a second manifest in it, nothing would say whose labels and splits are meant.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.flickr.photo_url import size_in_words
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.lists import ListFileRecord, list_files
from flickr_emotion.harvest.ledger.rows.manifest_posts import MANIFEST, PostColumns, store_manifest
from flickr_emotion.harvest.manifests.file import Manifest

_OF_ITS_OWN = "give it a harvest folder of its own (--out)"


def size_to_fetch(manifest: Manifest, given: str, say: Callable[[str], None]) -> str:
    """Return the size of the pictures that a crawl of a manifest fetches, and say why.

    That is the manifest's, so that the posts come back as they were, unless one is ``given``.
    """
    size = manifest.description.image_size
    known = f"the pictures of the manifest {manifest.path.name} are of {size_in_words(size)}"
    if size is None:
        if not given:
            say(
                f"{known}: {size_in_words('')} are fetched; if those who sent it fetched larger "
                "ones, give the same --image-size to a harvest folder of its own"
            )
        return given
    if given in ("", size):
        if size and not given:
            say(f"{known}, which are fetched")
        return size
    say(
        f"{known}, and {size_in_words(given)} are fetched, as asked: `manifest verify` cannot tell "
        "which pictures were edited"
    )
    return given


def keep_lists_and_manifests_apart(ledger: Ledger, manifest: Manifest | None) -> None:
    """Raise ``HarvestError`` where what the ledger holds does not go with what is to come.

    ``manifest``: the one to come; None where it is a published list.
    """
    if ledger.meta("kind") is None:
        return
    holds_manifest = ledger.meta(MANIFEST) is not None
    if manifest is None and holds_manifest:
        raise HarvestError(f"{ledger.path} holds a manifest and takes no list: {_OF_ITS_OWN}")
    if manifest is not None and not holds_manifest:
        raise HarvestError(f"{ledger.path} holds a list and takes no manifest: {_OF_ITS_OWN}")


def add_manifest(ledger: Ledger, manifest: Manifest) -> None:
    """Put a manifest into a ledger that holds none, or the same one, whatever its name is now.

    All of it or, where it is refused half-way, nothing. Raises ``HarvestError``.
    """
    digest = _digest(manifest.path)
    if known := list_files(ledger):
        if known[0].digest != digest:
            raise HarvestError(
                f"{ledger.path} holds the manifest {known[0].name}, and {manifest.path} is "
                f"another: {_OF_ITS_OWN}"
            )
        return
    # A name that is no UTF-8 could not be stored.
    name = manifest.path.name.encode("utf-8", errors="replace").decode("utf-8")
    store_manifest(
        ledger,
        ListFileRecord(name, digest),
        kind=manifest.description.kind,
        description=manifest.description.to_json(),
        posts=(
            PostColumns(*(batch[name].to_pylist() for name in PostColumns._fields))
            for batch in manifest.batches()
        ),
    )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
