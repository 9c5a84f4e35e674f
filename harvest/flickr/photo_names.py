"""Read every way in which a list names a photo on Flickr: URLs, short links, ids, file names.

Only a picture's URL holds the secret with which the picture can be requested. For a page, a short
link or an id, the API must be asked first, which costs a call. ``docs/lists.md`` shows the forms.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from flickr_emotion.harvest.flickr.photo_url import (
    NotFlickrError,
    PhotoReference,
    is_image_host,
    parse_photo_url,
    secret_of,
    shown,
)

_BASE58 = "123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
_LONGEST_ID = 19  # Digits.
_ID = r"0*(?P<photo_id>[1-9]\d{0,18})"
_BARE_ID = re.compile(rf"{_ID}(?:\.0+)?", re.ASCII)
_EXPONENT = re.compile(r"([1-9])[.,](\d+)e\+?(\d{1,2})", re.IGNORECASE | re.ASCII)
_FILE_NAME = re.compile(
    rf"(?:[^/\\]+[/\\])*{_ID}(?:_(?P<secret>[0-9a-f]{{6,20}})(?:_(?P<suffix>[a-z0-9]{{1,2}}))?)?"
    r"(?:_d)?\.(?:jpg|jpeg|png|gif|webp)",
    re.IGNORECASE | re.ASCII,
)
_PAGE = re.compile(rf"/photos/(?P<owner>[^/]{{1,200}})/{_ID}(?:/.*)?", re.ASCII | re.DOTALL)
_EMBEDDED = re.compile(rf"/photos/{_ID}/?", re.ASCII)
_SHORT = re.compile(r"/(?:p|photo)/([^/]+)/?", re.ASCII)
_SITES = re.compile(r"(?:.+\.)?(?:flickr\.com|staticflickr\.com|flic\.kr)", re.ASCII)
_URL = re.compile(r"(?:https?:)?//|(?:[a-z0-9-]+\.)*(?:flickr\.com|flic\.kr|staticflickr\.com)/")
_NSID = re.compile(r"\d{1,15}@N\d\d", re.ASCII)
# Names in the place of an owner that are pages of the site.
_NO_OWNERS = frozenset({"tags", "upload", "search", "friends"})
_LONGEST_NAME = 10_000
_SECRET = re.compile(r"[0-9a-f]{6,20}")
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedPhoto:
    """A photo as a list names it."""

    reference: PhotoReference
    owner: str | None = None
    """The owner in a page's URL: an NSID, or the name that the owner chose for URLs."""


def is_nsid(name: str) -> bool:
    """Whether an owner's name is Flickr's id of an owner, such as ``12345678@N00``."""
    return _NSID.fullmatch(name) is not None


def parse_photo_name(text: str) -> NamedPhoto:
    """Return the photo that a text names.

    Raises ``NotFlickrError`` for a URL on a site that is not Flickr's, and ``ValueError`` for a
    text that is empty or names no photo.
    """
    name = text[:_LONGEST_NAME].strip().strip("\"'<>").strip()
    if not name:
        raise ValueError("the URL is empty")
    if "://" in name:
        return _parse_url(name)
    if match := _BARE_ID.fullmatch(name):
        return _without_secret(match["photo_id"])
    if match := _EXPONENT.fullmatch(name):
        if len(match[2]) == int(match[3]) < _LONGEST_ID:
            return _without_secret(match[1] + match[2])
        raise ValueError(
            f"{shown(name)} is an id that a spreadsheet has rounded: export the column as text"
        )
    if _URL.match(name.lower()):
        return _parse_url(f"https://{name.lstrip('/')}")
    if match := _FILE_NAME.fullmatch(name):
        return _in_file_name(match)
    raise ValueError(f"{shown(name)} names no photo: expected a URL, a short link or an id")


def _parse_url(url: str) -> NamedPhoto:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        raise ValueError(f"{shown(url)} is no URL") from None
    if not _SITES.fullmatch(host):
        raise NotFlickrError(f"{shown(url)} is on no site of Flickr's")
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"{shown(url)} begins with neither http:// nor https://")
    if is_image_host(host):
        return NamedPhoto(reference=parse_photo_url(url))
    found = _in_short_link(parts) if host.endswith("flic.kr") else _in_page(parts)
    if found is None:
        raise ValueError(f"{shown(url)} names no photo: expected a picture or the page of one")
    return found


def _in_page(parts: SplitResult) -> NamedPhoto | None:
    # Old mobile pages have the path in the fragment.
    for path in (unquote(parts.path), unquote(parts.fragment)):
        match = _PAGE.fullmatch(path)
        if match and match["owner"] not in _NO_OWNERS:
            owner = match["owner"] if match["owner"].isprintable() else None
            return _without_secret(match["photo_id"], owner=owner)
    if parts.hostname == "embedr.flickr.com" and (match := _EMBEDDED.fullmatch(parts.path)):
        return _without_secret(match["photo_id"])
    if parts.path.endswith(".gne"):  # photo.gne?id=..., photo.gne?short=..., photo_zoom.gne?id=...
        query = parse_qs(parts.query)
        if match := _BARE_ID.fullmatch(query.get("id", [""])[0]):
            return _without_secret(match["photo_id"])
        if photo_id := _decoded(query.get("short", [""])[0]):
            return _without_secret(photo_id)
    return None


def _in_short_link(parts: SplitResult) -> NamedPhoto | None:
    match = _SHORT.fullmatch(parts.path)
    photo_id = _decoded(match[1]) if match else None
    return _without_secret(photo_id) if photo_id else None


def _decoded(code: str) -> str | None:
    """Return the photo id of a short link's base 58; None for other text."""
    if not 0 < len(code) <= _LONGEST_ID:
        return None
    number = 0
    for character in code:
        digit = _BASE58.find(character)
        if digit < 0:
            return None
        number = number * len(_BASE58) + digit
    return str(number) if 0 < number < 10**_LONGEST_ID else None


def _in_file_name(match: re.Match[str]) -> NamedPhoto:
    reference = PhotoReference(
        photo_id=match["photo_id"], server=None, farm=None, secret=secret_of(match)
    )
    return NamedPhoto(reference=reference)


def _without_secret(photo_id: str, *, owner: str | None = None) -> NamedPhoto:
    reference = PhotoReference(photo_id=photo_id, server=None, farm=None, secret=None)
    return NamedPhoto(reference=reference, owner=owner)


def with_parts(photo: NamedPhoto, parts: Mapping[str, str]) -> NamedPhoto:
    """Return a photo with the ``secret``, ``server`` and ``farm`` that a table has beside its id.

    Parts that the photo's name holds, and parts that cannot be Flickr's, change nothing.
    """
    held = photo.reference
    if held.secret is not None or not _SECRET.fullmatch(parts.get("secret", "").lower()):
        return photo
    if not _NUMBER.fullmatch(parts.get("server", "")):
        return photo
    farm = parts.get("farm", "")
    reference = PhotoReference(
        photo_id=held.photo_id,
        server=parts["server"],
        farm=farm if _NUMBER.fullmatch(farm) else held.farm,
        secret=parts["secret"].lower(),
    )
    return NamedPhoto(reference=reference, owner=photo.owner)
