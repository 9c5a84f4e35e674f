"""Read Flickr's untrusted answers into posts, or refuse them with a reason.

Types have changed over the years (numbers were strings, texts were objects) and fields come and go.
So each field is read tolerantly: an absent field is empty, and a number becomes its text. Only what
proves that the answer is about this photo is required. ``photos.getInfo`` and a listing give the
same post.
"""

import re
from dataclasses import dataclass
from typing import Any

from flickr_emotion.harvest.flickr.photo_url import PhotoReference
from flickr_emotion.harvest.flickr.tags import is_machine_tag, normal_form, plain_tags
from flickr_emotion.harvest.pace.retry import PhotoPrivateError, PhotoVideoError
from flickr_emotion.harvest.preferences.signals import USAGE

LISTING_EXTRAS = "description,tags,license,date_upload,date_taken,media,safety_level"
"""What a listing must be asked for (``extras``) to say all that ``photos.getInfo`` says, but for
``usage``: no extra that Flickr documents has it."""

_LARGEST_NUMBER = 10**19  # Above any Flickr id or date; Python refuses to print much longer ones.
_ABSENT: tuple[Any, ...] = (None, {}, [])
_NEEDED_IN_LISTING = ("title", "description", "tags", "license", "dateupload", "datetaken")


class MalformedAnswerError(ValueError):
    """The answer does not have the documented form; nothing in it is used."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What Flickr says about a post, the same for every API method."""

    reference: PhotoReference
    title: str
    """As answered: plain text."""
    description: str
    """As answered: an HTML fragment."""
    tags: tuple[str, ...]
    """Flickr's normal forms, without machine tags and duplicates, in alphabetical order."""
    owner: str | None
    """The owner's NSID; None if the answer names none."""
    license: str | None
    """Flickr's licence id."""
    date_upload: int | None
    """Unix seconds."""
    date_taken: str | None
    """``YYYY-MM-DD HH:MM:SS``, in the owner's local time."""
    safety_level: str | None = None
    """0 safe, 1 moderate, 2 restricted."""
    usage: dict[str, int] | None = None
    """The owner's settings of ``harvest.preferences.signals.USAGE``, 0 or 1; None without any."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ListingPage:
    """One page of a listing."""

    answers: tuple[Answer, ...]
    """The posts, in the listing's order."""
    videos: tuple[str, ...]
    """Photo ids of the entries that are videos."""
    refused: int
    """Number of entries that are malformed, incomplete or not public; nothing in them is used."""
    total: int | None
    """Results of the whole query, if the listing says; it varies between calls."""
    pages: int | None

    @property
    def results(self) -> int:
        """Number of all entries of the page."""
        return len(self.answers) + len(self.videos) + self.refused


def parse_get_info(content: Any, photo_id: str) -> Answer:
    """Read the answer of ``flickr.photos.getInfo`` for a photo.

    Raises ``MalformedAnswerError`` if the answer is malformed or about another photo,
    ``PhotoPrivateError`` if only the secret gave access to it, and ``PhotoVideoError``.
    """
    photo = _member(content, "photo", dict)
    answered = _photo_id(photo.get("id"))
    if answered != photo_id:
        raise MalformedAnswerError(f"asked for photo {photo_id}, answered {answered!r}")
    _check_public(photo.get("visibility"))
    _check_media(photo)
    owner, dates = photo.get("owner"), photo.get("dates")
    return Answer(
        reference=_reference(photo_id, photo),
        title=_text(photo.get("title")),
        description=_text(photo.get("description")),
        tags=_tags(photo.get("tags")),
        owner=_text(owner.get("nsid") if isinstance(owner, dict) else owner) or None,
        license=_matching(photo.get("license"), r"\d{1,4}"),
        date_upload=_integer(photo.get("dateuploaded")),
        date_taken=_taken(dates.get("taken")) if isinstance(dates, dict) else None,
        safety_level=_matching(photo.get("safety_level"), r"\d"),
        usage=_usage(photo.get("usage")),
    )


