"""Decompresses a Parquet page piece by piece.

Zstandard, gzip and brotli are streams. Raw Snappy, pyarrow's default, is none: but its encoders
work on blocks of 64 KB that never refer to an earlier block, so the blocks are found in the
compressed bytes and decompressed by themselves.
"""

import io
import zlib
from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa

from flickr_emotion.common.pages.headers import Page

_PIECE = 1 << 20
_BLOCK = 1 << 16
_STREAMS = {"ZSTD": "zstd", "GZIP": "gzip", "BROTLI": "brotli"}


class Section(io.RawIOBase):
    """The bytes of a page's content, read in order; their checksum is kept."""

    def __init__(self, file: BinaryIO, offset: int, size: int) -> None:
        """Start at ``offset``."""
        self._file, self._offset, self._left = file, offset, size
        self.checksum = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: object) -> int:
        """Read some bytes."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        data = self.take(len(view))
        view[: len(data)] = data
        return len(data)

    def take(self, most: int) -> bytes:
        """Return up to ``most`` bytes, none at the end."""
        self._file.seek(self._offset)
        data = self._file.read(min(most, self._left))
        self._offset += len(data)
        self._left -= len(data)
        self.checksum = zlib.crc32(data, self.checksum)
        return data


class PageContent:
    """The uncompressed content of a page, read in order.

    Raises ``OSError`` if the page is damaged or cut off, ``ValueError`` if it is compressed in a
    way that cannot be read in pieces.
    """

    def __init__(self, file: BinaryIO, page: Page, codec: str) -> None:
        """``codec``: its name in pyarrow's metadata."""
        self._page = page
        self._section = Section(file, page.offset, page.compressed)
        self.levels = self._section.take(page.level_bytes or 0)
        """The definition levels of a page of version 2."""
        self._pieces = self._decompressed(codec if page.is_compressed else "UNCOMPRESSED")
        self._held = memoryview(b"")

    def pieces(self, size: int) -> Iterator[memoryview]:
        """Yield the next ``size`` bytes in pieces."""
        while size > 0:
            if not len(self._held):
                piece = next(self._pieces, None)
                if piece is None:
                    raise OSError("a page ends before its last value")
                self._held = memoryview(piece)
            some, self._held = self._held[:size], self._held[size:]
            size -= len(some)
            yield some

    def take(self, size: int) -> bytes:
        """Return the next ``size`` bytes."""
        return b"".join(self.pieces(size))

    def rest(self) -> bytes:
        """Return all bytes that are left."""
        return b"".join([self._held, *self._pieces])

    def finish(self) -> None:
        """Read to the end; raises ``OSError`` if the page does not match its checksum."""
        while self._section.take(_PIECE):
            pass
        if self._page.checksum not in (None, self._section.checksum):
            raise OSError("a page does not match its checksum")

    def _decompressed(self, codec: str) -> Iterator[bytes]:
        if codec == "UNCOMPRESSED":
            return iter(lambda: self._section.take(_PIECE), b"")
        if codec == "SNAPPY":
            return _snappy(self._section)
        if codec in _STREAMS:
            return self._stream(_STREAMS[codec])
        raise ValueError(f"pages compressed by {codec} cannot be read in pieces")

    def _stream(self, codec: str) -> Iterator[bytes]:
        left = self._page.uncompressed - (self._page.level_bytes or 0)
        source = pa.PythonFile(self._section, mode="r")
        with pa.CompressedInputStream(source, codec) as stream:
            while left > 0 and (piece := stream.read(min(_PIECE, left))):
                left -= len(piece)
                yield piece


def _snappy(section: Section) -> Iterator[bytes]:
    held = bytearray(section.take(_PIECE))
    at = 0

    def at_least(count: int) -> None:
        while len(held) < count and (more := section.take(max(_PIECE, count - len(held)))):
            held.extend(more)

    total = shift = 0
    while True:  # the length of the whole
        at += 1
        at_least(at)
        if len(held) < at or shift > 31:
            raise OSError("a page is cut off")
        total |= (held[at - 1] & 127) << shift
        shift += 7
        if held[at - 1] < 128:
            break
    codec = pa.Codec("snappy")
    start, done, made = at, 0, 0
    while made < total:
        at_least(at + 5)
        if at >= len(held):
            raise OSError("a page is cut off")
        tag = held[at]
        kind = tag & 3
        if kind == 0:
            length = (tag >> 2) + 1
            extra = max(0, length - 60)
            if extra:
                length = int.from_bytes(held[at + 1 : at + 1 + extra], "little") + 1
            at += 1 + extra + length
        elif kind == 1:
            length = (tag >> 2 & 7) + 4
            at += 2
        else:
            length = (tag >> 2) + 1
            at += 3 if kind == 2 else 5
        made += length
        if made < total and (made - done < _PIECE or made % _BLOCK):
            continue
        at_least(at)
        block = _varint(made - done) + held[start:at]
        try:
            yield codec.decompress(block, made - done, asbytes=True)
        except pa.ArrowException:
            # Damaged, or by an encoder that refers to earlier blocks: pyarrow reads it as a whole.
            raise ValueError("a page cannot be read in pieces") from None
        del held[:at]
        start = at = 0
        done = made


def _varint(number: int) -> bytes:
    parts = []
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])
