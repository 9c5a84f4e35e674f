"""Finds near-duplicate posts: pictures by a perceptual hash, texts by MinHash.

The posts of a photographer's series share pictures and texts. If they fall on both sides of a
split, a network can answer from memory, so such posts are found and either reported or kept on one
side.

A post is reduced to 8 bytes for its picture and 64 bytes for its text. Only posts that agree in a
part of these bytes are compared (pigeonhole principle for pictures, banding for texts), so that
time grows linearly with the number of posts.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from rensa import RMinHash

from flickr_emotion.datasets.rules.word_sets import WordSets

SIGNATURE_BYTES = 64
"""Bytes of a text's signature: one for each of 64 hash functions."""
PICTURE_BITS = 6
"""Number of bits, of 64, in which hashes of near-duplicate pictures may differ
(docs/datasets.md)."""
TEXT_AGREEMENT = 52
"""Number of bytes, of 64, in which signatures of near-duplicate texts must agree where their words
are not at hand: this stands for a Jaccard index of 0.8."""
MAYBE_NEAR = 38
"""Texts whose signatures agree in so many bytes are compared by their words. Of two texts with a
Jaccard index of 0.8, one pair in 50,000 agrees in fewer."""

Edges = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
"""Pairs of rows: the i-th row of the first array with the i-th row of the second."""

_NONE = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
_SEED = 0
_NUMBERS = struct.Struct(f"<{SIGNATURE_BYTES}I")
# A picture is shrunk to a short side of at least this many pixels before it is hashed: the hash
# uses only 32 x 32 pixels, and box reduction costs a third of what a good filter does.
_HASHED_SIDE = 128
_HASH_BYTES = 8
# pHash shrinks the picture to 32 x 32 pixels and compares the 8 x 8 lowest frequencies of their
# cosine transform with their median, a bit for each.
_SHRUNK = 32
_FREQUENCIES = 8
_MIDDLE = _FREQUENCIES**2 // 2
# Rounding a pixel is an error of 1/12 in variance, which gives a frequency a standard deviation of
# 18.5. A bit that is decided by less than two of them says nothing of the picture.
_ROUNDING = 37
_MOST_ROUNDED_BITS = 32
# In a bucket, each entry is compared with at most this many that follow it, so that time stays
# linear even when a million pictures share a bucket. Few buckets are larger than this.
_PICTURES_COMPARED = 128
_TEXTS_COMPARED = 8
_ROWS_AT_ONCE = 1 << 16
# Texts that may be evaluated on are compared with more candidates: those that agree in one of 21
# bands of 3 bytes, and this many of each bucket.
_BAND_BYTES = 3
_MOST_COMPARED = 64


