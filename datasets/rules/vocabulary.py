"""The vocabulary: words and tags of the training split with their counts.

The paper, section 4.1: words and tags that appear fewer than five times in the training set become
``<UNK>``. ``vocabulary.json`` keeps all counts; its readers apply ``min_count``.
"""

from collections import Counter
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc


class VocabularyCounter:
    """Counts the words and tags of the posts that it is given."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._words: Counter[str] = Counter()
        self._tags: Counter[str] = Counter()

    def add(self, words: pa.ChunkedArray, tags: pa.ChunkedArray) -> None:
        """Count training posts: each has a list of words and a list of tags, null where absent."""
        for lists, counter in ((words, self._words), (tags, self._tags)):
            counted = pc.value_counts(pc.list_flatten(lists))
            values, counts = counted.field("values"), counted.field("counts")
            for value, count in zip(values.to_pylist(), counts.to_pylist(), strict=True):
                counter[value] += count

    def content(self, min_count: int) -> dict[str, object]:
        """Return the content of ``vocabulary.json``: most frequent first, ties alphabetically."""
        return {"min_count": min_count, **self.counts()}

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the counts of ``words`` and ``tags``, ordered in the same way."""
        return {"words": _ordered(self._words), "tags": _ordered(self._tags)}


def counts_without(counts: Mapping[str, int], gone: Mapping[str, int]) -> dict[str, int]:
    """Return counts from which others are taken; what is left with none goes."""
    left = Counter({name: count - gone.get(name, 0) for name, count in counts.items()})
    return _ordered(+left)


def _ordered(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
