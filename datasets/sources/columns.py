"""Which types a column of a Parquet file of posts may have, and how its pictures are read."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa

from flickr_emotion.common.tables.parquet_table import ParquetTable
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.pictures.files import picture_path

_ROWS_PER_READ = 10_000


def check_types(table: ParquetTable, columns: Mapping[str, str]) -> None:
    """Raise ``DatasetError`` if a column, by meaning, has a type that cannot have this meaning."""
    for meaning, name in columns.items():
        kind = table.schema.field(name).type
        if meaning not in _TYPES:
            continue
        accepted, wanted = _TYPES[meaning]
        # Pandas writes floating-point numbers where a value is absent, or all are.
        held = (str, int) if meaning in _NAMES else ()
        if not accepted(kind) and not (_is_number(kind) and _holds_only(table, name, held)):
            raise DatasetError(f"{table.path}: the column {name} is {kind}: it must be {wanted}")


def image_of(cell: object, folder: Path) -> bytes | Path | None:
    """Return the picture of a cell: its bytes, or the path of a file.

    The cell holds bytes, a path, or a struct of both as Hugging Face's ``datasets`` writes it.
    Relative paths start at ``folder``; see ``datasets.pictures.files``.
    """
    if isinstance(cell, dict):
        cell = cell.get("bytes") or cell.get("path")
    if cell is None or isinstance(cell, bytes):
        return cell
    return picture_path(str(cell), folder) if str(cell).strip() else None


def _holds_only(table: ParquetTable, name: str, kinds: tuple[type, ...]) -> bool:
    """Return whether all values of a column are of some kinds or absent."""
    places = [(table.columns or ()).index(name)]
    rows = table.rows_of(places, most=_ROWS_PER_READ)
    return all(row.values == (None,) or isinstance(row.values[0], kinds) for row in rows)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_name(kind: pa.DataType) -> bool:
    return not (_is_number(kind) or pa.types.is_nested(kind))


def _is_words(kind: pa.DataType) -> bool:
    return _is_text(kind) or _is_binary(kind)  # some programs do not mark a text as one


def _is_text(kind: pa.DataType) -> bool:
    if isinstance(kind, pa.BaseExtensionType):  # JSON
        kind = kind.storage_type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return any(
        is_kind(kind)
        for is_kind in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_string_view,
            pa.types.is_null,
        )
    )


def _is_binary(kind: pa.DataType) -> bool:
    return any(
        is_kind(kind)
        for is_kind in (
            pa.types.is_binary,
            pa.types.is_large_binary,
            pa.types.is_fixed_size_binary,
            pa.types.is_binary_view,
        )
    )


def _is_image(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        fields = {field.name: field.type for field in kind}
        return bool({"bytes", "path"} & set(fields)) and all(
            _is_text(fields[name]) or (name == "bytes" and _is_binary(fields[name]))
            for name in ("bytes", "path")
            if name in fields
        )
    return _is_text(kind) or _is_binary(kind)


def _is_tags(kind: pa.DataType) -> bool:
    lists = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    if any(is_kind(kind) for is_kind in lists):
        kind = kind.value_type
    return _is_text(kind)


_STRING = _is_words, "string"
_NAMES = ("photo_id", "label")
_TYPES: dict[str, tuple[Callable[[pa.DataType], bool], str]] = {
    **dict.fromkeys(_NAMES, (_is_name, "string or integer")),
    "image": (_is_image, "binary, a string or a struct of bytes and path"),
    "text": _STRING,
    "title": _STRING,
    "description": _STRING,
    "tags": (_is_tags, "a list of strings or a string"),
}
