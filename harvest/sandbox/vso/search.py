"""The results of searches in a virtual corpus, and the totals that they report.

Flickr's `total` is an estimate that changes from call to call. It is wrong by up to a fifth here
too, so that a planner must not rely on it. The posts themselves do not change.
"""

import threading
from collections import Counter
from dataclasses import replace
from typing import Protocol

from flickr_emotion.harvest.sandbox.posts import Post, derived
from flickr_emotion.harvest.sandbox.search import Page, Query, normalised, page_of, words_of
from flickr_emotion.harvest.sandbox.vso.listed import Listed
from flickr_emotion.harvest.sandbox.vso.posts import Posts
from flickr_emotion.harvest.sandbox.vso.streams import Entry, Stream

_JITTER = 0.2  # The largest relative error of a total, in either direction.


class Searched(Protocol):
    """What the index needs of a corpus."""

    @property
    def listed(self) -> Listed:
        """The photos of the lists."""

    def post(self, stream: int, entry: Entry) -> Post:
        """Return the post of an entry of a stream."""

    def stream_of_owner(self, owner: int) -> int:
        """Return the number of an owner's stream."""

    def of_pair(self, pair: int, *, tagged: bool) -> Stream:
        """Return a pair's posts."""

    def of_owner(self, owner: int) -> Stream:
        """Return an owner's posts."""

    def of_owner_and_pair(self, owner: int, pair: int, *, tagged: bool) -> Stream:
        """Return an owner's posts of a pair."""


class VsoIndex:
    """Finds posts by pair and by owner; any other words find nothing."""

    def __init__(self, corpus: Searched, posts: Posts, seed: int) -> None:
        self._corpus = corpus
        self._nsids = posts.nsids
        self._seed = seed
        self._by_words = {frozenset(words_of(" ".join(w))): n for n, w in enumerate(posts.words)}
        self._by_tags = {frozenset(map(normalised, w)): n for n, w in enumerate(posts.words)}
        self._owners = {nsid: number for number, nsid in enumerate(posts.nsids)}
        self._names = {name.lower(): number for number, name in enumerate(corpus.listed.owners)}
        self._asked: Counter[Query] = Counter()
        self._lock = threading.Lock()

    def knows(self, owner: str) -> bool:
        """Whether the lists name an owner with this NSID."""
        return owner in self._owners

    def owner_named(self, name: str) -> tuple[str, str] | None:
        """Return NSID and user name of the owner with this name, ignoring case, or None."""
        owner = self._names.get(name.lower())
        return None if owner is None else (self._nsids[owner], self._corpus.listed.owners[owner])

    def find(self, query: Query, *, page: int, per_page: int) -> Page:
        """Return one page of the query's results, with totals that change from call to call."""
        found = page_of(self._found(query), page=page, per_page=per_page)
        with self._lock:
            self._asked[query] += 1
            times = self._asked[query]
        aside = derived("total", self._seed, query, times) / (1 << 63) - 1
        total = round(found.total * (1 + _JITTER * aside))
        return replace(found, total=total, pages=-(-total // per_page))

    def _found(self, query: Query) -> "Window":
        corpus = self._corpus
        pair, tagged = self._pair(query)
        owner = None if query.owner is None else self._owners[query.owner]
        number, stream = 0, Stream(())
        if owner is not None and not (query.text or query.tags):
            number, stream = corpus.stream_of_owner(owner), corpus.of_owner(owner)
        elif pair is not None:
            number = pair
            if owner is None:
                stream = corpus.of_pair(pair, tagged=tagged)
            else:
                stream = corpus.of_owner_and_pair(owner, pair, tagged=tagged)
        return Window(corpus, number, stream, query)

    def _pair(self, query: Query) -> tuple[int | None, bool]:
        """Return the pair whose words are searched, and whether as tags."""
        asked = []
        if query.text:
            # A word after `-` does not belong to a pair, so like other words it finds nothing.
            known = not any(term.startswith("-") for term in query.text.split())
            asked.append(self._by_words.get(frozenset(words_of(query.text))) if known else None)
        if query.tags:
            known = query.every_tag and not any(tag.startswith("-") for tag in query.tags)
            tags = frozenset(map(normalised, query.tags))
            asked.append(self._by_tags.get(tags) if known else None)
        same = len(set(asked)) == 1
        return (asked[0] if same else None), bool(query.tags)


class Window:
    """The posts of a stream between two dates, in the requested order."""

    def __init__(self, corpus: Searched, number: int, stream: Stream, query: Query) -> None:
        self._corpus = corpus
        self._number = number
        self._stream = stream
        self._start = 0 if query.oldest is None else stream.before(query.oldest)
        self._end = len(stream) if query.newest is None else stream.before(query.newest + 1)
        self._oldest_first = query.oldest_first

    def __len__(self) -> int:
        return self._end - self._start

    def __getitem__(self, span: slice, /) -> list[Post]:
        start, end, _ = span.indices(len(self))
        if self._oldest_first:
            entries = self._stream.entries(self._start + start, self._start + end)
        else:
            entries = self._stream.entries(self._end - end, self._end - start)[::-1]
        return [self._corpus.post(self._number, entry) for entry in entries]
