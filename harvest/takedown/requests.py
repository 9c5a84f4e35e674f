"""What a user asks to be taken down: photos by id or page, owners, or a manifest's tombstones."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flickr_emotion.common.takedown.tombstones import (
    OWNER,
    POST,
    Tombstone,
    Tombstones,
    tombstone,
)
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.flickr.photo_names import parse_photo_name

_LARGEST_FILE = 2**28
_OWN_ID = re.compile(r"[^\s/:?#]{1,200}")
_OWNER = re.compile(r"\S{1,200}")


@dataclass(frozen=True, kw_only=True)
class Withdrawal:
    """What is withdrawn."""

    tombstones: Tombstones
    photo_ids: frozenset[str] = frozenset()
    """The ids that are known; those of a manifest's tombstones are not."""
    owners: dict[str, Tombstone] = field(default_factory=dict)
    """The tombstones of owners, by NSID."""
    found: set[str] = field(default_factory=set)
    """The ids that a folder has held."""


def withdrawal_of(
    names: Sequence[str], owners: Sequence[str], file: Path | None, reason: str
) -> Withdrawal:
    """Return what names, owners and the lines of a file withdraw; raises ``HarvestError``.

    ``file`` may also be a manifest: then its tombstones are what is withdrawn.
    """
    ids = {photo_id for name in names for photo_id in _ids(name, "")}
    stones = Tombstones()
    if file is not None and _is_parquet(file):
        stones = _of_manifest(file)
    elif file is not None:
        ids |= {photo_id for line, place in _lines(file) for photo_id in _ids(line, place)}
    for owner in owners:
        if not _OWNER.fullmatch(owner) or not owner.isprintable():
            raise HarvestError(f"--owner {ascii(owner)[:60]} is no NSID, such as 12345678@N00")
    if not ids and not owners and not stones:
        raise HarvestError("nothing is named: give photo ids or pages, --owner NSID or --file FILE")
    try:
        of_owners = {owner: tombstone(OWNER, owner, reason) for owner in owners}
        of_posts = [tombstone(POST, photo_id, reason) for photo_id in sorted(ids)]
    except ValueError as error:
        raise HarvestError(f"--reason: {error}: give another one") from None
    return Withdrawal(
        tombstones=stones | Tombstones.of([*of_posts, *of_owners.values()]),
        photo_ids=frozenset(ids),
        owners=of_owners,
    )


def _ids(name: str, place: str) -> list[str]:
    """Return the photo id that a text names, and the text where it may be an id of own posts."""
    text = name.strip()
    own = [text] if _OWN_ID.fullmatch(text) and text.isprintable() else []
    try:
        photo_id = parse_photo_name(text).reference.photo_id
    except ValueError as error:
        if own:
            return own
        raise HarvestError(f"{place}{error}") from None
    return [photo_id, *(own if text.isdigit() and text != photo_id else [])]


def _lines(file: Path) -> Iterator[tuple[str, str]]:
    """Yield the lines of a file, each with its place for a message."""
    try:
        if file.stat().st_size > _LARGEST_FILE:
            raise HarvestError(f"--file {file} is larger than {_LARGEST_FILE:,} bytes: split it")
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise HarvestError(f"--file {file} cannot be read ({error.strerror or error})") from None
    except UnicodeDecodeError:
        raise HarvestError(f"--file {file} is not text in UTF-8: give a line a photo") from None
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            yield line, f"{file}:{number}: "


def _is_parquet(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return opened.read(4) == b"PAR1"
    except OSError:
        return False


def _of_manifest(file: Path) -> Tombstones:
    from flickr_emotion.harvest.manifests.file import open_manifest

    manifest = open_manifest(file)
    manifest.check()
    if not manifest.tombstones:
        raise HarvestError(f"the manifest {file} names no withdrawn posts: nothing is to be done")
    return manifest.tombstones
