"""YFCC100M (Thomee et al. 2016): convert a row of its metadata into a post like Flickr's.

It has 100 million Creative Commons photos up to 2014, many of VSO's among them; each post found
there saves a call. ``docs/lists.md`` describes the format.
"""

import re
import zlib
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote, unquote_plus

from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.flickr.answers import Answer, MalformedAnswerError, parse_listed
from flickr_emotion.harvest.flickr.licenses import license_of_page
from flickr_emotion.harvest.pace.retry import PhotoVideoError

COLUMNS = (
    *("photoid", "uid", "unickname", "datetaken", "dateuploaded", "capturedevice", "title"),
    *("description", "usertags", "machinetags", "longitude", "latitude", "accuracy", "pageurl"),
    *("downloadurl", "licensename", "licenseurl", "serverid", "farmid", "secret"),
    *("secretoriginal", "ext", "marker"),
)
"""The columns of the tab-separated file in order, with the names that other copies use."""

NEEDED = (
    *("photoid", "uid", "datetaken", "dateuploaded", "title", "description", "usertags"),
    *("licenseurl", "serverid", "farmid", "secret", "marker"),
)
"""The columns that a post is made from."""

Row = dict[str, Any]
"""The columns ``NEEDED`` of one row."""
Tick = Callable[[int], None]
"""Called regularly with the number of rows searched since the last time."""

_EXPECTED = "tab-separated (plain, .bz2 or .gz), Parquet or SQLite, as docs/lists.md describes it"
_OTHER_NAMES = {
    **{"userid": "uid", "usernsid": "uid", "uploadtime": "dateuploaded", "server": "serverid"},
    **{"farm": "farmid", "imageorvideo": "marker"},
}


def needed_columns(names: Iterable[str]) -> dict[str, str]:
    """Return a file's own name for each column of ``NEEDED`` that it has."""
    found = {}
    for name in names:
        plain = name.lower().replace("_", "")
        found[_OTHER_NAMES.get(plain, plain)] = name
    return {column: found[column] for column in NEEDED if column in found}


def parse_row(row: Mapping[str, Any]) -> Answer:
    """Return the post of a row with the columns ``NEEDED``.

    Raises ``MalformedAnswerError`` if the row breaks the format, and ``PhotoVideoError``.
    """
    cells = {column: _plain(row[column]) for column in NEEDED}
    if cells["marker"] == "1":
        raise PhotoVideoError("Photo is a video")
    if cells["marker"] != "0":
        raise MalformedAnswerError("the last column is neither 0 (photo) nor 1 (video)")
    return parse_listed(
        {
            "id": cells["photoid"],
            "owner": unquote(cells["uid"]),
            "secret": cells["secret"],
            "server": cells["serverid"],
            "farm": cells["farmid"],
            "title": _decoded(cells["title"]),
            "description": _decoded(cells["description"]),
            "tags": [{"raw": _decoded(tag)} for tag in cells["usertags"].split(",")],
            "license": license_of_page(cells["licenseurl"]),
            "dateupload": cells["dateuploaded"],
            "datetaken": cells["datetaken"],
        }
    )


def _plain(value: Any) -> str:
    # Copies that were made with a data frame have floats for integers if some are missing.
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, Decimal) and value == value.to_integral_value():
        value = int(value)
    return "" if value is None else str(value).strip()


def _decoded(text: str) -> str:
    # URL-encoded text is ASCII without spaces; other text was already decoded in this copy.
    return unquote_plus(text) if text.isascii() and not re.search(r"\s", text) else text


UNREADABLE = (OSError, EOFError, zlib.error)


def unreadable(path: Path, error: Exception) -> HarvestError:
    """Return the error for a file that cannot be read to its end."""
    reason = str(error).partition("\n")[0]
    return HarvestError(
        f"the metadata {path} cannot be read ({reason}): give YFCC100M's, {_EXPECTED}"
    )


def no_metadata(path: Path, lack: str) -> HarvestError:
    """Return the error for a file that is not YFCC100M's metadata."""
    return HarvestError(f"{path} is not metadata of YFCC100M ({lack}): expected {_EXPECTED}")
