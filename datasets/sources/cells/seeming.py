"""Tells what a column holds by looking at it: a picture, a text, or something else."""

import re
from collections.abc import Sequence
from statistics import median
from typing import Any

import pyarrow as pa

from flickr_emotion.datasets.sources.cells.values import SPLIT_NAMES

PICTURE = "a picture"
ADDRESSES = "web addresses of pictures"
TEXT = "a text"
SPLITS = "splits"

_FILE = re.compile(r".+\.(?:jpe?g|png|gif|webp|bmp|tiff?|avif|heic)", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://\S+", re.IGNORECASE)
_WORDS = 4
"""Words of a typical cell of a column of texts; names and tags have fewer."""


def seeming(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, str]:
    """Return, of the columns that look like a picture or a text, which of them it is."""
    found = {}
    for place, name in enumerate(names):
        cells = [row[place] for row in rows if place < len(row) and row[place] is not None]
        if cells and (what := _seems([cell for cell in cells if isinstance(cell, str)])):
            found[name] = what
        elif any(_is_picture(cell) for cell in cells):
            found[name] = PICTURE
    return found


def seeming_types(schema: pa.Schema) -> dict[str, str]:
    """Return the columns of a Parquet file that can only be pictures."""
    return {field.name: PICTURE for field in schema if _holds_bytes(field.type)}


def _seems(cells: Sequence[str]) -> str | None:
    if not cells:
        return None
    if len({*cells}) > 1 and all(cell.strip().casefold() in SPLIT_NAMES for cell in cells):
        return SPLITS
    files = [cell for cell in cells if _FILE.fullmatch(cell.strip().partition("?")[0])]
    if 2 * len(files) > len(cells):
        addresses = sum(_ADDRESS.fullmatch(cell.strip()) is not None for cell in files)
        return ADDRESSES if 2 * addresses > len(files) else PICTURE
    return TEXT if median(len(cell.split()) for cell in cells) >= _WORDS else None


def _is_picture(cell: Any) -> bool:
    return isinstance(cell, bytes) or (isinstance(cell, dict) and bool({"bytes"} & set(cell)))


def _holds_bytes(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return any(field.name == "bytes" for field in kind)
    return bool(
        pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind)
    )
