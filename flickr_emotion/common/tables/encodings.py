"""Decides in which encoding a text is written.

A byte order mark decides, then whether all of it is UTF-8. Otherwise charset-normalizer judges the
lines that are not ASCII. Its answer is a guess, so it is always reported, and can be overruled.
"""

import codecs
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

from flickr_emotion.common.tables.table import TableError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16's mark, with which it begins
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What programs write that do not write UTF-8: Windows' and macOS' code pages, and East Asia's.
_CANDIDATES = [
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "mac_roman"),
    *("koi8_r", "cp932", "gb18030", "cp949", "big5"),
]
_WESTERN = "cp1252"
_SLIGHTLY = 0.1
"""Difference in the detector's measures that a few words make by chance."""
_CHUNK = 1 << 20
_SAMPLE = 1 << 16


def decide_encoding(
    path: Path,
    opened: Callable[[], AbstractContextManager[BinaryIO]],
    *,
    lenient: bool = False,
) -> tuple[str, str | None]:
    """Return a text's encoding, and a note that names it where it is not UTF-8.

    A text that is UTF-8 but for some bytes is refused with ``TableError``, or with ``lenient``
    called UTF-8. So is what is not a text.
    """
    with opened() as file:
        start = file.read(4096)
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            note = None if encoding == "utf-8-sig" else f"read as {encoding.upper()}"
            return encoding, note
    if b"\0" in start:
        return _without_mark(path, start)
    with opened() as file:
        if _is_utf8_throughout(file):
            return "utf-8", None
    with opened() as file:
        broken, valid, sample, line = _lines_beyond_ascii(file)
    if valid > broken:
        if lenient:
            return "utf-8", None
        raise TableError(
            f"{path}, line {line}, is not UTF-8, as other lines are: mend it, or name the encoding "
            "with --encoding"
        )
    encoding = _judged(sample)
    return encoding, f"read as {encoding}; give --encoding if that is wrong"


def check_encoding(name: str) -> str:
    """Return the encoding of this name; raises ``TableError`` if there is none."""
    try:
        found = codecs.lookup(name)
        "".encode(found.name)  # refuses codecs that are not for text, such as base64
    except (LookupError, ValueError):
        raise TableError(
            f"--encoding {name[:50]!r} is not known: give one such as utf-8, cp1252 or utf-16"
        ) from None
    return "utf-8-sig" if found.name == "utf-8" else found.name


def _without_mark(path: Path, start: bytes) -> tuple[str, str]:
    """Return which UTF-16 a text with null bytes is; raises ``TableError`` if it is no text."""
    half = len(start) // 2
    even, odd = start[0::2].count(0), start[1::2].count(0)
    encoding = "utf-16-le" if odd > even else "utf-16-be"
    if max(even, odd) > 0.3 * half and min(even, odd) < 0.05 * half + 1:
        return encoding, f"read as {encoding.upper()}"
    raise TableError(
        f"{path} is neither a text nor Parquet: give a table as CSV, TSV, JSON lines or Parquet"
    )


def _is_utf8_throughout(file: BinaryIO) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := file.read(_CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _lines_beyond_ascii(file: BinaryIO) -> tuple[int, int, bytes, int]:
    """Return how the lines of a text are encoded that are not ASCII.

    The numbers of lines that are not UTF-8 and that are, a sample of the former, and the number of
    the first of them.
    """
    broken = valid = first = number = 0
    sample = bytearray()
    while line := file.readline(_CHUNK):
        number += 1
        if line.isascii():
            continue
        if _is_utf8(line):
            valid += 1
            continue
        broken += 1
        first = first or number
        if len(sample) < _SAMPLE:
            sample += line[:_SAMPLE]
    return broken, valid, bytes(sample), first


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _judged(sample: bytes) -> str:
    from charset_normalizer import from_bytes  # most texts need it not, and its import takes time

    found = from_bytes(sample, cp_isolation=_CANDIDATES, preemptive_behaviour=False)
    best = found.best()
    if best is None:
        return _WESTERN if _decodes(sample, _WESTERN) else "latin-1"
    # Western European files are by far the most frequent, so another code page needs evidence.
    for match in found:
        if (
            _WESTERN in match.could_be_from_charset
            and match.chaos <= best.chaos + _SLIGHTLY
            and match.coherence >= best.coherence - _SLIGHTLY
        ):
            return _WESTERN
    return best.encoding


def _decodes(sample: bytes, encoding: str) -> bool:
    try:
        sample.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
