"""Flickr's answers are untrusted: they are read here into a post, or refused with a reason.

Types have changed over the years (numbers that were strings) and fields come and go, so each is
read tolerantly; what must be there to be sure of the post is insisted on.
"""

import re
from dataclasses import dataclass
from typing import Any

from harvest.photo_url import PhotoReference


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
    date_upload: int | None
    """Unix seconds."""
    date_taken: str | None


def parse_get_info(content: Any, photo_id: str) -> Answer:
    """Read the answer of ``flickr.photos.getInfo`` for a photo.

    Raises ``MalformedAnswerError`` where it is none, or one of another photo.
    """
    photo = _member(content, "photo", dict)
    answered = str(photo.get("id"))
    if answered != photo_id:
        raise MalformedAnswerError(f"asked for photo {photo_id}, answered {answered[:30]!r}")
    tags = _member(_member(photo, "tags", dict), "tag", list)
    dates = photo.get("dates") if isinstance(photo.get("dates"), dict) else {}
    return Answer(
        reference=PhotoReference(
            photo_id=photo_id,
            server=_matching(photo.get("server"), r"\d{1,9}"),
            farm=_matching(photo.get("farm"), r"\d{1,9}"),
            secret=_matching(photo.get("secret"), r"[0-9a-f]{6,20}"),
        ),
        title=_content(photo, "title"),
        description=_content(photo, "description"),
        tags=tuple(sorted({tag for entry in tags if (tag := _tag(entry))})),
        owner=_storable(_member(_member(photo, "owner", dict), "nsid", str)),
        license=_matching(photo.get("license"), r"\d{1,4}"),
        date_upload=_integer(photo.get("dateuploaded")),
        date_taken=_matching(dates.get("taken"), r"[\d :-]{10,19}") if dates else None,
    )


def _member(value: Any, key: str, kind: type) -> Any:
    if not isinstance(value, dict) or not isinstance(value.get(key), kind):
        raise MalformedAnswerError(f"the answer has no {key!r} of the documented form")
    return value[key]


def _content(photo: dict[str, Any], key: str) -> str:
    return _storable(_member(_member(photo, key, dict), "_content", str))


def _storable(text: str) -> str:
    # A lone surrogate is valid JSON, but no text that can be stored.
    return text.encode("utf-8", errors="replace").decode("utf-8")


def _tag(entry: Any) -> str:
    if not isinstance(entry, dict) or str(entry.get("machine_tag", 0)) not in ("0", "False"):
        return ""
    return _content({"tag": entry}, "tag")


def _matching(value: Any, pattern: str) -> str | None:
    text = str(value)
    return text if re.fullmatch(pattern, text, re.ASCII) else None


def _integer(value: Any) -> int | None:
    text = _matching(value, r"\d{1,12}")
    return int(text) if text else None