def picture_hash(picture: Image.Image) -> int | None:
    """Return the perceptual hash (pHash) of a picture, 64 bits; None where it would be chance.

    It hardly changes when the picture is resized, re-encoded, or made darker. In flat pictures
    (fog, an empty slide) half of the bits or more rest on how pixels were rounded: pictures that
    have nothing in common but that they are flat would share them.
    """
    from scipy.fftpack import dct  # slow to import, and only needed where there are pictures

    picture = picture.convert("RGB") if picture.mode not in ("RGB", "L") else picture
    smaller = picture.reduce(max(1, min(picture.size) // _HASHED_SIDE)).convert("L")
    pixels = np.asarray(smaller.resize((_SHRUNK, _SHRUNK), Image.Resampling.LANCZOS))
    lowest = dct(dct(pixels, axis=0), axis=1)[:_FREQUENCIES, :_FREQUENCIES]
    # The median of 64 numbers; numpy's own function takes four times as long to start.
    ordered = np.sort(lowest, axis=None)
    decided_by = lowest - (ordered[_MIDDLE - 1] + ordered[_MIDDLE]) / 2
    if np.count_nonzero(np.abs(decided_by) < _ROUNDING) >= _MOST_ROUNDED_BITS:
        return None
    return int.from_bytes(np.packbits(decided_by > 0).tobytes(), "big")


def text_signature(words: Sequence[str]) -> bytes:
    """Return the MinHash signature of a text's words, 64 bytes.

    The share of bytes in which two signatures agree estimates the Jaccard index of the texts' sets
    of words. Single words and not n-grams: an edited word of ten leaves an index of 0.8, while
    texts that share no more than half of their words stay at a third.
    """
    sketch = RMinHash(num_perm=SIGNATURE_BYTES, seed=_SEED)
    sketch.update(words)
    # The lowest byte of each number.
    return _NUMBERS.pack(*sketch.digest())[::4]


def near_pictures(hashes: npt.NDArray[np.uint64]) -> Edges:
    """Return edges between rows whose hashes are equal or differ in at most ``PICTURE_BITS`` bits.

    ``hashes`` has shape (n,). Six different bits leave at least two of the 8 bytes equal, so two
    hashes within that distance share at least one of the 28 pairs of bytes.
    """
    order = np.argsort(hashes, kind="stable")
    in_order = hashes[order]
    is_first = _is_first(in_order)
    found = _Found(len(hashes))
    found.add(*_to_their_first(order, is_first))
    rows, unique = order[is_first], in_order[is_first]
    parts = unique.astype(">u8").view(np.uint8).reshape(-1, _HASH_BYTES).astype(np.uint16)
    for one in range(_HASH_BYTES):
        for other in range(one):
            keys = parts[:, one] << np.uint16(8) | parts[:, other]
            by_key = np.argsort(keys, kind="stable")
            candidates = unique[by_key]
            for left, right in _neighbours(keys[by_key], _PICTURES_COMPARED):
                distance = np.bitwise_count(candidates[left] ^ candidates[right])
                near = distance <= PICTURE_BITS
                found.add(rows[by_key[left[near]]], rows[by_key[right[near]]])
    return found.edges()


def near_texts(signatures: npt.NDArray[np.uint8], words: WordSets | None = None) -> Edges:
    """Return edges between rows whose texts have a Jaccard index of at least 0.8.

    It is exact with ``words``, else it is judged by the signatures (52 of 64 bytes). ``signatures``
    has shape (n, 64). Signatures that agree in one of 16 bands of 4 bytes form a
    bucket. A bucket is sorted by the following band, so that the most similar signatures are close
    together, and each is compared with the few that follow it. Do not pass posts without text:
    their signatures are all equal.
    """
    whole = np.ascontiguousarray(signatures)
    # One sort key for each row; the factors are odd, so that every bit of the row counts.
    factors = np.random.default_rng(_SEED).integers(1 << 62, size=8, dtype=np.uint64) * 2 + 1
    order = np.argsort(whole.view(np.uint64) @ factors, kind="stable")
    is_first = np.ones(len(whole), dtype=bool)
    for start in range(1, len(whole), _ROWS_AT_ONCE):
        here = order[start : start + _ROWS_AT_ONCE]
        before = order[start - 1 : start - 1 + len(here)]
        is_first[start : start + len(here)] = (whole[here] != whole[before]).any(axis=1)
    found = _Found(len(whole))
    found.add(*_to_their_first(order, is_first))
    rows = np.sort(order[is_first])
    bands = whole.view("<u4")
    for band in range(bands.shape[1]):
        keys = bands[rows, band]
        following = bands[rows, (band + 1) % bands.shape[1]]
        by_key = np.argsort(keys.astype(np.uint64) << np.uint64(32) | following, kind="stable")
        candidates = rows[by_key]
        for left, right in _neighbours(keys[by_key], _TEXTS_COMPARED):
            one, other = found.not_joined(candidates[left], candidates[right])
            near = _are_near(whole, one, other, words)
            found.add(one[near], other[near])
        found.join()
    return found.edges()


def _are_near(
    signatures: npt.NDArray[np.uint8],
    one: npt.NDArray[np.int64],
    other: npt.NDArray[np.int64],
    words: WordSets | None,
) -> npt.NDArray[np.bool_]:
    agreement = (signatures[one] == signatures[other]).sum(axis=1, dtype=np.uint8)
    near: npt.NDArray[np.bool_] = agreement >= (TEXT_AGREEMENT if words is None else MAYBE_NEAR)
    if words is not None:
        near[near] = words.near(one[near], other[near])
    return near


def near_texts_among(
    wanted: npt.NDArray[np.int64],
    others: npt.NDArray[np.int64],
    signatures: npt.NDArray[np.uint8],
    words: WordSets,
) -> Edges:
    """Return an edge from each of the rows ``wanted`` to one near-duplicate text among ``others``.

    Many texts of one template fill a bucket, of which ``near_texts`` compares few. Here every row
    is compared with the others until one is found, which in a template is soon.
    """
    left = wanted
    pairs = [_NONE]
    for band in range(SIGNATURE_BYTES // _BAND_BYTES):
        if not len(left) or not len(others):
            break
        keys = _band(signatures[others], band)
        by_key = np.argsort(keys, kind="stable")
        in_order, candidates = keys[by_key], others[by_key]
        own = _band(signatures[left], band)
        starts = np.searchsorted(in_order, own)
        sizes = np.searchsorted(in_order, own, side="right") - starts
        is_found = np.zeros(len(left), bool)
        # Each row begins elsewhere in its bucket, so that all of it is compared with some.
        shift = left % np.maximum(sizes, 1)
        for step in range(min(_MOST_COMPARED, int(sizes.max(initial=0)))):
            open_ = np.flatnonzero(~is_found & (step < sizes))
            if not len(open_):
                break
            for first in range(0, len(open_), _ROWS_AT_ONCE):
                at = open_[first : first + _ROWS_AT_ONCE]
                other = candidates[starts[at] + (shift[at] + step) % sizes[at]]
                near = _are_near(signatures, left[at], other, words)
                is_found[at[near]] = True
                pairs.append((left[at[near]], other[near]))
        left = left[~is_found]
    return np.concatenate([one for one, _ in pairs]), np.concatenate([two for _, two in pairs])


def _band(signatures: npt.NDArray[np.uint8], band: int) -> npt.NDArray[np.uint32]:
    """Return the bytes of a band as one number."""
    number = np.zeros(len(signatures), np.uint32)
    for place in range(band * _BAND_BYTES, (band + 1) * _BAND_BYTES):
        number = number << np.uint32(8) | signatures[:, place]
    return number


def components(count: int, *edges: Edges) -> npt.NDArray[np.int32]:
    """Return the group number of each of ``count`` rows; edges join rows into groups."""
    from scipy.sparse import coo_array  # slow to import, and not needed to judge posts
    from scipy.sparse.csgraph import connected_components

    one, other = (np.concatenate([part[side] for part in (_NONE, *edges)]) for side in (0, 1))
    graph = coo_array((np.ones(len(one), dtype=bool), (one, other)), shape=(count, count))
    labels: npt.NDArray[np.int32] = connected_components(graph.tocsr(), directed=False)[1]
    return labels


class _Found:
    """Collects edges and drops redundant ones, so that memory stays in proportion to the rows."""

    def __init__(self, count: int) -> None:
        self._groups = np.arange(count, dtype=np.int32)
        self._parts = [_NONE]
        self._held = 0

    def not_joined(self, one: npt.NDArray[np.int64], other: npt.NDArray[np.int64]) -> Edges:
        """Return the pairs that are not known to be in one group: only these need comparing."""
        apart = self._groups[one] != self._groups[other]
        return one[apart], other[apart]

    def add(self, one: npt.NDArray[np.int64], other: npt.NDArray[np.int64]) -> None:
        joining = self.not_joined(one, other)
        self._parts.append(joining)
        self._held += len(joining[0])
        if self._held > 2 * len(self._groups):
            self.join()

    def join(self) -> None:
        """Put the rows that the new edges join into one group."""
        if not self._held:
            return
        self._groups = components(len(self._groups), *self._parts)
        order = np.argsort(self._groups, kind="stable")
        self._parts = [_to_their_first(order, _is_first(self._groups[order]))]
        self._held = 0

    def edges(self) -> Edges:
        return (
            np.concatenate([one for one, _ in self._parts]),
            np.concatenate([other for _, other in self._parts]),
        )


def _is_first(in_order: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return, for sorted values, whether each is the first of its run of equal values."""
    is_first = np.ones(len(in_order), dtype=bool)
    is_first[1:] = in_order[1:] != in_order[:-1]
    return is_first


def _to_their_first(order: npt.NDArray[np.int64], is_first: npt.NDArray[np.bool_]) -> Edges:
    """Return edges between each row and the first row of equal content."""
    firsts = order[is_first][np.cumsum(is_first) - 1]
    return firsts[~is_first], order[~is_first]


def _neighbours(keys: npt.NDArray[np.unsignedinteger], most: int) -> Iterator[Edges]:
    """Yield pairs of positions, 1 to ``most`` apart, at which the sorted keys are equal."""
    for start in range(0, len(keys), _ROWS_AT_ONCE):
        left = np.arange(start, min(start + _ROWS_AT_ONCE, len(keys)))
        for apart in range(1, most + 1):
            left = left[: np.searchsorted(left, len(keys) - apart)]
            left = left[keys[left] == keys[left + apart]]
            if not len(left):
                break
            yield left, left + apart
