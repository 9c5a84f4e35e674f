"""The facts about a whole harvest, which the ledger's table ``meta`` holds by name.

The values are stored as text, and are read and checked here. ``docs/harvest.md`` lists the facts.
"""

import json
from dataclasses import asdict, dataclass

from flickr_emotion.harvest.flickr.photo_url import SIZES
from flickr_emotion.harvest.ledger.rows.connection import LedgerConnection
from flickr_emotion.harvest.manifests.description import KINDS, parse_description

LONGEST_TEXT = 2**24
"""The most characters of a text in the ledger: more than an API answer can contain."""
LARGEST = 10**12
"""Larger than any time or count."""
_KIND = "kind"
_SERVICE = "service"
_IMAGE_SIZE = "image_size"
_MANIFEST = "manifest"
_PLAN = "plan"
_QUOTA = "quota"
_REST = "image rest "
_SEARCHED = "metadata "
_PICTURES = "pictures"
_ON_DISK, _AT_WORK = "on disk", "at work"


@dataclass(kw_only=True, slots=True)
class PlanRecord:
    """The progress of the plan, kept in the ledger for restarts and for ``status``."""

    listed: int = 0
    """Number of photos that were open when their words were listed."""
    won: int = 0
    """Number of posts that these listings brought."""
    calls: int = 0
    """Number of calls that they took."""

    @classmethod
    def load(cls, ledger: LedgerConnection) -> "PlanRecord":
        """Return the record in the ledger."""
        kept = ledger.meta(_PLAN)
        return cls(**json.loads(kept)) if kept else cls()

    def save(self, ledger: LedgerConnection) -> None:
        """Store the record in the ledger."""
        ledger.set_meta(_PLAN, json.dumps(asdict(self)))

    def calls_left(self, posts_left: int) -> int:
        """Return the expected number of calls for the remaining posts."""
        if not self.listed:
            return posts_left
        left = max(self.listed - self.won, 0)
        for_get_info = min(left, posts_left)
        a_post = min((self.calls + left) / self.listed, 1.0)
        return for_get_info + round((posts_left - for_get_info) * a_post)


def list_kind(ledger: LedgerConnection) -> str | None:
    """Return the kind of the lists or the manifest, one of ``KINDS``; None before any."""
    return ledger.meta(_KIND)


def keep_list_kind(ledger: LedgerConnection, kind: str) -> None:
    """Record the kind of the lists or the manifest."""
    ledger.set_meta(_KIND, kind)


def manifest_description(ledger: LedgerConnection) -> str | None:
    """Return the description of the crawled manifest, as JSON; None without a manifest."""
    return ledger.meta(_MANIFEST)


def keep_manifest_description(ledger: LedgerConnection, description: str) -> None:
    """Record the description of a manifest, which is JSON."""
    ledger.set_meta(_MANIFEST, description)


def service_of_posts(ledger: LedgerConnection) -> str | None:
    """Return where the posts come from: ``flickr`` or ``other``; None before the first crawl."""
    return ledger.meta(_SERVICE)


def keep_service_of_posts(ledger: LedgerConnection, service: str) -> None:
    """Record where the posts come from: ``flickr`` or ``other``."""
    ledger.set_meta(_SERVICE, service)


def chosen_image_size(ledger: LedgerConnection) -> str | None:
    """Return the size of the pictures (``harvest.flickr.photo_url.SIZES``), or None."""
    return ledger.meta(_IMAGE_SIZE)


def keep_chosen_image_size(ledger: LedgerConnection, size: str) -> None:
    """Record the size of the pictures that a crawl fetches."""
    ledger.set_meta(_IMAGE_SIZE, size)


def pictures_are_synced(ledger: LedgerConnection) -> bool:
    """Whether the last crawl ended cleanly, with all recorded pictures synced to the disk."""
    return ledger.meta(_PICTURES) == _ON_DISK


def keep_pictures_synced(ledger: LedgerConnection, *, synced: bool) -> None:
    """Record whether all recorded pictures are synced to the disk."""
    ledger.set_meta(_PICTURES, _ON_DISK if synced else _AT_WORK)


def was_searched(ledger: LedgerConnection, fingerprint: str, *, photos: int) -> bool:
    """Whether a metadata file was searched when there were this many photos."""
    return ledger.meta(_SEARCHED + fingerprint) == str(photos)


def keep_searched(ledger: LedgerConnection, fingerprint: str, *, photos: int) -> None:
    """Record that a metadata file was searched, and the number of photos at that time."""
    ledger.set_meta(_SEARCHED + fingerprint, str(photos))


def last_quota(ledger: LedgerConnection) -> int:
    """Return the calls per hour of the last crawl; 0 for no limit, or before the first crawl."""
    return int(ledger.meta(_QUOTA) or 0)


def keep_quota(ledger: LedgerConnection, quota: int) -> None:
    """Record the calls per hour of a crawl."""
    ledger.set_meta(_QUOTA, str(quota))


def rest_until(ledger: LedgerConnection, host: str) -> float:
    """Return until when an image host asked for a pause (unix time); 0.0 if it did not."""
    return float(ledger.meta(_REST + host) or 0.0)


def keep_rest(ledger: LedgerConnection, host: str, until: float) -> None:
    """Record until when an image host asked for a pause."""
    ledger.set_meta(_REST + host, str(until))


def is_good(key: object, value: object) -> bool:
    """Whether a crawl may have written a fact; the ledger may be untrusted."""
    if not isinstance(key, str) or not isinstance(value, str) or len(value) > LONGEST_TEXT:
        return False
    if key == _KIND:
        return value in KINDS
    if key == _SERVICE:
        return value in ("flickr", "other")
    if key == _IMAGE_SIZE:
        return value in SIZES
    if key.startswith(_REST):
        return _is_time(value)
    if key == _QUOTA:
        return value.isascii() and value.isdigit() and len(value) <= 12
    if key == _PLAN:
        return _is_plan(value)
    if key == _MANIFEST:
        try:
            parse_description(value.encode(errors="replace"))
        except ValueError:
            return False
    return True


def _is_time(value: str) -> bool:
    try:
        return 0 <= float(value) <= LARGEST
    except ValueError:
        return False


def _is_plan(value: str) -> bool:
    try:
        plan = json.loads(value)
    except (ValueError, RecursionError):
        return False
    return isinstance(plan, dict) and all(
        name in PlanRecord.__slots__ and type(count) is int and 0 <= count <= LARGEST
        for name, count in plan.items()
    )
