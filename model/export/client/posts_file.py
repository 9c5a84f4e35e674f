"""Reads a CSV file or JSON lines of posts, with one line for whatever is wrong with it."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flickr_emotion.model.errors import ModelError

COLUMNS = ("photo_id", "image", "text", "title", "description", "tags")
CONTENT = COLUMNS[1:]

_LONGEST_CELL = 1 << 24


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file; one that cannot be read has only ``error``.

    Raises ``ModelError`` for a file that is none, or has no column of a post.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            start = file.read(1 << 12).lstrip()
            file.seek(0)
            if not start:
                raise ModelError(f"{path} is empty: give posts")
            yield from _json_lines(file, path) if start[0] in "{[" else _csv(file, path)
    except UnicodeDecodeError:
        raise ModelError(f"{path} is not text in UTF-8: save it as such") from None
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror or error})") from None


def _csv(file: Any, path: Path) -> Iterator[dict[str, Any]]:
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.DictReader(file)
    try:
        names = [name.strip().lower() for name in reader.fieldnames or ()]
        if not set(names) & set(CONTENT):
            raise ModelError(
                f"{path}: its header names none of {', '.join(CONTENT)}: give a CSV file with a "
                "header, or JSON lines"
            )
        reader.fieldnames = names
        for row in reader:
            if None in row or None in row.values():
                yield {"error": f"{path}, line {reader.line_num}: not as many cells as the header"}
            else:
                yield {name: row[name] or None for name in COLUMNS if name in row}
    except csv.Error as error:
        raise ModelError(f"{path}, line {reader.line_num}: {error}") from None


def _json_lines(file: Any, path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            yield {"error": f"{path}, line {number}: not JSON ({error}): one object a line"}
            continue
        if not isinstance(row, dict):
            yield {"error": f"{path}, line {number}: not an object"}
            continue
        wrong = [
            name
            for name in COLUMNS
            if not isinstance(row.get(name), str | None)
            and not (name == "tags" and isinstance(row[name], list))
            and not (name == "photo_id" and isinstance(row[name], int))
        ]
        if wrong:
            yield {"error": f"{path}, line {number}: {wrong[0]} is neither text nor absent"}
        else:
            yield {name: row[name] for name in COLUMNS if name in row}
