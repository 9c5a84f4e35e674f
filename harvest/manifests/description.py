"""The description of a manifest's data set: kind, options, classes, digest. It is untrusted.

It is JSON in the metadata of the Parquet file. The options control `build-splits`, so each must
have a type and size that such an option can have.
"""

import json
import math
import re
from dataclasses import asdict, dataclass
from typing import Any

from flickr_emotion.common.names import LONGEST_NAME, is_name
from flickr_emotion.harvest.flickr.photo_url import SIZES

KEY = "flickr-emotion-manifest"
VERSION = 5
"""The newest version."""
_PLAIN = 2
_DISTRIBUTIONS = (3, 5)
"""The versions with a column ``vote_distribution``."""
_TOMBSTONES = (4, 5)
"""The versions with tombstones of withdrawn posts."""
KINDS = ("votes", "sentiment", "labels")

_FIRST_WITH_SIZE = 2
_LONGEST_METADATA = 100_000
_MOST_CLASSES = 1000
_MOST_OPTIONS = 50
_OPTION_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9/_.,+-]{0,39}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z]{2,4})?")
# The range of the options that every data set has; all others may be any number or word.
_RANGES = {
    "min_votes": (1, 10_000),
    "eval_votes": (1, 10_000),
    "min_words": (1, 1_000_000),
    "max_words": (1, 1_000_000),
    "min_count": (1, 1_000_000),
    "short_side": (16, 100_000),
    "seed": (0, 2**63 - 1),
}
_LARGEST_NUMBER = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class Description:
    """The description of a manifest's data set."""

    kind: str
    """``votes``, ``sentiment`` or ``labels``."""
    service: str
    """``flickr``, or ``other`` if the posts came from elsewhere, such as the sandbox."""
    options: dict[str, Any]
    """The options of ``build-splits``, as ``dataset.json`` has them."""
    classes: tuple[str, ...]
    dataset_digest: str
    """``digest`` of ``dataset.json``."""
    image_size: str | None
    """The size of the pictures (``harvest.flickr.photo_url.SIZES``); None in version 1."""
    version: int = _PLAIN
    """The version of the format (``version_with``)."""

    @property
    def has_distributions(self) -> bool:
        """Whether the rows have a column ``vote_distribution``."""
        return self.version in _DISTRIBUTIONS

    @property
    def has_tombstones(self) -> bool:
        """Whether the file's metadata hold tombstones."""
        return self.version in _TOMBSTONES

    def to_json(self) -> str:
        """Return the value of the file's metadata."""
        content = asdict(self)
        if self.version < _FIRST_WITH_SIZE:
            del content["image_size"]
        return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def version_with(*, distributions: bool, tombstones: bool) -> int:
    """Return the oldest version that has what a manifest holds, so that older programs read it."""
    return _PLAIN + distributions + 2 * tombstones


def parse_description(raw: bytes) -> Description:
    """Return the description in a manifest's metadata; raises ``ValueError`` if it is invalid."""
    if len(raw) > _LONGEST_METADATA:
        raise ValueError(f"its {KEY} has {len(raw)} bytes: {_LONGEST_METADATA} at most")
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError):
        raise ValueError(f"its {KEY} is not JSON") from None
    version = content.get("version") if isinstance(content, dict) else None
    if type(version) is not int or version < 1:
        raise ValueError(f"its {KEY} names no version")
    if version > VERSION:
        raise ValueError(
            f"it has version {_shown(version)}, but this program only reads versions up to "
            f"{VERSION}: update the program"
        )
    expected = {*Description.__dataclass_fields__}
    if version < _FIRST_WITH_SIZE:
        expected.remove("image_size")
    if set(content) != expected:
        odd = sorted(set(content) ^ expected)[0]
        raise ValueError(
            f"its {KEY} {'has an unknown' if odd in content else 'lacks'} {_shown(odd)}"
        )
    _one_of("kind", content["kind"], KINDS)
    if version in _DISTRIBUTIONS and content["kind"] == "sentiment":
        raise ValueError(f"it has version {version}, which is not for labels from sentiment")
    _one_of("service", content["service"], ("flickr", "other"))
    size = content.get("image_size")
    if size is not None and not (isinstance(size, str) and size in SIZES):
        raise ValueError(
            f"its image_size is {_shown(size)}: expected z, c, b, an empty text or null"
        )
    digest = content["dataset_digest"]
    if not isinstance(digest, str) or not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise ValueError(f"its dataset_digest {_shown(digest)} is not a SHA-256")
    return Description(
        kind=content["kind"],
        service=content["service"],
        options=_options(content["options"]),
        classes=_classes(content["classes"]),
        dataset_digest=digest,
        image_size=size,
        version=version,
    )


def _one_of(what: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"its {what} is {_shown(value)}: expected {' or '.join(choices)}")


def _classes(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= _MOST_CLASSES:
        raise ValueError(f"its classes are not a list of 1 to {_MOST_CLASSES} names")
    for name in value:
        if not isinstance(name, str) or not is_name(name):
            raise ValueError(
                f"its class {_shown(name)} is not a printable name of 1 to {LONGEST_NAME} "
                "characters"
            )
    if len(set(value)) < len(value):
        raise ValueError("its classes contain duplicates")
    return tuple(value)


def _options(value: object) -> dict[str, Any]:
    if not isinstance(value, dict) or len(value) > _MOST_OPTIONS:
        raise ValueError(f"its options are not a JSON object of at most {_MOST_OPTIONS} options")
    for name, given in value.items():
        if not _OPTION_NAME.fullmatch(name) or not _plain(given):
            raise ValueError(f"its option {_shown(name)} has an impossible value {_shown(given)}")
    for name, (least, largest) in _RANGES.items():
        given = value.get(name)
        if type(given) is not int or not least <= given <= largest:
            raise ValueError(
                f"its option {name} is {_shown(given)}: expected a whole number from {least} "
                f"to {largest}"
            )
    if value["min_words"] > value["max_words"]:
        raise ValueError("its option min_words is more than max_words")
    language = value.get("language")
    if not isinstance(language, str) or not _LANGUAGE.fullmatch(language):
        raise ValueError(f"its option language is {_shown(language)}: expected a code such as en")
    _one_of("option incomplete", value.get("incomplete"), ("keep", "drop"))
    return value


def _plain(value: object) -> bool:
    if isinstance(value, list):
        return len(value) <= _MOST_OPTIONS and all(
            isinstance(it, str) and _plain(it) for it in value
        )
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):  # Includes true and false.
        return 0 <= value <= _LARGEST_NUMBER
    return value is None or (isinstance(value, str) and _WORD.fullmatch(value) is not None)


def _shown(value: object) -> str:
    shown = ascii(value)
    return shown if len(shown) <= 60 else f"{shown[:60]}..."