def parse_listing(content: Any, *, owner: str | None = None) -> ListingPage:
    """Read one page of ``photos.search``, ``people.getPublicPhotos``, or ``photosets.getPhotos``.

    ``owner``: the NSID of the owner of every photo, for listings whose entries name none.
    Raises ``MalformedAnswerError`` if it is no listing; single bad entries are only counted.
    """
    key = "photoset" if isinstance(content, dict) and "photoset" in content else "photos"
    listing = _member(content, key, dict)
    entries = _member(listing, "photo", list)
    answers, videos = [], []
    for entry in entries:
        try:
            answers.append(parse_listed(entry, owner=owner))
        except PhotoVideoError:
            videos.append(_photo_id(entry["id"]))
        except (MalformedAnswerError, PhotoPrivateError):
            continue
    return ListingPage(
        answers=tuple(answers),
        videos=tuple(videos),
        refused=len(entries) - len(answers) - len(videos),
        total=_integer(listing.get("total")),
        pages=_integer(listing.get("pages")),
    )


def parse_listed(entry: Any, *, owner: str | None = None) -> Answer:
    """Read one entry of a listing, or other data in the same form.

    Raises ``MalformedAnswerError`` if it is malformed or lacks a part of a post,
    ``PhotoPrivateError`` and ``PhotoVideoError``.
    """
    # An empty field is empty. A missing field was not requested or not understood by the server:
    # getInfo will provide it.
    if not isinstance(entry, dict) or any(key not in entry for key in _NEEDED_IN_LISTING):
        raise MalformedAnswerError("an entry of the listing lacks a part of its post")
    photo_id = _photo_id(entry.get("id"))
    _check_public(entry)
    _check_media(entry)
    reference = _reference(photo_id, entry)
    if reference.server is None or reference.secret is None:
        raise MalformedAnswerError("an entry of the listing does not say where its picture is")
    return Answer(
        reference=reference,
        title=_text(entry["title"]),
        description=_text(entry["description"]),
        tags=_tags(entry["tags"]),
        owner=_text(entry.get("owner", owner)) or None,
        license=_matching(entry["license"], r"\d{1,4}"),
        date_upload=_integer(entry["dateupload"]),
        date_taken=_taken(entry["datetaken"]),
        safety_level=_matching(entry.get("safety_level"), r"\d"),
    )


def _check_public(visibility: Any) -> None:
    public = visibility.get("ispublic") if isinstance(visibility, dict) else None
    if public is False or _matching(public, "0") is not None:
        raise PhotoPrivateError("Photo is private: only its secret opens it")


def _check_media(photo: dict[str, Any]) -> None:
    if _text(photo.get("media")) == "video":
        raise PhotoVideoError("Photo is a video")


def _usage(value: Any) -> dict[str, int] | None:
    settings = (
        {name: _matching(value.get(name), "[01]") for name in USAGE}
        if (isinstance(value, dict))
        else {}
    )
    return {name: int(setting) for name, setting in settings.items() if setting} or None


def _tags(value: Any) -> tuple[str, ...]:
    """Read the words of a listing or the tag objects of ``getInfo``."""
    if isinstance(value, dict):
        value = value.get("tag")
    if isinstance(value, dict):  # A single tag, as converters from XML write it.
        value = [value]
    if isinstance(value, list):
        return plain_tags(map(_tag, value))
    return plain_tags(_text(value).split())


def _tag(tag: Any) -> str:
    if isinstance(tag, dict) and tag.get("_content") in _ABSENT:
        raw = _text(tag.get("raw"))
        return raw if is_machine_tag(raw) else normal_form(raw)
    return _text(tag)


def _taken(value: Any) -> str | None:
    text = _matching(value, r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?")
    return text[:19] if text and not text.startswith("0000") else None


def _storable(text: str) -> str:
    # A lone surrogate is valid JSON, but cannot be stored as text.
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


def _text(written: Any) -> str:
    # Texts come as plain strings or as objects with `_content`, depending on method and field.
    if isinstance(written, dict):
        written = written.get("_content")
    if isinstance(written, int | float) and not isinstance(written, bool):
        return str(written) if abs(written) < _LARGEST_NUMBER else ""
    return _storable(written) if isinstance(written, str) else ""


def _photo_id(value: Any) -> str:
    photo_id = _matching(value, r"[1-9]\d{0,18}")
    if photo_id is None:
        raise MalformedAnswerError("the answer has no 'id' of the documented form")
    return photo_id


def _matching(value: Any, pattern: str) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST_NUMBER:
        value = str(value)
    return value if isinstance(value, str) and re.fullmatch(pattern, value, re.ASCII) else None


def _integer(value: Any) -> int | None:
    text = _matching(value, r"\d{1,12}")
    return int(text) if text else None
