"""Finds the posts that a filter takes, and counts them by label, split, subset and licence.

A count beside a value says how many posts a reader would see who chose it: it is taken among the
posts that meet all other conditions. Conditions on texts and tags read these columns from the
shards; the last few results are kept as a bit for each post, so that adding a label to a search
does not read the texts again.
"""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.serve.corrected_posts import CorrectedPosts
from flickr_emotion.serve.filters import Filter
from flickr_emotion.serve.post_index import FACETS, Mask, Numbers, numbers_of, read_index
from flickr_emotion.serve.shard_reader import ShardReader
from flickr_emotion.serve.suspected_posts import SuspectedPosts

if TYPE_CHECKING:
    from flickr_emotion.serve.near_posts import NearPosts

Bits = npt.NDArray[np.uint8]
SEARCHED = ("text", "tags")
"""The columns that are searched."""
_SEARCHES_KEPT = 32


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a filter takes."""

    posts: Numbers
    """Their numbers, in the order of the splits and shards; suspects the worst first."""
    counts: dict[str, dict[str, int]]
    """By facet and value, how many posts there would be with this value."""


class Explorer:
    """A data set that readers look through; can be used by several threads."""

    def __init__(
        self,
        dataset: Dataset,
        corrections: CorrectedPosts,
        suspects: SuspectedPosts | None = None,
    ) -> None:
        """Read what posts are filtered by; raises ``DatasetError``."""
        self.dataset = dataset
        self.corrections = corrections
        self.suspects = suspects
        self.index = read_index(dataset)
        self.reader = ShardReader(dataset)
        self._searches: OrderedDict[tuple[str, str], Bits] = OrderedDict()
        self._near: NearPosts | None = None
        self._finding_near = threading.Lock()
        self._searching = threading.Lock()

    def near_posts(self) -> "NearPosts":
        """Return the posts that are nearly the same; the first call takes a while."""
        from flickr_emotion.serve.near_posts import find_near_posts  # SciPy takes a second

        with self._finding_near:
            if self._near is None:
                self._near = find_near_posts(self.dataset, self.index, self.reader)
            return self._near

    def find(self, wanted: Filter) -> Found:
        """Return the posts that a filter takes; raises ``DamagedDatasetError``."""
        base = self._others(wanted)
        chosen = {
            facet: self.index.facets[facet].where(value)
            for facet in FACETS
            if (value := getattr(wanted, facet))
        }
        counts = {}
        for facet in FACETS:
            among = base
            for other, mask in chosen.items():
                if other != facet:
                    among = among & mask
            counts[facet] = self.index.facets[facet].counts(among)
        taken = base
        for mask in chosen.values():
            taken = taken & mask
        posts: Numbers = np.flatnonzero(taken)
        if wanted.suspects and self.suspects is not None:
            posts = self.suspects.worst_first(posts, self.index)
        return Found(posts=posts, counts=counts)

    def _others(self, wanted: Filter) -> Mask:
        """Return which posts meet all conditions but those on facets."""
        taken = self.index.everyone
        if words := wanted.words.split():
            taken = taken & self._searched("text", words)
        if wanted.tag:
            taken = taken & self._searched("tags", [wanted.tag])
        if wanted.owner:
            taken = taken & self.index.owners.where(wanted.owner)
        if wanted.suspects and self.suspects is not None:
            taken = taken & self.index.posts_of(self.suspects.photo_ids())
        if wanted.corrected:
            taken = taken & self.index.posts_of(self.corrections.photo_ids())
        if wanted.near:
            taken = taken & self.near_posts().any()
        if wanted.like is not None and wanted.like < len(self.index):
            taken = taken & self.near_posts().like(wanted.like)
        return taken

    def _searched(self, column: str, values: list[str]) -> Mask:
        """Return which posts hold all of these words, or tags."""
        with self._searching:
            new = [it for it in dict.fromkeys(values) if (column, it) not in self._searches]
            matches = [(_with_word if column == "text" else _with_tag)(it) for it in new]
            found = np.zeros((len(new), len(self.index)), bool)
            if new:
                for first, content in self.reader.columns(column):
                    for mask, match in zip(found, matches, strict=True):
                        mask[first + match(content)] = True
            self._searches |= {
                (column, it): np.packbits(mask) for it, mask in zip(new, found, strict=True)
            }
            taken = self.index.everyone
            for value in values:
                self._searches.move_to_end((column, value))
                bits = self._searches[column, value]
                taken = taken & np.unpackbits(bits, count=len(self.index)).astype(bool)
            while len(self._searches) > _SEARCHES_KEPT:
                self._searches.popitem(last=False)
            return taken


def _with_word(word: str) -> Callable[[pa.Array], Numbers]:
    """Return a function that says which texts hold a word, in any case."""
    # RE2 knows the edges of words of ASCII letters, ten times as fast as those of any letters.
    edges = r"\b", r"\b"
    if not (word[0].isascii() and word[-1].isascii()):
        edges = r"(?:^|[^\pL\pN])", r"(?:$|[^\pL\pN])"
    elif not (word[0].isalnum() and word[-1].isalnum()):
        edges = "", ""
    whole = f"{edges[0]}{re.escape(word)}{edges[1]}"

    def matches(texts: pa.Array) -> Numbers:
        # Few texts hold the letters at all, and these are found several times as fast.
        near = pc.indices_nonzero(pc.match_substring(texts, word, ignore_case=True))
        found = pc.match_substring_regex(texts.take(near), whole, ignore_case=True)
        return numbers_of(near.filter(found))

    return matches


def _with_tag(tag: str) -> Callable[[pa.Array], Numbers]:
    """Return a function that says which lists of tags hold this one."""
    # A comparison with a value would load pandas, as `numbers_of` says.
    whole = rf"\A{re.escape(tag)}\z"

    def matches(tags: pa.Array) -> Numbers:
        found = pc.match_substring_regex(pc.list_flatten(tags), whole)
        return numbers_of(pc.list_parent_indices(tags).filter(found))

    return matches
