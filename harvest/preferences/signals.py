"""What recorded header fields and Flickr's settings say: yes, no or nothing on three questions.

- May AI be trained on it? ``Content-Usage`` and ``X-Robots-Tag``.
- Is text and data mining reserved? ``TDM-Reservation``.
- May others download it? ``usage.candownload`` of ``photos.getInfo``.

``Content-Usage`` is read as draft-ietf-aipref-vocab says: only the tokens ``y`` and ``n`` state a
preference, and unknown labels and values are ignored. A field that cannot be read as a dictionary
(RFC 9651, section 3.2) states nothing. The draft's newest label for training is ``train-ai``. Its
versions of 2025 named wider categories that include training; such a label counts where no narrower
one says otherwise. Their ``genai`` and ``train-genai`` are about generative models only and do not
count, because the networks here generate nothing.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from flickr_emotion.common.json_files import parse_json
from flickr_emotion.harvest.preferences.headers import (
    CONTENT_USAGE,
    ROBOTS_TAG,
    TDM_RESERVATION,
    Stated,
    recorded_headers,
)

USAGE = ("candownload", "canblog", "canprint", "canshare")
"""The owner's settings in the answer of ``photos.getInfo``, under ``usage``."""

# From the narrowest to the widest category that includes training.
_TRAINING_LABELS = ("train-ai", "ai", "tdm", "all")
_PREFERENCES = {"y": True, "n": False}
_NO_AI = frozenset(("noai", "noimageai"))
# Rules with a colon; before any other colon stands the name of the crawler that the rest of a line
# is for.
_WITH_VALUE = ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview")
_NAMED = re.compile(r"\s*([^\s:,]+)\s*:")


@dataclass(frozen=True, kw_only=True)
class Signals:
    """What is stated about the use of a post; None where nothing is."""

    known: bool
    """Whether the header fields of its picture were recorded."""
    training: bool | None
    """Whether ``Content-Usage`` allows that AI is trained on it."""
    no_ai: bool
    """Whether ``X-Robots-Tag`` says ``noai`` or ``noimageai``."""
    tdm_reserved: bool
    """Whether ``TDM-Reservation`` is 1."""
    can_download: bool | None
    """The owner's setting on Flickr."""


def signals_of(stated: Stated | None, usage: Mapping[str, int] | None) -> Signals:
    """Return what header fields and an owner's settings say.

    ``stated``: the fields (``harvest.preferences.headers``); None where they were not recorded.
    ``usage``: the settings of ``USAGE``, 0 or 1; None where the answer had none.
    """
    fields = stated or {}
    download = (usage or {}).get("candownload")
    return Signals(
        known=stated is not None,
        training=_training(fields.get(CONTENT_USAGE) or ()),
        no_ai=any(_NO_AI & rules for rules in map(_rules, fields.get(ROBOTS_TAG) or ())),
        tdm_reserved=any(it.strip() == "1" for it in fields.get(TDM_RESERVATION) or ()),
        can_download=None if download is None else download != 0,
    )


def _training(lines: Iterable[str]) -> bool | None:
    import http_sf  # a command that reads no harvest does not wait for it

    # A record of others may hold lone surrogates; no field with such a character is valid.
    field = ", ".join(lines).encode("utf-8", "surrogatepass")
    try:
        stated: Any = http_sf.parse(field, tltype="dictionary")
    except http_sf.StructuredFieldError:
        return None
    for label in _TRAINING_LABELS:
        value, _ = stated.get(label, (None, {}))
        if isinstance(value, http_sf.Token) and str(value) in _PREFERENCES:
            return _PREFERENCES[str(value)]
    return None


def _rules(line: str) -> set[str]:
    """Return the rules of a line of ``X-Robots-Tag``, up to the first for one named crawler."""
    rules = set()
    for rule in line.split(","):
        named = _NAMED.match(rule)
        if named and named[1].lower() not in _WITH_VALUE:
            break
        rules.add(rule.strip().lower())
    return rules


# Nearly all records of a harvest are the same few texts.
@lru_cache(maxsize=1024)
def recorded_signals(headers: str | None, usage: str | None) -> Signals:
    """Return what the ledger's records say; None where there is none.

    Raises ``ValueError`` for records that no crawl writes.
    """
    return signals_of(
        None if headers is None else recorded_headers(headers),
        None if usage is None else recorded_usage(usage),
    )


def recorded_usage(record: str) -> dict[str, int]:
    """Read the settings that the ledger holds as JSON; raises ``ValueError`` if it holds others."""
    usage = parse_json(record.encode())
    if not all(name in USAGE and type(value) is int for name, value in usage.items()):
        raise ValueError("no settings of an owner")
    return usage
