"""JSON files that others may have written: data sets' and runs' descriptions are read through here.

Python's reader takes what no description holds and what breaks whoever works with it: numbers that
are none (``NaN``), endless (``1e999``) or of thousands of digits, half surrogates that no file can
be written with, nesting that ends a program, and files of any size. What passes is plain: objects,
lists, texts, numbers that fit into eight bytes.
"""

import json
import math
import re
from pathlib import Path
from typing import Any

LARGEST_DESCRIPTION = 64 * 2**20
"""Bytes of a description: a run's holds its whole vocabulary."""
LARGEST_VOCABULARY = 512 * 2**20
"""Bytes of a vocabulary: some twenty million words and tags."""
_DEEPEST = 64
_LARGEST_NUMBER = 2**63 - 1
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def read_json(path: Path, *, largest: int = LARGEST_DESCRIPTION) -> dict[str, Any]:
    """Return the object that a JSON file holds.

    Raises ``OSError`` where it cannot be read, ``ValueError`` with one line that says why it is
    refused, and at which key. ``largest``: its bytes.
    """
    with path.open("rb") as file:
        raw = file.read(largest + 1)
    if len(raw) > largest:
        raise ValueError(f"it is larger than {largest:,} bytes")
    return parse_json(raw)


def parse_json(raw: bytes) -> dict[str, Any]:
    """Return the object that JSON in UTF-8 holds; raises ``ValueError`` as ``read_json`` does."""
    try:
        text = raw.decode("utf-8")
        content = json.loads(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno} is no JSON: {error.msg}") from None
    except UnicodeDecodeError:
        raise ValueError("it is no UTF-8") from None
    except ValueError:  # Python refuses to read a number of more than 4,300 digits
        raise ValueError("it holds a number of thousands of digits") from None
    if not isinstance(content, dict):
        raise ValueError("it holds no JSON object")
    _check(content, surrogates=_SURROGATE.search(text) is not None)
    return content


_TOO_DEEP = f"it is nested more than {_DEEPEST} deep"


def _check(content: dict[str, Any], *, surrogates: bool) -> None:
    # By depth and not by recursion, which is what is to be bounded.
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
    return f"{place[1:200]!a} is {shown}, which no such file holds"
