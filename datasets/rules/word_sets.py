"""The sets of words of all texts, by which two texts are compared exactly.

A word is a 32-bit number, a text the sorted numbers of its words. They lie end to end in a file
that is mapped into memory, so that only the texts that are compared are read.
"""

from collections.abc import Iterable
from pathlib import Path
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Rows = npt.NDArray[np.int64]

_PAIRS_AT_ONCE = 1 << 15


class WordSets:
    """The sets of words of some texts, by their rows."""

    def __init__(self, starts: Rows, numbers: npt.NDArray[np.uint32]) -> None:
        """``starts`` (N + 1,) delimit each text's numbers, which are sorted and differ."""
        self._starts = starts
        self._numbers = numbers

    @classmethod
    def of(cls, texts: Iterable[Iterable[str]]) -> "WordSets":
        """Return the sets of words of texts in memory."""
        sizes, numbers = numbered(pa.array([list(text) for text in texts], pa.list_(pa.string())))
        return cls(np.concatenate([[0], np.cumsum(sizes)]), numbers)

    def near(self, one: Rows, other: Rows) -> npt.NDArray[np.bool_]:
        """Return of which pairs of rows the Jaccard index is at least 0.8."""
        found = np.empty(len(one), bool)
        for first in range(0, len(one), _PAIRS_AT_ONCE):
            here = slice(first, first + _PAIRS_AT_ONCE)
            found[here] = self._near(one[here], other[here])
        return found

    def _near(self, one: Rows, other: Rows) -> npt.NDArray[np.bool_]:
        keys = np.concatenate([self._keys(one), self._keys(other)])
        keys.sort()
        # A number that both texts hold is there twice.
        shared = keys[1:][keys[1:] == keys[:-1]] >> np.uint64(32)
        both = np.bincount(shared.astype(np.int64), minlength=len(one))
        sizes = np.diff(self._starts)
        near: npt.NDArray[np.bool_] = 5 * both >= 4 * (sizes[one] + sizes[other] - both)
        return near

    def _keys(self, rows: Rows) -> npt.NDArray[np.uint64]:
        """Return the numbers of texts end to end, each with the place of its text above it."""
        starts, sizes = self._starts[rows], self._starts[rows + 1] - self._starts[rows]
        place = np.repeat(np.arange(len(rows)), sizes)
        within = np.arange(len(place)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        numbers = self._numbers[starts[place] + within].astype(np.uint64)
        keys: npt.NDArray[np.uint64] = place.astype(np.uint64) << np.uint64(32) | numbers
        return keys


class WordSetsFile:
    """Writes sets of words to a file."""

    def __init__(self, path: Path) -> None:
        """Create the file."""
        self._path = path
        self._file = path.open("wb")
        self._sizes: list[npt.NDArray[np.int64]] = []

    def add(self, words: pa.Array) -> None:
        """Add the lists of words of some texts."""
        sizes, numbers = numbered(words)
        self._sizes.append(sizes)
        numbers.tofile(self._file)

    def finish(self) -> WordSets:
        """Return all sets."""
        self._file.close()
        starts = np.concatenate([np.zeros(1, np.int64), *self._sizes]).cumsum()
        if not starts[-1]:
            return WordSets(starts, np.empty(0, np.uint32))
        return WordSets(starts, np.memmap(self._path, np.uint32, "r"))


def numbered(words: pa.Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint32]]:
    """Return the size of each list's set of words, and the sets' sorted numbers end to end."""
    encoded = words.flatten().dictionary_encode()
    known = np.array([crc32(word.encode()) for word in encoded.dictionary.to_pylist()], np.uint64)
    rows = np.repeat(np.arange(len(words)), words.value_lengths().to_numpy(zero_copy_only=False))
    if not len(rows):
        return np.zeros(len(words), np.int64), np.empty(0, np.uint32)
    numbers = known[encoded.indices.to_numpy(zero_copy_only=False)]
    # Sorting takes a twentieth of the time of numpy's ``unique``, which hashes first.
    keys = np.sort(rows.astype(np.uint64) << np.uint64(32) | numbers)
    keys = keys[np.append(True, keys[1:] != keys[:-1])]
    sizes = np.bincount((keys >> np.uint64(32)).astype(np.int64), minlength=len(words))
    return sizes.astype(np.int64), (keys & np.uint64(0xFFFFFFFF)).astype(np.uint32)
