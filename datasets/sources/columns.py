"""The columns of a file of posts: which types are accepted, and how cells are read.

The rules are the same for a user's posts that become a data set and for those given to ``predict``.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.pictures.files import picture_path


def check_types(file: pq.ParquetFile, path: Path, columns: Sequence[str]) -> list[str]:
    """Return the columns that hold values; raises ``DatasetError`` for a column of a wrong type."""
    held = []
    for name in columns:
        kind = file.schema_arrow.field(name).type
        accepted, wanted = _TYPES[name]
        if accepted(kind):
            held.append(name)
        # Pandas writes a column without any value as floating-point numbers.
        elif not (name != "photo_id" and pa.types.is_floating(kind) and _is_empty(file, name)):
            raise DatasetError(f"{path}: the column {name} is {kind}: it must be {wanted}")
    return held


def tags_of(cell: Sequence[str | None] | str | None) -> list[str]:
    """Return the tags of a cell: a list, or one string of tags separated by commas."""
    tags = cell.split(",") if isinstance(cell, str) else cell or ()
    return [str(tag) for tag in tags if tag is not None and str(tag).strip()]


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


def _is_empty(file: pq.ParquetFile, name: str) -> bool:
    return all(
        batch.column(0).is_null(nan_is_null=True).false_count == 0
        for batch in file.iter_batches(columns=[name])
    )


def _is_text(kind: pa.DataType) -> bool:
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


def _is_name(kind: pa.DataType) -> bool:
    return _is_text(kind) or pa.types.is_integer(kind)


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


def _is_number(kind: pa.DataType) -> bool:
    # Pandas writes whole numbers with absent values among them as floating-point numbers.
    return any(
        is_kind(kind) for is_kind in (pa.types.is_integer, pa.types.is_floating, pa.types.is_null)
    )


_STRING = _is_text, "string"
_NAME = _is_name, "string or integer"
_TYPES: dict[str, tuple[Callable[[pa.DataType], bool], str]] = {
    "photo_id": _NAME,
    "image": (_is_image, "binary, a string or a struct of bytes and path"),
    "text": _STRING,
    "title": _STRING,
    "description": _STRING,
    "tags": (_is_tags, "a list of strings or a string"),
    "label": _NAME,
    "votes": (_is_number, "integer"),
    "owner": _NAME,
    "license": _NAME,
}
