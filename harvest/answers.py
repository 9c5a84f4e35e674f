"""Flickr's answers are untrusted: they are read here into posts, or refused with a reason.

Types have changed over the years (numbers that were strings, texts that were objects) and fields
come and go, so each is read tolerantly; what must be there to be sure of the post is insisted on.
A post is the same whether ``photos.getInfo`` or a listing said it.
"""

import re
from dataclasses import dataclass
from typing import Any

from harvest.photo_url import PhotoReference
from harvest.tags import plain_tags

LISTING_EXTRAS = "description,tags,license,date_upload,date_taken"
"""What a listing must be asked for (``extras``) to say all that ``photos.getInfo`` says."""

_LARGEST_NUMBER = 10**19  # above any id or date of Flickr's; longer ones cannot even be printed
_NEEDED_IN_LISTING = ("title", "description", "tags", "license", "dateupload", "datetaken")


class MalformedAnswerError(ValueError):
    """An answer that is not what the method documents; nothing of it is used."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What Flickr says of a post, the same whichever method said it."""

    reference: PhotoReference
    title: str
    """As answered: plain text."""
    description: str
    """As answered: an HTML fragment."""
    tags: tuple[str, ...]
    """Flickr's normal forms, without machine tags and doubles, in alphabetical order."""
    owner: str
    """The owner's NSID."""
    license: str | None
    """Flickr's licence id."""
    date_upload: int | None
    """Unix seconds."""
    date_taken: str | None
    """``YYYY-MM-DD HH:MM:SS``, by the owner's clock."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ListingPage:
    """One page of a listing."""

    answers: tuple[Answer, ...]
    """The posts, in the listing's order."""
    refused: int
    """Entries that are malformed or lack a part of a post; nothing of them is used."""
    total: int | None
    """Results of the whole query, as far as the listing says; it jitters between calls."""
    pages: int | None


def parse_get_info(content: Any, photo_id: str) -> Answer:
    """Read the answer of ``flickr.photos.getInfo`` for a photo.

    Raises ``MalformedAnswerError`` where it is none, or one of another photo.
    """
    photo = _member(content, "photo", dict)
    answered = _photo_id(photo.get("id"))
    if answered != photo_id:
        raise MalformedAnswerError(f"asked for photo {photo_id}, answered {answered!r}")
    tags = _member(_member(photo, "tags", dict), "tag", list)
    dates = photo.get("dates")
    return Answer(
        reference=_reference(photo_id, photo),
        title=_text(photo, "title"),
        description=_text(photo, "description"),
        tags=plain_tags(_text({"tag": tag}, "tag") for tag in tags),
        owner=_owner(_member(photo, "owner", dict).get("nsid")),
        license=_matching(photo.get("license"), r"\d{1,4}"),
        date_upload=_integer(photo.get("dateuploaded")),
        date_taken=_taken(dates.get("taken")) if isinstance(dates, dict) else None,
    )


def parse_listing(content: Any, *, owner: str | None = None) -> ListingPage:
    """Read one page of ``photos.search``, ``people.getPublicPhotos``, or ``photosets.getPhotos``.

    ``owner``: the NSID of the owner of every photo, for listings whose entries name none.
    Raises ``MalformedAnswerError`` where it is no listing; single bad entries are only counted.
    """
    key = "photoset" if isinstance(content, dict) and "photoset" in content else "photos"
    listing = _member(content, key, dict)
    entries = _member(listing, "photo", list)
    answers = []
    for entry in entries:
        try:
            answers.append(parse_listed(entry, owner=owner))
        except MalformedAnswerError:
            continue
    return ListingPage(
        answers=tuple(answers),
        refused=len(entries) - len(answers),
        total=_integer(listing.get("total")),
        pages=_integer(listing.get("pages")),
    )


def parse_listed(entry: Any, *, owner: str | None = None) -> Answer:
    """Read one entry of a listing, or what has been brought into the form of one.

    Raises ``MalformedAnswerError`` where it is malformed or lacks a part of a post.
    """
    if not isinstance(entry, dict) or any(key not in entry for key in _NEEDED_IN_LISTING):
        raise MalformedAnswerError("an entry of the listing lacks a part of its post")
    reference = _reference(_photo_id(entry.get("id")), entry)
    if reference.server is None or reference.secret is None:
        raise MalformedAnswerError("an entry of the listing does not say where its picture is")
    return Answer(
        reference=reference,
        title=_text(entry, "title"),
        description=_text(entry, "description"),
        tags=plain_tags(_member(entry, "tags", str).split()),
        owner=_owner(entry.get("owner", owner)),
        license=_matching(entry["license"], r"\d{1,4}"),
        date_upload=_integer(entry["dateupload"]),
        date_taken=_taken(entry["datetaken"]),
    )


def _taken(value: Any) -> str | None:
    text = _matching(value, r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?")
    return text[:19] if text and not text.startswith("0000") else None


def _storable(text: str) -> str:
    # A lone surrogate is valid JSON, but no text that can be stored.
    return text.encode("utf-8", errors="replace").decode("utf-8")


def _reference(photo_id: str, photo: dict[str, Any]) -> PhotoReference:
    return PhotoReference(
        photo_id=photo_id,
        server=_matching(photo.get("server"), r"\d{1,9}"),
        farm=_matching(photo.get("farm"), r"\d{1,9}"),
        secret=_matching(photo.get("secret"), r"[0-9a-f]{6,20}"),
    )


def _member(value: Any, key: str, kind: type) -> Any:
    if not isinstance(value, dict) or not isinstance(value.get(key), kind):
        raise MalformedAnswerError(f"the answer has no {key!r} of the documented form")
    return value[key]


def _text(photo: dict[str, Any], key: str) -> str:
    # Listings write titles plainly and descriptions as getInfo does; both are seen either way.
    written = photo.get(key)
    if isinstance(written, str):
        return _storable(written)
    return _storable(_member(_member(photo, key, dict), "_content", str))


def _photo_id(value: Any) -> str:
    photo_id = _matching(value, r"[1-9]\d{0,18}")
    if photo_id is None:
        raise MalformedAnswerError("the answer has no 'id' of the documented form")
    return photo_id


def _owner(nsid: Any) -> str:
    if not isinstance(nsid, str) or not nsid:
        raise MalformedAnswerError("the answer names no owner")
    return _storable(nsid)


def _matching(value: Any, pattern: str) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST_NUMBER:
        value = str(value)
    return value if isinstance(value, str) and re.fullmatch(pattern, value, re.ASCII) else None


def _integer(value: Any) -> int | None:
    text = _matching(value, r"\d{1,12}")
    return int(text) if text else None
