"""Reads the tags of a cell, in the forms in which people and programs write lists of tags.

A list; a text with commas, ``;``, ``|`` or line breaks between the tags, or blanks between
hashtags; a list in JSON, Python, numpy's or DuckDB's form. Machine tags are not tags.
"""

import json
import re
from ast import literal_eval
from collections.abc import Iterable
from typing import Any

from flickr_emotion.harvest.flickr.tags import is_machine_tag

ABSENT = frozenset({"", "nan", "none", "null", "<na>", "na", "n/a"})
"""What programs and people write, in any case, where there is nothing."""
MARKS = frozenset({"nan", "NaN", "None", "null", "NULL", "<NA>"})
"""What only programs write for it; people may mean `none` or `null`."""
_BETWEEN = re.compile(r"[,;|\t\r\n，、；]")
_HASHTAGS = re.compile(r"\s*#[^\s#]+(?:\s*#[^\s#]+)+\s*")
_HASHTAG = re.compile(r"#[^\s#]+")
_BRACKETS = {"[": "]", "(": ")", "{": "}"}
_QUOTED = r"""u?'(?:[^'\\]|\\.)*'|u?"(?:[^"\\]|\\.)*\""""
_ENTRY = re.compile(rf"\s*(?:({_QUOTED})|([^,'\"][^,]*))\s*(?:,|(?=\s['\"])|$)", re.DOTALL)


def tags_of(cell: Any) -> list[str]:
    """Return the tags of a cell, as they are spelt there."""
    if isinstance(cell, str):
        found = _of_text(cell)
    elif cell is None:
        return []
    else:
        found = [str(tag) for tag in cell if tag is not None] if _is_list(cell) else [str(cell)]
    return [tag for tag in found if _is_tag(tag)]


def _is_list(cell: Any) -> bool:
    return isinstance(cell, Iterable) and not isinstance(cell, (bytes, dict))


def _is_tag(tag: str) -> bool:
    plain = tag.strip()
    if ":" in plain and is_machine_tag(plain.lstrip("#")):
        return False
    return bool(plain) and plain not in MARKS


def _of_text(text: str) -> list[str]:
    plain = text.strip()
    if plain.casefold() in ABSENT:
        return []
    if plain[0] in _BRACKETS and plain[-1] == _BRACKETS[plain[0]]:
        entries = _entries(plain[1:-1])
        if entries is not None:
            return entries
    found: list[str] = []
    for piece in _BETWEEN.split(text):
        found += _HASHTAG.findall(piece) if _HASHTAGS.fullmatch(piece) else [piece]
    return found


def _entries(body: str) -> list[str] | None:
    """Return the entries of a written list, with quotes or without; None if it is none."""
    found: list[str] = []
    at = 0
    body = body.strip()
    while at < len(body):
        entry = _ENTRY.match(body, at)
        if entry is None:
            return None
        found.append(_unquoted(entry[1]) if entry[1] else entry[2])
        at = entry.end()
    return found


def _unquoted(literal: str) -> str:
    for read in (json.loads, literal_eval):
        try:
            return str(read(literal))
        except (ValueError, SyntaxError):
            continue
    return literal


def are_joined_by_blanks(cells: Iterable[Any]) -> bool:
    """Whether nothing but blanks stands between the words of cells, which then are one tag each.

    Flickr's API writes tags so, but `new york` is also one tag: only the user knows.
    """
    texts = [cell.strip() for cell in cells if isinstance(cell, str) and cell.strip()]
    several = [text for text in texts if len(text.split()) > 2]
    return 2 * len(several) > len(texts) and not any(
        _BETWEEN.search(text) or text[0] in "#[({\"'" for text in texts
    )
