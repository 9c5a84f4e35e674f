"""Tombstones: what stays of a withdrawn post, so that nothing brings it back.

A tombstone holds a digest of the photo id, a date and a reason. The digest is a SHA-256 of the id
behind a fixed prefix, without a salt: a list, a manifest or a collaborator's folder that names the
post must be recognised by it, so a salt would have to be passed on with every tombstone and would
hide nothing. Photo ids are numbers of at most 19 digits, so whoever tries them all finds the id of
a digest. The digest keeps the id out of searches and exports; it is no secret.

A data set and a run keep them in ``tombstones.json``, a harvest in its ledger, a manifest in its
metadata.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flickr_emotion.common.json_files import parse_json, read_json
from flickr_emotion.common.takedown.names import Names
from flickr_emotion.common.whole_files import write_json

FILE_NAME = "tombstones.json"
FORMAT = "flickr-emotion-tombstones"
VERSION = 1
POST, OWNER = "post", "owner"
WITHDRAWN = "withdrawn"
"""The reason that stands in lists of excluded posts."""
LONGEST_REASON = 200
LARGEST = 16 * 2**20
"""Bytes of all tombstones of a manifest: about a hundred thousand."""
_LARGEST_FILE = 2**29

_BEGUN = {
    what: hashlib.sha256(f"flickr-emotion takedown {what} ".encode()) for what in (POST, OWNER)
}
_DIGEST = re.compile(r"[0-9a-f]{64}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, kw_only=True, order=True)
class Tombstone:
    """What stays of one withdrawn post, or of an owner who withdrew all of theirs."""

    digest: str
    """``digest_of`` the photo id, or of the owner's NSID."""
    what: str
    """``post`` or ``owner``."""
    date: str
    """The day of the withdrawal, in UTC, as ``2026-01-31``."""
    reason: str

    def of_post(self, digest: str) -> "Tombstone":
        """Return the tombstone of a post of this owner; ``digest``: that of its photo id."""
        return replace(self, digest=digest, what=POST)


def digest_of(what: str, name: str) -> str:
    """Return the digest of a photo id (``POST``) or of an owner's NSID (``OWNER``)."""
    digest = _BEGUN[what].copy()  # in half the time: millions of ids are compared
    digest.update(name.encode())
    return digest.hexdigest()


def tombstone(what: str, name: str, reason: str) -> Tombstone:
    """Return a tombstone of today; raises ``ValueError`` for a reason that cannot be kept."""
    if len(reason) > LONGEST_REASON or not reason.isprintable():
        raise ValueError(f"the reason is not a printable line of at most {LONGEST_REASON} letters")
    # The first is quick, and a file may withdraw a million posts.
    if name in reason and Names((name,)).are_in(reason.encode()):
        raise ValueError(f"the reason {reason!r} names {name!r}, which is to go")
    date = datetime.now(UTC).date().isoformat()
    return Tombstone(digest=digest_of(what, name), what=what, date=date, reason=reason)


@dataclass(frozen=True)
class Tombstones:
    """The tombstones of a folder or manifest; of two with the same digest, the first is kept."""

    by_digest: Mapping[str, Tombstone] = field(default_factory=dict)

    @classmethod
    def of(cls, some: Iterable[Tombstone]) -> "Tombstones":
        """Return several as one."""
        found: dict[str, Tombstone] = {}
        for it in some:
            found.setdefault(it.digest, it)
        return cls(found)

    def __len__(self) -> int:
        """Return their number."""
        return len(self.by_digest)

    def __iter__(self) -> Iterator[Tombstone]:
        """Yield them in the order of their digests."""
        return iter(sorted(self.by_digest.values()))

    def __or__(self, others: "Tombstones") -> "Tombstones":
        """Return these and others."""
        return Tombstones.of([*self.by_digest.values(), *others.by_digest.values()])

    def name(self, photo_id: str | None, owner: str | None = None) -> bool:
        """Return whether one names this post or its owner (an NSID)."""
        return bool(self.by_digest) and (
            (photo_id is not None and digest_of(POST, photo_id) in self.by_digest)
            or (owner is not None and digest_of(OWNER, owner) in self.by_digest)
        )

    def of_owner(self, owner: str) -> Tombstone | None:
        """Return the tombstone of an owner."""
        return self.by_digest.get(digest_of(OWNER, owner))

    def rows(self) -> list[dict[str, str]]:
        """Return them as JSON objects."""
        return [asdict(it) for it in self]

    def to_json(self) -> str:
        """Return them as one line of JSON, for a manifest's metadata."""
        content = {"format": FORMAT, "version": VERSION, "tombstones": self.rows()}
        return json.dumps(content, sort_keys=True, separators=(",", ":"))


def parse_tombstones(raw: bytes) -> Tombstones:
    """Return the tombstones in JSON from others; raises ``ValueError`` if no takedown wrote it."""
    if len(raw) > LARGEST:
        raise ValueError(f"its tombstones have {len(raw):,} bytes: {LARGEST:,} at most")
    return tombstones_of(parse_json(raw))


def tombstones_of(content: Mapping[str, Any]) -> Tombstones:
    """Return the tombstones of an object, as ``parse_tombstones`` does."""
    version, rows = content.get("version"), content.get("tombstones")
    if content.get("format") != FORMAT or type(version) is not int or not isinstance(rows, list):
        raise ValueError("it holds no tombstones")
    if version > VERSION:
        raise ValueError(f"its tombstones have version {version}: update the program")
    return Tombstones.of(map(checked_tombstone, rows))


def checked_tombstone(row: Any) -> Tombstone:
    """Return a tombstone from its entries; raises ``ValueError`` if no takedown wrote them."""
    names = Tombstone.__dataclass_fields__
    if not isinstance(row, dict) or set(row) != set(names):
        raise ValueError("a tombstone does not have digest, what, date and reason")
    if not all(isinstance(value, str) for value in row.values()):
        raise ValueError("a tombstone holds something else than texts")
    good = (
        _DIGEST.fullmatch(row["digest"])
        and row["what"] in (POST, OWNER)
        and _DATE.fullmatch(row["date"])
        and len(row["reason"]) <= LONGEST_REASON
        and row["reason"].isprintable()
    )
    if not good:
        raise ValueError(f"the tombstone {ascii(row['digest'])[:30]} is not one of a takedown")
    return Tombstone(**row)


def write_tombstones(folder: Path, tombstones: Tombstones, **more: Any) -> None:
    """Write the tombstones of a data set or run folder, with ``more``; raises ``OSError``."""
    content = {"format": FORMAT, "version": VERSION, "tombstones": tombstones.rows()}
    write_json(folder / FILE_NAME, content | more)


def read_tombstones(folder: Path) -> tuple[Tombstones, dict[str, Any]]:
    """Return the tombstones of a data set or run folder, and the whole content of their file.

    Both are empty without such a file. Raises ``OSError``, and ``ValueError`` if it is damaged.
    """
    try:
        content = read_json(folder / FILE_NAME, largest=_LARGEST_FILE)
    except FileNotFoundError:
        return Tombstones(), {}
    return tombstones_of(content), content
