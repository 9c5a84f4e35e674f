"""What photos.search and people.getPublicPhotos find: public, existing posts, newest first.

Two properties of Flickr's listings matter to a crawler. Only the first 4,000 results of a query can
be reached: later pages repeat the last reachable one. And pages after the last page are empty.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Protocol

from flickr_emotion.harvest.flickr.tags import normal_form
from flickr_emotion.harvest.sandbox.posts import Post

REACHABLE = 4000  # The most results of a query that pages show.
_MACHINE_TAG = re.compile(r"([a-z][a-z0-9_]*):([a-z][a-z0-9_]*)=(.*)", re.IGNORECASE | re.DOTALL)
_WORD = re.compile(r"[^\W_]+")


@lru_cache(maxsize=1 << 16)
def normalised(raw: str) -> str:
    """Return a tag's normal form, as Flickr compares it; `ns:pred=` is kept."""
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
    """Return normalised tags without empty ones and duplicates, sorted from their last letter on.

    Like Flickr's, this order of a listing is not the owner's.
    """
    return sorted(filter(None, {normalised(raw) for raw in tags}), key=lambda tag: tag[::-1])


@dataclass(frozen=True, kw_only=True)
class Query:
    """The parameters of a listing; a missing field does not limit it."""

    owner: str | None = None
    """NSID."""
    tags: tuple[str, ...] = ()
    """Raw tags; a post must not have a tag after `-`."""
    every_tag: bool = False
    """Whether a post must have all tags (`tag_mode=all`), and not just one."""
    text: str = ""
    """Words that must all occur in title, description or tags; words after `-` must not."""
    oldest: int | None = None
    newest: int | None = None
    """Upload dates in unix seconds, both inclusive."""
    oldest_first: bool = False


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page of a listing. `pages` counts all pages, including unreachable ones."""

    page: int
    pages: int
    per_page: int
    total: int
    posts: "list[Post]"


class Found(Protocol):
    """All results of a query, in order; posts may be computed when they are requested."""

    def __len__(self) -> int:
        """Return the number of results."""

    def __getitem__(self, span: slice, /) -> "list[Post]":
        """Return the posts of a slice."""


class Listings(Protocol):
    """The listings of a corpus: the posts of queries, and their owners."""

    def knows(self, owner: str) -> bool:
        """Whether an owner with this NSID has or had photos."""

    def owner_named(self, name: str) -> tuple[str, str] | None:
        """Return NSID and user name of the owner with this name, ignoring case, or None."""

    def find(self, query: Query, *, page: int, per_page: int) -> Page:
        """Return one page of the query's results."""


def words_of(text: str) -> list[str]:
    """Return the words that a search compares, in lower case."""
    return _WORD.findall(text.lower())


def page_of(posts: Found, *, page: int, per_page: int) -> Page:
    """Return a page like Flickr: empty after the last, repeated after the first 4,000 results."""
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
    """Finds posts by owner, tag and word; each index is built on first use."""

    def __init__(self, posts: "Iterable[Post]") -> None:
        self._posts = posts

    @cached_property
    def newest_first(self) -> "list[Post]":
        """All public posts, by descending upload date and id."""
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
        """The public posts of each owner, newest first; empty if none is left."""
        found: dict[str, list[Post]] = {post.owner: [] for post in self._posts}
        for post in self.newest_first:
            found[post.owner].append(post)
        return found

    @cached_property
    def _by_name(self) -> dict[str, tuple[str, str]]:
        return {post.owner_name.lower(): (post.owner, post.owner_name) for post in self._posts}

    def knows(self, owner: str) -> bool:
        """Whether an owner with this NSID has or had photos."""
        return owner in self._owners

    def owner_named(self, name: str) -> tuple[str, str] | None:
        """Return NSID and user name of the owner with this name, ignoring case, or None."""
        return self._by_name.get(name.lower())

    def find(self, query: Query, *, page: int, per_page: int) -> Page:
        """Return one page of the query's results; its owner, if any, must be a known one."""
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
        """Return the ids of posts with any or every tag, and without the tags after `-`."""
        wanted = [self._by_tag.get(normalised(tag), set()) for tag in tags if tag[:1] != "-"]
        unwanted = [self._by_tag.get(normalised(tag), set()) for tag in tags if tag[:1] == "-"]
        return self._combined(wanted, unwanted, every=every)

    def _with_text(self, text: str) -> set[str]:
        """Return the ids of posts with every word, and without the words after `-`."""
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
