"""Tables of JSON: an object a line (JSON lines), or one list of objects."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flickr_emotion.common.tables.plain_values import plain_value
from flickr_emotion.common.tables.table import Row, TableError
from flickr_emotion.common.tables.text_files import TextFile

_MOST_COLUMNS = 10_000
_LARGEST_LIST = 2**28
"""Characters of one list of objects, which is read as a whole."""
_ONLY = "column 1"
"""The only column of a list of texts."""
_DEEP = "it is nested too deeply"


class JsonTable:
    """A table in a JSON file: a ``Table``. The columns are the keys, in order of appearance."""

    def __init__(self, text: TextFile, *, is_list: bool) -> None:
        """Read all objects once for their keys; raises ``TableError``, ``OSError``."""
        self._text = text
        self._is_list = is_list
        self.path: Path = text.path
        self.notes: tuple[str, ...] = text.notes
        names: dict[str, None] = {}
        for number, entry in self._objects():
            names.update(dict.fromkeys(entry))
            if len(names) > _MOST_COLUMNS:
                raise TableError(
                    f"{self.path} has more than {_MOST_COLUMNS:,} different keys up to line "
                    f"{number}, so it is not a table: give one object for each row, with the "
                    "same keys"
                )
        self.columns: tuple[str, ...] | None = tuple(names)

    def rows(self, *, ragged: bool = False) -> Iterator[Row]:
        """Yield the objects' values by column; ``ragged`` changes nothing."""
        columns = self.columns or ()
        for number, entry in self._objects():
            yield Row(number, tuple(plain_value(entry.get(name)) for name in columns))

    def _objects(self) -> Iterator[tuple[int, dict[str, Any]]]:
        for number, it in self._list() if self._is_list else self._lines():
            if isinstance(it, str) and self._is_list:
                it = {_ONLY: it}  # a list of URLs
            if not isinstance(it, dict):
                raise TableError(f"{self.path}, line {number}, is not a JSON object: give one")
            yield number, it

    def _lines(self) -> Iterator[tuple[int, Any]]:
        for number, line in enumerate(self._text.lines(), 1):
            if line.strip():
                try:
                    found = self._parsed(line.rstrip(), number)
                except TableError:
                    self._refuse_one_object(line)
                    raise
                if isinstance(found, dict) and len(found) > 1 and _is_by_columns(found):
                    raise TableError(
                        f"{self.path} holds one object for each column: write an object for each "
                        'row, in pandas with orient="records", lines=True'
                    )
                yield number, found

    def _refuse_one_object(self, line: str) -> None:
        """Raise ``TableError`` if a line is the beginning of an object of several lines."""
        if line.strip() == "{":
            raise TableError(
                f"{self.path} is one JSON object of several lines: give one object a line, or a "
                "list of objects"
            )

    def _list(self) -> Iterator[tuple[int, Any]]:
        pieces, size = [], 0
        for line in self._text.lines():
            pieces.append(line)
            size += len(line)
            if size > _LARGEST_LIST:
                raise TableError(
                    f"{self.path} is one JSON list of more than {_LARGEST_LIST:,} characters: "
                    "write one object a line (JSON lines)"
                )
        yield from enumerate(self._parsed("".join(pieces), 1), 1)

    def _parsed(self, text: str, number: int) -> Any:
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            where, reason = number + error.lineno - 1, error.msg
        except RecursionError:
            where, reason = number, _DEEP
        except ValueError:  # Python refuses numbers with more than 4,300 digits
            where, reason = number, "it holds a number with thousands of digits"
        raise TableError(
            f"{self.path}, line {where}, is not JSON ({reason}): give one object a line"
        )


def _is_by_columns(found: dict[str, Any]) -> bool:
    """Whether an object holds columns, each a mapping from the same rows, as pandas writes it."""
    columns = list(found.values())
    return all(
        isinstance(it, dict) and it and it.keys() == columns[0].keys() and "0" in it
        for it in columns
    )
