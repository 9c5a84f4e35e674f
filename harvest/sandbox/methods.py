"""The API methods: each takes parameters and returns the answer's JSON or raises Flickr's error."""

import re
from calendar import timegm
from collections.abc import Callable, Mapping
from time import strptime
from typing import Any

from flickr_emotion.common.cards.licences import FLICKR_LICENCES
from flickr_emotion.harvest.sandbox.corpus import Source
from flickr_emotion.harvest.sandbox.faults import CODES
from flickr_emotion.harvest.sandbox.posts import Post
from flickr_emotion.harvest.sandbox.search import Page, Query
from flickr_emotion.harvest.sandbox.shapes import all_sizes, listed, photo

Json = dict[str, Any]
Params = Mapping[str, str]

_LIMITING = ("tags", "text", "user_id", "min_upload_date", "max_upload_date")
_MOST_TAGS = 20  # The most tags in a query with tag_mode=all.


class Fail(Exception):  # noqa: N818 - Flickr's own word: stat="fail"
    """An answer with stat="fail"."""

    def __init__(self, code: int, message: str | None = None) -> None:
        self.code = code
        self.message = CODES[code] if message is None else message
        super().__init__(self.message)


class Methods:
    """The methods by name, over one corpus."""

    def __init__(self, corpus: Source) -> None:
        self._corpus = corpus
        self._index = corpus.index
        self.by_name: dict[str, Callable[[Params], Json]] = {
            "flickr.photos.getInfo": self.get_info,
            "flickr.photos.getSizes": self.get_sizes,
            "flickr.photos.search": self.search,
            "flickr.photos.licenses.getInfo": self.licenses,
            "flickr.people.getPublicPhotos": self.get_public_photos,
            "flickr.people.findByUsername": self.find_by_username,
            "flickr.test.echo": self.echo,
            "flickr.test.login": self.needs_login,
            "flickr.test.null": self.needs_login,
        }

    def call(self, name: str, params: Params) -> Json:
        """Return the answer without `stat`; raises ``Fail`` if the method is unknown or fails."""
        method = self.by_name.get(name)
        if method is None:
            raise Fail(112, f'Method "{name}" not found')
        return method(params)

    def get_info(self, params: Params) -> Json:
        """Answer flickr.photos.getInfo."""
        photo_id = params.get("photo_id", "")
        return {
            "photo": photo(
                self._live(
                    photo_id,
                    f'Photo "{photo_id}" not found (invalid ID)',
                    "Photo is private",
                    secret=params.get("secret", ""),
                )
            )
        }

    def get_sizes(self, params: Params) -> Json:
        """Answer flickr.photos.getSizes."""
        post = self._live(params.get("photo_id", ""), "Photo not found", "Permission denied")
        return {"sizes": all_sizes(post)}

    def _live(self, photo_id: str, unknown: str, private: str, *, secret: str = "") -> Post:
        """Return the post, if it is public or `secret` gives access to it.

        A placeholder replaces a photo that was deleted long ago; the API no longer knows it.
        """
        post = self._corpus.get(photo_id)
        if post is None or post.status in ("deleted", "placeholder"):
            raise Fail(1, unknown)
        opened = post.status == "private-by-secret" and secret == post.secret
        if post.status.startswith("private") and not opened:
            raise Fail(2, private)
        return post

    def search(self, params: Params) -> Json:
        """Answer flickr.photos.search, as for a caller without a login."""
        if not any(params.get(name) for name in _LIMITING):
            raise Fail(3)
        owner = params.get("user_id") or None
        if owner and not self._index.knows(owner):
            raise Fail(2, "Unknown user")
        oldest = _seconds(params.get("min_upload_date"))
        newest = _seconds(params.get("max_upload_date"))
        if oldest is not None and newest is not None and oldest > newest:
            raise Fail(18)
        every = params.get("tag_mode") == "all"
        tags = [tag.strip() for tag in params.get("tags", "").split(",") if tag.strip()]
        if every and len(tags) > _MOST_TAGS:
            raise Fail(1, "Too many tags in ALL query")
        query = Query(
            owner=owner,
            tags=tuple(tags),
            every_tag=every,
            text=params.get("text", ""),
            oldest=oldest,
            newest=newest,
            oldest_first=params.get("sort") == "date-posted-asc",
        )
        return _listing(self._page(query, params), params)

    def get_public_photos(self, params: Params) -> Json:
        """Answer flickr.people.getPublicPhotos."""
        owner = params.get("user_id", "")
        if not self._index.knows(owner):
            raise Fail(1, "User not found")
        page = self._page(Query(owner=owner), params)
        if page.total == 0:
            raise Fail(5)
        return _listing(page, params)

    def _page(self, query: Query, params: Params) -> Page:
        most = 250 if "geo" in _extras(params) else 500
        return self._index.find(
            query,
            page=_whole(params.get("page"), 1),
            per_page=min(_whole(params.get("per_page"), 100), most),
        )

    def find_by_username(self, params: Params) -> Json:
        """Answer flickr.people.findByUsername."""
        owner = self._index.owner_named(params.get("username", "").strip())
        if owner is None:
            raise Fail(1, "User not found")
        nsid, name = owner
        return {"user": {"id": nsid, "nsid": nsid, "username": {"_content": name}}}

    def licenses(self, params: Params) -> Json:
        """Answer flickr.photos.licenses.getInfo."""
        rows = [{"id": number, "name": name, "url": url} for number, name, url in FLICKR_LICENCES]
        return {"licenses": {"license": rows}}

    def echo(self, params: Params) -> Json:
        """Answer flickr.test.echo: return the parameters."""
        return {name: {"_content": value} for name, value in params.items()}

    def needs_login(self, params: Params) -> Json:
        """Refuse a method that needs a login."""
        raise Fail(99)


def _extras(params: Params) -> list[str]:
    return [extra.strip() for extra in params.get("extras", "").split(",")]


def _listing(page: Page, params: Params) -> Json:
    extras = _extras(params)
    return {
        "photos": {
            "page": page.page,
            "pages": page.pages,
            "perpage": page.per_page,
            "total": page.total,
            "photo": [listed(post, extras) for post in page.posts],
        }
    }


def _whole(written: str | None, default: int) -> int:
    """Return a positive number, or the default for text that Flickr would ignore."""
    return int(written) if written and re.fullmatch(r"0*[1-9]\d{0,8}", written) else default


def _seconds(written: str | None) -> int | None:
    """Return unix seconds from a date in seconds or in MySQL's format; raises ``Fail``."""
    if not written:
        return None
    if written.isdecimal():
        return int(written)
    for form in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d"):
        try:
            return timegm(strptime(written, form))
        except ValueError:
            continue
    raise Fail(18)
