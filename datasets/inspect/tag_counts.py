"""Finds the most frequent tags of each label, and its distinctive tags.

The counts are a table of labels by a bounded number of tags, filled batch by batch.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_TOP_TAGS = 10
# Family-wise error rate of a label's distinctive tags: if tags did not depend on labels, any tag
# would be listed with this probability, however many tags there are.
_CHANCE = 0.05


class TagCounts:
    """Counts the training posts by label and tag."""

    def __init__(self, tags: list[str]) -> None:
        """Start with no posts; only the given tags are counted."""
        self._tags = pa.array(tags, pa.string())
        self._counts: dict[str, npt.NDArray[np.int64]] = {}
        self._posts: Counter[str] = Counter()

    def add(self, labels: list[str], tags: pa.ChunkedArray) -> None:
        """Count posts: each has a label and a list of tags."""
        self._posts.update(labels)
        owner = pc.list_parent_indices(tags).to_numpy()
        index = pc.index_in(pc.list_flatten(tags), value_set=self._tags)
        known = index.is_valid().to_numpy()
        index = index.fill_null(0).to_numpy()[known]
        names, label_of = np.unique(np.array(labels, dtype=object), return_inverse=True)
        label_of = label_of[owner[known]]
        for number, name in enumerate(names):
            counts = np.bincount(index[label_of == number], minlength=len(self._tags))
            self._counts[name] = self._counts.get(name, 0) + counts

    def frequent(self, label: str) -> list[tuple[str, int]]:
        """Return the most frequent tags of a label, with its number of posts that have them."""
        counts = self._of(label)
        return self._named(np.argsort(-counts, kind="stable"), counts)

    def telling(self, label: str) -> list[tuple[str, int]]:
        """Return the distinctive tags of a label, with its number of posts that have them.

        They are ranked by the logarithm of the odds ratio (the odds that a post of the label has
        the tag, over the odds that another post has it; half a post added to each count) divided by
        its standard error, so that a tag of three posts is not ranked above one of three hundred.
        """
        here = self._of(label)
        if self._posts.total() == self._posts[label]:
            return []
        others = sum((self._of(name) for name in self._posts if name != label), np.zeros_like(here))
        with_tag, without = here + 0.5, self._posts[label] - here + 0.5
        elsewhere = others + 0.5
        absent = self._posts.total() - self._posts[label] - others + 0.5
        log_odds = np.log(with_tag / without) - np.log(elsewhere / absent)
        z = log_odds / np.sqrt(1 / with_tag + 1 / without + 1 / elsewhere + 1 / absent)
        order = np.argsort(-z, kind="stable")
        least = NormalDist().inv_cdf(1 - _CHANCE / (len(z) + 1))
        return self._named(order[z[order] > least], here)

    def _of(self, label: str) -> npt.NDArray[np.int64]:
        return self._counts.get(label, np.zeros(len(self._tags), dtype=np.int64))

    def _named(
        self, order: npt.NDArray[np.intp], counts: npt.NDArray[np.int64]
    ) -> list[tuple[str, int]]:
        return [
            (self._tags[int(place)].as_py(), int(counts[place]))
            for place in order[:_TOP_TAGS]
            if counts[place]
        ]


def tags_in_words(tags: Mapping[str, list[tuple[str, int]]]) -> Iterator[tuple[str, str]]:
    """Yield each label with its tags and their numbers of posts as one text."""
    for label, counted in tags.items():
        yield label, ", ".join(f"{tag} {count}" for tag, count in counted) or "none"
