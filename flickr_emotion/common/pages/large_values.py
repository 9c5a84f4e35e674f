"""Copies the binary values of a Parquet column to a file, without holding a page in memory.

pyarrow writes 1,024 rows before it looks at the size of a page. So the pictures of 300 posts are
one page of more than a gigabyte, which every reader decompresses as a whole.
"""

from collections.abc import Iterator
from typing import IO, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from flickr_emotion.common.pages.content import PageContent
from flickr_emotion.common.pages.headers import (
    DATA_PAGE,
    DATA_PAGE_V2,
    DICTIONARY_PAGE,
    PLAIN,
    PLAIN_DICTIONARY,
    RLE_DICTIONARY,
    Page,
    pages,
    runs,
)

Place = tuple[int, int]
"""Offset and size of a value in the file."""


def chunk_pages(file: BinaryIO, chunk: pq.ColumnChunkMetaData) -> Iterator[Page]:
    """Yield the pages of a column chunk."""
    starts = [chunk.data_page_offset]
    if chunk.has_dictionary_page and chunk.dictionary_page_offset:
        starts.append(chunk.dictionary_page_offset)
    return pages(file, min(starts), chunk.total_compressed_size)


class Spilled:
    """The values of one column chunk, in a file."""

    def __init__(self, scratch: IO[bytes]) -> None:
        """``scratch`` is overwritten."""
        self._scratch = scratch
        self._end = 0
        self.places: list[Place | None] = []
        """Of each row; None for a null."""

    def spill(self, file: BinaryIO, chunk: pq.ColumnChunkMetaData, max_level: int) -> None:
        """Copy the values of a column chunk that is not repeated.

        ``max_level``: its definition level where there is a value. Raises ``OSError`` for a damaged
        page, ``ValueError`` for an encoding that cannot be read in pieces.
        """
        self._scratch.seek(0)
        self._end, self.places = 0, []
        entries: list[Place] = []
        for page in chunk_pages(file, chunk):
            content = PageContent(file, page, chunk.compression)
            if page.kind == DICTIONARY_PAGE:
                entries = [self._value(content) for _ in range(page.values)]
            elif page.kind in (DATA_PAGE, DATA_PAGE_V2):
                self._data_page(content, page, max_level, entries)
            content.finish()
        if len(self.places) != chunk.num_values:
            raise OSError(f"{len(self.places)} values, not {chunk.num_values}")
        self._scratch.flush()

    def value(self, row: int) -> bytes | None:
        """Return the value of a row."""
        place = self.places[row]
        if place is None:
            return None
        self._scratch.seek(place[0])
        return self._scratch.read(place[1])

    def _data_page(
        self, content: PageContent, page: Page, max_level: int, entries: list[Place]
    ) -> None:
        there = _there(content, page, max_level)
        count = int(np.count_nonzero(there))
        if page.encoding == PLAIN:
            found: Iterator[Place] = (self._value(content) for _ in range(count))
        elif page.encoding in (PLAIN_DICTIONARY, RLE_DICTIONARY):
            width = content.take(1)[0] if count else 0
            indices = runs(content.rest(), width, count)
            if count and int(indices.max()) >= len(entries):
                raise OSError("a page names a value that its dictionary lacks")
            found = (entries[index] for index in indices)
        else:
            raise ValueError("a page has an encoding that cannot be read in pieces")
        self.places += [next(found) if is_there else None for is_there in there]

    def _value(self, content: PageContent) -> Place:
        size = int.from_bytes(content.take(4), "little")
        place = self._end, size
        for piece in content.pieces(size):
            self._scratch.write(piece)
        self._end += size
        return place


def _there(content: PageContent, page: Page, max_level: int) -> npt.NDArray[np.bool_]:
    """Return which rows of a page have a value."""
    if not max_level:
        return np.ones(page.values, dtype=bool)
    if page.kind == DATA_PAGE_V2:
        levels = content.levels
    else:
        levels = content.take(int.from_bytes(content.take(4), "little"))
    there: npt.NDArray[np.bool_] = runs(levels, max_level.bit_length(), page.values) == max_level
    return there
