"""VSO at scale: every pair of the published lists with all its search results, never materialised.

A crawl planner needs realistic listings to be judged on: a few wanted photos, scattered by date
among up to a million others, some of them gone, some no longer found under their pair. This corpus
provides such listings for any VSO lists. It is a function of the lists and a seed; only the listed
photos are in memory.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from math import exp
from pathlib import Path
from statistics import NormalDist

from flickr_emotion.harvest.sandbox.posts import Post, derived
from flickr_emotion.harvest.sandbox.vso.ids import LAST_OF_LISTS, Calendar, Endings, ending_length
from flickr_emotion.harvest.sandbox.vso.listed import Listed
from flickr_emotion.harvest.sandbox.vso.posts import Posts
from flickr_emotion.harvest.sandbox.vso.search import VsoIndex
from flickr_emotion.harvest.sandbox.vso.streams import (
    LISTED,
    Entry,
    Fillers,
    Stream,
    TaggedFillers,
    ids_needed,
)

_UNEVENNESS = 0.5  # For a pair's fillers; those of an owner are spread evenly.
_MEDIAN_PHOTOS, _SPREAD = 300, 1.4  # Photos of an owner: log-normal, like activity on the web.
_FEWEST, _MOST = 30, 30_000
_ACTIVE = 1_000_000_000  # Ids of an owner before and after the listed ones: about a year.
_NORMAL = NormalDist()


def vso_corpus(path: Path, *, seed: int = 0) -> "VsoCorpus":
    """Return the virtual corpus of VSO's lists in the folder `path`, with its `3244ANPs.txt`.

    Raises ``HarvestError`` if it has no such lists, or one that is unreadable or invalid.
    """
    return VsoCorpus(Listed(path, seed), seed)


class VsoCorpus:
    """The posts that VSO's lists name, and the fillers around them.

    Pairs and owners are identified by numbers. Every pair and every owner has a stream of posts;
    streams of pairs are numbered before those of owners.
    """

    def __init__(self, listed: Listed, seed: int) -> None:
        self.listed = listed
        self._seed = seed
        self._calendar = Calendar(seed)
        self._posts = Posts(listed, self._calendar, seed)
        self._counts = array("q")  # Number of fillers, by stream.
        self._bounds = array("Q")  # Two for each stream.
        self._lengths = array("b")
        for pair, count in enumerate(listed.counts):
            there = sum(self._matches(place, tagged=False) for place in listed.of_pair(pair))
            self._add_stream(max(count - there, 0), 1, LAST_OF_LISTS, _UNEVENNESS)
        for owner in range(len(listed.owners)):
            self._add_owner(owner)
        self._endings = Endings(self._lengths)
        self._fillers = lru_cache(maxsize=4096)(self._made_fillers)
        self._sorted_listed = lru_cache(maxsize=1024)(self._listed_of_pair)
        self._index = VsoIndex(self, self._posts, seed)

    def _add_stream(self, count: int, first: int, last: int, unevenness: float) -> None:
        self._counts.append(count)
        self._bounds.extend((first, last))
        self._lengths.append(ending_length(first, last, ids_needed(count, unevenness)))

    def _add_owner(self, owner: int) -> None:
        places = self.listed.of_owner(owner)
        there = sum(map(self._lives, places))
        chance = derived("owner", self._seed, self.listed.owners[owner])
        drawn = _MEDIAN_PHOTOS * exp(_SPREAD * _NORMAL.inv_cdf((chance % 9_999 + 1) / 10_001))
        photos = max(min(round(drawn), _MOST), _FEWEST, 2 * len(places))
        oldest, newest = self.listed.numbers[places[0]], self.listed.numbers[places[-1]]
        last = min(newest + _ACTIVE + (chance >> 32) % _ACTIVE, max(LAST_OF_LISTS, newest))
        first = min(oldest - (chance >> 16) % _ACTIVE, last - _ACTIVE)
        self._add_stream(photos - there, max(first, 1), last, 0.0)

    @property
    def index(self) -> VsoIndex:
        """The index of posts by pair and by owner."""
        return self._index

    def get(self, photo_id: str) -> Post | None:
        """Return the post with this id, or None."""
        if not (photo_id.isascii() and photo_id.isdigit() and len(photo_id) <= 11):
            return None
        number = int(photo_id)
        if str(number) != photo_id:
            return None
        if number in self.listed:
            return self.post(0, (0, number, LISTED))
        stream = self._endings.stream(number)
        if stream is None:
            return None
        fillers = self._fillers(stream)
        place = fillers.place(number)
        return None if place is None else self.post(stream, fillers[place])

    def post(self, stream: int, entry: Entry) -> Post:
        """Return the post of an entry of a stream."""
        _, number, filler = entry
        if filler == LISTED:
            return self._posts.listed(self.listed.place(number))
        pairs = len(self.listed.pairs)
        if stream >= pairs:
            return self._posts.of_owner(stream - pairs, entry)
        return self._posts.of_pair(stream, entry, tagged=self._fillers(stream).tagged(filler))

    def stream_of_owner(self, owner: int) -> int:
        """Return the number of an owner's stream; a pair's stream has the pair's number."""
        return len(self.listed.pairs) + owner

    def of_pair(self, pair: int, *, tagged: bool) -> Stream:
        """Return the results of a search for a pair's words, as text or as tags."""
        fillers = self._fillers(pair)
        return Stream(
            self._sorted_listed(pair, tagged), TaggedFillers(fillers) if tagged else fillers
        )

    def of_owner(self, owner: int) -> Stream:
        """Return all public photos of an owner."""
        there = filter(self._lives, self.listed.of_owner(owner))
        return Stream(self._entries(there), self._fillers(self.stream_of_owner(owner)))

    def of_owner_and_pair(self, owner: int, pair: int, *, tagged: bool) -> Stream:
        """Return the photos of an owner that a search for a pair finds."""
        own = (
            place for place in self.listed.of_owner(owner) if pair in self.listed.pairs_of(place)
        )
        return Stream(self._entries(place for place in own if self._matches(place, tagged)))

    def _lives(self, place: int) -> bool:
        return self.listed.status(place) == "ok"

    def _matches(self, place: int, tagged: bool) -> bool:
        """Whether a search for one of a photo's pairs finds it."""
        listed = self.listed
        return (
            self._lives(place) and not listed.edited(place) and (not tagged or listed.tagged(place))
        )

    def _listed_of_pair(self, pair: int, tagged: bool) -> Sequence[Entry]:
        places = self.listed.of_pair(pair)
        return self._entries(place for place in places if self._matches(place, tagged))

    def _entries(self, places: Iterable[int]) -> list[Entry]:
        numbers: Iterator[int] = (self.listed.numbers[place] for place in places)
        return sorted((self._calendar.date(number), number, LISTED) for number in numbers)

    def _made_fillers(self, stream: int) -> Fillers:
        pairs, owners = self.listed.pairs, self.listed.owners
        of_pair = stream < len(pairs)
        name = pairs[stream] if of_pair else owners[stream - len(pairs)]
        return Fillers(
            seed=derived("fillers", self._seed, of_pair, name),
            total=self._counts[stream],
            first=self._bounds[2 * stream],
            last=self._bounds[2 * stream + 1],
            length=self._lengths[stream],
            ending=self._endings.ending(stream),
            unevenness=_UNEVENNESS if of_pair else 0.0,
            calendar=self._calendar,
            listed=self.listed,
        )
