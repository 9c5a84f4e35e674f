"""Gathers in one pass what a researcher wants to know about a data set before training on it.

Counts by split, label and subset (the paper's Figure 3), lengths of texts, tags by label, leakage,
exclusions, and samples. Only the needed columns are read, in batches: memory depends on the
vocabulary and not on the number of posts, and pictures are read only for samples.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count as count_from
from pathlib import Path
from typing import Any

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.common.split_names import SPLITS, TRAIN
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.reading import Dataset, open_dataset
from flickr_emotion.datasets.inspect.samples import COLUMNS, Sample, sample_of
from flickr_emotion.datasets.inspect.tag_counts import TagCounts
from flickr_emotion.datasets.rules.text import words
from flickr_emotion.datasets.rules.verdicts import texts_in_words

# Only this many of the most frequent training tags are counted by label, which bounds the table.
_MOST_TAGS = 20_000
_SAMPLES_PER_LABEL = 6
_MOST_SAMPLES = 96


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """The figures and samples of a data set."""

    dataset: Dataset
    by_label: dict[str, dict[str, int]]
    """Posts by label and split."""
    by_subset: dict[str, dict[str, int]]
    """Posts by subset and split, in the order of ``SUBSETS``."""
    label_subsets: dict[str, dict[str, int]]
    """Posts of all splits by label and subset."""
    text_lengths: Counter[int]
    """Texts of all splits by their number of words."""
    frequent_tags: dict[str, list[tuple[str, int]]]
    """By label: its most frequent tags, with the number of its training posts that have them."""
    telling_tags: dict[str, list[tuple[str, int]]]
    """By label: its distinctive tags (``TagCounts.telling``), with the number of its training posts
    that have them."""
    samples: list[Sample]
    """The first training posts of each label; they are a random sample, because shards are in the
    order of a digest."""

    def text_length(self, quantile: float) -> int:
        """Return a quantile (0 to 1) of the number of words in a text; there must be a text."""
        wanted = max(1, math.ceil(quantile * self.text_lengths.total()))
        seen = 0
        lengths = sorted(self.text_lengths)
        for length in lengths:
            seen += self.text_lengths[length]
            if seen >= wanted:
                return length
        return lengths[-1]

    def text_bins(self) -> list[tuple[int, int, int]]:
        """Return at most 15 equal bins: first and last number of words, and number of texts."""
        longest = max(self.text_lengths, default=0)
        width = next(size for size in _bin_sizes() if longest < 15 * size)
        counts: Counter[int] = Counter()
        for length, count in self.text_lengths.items():
            counts[length // width] += count
        return [
            (number * width, (number + 1) * width - 1, counts[number])
            for number in range(longest // width + 1)
            if counts
        ]

    def leakage(self) -> dict[str, str]:
        """Return the figures on leakage in ``dataset.json``, by name."""
        return dict(_flat(self.dataset.described.get("leakage") or {}))

    def texts(self) -> str | None:
        """Return how many texts the build kept and dropped, and why; None if it is not known."""
        told = self.dataset.described.get("texts") or {}
        counts = {name: count for name, count in told.items() if type(count) is int}
        return texts_in_words(counts) if counts else None


def inspect_dataset(folder: Path) -> Inspection:
    """Gather the figures and samples of a data set.

    Raises ``DatasetError`` if the folder is not a data set or is damaged.

    >>> from pathlib import Path
    >>> from flickr_emotion import inspect_dataset
    >>> inspect_dataset(Path("dataset")).dataset.kind
    'votes'
    """
    dataset = open_dataset(folder)
    places: Counter[tuple[str, str, str]] = Counter()
    lengths: Counter[int] = Counter()
    tags = TagCounts(list(dataset.vocabulary().tags)[:_MOST_TAGS])
    samples: dict[str, list[Sample]] = defaultdict(list)
    each = max(1, min(_SAMPLES_PER_LABEL, _MOST_SAMPLES // max(1, len(dataset.classes))))
    for split in SPLITS:
        first = 0
        for table in dataset.tables(split, COLUMNS):
            labels = table["label"].to_pylist()
            subsets = table["modalities"].to_pylist()
            places.update((split, *place) for place in zip(labels, subsets, strict=True))
            texts = table["text"].to_pylist()
            lengths.update(len(words(text)) for text in texts if text is not None)
            if split == TRAIN:
                tags.add(labels, table["tags"])
                for row, label in enumerate(labels):
                    if len(samples[label]) < each:
                        samples[label].append(sample_of(table, row, first))
            first += len(labels)
    by_label = {label: dict.fromkeys(SPLITS, 0) for label in dataset.classes}
    by_subset = {subset: dict.fromkeys(SPLITS, 0) for subset in SUBSETS}
    label_subsets = {label: dict.fromkeys(SUBSETS, 0) for label in dataset.classes}
    for (split, label, subset), count in places.items():
        if label not in by_label or subset not in by_subset:
            raise DatasetError(
                f"{folder / 'data'} holds a post of {split} with label {label!r} and modalities "
                f"{subset!r}, which dataset.json does not name: build the splits again"
            )
        by_label[label][split] += count
        by_subset[subset][split] += count
        label_subsets[label][subset] += count
    chosen = [sample for label in dataset.classes for sample in samples[label]][:_MOST_SAMPLES]
    return Inspection(
        dataset=dataset,
        by_label=by_label,
        by_subset=by_subset,
        label_subsets=label_subsets,
        text_lengths=lengths,
        frequent_tags={label: tags.frequent(label) for label in dataset.classes},
        telling_tags={label: tags.telling(label) for label in dataset.classes},
        samples=chosen,
    )


def _bin_sizes() -> Iterator[int]:
    for power in count_from(0):
        yield from (10**power, 2 * 10**power, 5 * 10**power)


def _flat(figures: Mapping[str, Any], above: str = "") -> list[tuple[str, str]]:
    lines = []
    for name, value in figures.items():
        if isinstance(value, Mapping):
            lines += _flat(value, f"{above}{name}, ")
        else:
            shown = f"{value:.4g}" if isinstance(value, float) else str(value)
            shown = "not known" if value is None else shown
            lines.append((f"{above}{name}", shown))
    return lines
