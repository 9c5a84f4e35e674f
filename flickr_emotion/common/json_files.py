"""Reads untrusted JSON files, such as the descriptions of data sets and runs from others.

Python's reader accepts values that no description needs and that cause errors later: ``NaN``,
infinite numbers (``1e999``), numbers with thousands of digits, lone surrogates, which cannot be
written to a file, nesting that overflows the stack, and files of any size. Here they are refused.
"""

import json
import math
import re
from pathlib import Path
from typing import Any

from flickr_emotion.common.plain_files import open_plain

LARGEST_DESCRIPTION = 64 * 2**20
"""Largest size of a description in bytes; that of a run contains its whole vocabulary."""
LARGEST_VOCABULARY = 512 * 2**20
"""Largest size of a vocabulary in bytes: about twenty million words and tags."""
_DEEPEST = 64
_LARGEST_NUMBER = 2**63 - 1
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def read_json(path: Path, *, largest: int = LARGEST_DESCRIPTION) -> dict[str, Any]:
    """Return the object in a JSON file of at most ``largest`` bytes.

    Raises ``OSError`` if it cannot be read, and ``ValueError`` if it is refused, with one line that
    says why and at which key.
    """
    with open_plain(path) as file:
        raw = file.read(largest + 1)
    if len(raw) > largest:
        raise ValueError(f"it is larger than {largest:,} bytes")
    return parse_json(raw)


def parse_json(raw: bytes) -> dict[str, Any]:
    """Return the object in UTF-8 encoded JSON; raises ``ValueError`` as ``read_json`` does."""
    try:
        text = raw.decode("utf-8")
        content = json.loads(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno} is not JSON: {error.msg}") from None
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    except ValueError:  # Python refuses numbers with more than 4,300 digits
        raise ValueError("it holds a number with thousands of digits") from None
    if not isinstance(content, dict):
        raise ValueError("it does not hold a JSON object")
    _check(content, surrogates=_SURROGATE.search(text) is not None)
    return content


_TOO_DEEP = f"it is nested more than {_DEEPEST} levels deep"


def _check(content: dict[str, Any], *, surrogates: bool) -> None:
    # Level by level instead of recursively, because the depth is what must be limited.
    level: list[tuple[str, Any]] = [("", content)]
    for _ in range(_DEEPEST):
        below: list[tuple[str, Any]] = []
        for place, it in level:
            entries = it.items() if isinstance(it, dict) else enumerate(it)
            for key, value in entries:
                if isinstance(value, dict | list):
                    below.append((f"{place}.{key}"[:200], value))
                elif (
                    (type(value) is int and abs(value) > _LARGEST_NUMBER)
                    or (type(value) is float and not math.isfinite(value))
                    or (surrogates and not (_is_text(key) and _is_text(value)))
                ):
                    raise ValueError(_wrong(f"{place}.{key}", value))
        level = below
        if not level:
            return
    raise ValueError(_TOO_DEEP)


def _is_text(value: object) -> bool:
    if not isinstance(value, str):
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _wrong(place: str, value: object) -> str:
    shown = ascii(value)
    shown = shown if len(shown) <= 40 else f"{shown[:40]}..."
    return f"{place[1:200]!a} is {shown}, which is not allowed"
