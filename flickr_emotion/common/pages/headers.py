"""Reads the headers of Parquet pages (Thrift's compact protocol) and their levels and indices.

Only what ``large_values`` needs: pyarrow reads files, but not a page in pieces.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

DATA_PAGE, DICTIONARY_PAGE, DATA_PAGE_V2 = 0, 2, 3
PLAIN, PLAIN_DICTIONARY, RLE_DICTIONARY = 0, 2, 8
_LARGEST_HEADER = 1 << 20  # statistics may hold long values


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page of a column."""

    kind: int
    offset: int
    """Where its content begins in the file."""
    compressed: int
    uncompressed: int
    checksum: int | None
    values: int
    """With nulls; of a dictionary page, its entries."""
    encoding: int
    level_bytes: int | None
    """Bytes of the definition levels, which lie before the compressed values; version 2 only."""
    is_compressed: bool


def pages(file: BinaryIO, start: int, size: int) -> Iterator[Page]:
    """Yield the pages of a column chunk; raises ``ValueError`` if a header cannot be read."""
    at = start
    while at < start + size:
        file.seek(at)
        compact = _Compact(file.read(min(_LARGEST_HEADER, start + size - at)))
        header = compact.struct()
        page = _page(header, at + compact.at)
        yield page
        at = page.offset + page.compressed


def _page(header: dict[int, Any], offset: int) -> Page:
    kind = header.get(1)
    about = header.get({DATA_PAGE: 5, DICTIONARY_PAGE: 7, DATA_PAGE_V2: 8}.get(kind or 0, 0), {})
    sizes = header.get(2, -1), header.get(3, -1)
    if kind is None or min(sizes) < 0:
        raise ValueError("the header of a page cannot be read")
    version_2 = kind == DATA_PAGE_V2
    return Page(
        kind=kind,
        offset=offset,
        uncompressed=sizes[0],
        compressed=sizes[1],
        checksum=header[4] & 0xFFFFFFFF if 4 in header else None,
        values=about.get(1, 0),
        encoding=about.get(4 if version_2 else 2, -1),
        level_bytes=about.get(5, 0) + about.get(6, 0) if version_2 else None,
        is_compressed=about.get(7, True),
    )


class _Compact:
    """Thrift's compact protocol."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """Return the fields of a struct by number."""
        if depth > 8:
            raise ValueError("the header of a page is nested too deeply")
        fields: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._zigzag()
            fields[number] = self._value(head & 15, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        match kind:
            case 1 | 2:
                return kind == 1
            case 3:
                return self._byte()
            case 4 | 5 | 6:
                return self._zigzag()
            case 7:
                return self._bytes(8)
            case 8:
                return self._bytes(self._varint())
            case 12:
                return self.struct(depth + 1)
        raise ValueError("the header of a page holds a value of an unknown kind")

    def _byte(self) -> int:
        self.at += 1
        if self.at > len(self._data):
            raise ValueError("the header of a page is cut off")
        return self._data[self.at - 1]

    def _bytes(self, count: int) -> bytes:
        self.at += count
        if self.at > len(self._data):
            raise ValueError("the header of a page is cut off")
        return self._data[self.at - count : self.at]

    def _varint(self) -> int:
        number = shift = 0
        while True:
            byte = self._byte()
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return number
            if shift > 63:
                raise ValueError("the header of a page holds a number that is too long")

    def _zigzag(self) -> int:
        number = self._varint()
        return number >> 1 ^ -(number & 1)

    def varint(self) -> int:
        """Return an unsigned number."""
        return self._varint()

    def little(self, count: int) -> int:
        """Return a number of ``count`` bytes."""
        return int.from_bytes(self._bytes(count), "little")

    def rest(self, count: int) -> bytes:
        """Return the next ``count`` bytes."""
        return self._bytes(count)


def runs(data: bytes, width: int, count: int) -> npt.NDArray[np.int64]:
    """Return ``count`` numbers of ``width`` bits from runs and bit-packed groups."""
    if not 0 <= width <= 32:
        raise ValueError("a page has numbers of too many bits")
    found = np.zeros(count, np.int64)
    if width == 0:
        return found
    compact, done = _Compact(data), 0
    while done < count:
        head = compact.varint()
        if head & 1:
            packed = np.frombuffer(compact.rest((head >> 1) * width), np.uint8)
            bits = np.unpackbits(packed, bitorder="little").reshape(-1, width).astype(np.int64)
            some = (bits << np.arange(width)).sum(axis=1)[: count - done]
            found[done : done + len(some)] = some
            done += len(some)
        else:
            number = compact.little((width + 7) // 8)
            found[done : done + (head >> 1)] = number
            done += head >> 1
        if not head >> 1:
            raise ValueError("a page holds an empty run")
    return found
