"""The rules that each row of a manifest keeps to, checked a batch at a time.

A manifest decides what a crawl asks for and where a post goes, and it comes from others. Arrow
checks a column at once; one that breaks a rule is looked at again for the row to name.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flickr_emotion.common.modalities import MODALITIES, subset_name
from flickr_emotion.common.split_names import SPLITS

URL_BEGINNING = "https://live.staticflickr.com/"

_LONGEST_VALUE = 400  # bytes: a class of 100 characters of four bytes
_PHOTO_ID = r"\A[1-9][0-9]{0,18}\z"
_SERVER = r"\A[0-9]{1,9}\z"
_FARM = r"\A[0-9]{1,3}\z"
_SECRET = r"\A[0-9a-f]{6,20}\z"
_PAIR = r"\A[^\pC\pZ]{1,100}\z"
_MOST_VOTES = 10_000
_LARGEST_SENTIMENT = 2.0
# The subset at the place whose bits say which modalities are there; none at 0.
SUBSETS_BY_BITS = pa.array(
    [None]
    + [
        subset_name(name for bit, name in enumerate(MODALITIES) if number >> bit & 1)
        for number in range(1, 2 ** len(MODALITIES))
    ]
)


class BrokenRowError(Exception):
    """The rows break a rule: which row, its photo id, and what is wrong."""


class RowRules:
    """Checks the batches of one manifest, in their order."""

    def __init__(self, *, classes: tuple[str, ...], kind: str, with_urls: bool) -> None:
        """Begin before the first row."""
        self._classes = pa.array(classes, pa.string())
        self._kind = kind
        self._with_urls = with_urls
        self.rows = 0
        """Rows that were checked so far."""
        self._last_id = 0

    def checked(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the next batch with all columns unfolded; raises ``BrokenRowError``."""
        for number, field in enumerate(batch.schema):
            if pa.types.is_dictionary(field.type):
                batch = batch.set_column(number, field.name, _unfolded(batch, field.name))
        # Arrow takes strings from a file as they are; the rules are for text.
        batch.validate(full=True)
        for good, wrong in self._verdicts(batch):
            if (row := pc.index(pc.fill_null(good, False), False).as_py()) >= 0:
                photo_id = _shown(batch, "photo_id", row)
                raise BrokenRowError(f"row {self.rows + row + 1}, photo {photo_id}: {wrong(row)}")
        self.rows += batch.num_rows
        return batch

    def _verdicts(self, batch: pa.RecordBatch) -> Iterator[tuple[pa.Array, "_Wrong"]]:
        def matches(name: str, pattern: str, what: str) -> tuple[pa.Array, _Wrong]:
            column = batch[name]
            good = pc.match_substring_regex(column, pattern)
            return pc.or_kleene(good, column.is_null()), _Wrong(batch, name, what)

        photo_ids = batch["photo_id"]
        yield (
            pc.match_substring_regex(photo_ids, _PHOTO_ID),
            _Wrong(batch, "photo_id", "is not 1 to 19 digits without a zero before them"),
        )
        yield (
            self._in_order(photo_ids),
            _Wrong(batch, "photo_id", "is there twice, or not in the order of numbers"),
        )
        yield matches("server", _SERVER, "is not 1 to 9 digits")
        yield matches("farm", _FARM, "is not 1 to 3 digits")
        yield matches("secret", _SECRET, "is not 6 to 20 lower-case hexadecimal digits")
        yield (
            pc.is_in(batch["label"], value_set=self._classes),
            _Wrong(batch, "label", "is none of the classes"),
        )
        yield self._evidence(batch, "votes", 0, _MOST_VOTES)
        yield self._evidence(batch, "sentiment", -_LARGEST_SENTIMENT, _LARGEST_SENTIMENT)
        yield matches("pair", _PAIR, "is not 1 to 100 printable characters without a space")
        if self._kind != "sentiment":
            yield batch["pair"].is_null(), _Wrong(batch, "pair", "is for lists of pairs only")
        yield (
            pc.is_in(batch["split"], value_set=pa.array(SPLITS)),
            _Wrong(batch, "split", f"is none of {', '.join(SPLITS)}"),
        )
        yield (
            pc.equal(batch["modalities"], _subsets(batch)),
            _Wrong(batch, "modalities", "is not what the row has digests of"),
        )
        if self._with_urls:
            expected = picture_urls(batch)
            good = pc.if_else(
                expected.is_null(), batch["url"].is_null(), pc.equal(batch["url"], expected)
            )
            yield good, _Wrong(batch, "url", "is not that of the row's photo on Flickr's host")

    def _in_order(self, photo_ids: pa.Array) -> pa.Array:
        numbers = photo_numbers(photo_ids)
        before = np.concatenate((np.array([self._last_id], np.uint64), numbers[:-1]))
        if len(numbers):
            self._last_id = int(numbers[-1])
        return pa.array(numbers > before)

    def _evidence(
        self, batch: pa.RecordBatch, name: str, least: float, largest: float
    ) -> tuple[pa.Array, "_Wrong"]:
        """Votes stand in manifests of votes and nowhere else, and so do sentiments."""
        column = batch[name]
        if self._kind != name:
            return column.is_null(), _Wrong(batch, name, f"is not for labels from {self._kind}")
        # A comparison with what is not a number is false.
        good = pc.and_(
            pc.greater_equal(column, pa.scalar(least, column.type)),
            pc.less_equal(column, pa.scalar(largest, column.type)),
        )
        return good, _Wrong(batch, name, f"is not from {least} to {largest}")


