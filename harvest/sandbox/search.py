"""What photos.search and people.getPublicPhotos find: public, live posts, newest first.

Flickr's listings have two habits that a crawler must know. Only the first 4,000 results of a query
can be reached: later pages repeat the last one that can. And a page past the last is empty.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Protocol

from flickr_emotion.harvest.flickr.tags import normal_form
from flickr_emotion.harvest.sandbox.posts import Post

REACHABLE = 4000  # results of a query that can be paged through
_MACHINE_TAG = re.compile(r"([a-z][a-z0-9_]*):([a-z][a-z0-9_]*)=(.*)", re.IGNORECASE | re.DOTALL)
_WORD = re.compile(r"[^\W_]+")


@lru_cache(maxsize=1 << 16)
def normalised(raw: str) -> str:
    """A tag as Flickr compares it: its normal form; `ns:pred=` is kept."""
    machine = _MACHINE_TAG.fullmatch(raw)
    if machine:
        namespace, predicate, value = machine.groups()
        return f"{namespace.lower()}:{predicate.lower()}={normalised(value)}"
    return normal_form(raw)


@lru_cache(maxsize=1 << 16)
def is_machine_tag(raw: str) -> bool:
    """Whether a raw tag is `namespace:predicate=value`."""
    return _MACHINE_TAG.fullmatch(raw) is not None


def listed_tags(tags: Iterable[str]) -> list[str]:
    """Normalised tags in the order of a listing, which is not their owner's: by their last letter.

    Empty tags do not show there, doubles once.
    """
    return sorted(filter(None, {normalised(raw) for raw in tags}), key=lambda tag: tag[::-1])


@dataclass(frozen=True, kw_only=True)
class Query:
    """What a listing is asked for; a field left out does not limit it."""

    owner: str | None = None
    """NSID."""
    tags: tuple[str, ...] = ()
    """As typed; one after `-` must not be there."""
    every_tag: bool = False
    """Whether all tags must be there (`tag_mode=all`), not any of them."""
    text: str = ""
    """Words that must all stand in title, description or tags; none after `-`."""
    oldest: int | None = None
    newest: int | None = None
    """Upload dates in unix seconds, both included."""
    oldest_first: bool = False


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page of a listing. `pages` counts all pages, those out of reach included."""

    page: int
    pages: int
    per_page: int
    total: int
    posts: "list[Post]"


class Found(Protocol):
    """All that a query finds, in its order; posts that nobody looks at need not exist."""

    def __len__(self) -> int:
        """How many there are."""

    def __getitem__(self, span: slice, /) -> "list[Post]":
        """The posts of a span."""


class Listings(Protocol):
    """What a corpus lists: the posts of queries, and their owners."""

    def knows(self, owner: str) -> bool:
        """Whether an owner of this NSID has photos, be they gone."""

    def owner_named(self, name: str) -> tuple[str, str] | None:
        """NSID and user name of the owner who goes by this name, in any case; None if nobody."""

    def find(self, query: Query, *, page: int, per_page: int) -> Page:
        """One page of what the query finds."""


def words_of(text: str) -> list[str]:
    """The words that a search compares, in lower case."""
    return _WORD.findall(text.lower())


def page_of(posts: Found, *, page: int, per_page: int) -> Page:
    """The page as Flickr answers it: past the last empty, past the 4,000 the last reachable."""
    pages = -(-len(posts) // per_page)
    shown = min(page, max(REACHABLE // per_page, 1)) if page <= pages else page
    start = (shown - 1) * per_page
    return Page(
        page=page,
        pages=pages,
        per_page=per_page,
        total=len(posts),
        posts=posts[start : start + per_page],
    )


class Index:
    """Finds posts by owner, tag and word. Each index is built when it is first needed."""

    def __init__(self, posts: "Iterable[Post]") -> None:
        self._posts = posts

    @cached_property
    def newest_first(self) -> "list[Post]":
        """Every public post that is there, by upload date and id, falling."""
        live = (post for post in self._posts if post.status == "ok")
        return sorted(live, key=lambda post: (post.date_upload, int(post.photo_id)), reverse=True)

    @cached_property
    def _by_tag(self) -> dict[str, set[str]]:
        found: defaultdict[str, set[str]] = defaultdict(set)
        for post in self.newest_first:
            for raw in post.tags:
                found[normalised(raw)].add(post.photo_id)
        return found

    @cached_property
    def _by_word(self) -> dict[str, set[str]]:
        found: defaultdict[str, set[str]] = defaultdict(set)
        for post in self.newest_first:
            text = " ".join((post.title, re.sub(r"<[^>]*>", " ", post.description), *post.tags))
            for word in words_of(text):
                found[word].add(post.photo_id)
        return found

    @cached_property
    def _owners(self) -> "dict[str, list[Post]]":
        """Every owner's posts that are there, newest first; empty where all are gone."""
        found: dict[str, list[Post]] = {post.owner: [] for post in self._posts}
        for post in self.newest_first:
            found[post.owner].append(post)
        return found

    @cached_property
    def _by_name(self) -> dict[str, tuple[str, str]]:
        return {post.owner_name.lower(): (post.owner, post.owner_name) for post in self._posts}

    def knows(self, owner: str) -> bool:
        """Whether an owner of this NSID has photos, be they gone."""
        return owner in self._owners

    def owner_named(self, name: str) -> tuple[str, str] | None:
        """NSID and user name of the owner who goes by this name, in any case; None if nobody."""
        return self._by_name.get(name.lower())

    def find(self, query: Query, *, page: int, per_page: int) -> Page:
        """One page of what the query finds; an owner must be one that is known."""
        posts = self.newest_first if query.owner is None else self._owners[query.owner]
        if query.tags:
            tagged = self._with_tags(query.tags, every=query.every_tag)
            posts = [post for post in posts if post.photo_id in tagged]
        if query.text:
            worded = self._with_text(query.text)
            posts = [post for post in posts if post.photo_id in worded]
        posts = [
            post
            for post in posts
            if (query.oldest is None or post.date_upload >= query.oldest)
            and (query.newest is None or post.date_upload <= query.newest)
        ]
        if query.oldest_first:
            posts.reverse()
        return page_of(posts, page=page, per_page=per_page)

    def _with_tags(self, tags: tuple[str, ...], *, every: bool) -> set[str]:
        """Ids of posts with any tag, or with every one; a tag after `-` must not be there."""
        wanted = [self._by_tag.get(normalised(tag), set()) for tag in tags if tag[:1] != "-"]
        unwanted = [self._by_tag.get(normalised(tag), set()) for tag in tags if tag[:1] == "-"]
        return self._combined(wanted, unwanted, every=every)

    def _with_text(self, text: str) -> set[str]:
        """Ids of posts with every word in title, description or tags; none after `-`."""
        wanted: list[set[str]] = []
        unwanted: list[set[str]] = []
        for term in text.lower().split():
            for word in words_of(term):
                (unwanted if term[0] == "-" else wanted).append(self._by_word.get(word, set()))
        return self._combined(wanted, unwanted, every=True)

    def _combined(
        self, wanted: list[set[str]], unwanted: list[set[str]], *, every: bool
    ) -> set[str]:
        if not wanted:
            found = {post.photo_id for post in self.newest_first}
        elif every:
            found = set.intersection(*wanted)
        else:
            found = set().union(*wanted)
        return found.difference(*unwanted)
