"""Which tags a label's posts have most often, and which tell it from the others.

The counts are a table of labels by a bounded number of tags, filled batch by batch.
"""

from collections import Counter
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_TOP_TAGS = 10
# A label's telling tags are beyond chance: were no tag to tell anything, one would stand there once
# in 20 times, however many tags there are.
_CHANCE = 0.05


class TagCounts:
    """Counts the training posts of each label that have each of some tags."""

    def __init__(self, tags: list[str]) -> None:
        """Start with nothing; tags that are not among ``tags`` are not counted."""
        self._tags = pa.array(tags, pa.string())
        self._counts: dict[str, npt.NDArray[np.int64]] = {}
        self._posts: Counter[str] = Counter()

    def add(self, labels: list[str], tags: pa.ChunkedArray) -> None:
        """Count posts: a label and a list of tags each."""
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
        """Return the tags that most posts of a label have."""
        counts = self._of(label)
        return self._named(np.argsort(-counts, kind="stable"), counts)

    def telling(self, label: str) -> list[tuple[str, int]]:
        """Return the tags that speak most for a label and against the others.

        They are ranked by the logarithm of the odds ratio (the odds that a post of the label has
        the tag, over the odds that another post has it; half a post added to each count) divided by
        its standard error, so that a tag of three posts does not outdo one of three hundred.
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