def _unfolded(batch: pa.RecordBatch, name: str) -> pa.Array:
    """Return a column of strings that was read as a dictionary, unless that would take too much."""
    column = batch[name]
    if (pc.max(pc.binary_length(column.dictionary)).as_py() or 0) > _LONGEST_VALUE:
        raise BrokenRowError(f"column {name} holds a value of more than {_LONGEST_VALUE} bytes")
    return column.cast(pa.string())


class _Wrong:
    """What is wrong in a row of a column, put in words only if it is."""

    def __init__(self, batch: pa.RecordBatch, name: str, what: str) -> None:
        self._batch, self._name, self._what = batch, name, what

    def __call__(self, row: int) -> str:
        return f"{self._name} {_shown(self._batch, self._name, row)} {self._what}"


def photo_numbers(photo_ids: pa.Array) -> "np.ndarray[tuple[int], np.dtype[np.uint64]]":
    """Return photo ids, 19 digits at most, as the numbers by which manifests are sorted."""
    numbers: np.ndarray[tuple[int], np.dtype[np.uint64]] = photo_ids.cast(pa.uint64()).to_numpy()
    return numbers


def picture_urls(batch: pa.RecordBatch) -> pa.Array:
    """Return where Flickr has each row's picture; null where server or secret is not known."""
    places = pc.binary_join_element_wise(URL_BEGINNING, batch["server"], "")
    names = pc.binary_join_element_wise(batch["photo_id"], batch["secret"], "_")
    stems = pc.binary_join_element_wise(places, names, "/")
    return pc.binary_join_element_wise(stems, ".jpg", "")


def _subsets(batch: pa.RecordBatch) -> pa.Array:
    numbers = np.zeros(batch.num_rows, np.int8)
    for bit, modality in enumerate(MODALITIES):
        there = batch[f"{modality}_sha256"].is_valid().to_numpy(zero_copy_only=False)
        numbers += there.astype(np.int8) << bit
    return SUBSETS_BY_BITS.take(pa.array(numbers))


def _shown(batch: pa.RecordBatch, name: str, row: int) -> str:
    value = batch[name][row].as_py()
    if value is None:
        return "(none)"
    shown = ascii(value) if isinstance(value, str) else str(value)
    return shown if len(shown) <= 60 else f"{shown[:60]}..."
