"""The rules for the rows of a manifest, checked a batch at a time.

A manifest decides what a crawl requests and into which split a post goes, and it is untrusted.
Arrow checks a whole column at once; only if a rule is broken, the row is searched for the message.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flickr_emotion.common.modalities import MODALITIES, subset_name
from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.harvest.manifests.distribution_column import DISTRIBUTION, are_shares

URL_BEGINNING = "https://live.staticflickr.com/"

_LONGEST_VALUE = 400  # Bytes: a class name of 100 characters of four bytes each.
_PHOTO_ID = r"\A[1-9][0-9]{0,18}\z"
_SERVER = r"\A[0-9]{1,9}\z"
_FARM = r"\A[0-9]{1,3}\z"
_SECRET = r"\A[0-9a-f]{6,20}\z"
_PAIR = r"\A[^\pC\pZ]{1,100}\z"
_MOST_VOTES = 10_000
_LARGEST_SENTIMENT = 2.0
# The name of each subset at the index whose bits are its modalities; None at 0.
SUBSETS_BY_BITS = pa.array(
    [None]
    + [
        subset_name(name for bit, name in enumerate(MODALITIES) if number >> bit & 1)
        for number in range(1, 2 ** len(MODALITIES))
    ]
)


class BrokenRowError(Exception):
    """Says which row breaks a rule, its photo id, and what is wrong."""


class RowRules:
    """Checks the batches of one manifest, in their order."""

    def __init__(self, *, classes: tuple[str, ...], kind: str, with_urls: bool) -> None:
        """Start before the first row."""
        self._classes = pa.array(classes, pa.string())
        self._kind = kind
        self._with_urls = with_urls
        self.rows = 0
        """Number of rows that were checked so far."""
        self._last_id = 0

    def checked(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the next batch with all dictionaries expanded; raises ``BrokenRowError``."""
        for number, field in enumerate(batch.schema):
            if pa.types.is_dictionary(field.type):
                batch = batch.set_column(number, field.name, _unfolded(batch, field.name))
        # Arrow does not validate the UTF-8 of strings in a file, but the rules assume text.
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
            _Wrong(batch, "photo_id", "is not 1 to 19 digits without a leading zero"),
        )
        yield (
            self._in_order(photo_ids),
            _Wrong(batch, "photo_id", "is a duplicate or not in numeric order"),
        )
        yield matches("server", _SERVER, "is not 1 to 9 digits")
        yield matches("farm", _FARM, "is not 1 to 3 digits")
        yield matches("secret", _SECRET, "is not 6 to 20 lower-case hexadecimal digits")
        yield (
            pc.is_in(batch["label"], value_set=self._classes),
            _Wrong(batch, "label", "is not one of the classes"),
        )
        yield self._evidence(batch, "votes", 0, _MOST_VOTES)
        yield self._evidence(batch, "sentiment", -_LARGEST_SENTIMENT, _LARGEST_SENTIMENT)
        yield matches("pair", _PAIR, "is not 1 to 100 printable characters without a space")
        if self._kind != "sentiment":
            yield batch["pair"].is_null(), _Wrong(batch, "pair", "is for lists of pairs only")
        yield (
            pc.is_in(batch["split"], value_set=pa.array(SPLITS)),
            _Wrong(batch, "split", f"is not one of {', '.join(SPLITS)}"),
        )
        yield (
            pc.equal(batch["modalities"], _subsets(batch)),
            _Wrong(batch, "modalities", "does not match the digests of the row"),
        )
        if DISTRIBUTION in batch.schema.names:
            yield (
                are_shares(batch[DISTRIBUTION]),
                _Wrong(batch, DISTRIBUTION, "is not shares from 0 to 1 whose sum is 1"),
            )
        if self._with_urls:
            expected = picture_urls(batch)
            good = pc.if_else(
                expected.is_null(), batch["url"].is_null(), pc.equal(batch["url"], expected)
            )
            yield good, _Wrong(batch, "url", "is not the URL of the row's photo on Flickr")

    def _in_order(self, photo_ids: pa.Array) -> pa.Array:
        numbers = photo_numbers(photo_ids)
        before = np.concatenate((np.array([self._last_id], np.uint64), numbers[:-1]))
        if len(numbers):
            self._last_id = int(numbers[-1])
        return pa.array(numbers > before)

    def _evidence(
        self, batch: pa.RecordBatch, name: str, least: float, largest: float
    ) -> tuple[pa.Array, "_Wrong"]:
        """Check votes or sentiments; each may only occur in a manifest of its kind.

        Labels of other lists may have votes.
        """
        column = batch[name]
        optional = (self._kind, name) == ("labels", "votes")
        if self._kind != name and not optional:
            return column.is_null(), _Wrong(batch, name, f"is not for labels from {self._kind}")
        # A comparison with NaN is false.
        good = pc.and_(
            pc.greater_equal(column, pa.scalar(least, column.type)),
            pc.less_equal(column, pa.scalar(largest, column.type)),
        )
        if optional:
            good = pc.or_kleene(good, column.is_null())
        return good, _Wrong(batch, name, f"is not from {least} to {largest}")


def _unfolded(batch: pa.RecordBatch, name: str) -> pa.Array:
    """Return a column of strings that was read as a dictionary; refuse values that are too long."""
    column = batch[name]
    if (pc.max(pc.binary_length(column.dictionary)).as_py() or 0) > _LONGEST_VALUE:
        raise BrokenRowError(f"column {name} has a value of more than {_LONGEST_VALUE} bytes")
    return column.cast(pa.string())


class _Wrong:
    """The message for a broken rule, which is only composed when needed."""

    def __init__(self, batch: pa.RecordBatch, name: str, what: str) -> None:
        self._batch, self._name, self._what = batch, name, what

    def __call__(self, row: int) -> str:
        return f"{self._name} {_shown(self._batch, self._name, row)} {self._what}"


def photo_numbers(photo_ids: pa.Array) -> "np.ndarray[tuple[int], np.dtype[np.uint64]]":
    """Return photo ids of at most 19 digits as numbers, by which manifests are sorted."""
    numbers: np.ndarray[tuple[int], np.dtype[np.uint64]] = photo_ids.cast(pa.uint64()).to_numpy()
    return numbers


def picture_urls(batch: pa.RecordBatch) -> pa.Array:
    """Return the URL of each row's picture on Flickr; null without a server or secret."""
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
