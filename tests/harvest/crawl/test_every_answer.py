"""Each kind of answer that the table in `docs/reliability.md` names, given about one photo.

One crawl gets many of them, each about a different photo, besides correct answers about others. So
the tests show how the crawl interprets a single answer; other tests cover services in trouble.
"""

import gzip
import io
import json
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from flickr_emotion.harvest.crawl.crawl import crawl
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.pace.retry import RetryPolicy
from flickr_emotion.harvest.sandbox import rest
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.posts import Post
from flickr_emotion.harvest.sandbox.server import SandboxServer
from flickr_emotion.harvest.sandbox.wire import Request, Response
from tests.harvest.corpora import KEY, SECRET, jpeg, options, post, write_votes

TRIES = 3
# Do not wait for an apparent outage.
RETRY = RetryPolicy(attempts=TRIES, first_delay=1e-6, longest_delay=1e-6, patience=0.0)
WELL = [post(number) for number in range(900, 904)]
HTML = b"<!DOCTYPE html><html><body><h1>Bad panda</h1></body></html>\n"
XML = b"""<?xml version="1.0" encoding="utf-8" ?>
<rsp stat="fail">
<err code="%d" msg="no" />
</rsp>
"""

Oddity = Callable[[Response], Response]


def body(data: bytes, kind: str = "application/json", headers: str = "") -> Oddity:
    return lambda right: Response(200, data, kind, headers)


def status(code: int, headers: str = "", data: bytes = b"") -> Oddity:
    return lambda right: Response(code, data, "text/html", headers)


def fail(code: object) -> Oddity:
    return body(json.dumps({"stat": "fail", "code": code, "message": "no"}).encode())


def photo(**changes: Any) -> Oddity:
    """Return the correct answer of getInfo with changed parts; ``...`` removes one."""

    def change(right: Response) -> Response:
        content = json.loads(right.body)
        content["photo"] |= changes
        content["photo"] = {key: it for key, it in content["photo"].items() if it is not ...}
        return Response(200, json.dumps(content).encode(), "application/json")

    return change


def once(odd: Oddity) -> Oddity:
    """Give an odd answer only the first time."""
    left = [odd]
    return lambda right: left.pop()(right) if left else right


def packed(kind: str) -> Oddity:
    headers = "Content-Encoding: gzip\r\n"
    return lambda right: Response(200, gzip.compress(right.body), kind, headers)


def reset(right: Response) -> Response:
    right.delivery = "reset"
    return right


def half(right: Response) -> Response:
    right.body = right.body[: len(right.body) // 2]
    return right


class OddServer(SandboxServer):
    """A sandbox that gives odd answers about some photos or for its listings."""

    def __init__(
        self,
        posts: list[Post],
        *,
        api: dict[str, Oddity] | None = None,
        picture: dict[str, Oddity] | None = None,
        listings: Oddity | None = None,
    ) -> None:
        super().__init__(Corpus(posts), keys={KEY: SECRET})
        self._odd = {"api": api or {}, "picture": picture or {}}
        self._listings = listings
        self.asked: Counter[str] = Counter()
        """How often each odd answer was requested, by photo or for listings."""

    def get_well(self) -> None:
        """Give only correct answers from now on."""
        self._odd = {"api": {}, "picture": {}}

    def answer(self, request: Request) -> Response:
        """Give an odd answer where one is planned."""
        response = super().answer(request)
        params = dict(rest.parameters(request)) if request.path in rest.PATHS else {}
        name = params.get("photo_id", "")
        odd = self._odd["api"].get(name)
        if params.get("method") == "flickr.photos.search":
            name, odd = "listings", self._listings
        elif not params:
            name = request.path.rpartition("/")[2].partition("_")[0]
            odd = self._odd["picture"].get(name)
        if odd is None:
            return response
        self.asked[name] += 1
        return odd(response)


@dataclass(frozen=True, kw_only=True)
class Met:
    """The outcome of an odd answer."""

    row: sqlite3.Row
    asked: int
    title: str


class Crawled:
    """One crawl that met many odd answers, each about a different photo."""

    def __init__(self, folder: Path, what: str, rows: dict[str, Oddity]) -> None:
        self._posts = {name: post(number) for number, name in enumerate(rows)}
        posts = [*self._posts.values(), *WELL]
        odd = {self._posts[name].photo_id: oddity for name, oddity in rows.items()}
        published_list = write_votes(folder / "list", posts)
        with OddServer(posts, **{what: odd}) as server:  # type: ignore[arg-type]
            crawl(options(published_list, folder / "h", server, retry=RETRY), lambda line: None)
        self._asked = server.asked
        self._rows = rows_of(folder / "h")
        for well in WELL:
            row = self._rows[well.photo_id]
            assert (row["api_outcome"], row["image_outcome"]) == ("ok", "ok")

    def met(self, name: str) -> Met:
        """The outcome of an odd answer."""
        its = self._posts[name]
        row = self._rows[its.photo_id]
        return Met(row=row, asked=self._asked[its.photo_id], title=its.title)


def rows_of(harvest: Path) -> dict[str, sqlite3.Row]:
    with Ledger(harvest / FILE_NAME) as ledger:
        return {row["photo_id"]: row for row in ledger.query("SELECT * FROM photos")}


Row = tuple[Oddity, str, int]
"""The odd answer, the expected outcome, and the calls that it takes."""

FINAL: dict[str, Row] = {
    "the-post": (photo(), "ok", 1),
    "gzip": (packed("application/json"), "ok", 1),
    **{f"code-{code}": (fail(code), "gone", 1) for code in (1, 5)},
    "code-as-text": (fail("1"), "gone", 1),
    "xml-code-1": (body(XML % 1, "text/xml"), "gone", 1),
    "code-2": (fail(2), "private", 1),
    "ispublic-0": (photo(visibility={"ispublic": 0}), "private", 1),
    "ispublic-0-as-text": (photo(visibility={"ispublic": "0"}), "private", 1),
    "video": (photo(media="video"), "video", 1),
    **{
        f"parts-{name}": (photo(**dict.fromkeys(("title", "tags", "owner"), part)), "ok", 1)
        for name, part in (("absent", ...), ("null", None), ("object", {}), ("list", []))
    },
    "parts-number": (photo(title=7, description=7), "ok", 1),
    **{f"code-{code}": (fail(code), "failed", 2) for code in (77, 9999)},
    "no-object": (body(b"[1]"), "failed", 2),
    "no-photo": (body(b'{"stat":"ok"}'), "failed", 2),
    "no-id": (photo(id=...), "failed", 2),
    "another-photo": (photo(id="1"), "failed", 2),
}
TRANSIENT: dict[str, Oddity] = {
    **{f"code-{code}": fail(code) for code in (0, 10, 105, 106, 201)},
    **{f"http-{code}": status(code) for code in (404, 500, 502, 503, 504)},
    "html": body(HTML, "text/html"),
    "xml-code-105": body(XML % 105, "text/xml"),
    "empty": body(b""),
    "cut-json": half,
    "nested-json": body(b"[" * 100_000),
    "cut-connection": reset,
    "http-429": status(429),
}


@pytest.fixture(scope="module")
def final(tmp_path_factory: pytest.TempPathFactory) -> Crawled:
    rows = {name: odd for name, (odd, _, _) in FINAL.items()}
    return Crawled(tmp_path_factory.mktemp("final"), "api", rows)


@pytest.fixture(scope="module")
def transient(tmp_path_factory: pytest.TempPathFactory) -> Crawled:
    rows = {name: odd for name, odd in TRANSIENT.items() if name != "http-429"}
    return Crawled(tmp_path_factory.mktemp("transient"), "api", rows)


@pytest.fixture(scope="module")
def mended(tmp_path_factory: pytest.TempPathFactory) -> Crawled:
    rows = {name: once(odd) for name, odd in TRANSIENT.items()}
    return Crawled(tmp_path_factory.mktemp("mended"), "api", rows)


class TestGetInfo:
    @pytest.mark.parametrize("name", FINAL)
    def test_it_settles_its_photo(self, final: Crawled, name: str) -> None:
        _, outcome, calls = FINAL[name]
        met = final.met(name)
        assert (met.row["api_outcome"], met.asked) == (outcome, calls), met.row["api_error"]
        kept = outcome == "ok"
        assert (met.row["title"] is not None, met.row["tags"] is not None) == (kept, kept)

    @pytest.mark.parametrize("name", [name for name in TRANSIENT if name != "http-429"])
    def test_it_is_tried_again(self, transient: Crawled, name: str) -> None:
        met = transient.met(name)
        assert met.row["api_outcome"] == "failed"
        assert met.asked >= TRIES

    @pytest.mark.parametrize("name", TRANSIENT)
    def test_another_try_succeeds(self, mended: Crawled, name: str) -> None:
        met = mended.met(name)
        assert (met.row["api_outcome"], met.asked, met.row["title"]) == ("ok", 2, met.title)

    @pytest.mark.parametrize(
        "odd",
        [
            *(pytest.param(fail(code), id=f"code-{code}") for code in (95, 96, 97, 98, 99, 100)),
            *(pytest.param(status(code), id=f"http-{code}") for code in (400, 401, 403)),
        ],
    )
    def test_it_stops_the_crawl(self, tmp_path: Path, odd: Oddity) -> None:
        published_list = write_votes(tmp_path / "list", WELL)
        its = WELL[1].photo_id
        with OddServer(WELL, api={its: odd}) as server:
            made = options(published_list, tmp_path / "h", server, retry=RETRY)
            with pytest.raises(HarvestError, match="the API key or its secret"):
                crawl(made, lambda line: None)
        assert server.asked[its] == 1
        assert rows_of(tmp_path / "h")[its]["api_outcome"] == "pending"


LISTINGS: dict[str, Oddity] = {
    **{f"code-{code}": fail(code) for code in (0, 1, 2, 10, 20, 77, 105)},
    **{f"http-{code}": status(code) for code in (404, 500, 503)},
    "html": body(HTML, "text/html"),
    "xml": body(XML % 105, "text/xml"),
    "empty": body(b""),
    "cut-json": half,
    "cut-connection": reset,
    "no-photos": body(b'{"stat":"ok"}'),
    "no-entries": body(b'{"stat":"ok","photos":{"photo":[{},1,null]}}'),
}


class TestListings:
    @pytest.mark.parametrize("name", LISTINGS)
    def test_get_info_replaces_a_failing_listing(self, tmp_path: Path, name: str) -> None:
        published_list = write_votes(tmp_path / "list", WELL)
        with OddServer(WELL, listings=LISTINGS[name]) as server:
            crawl(options(published_list, tmp_path / "h", server, retry=RETRY), lambda line: None)
        assert {row["api_outcome"] for row in rows_of(tmp_path / "h").values()} == {"ok"}
        assert 1 <= server.asked["listings"] <= 6
        assert server.stats.api["flickr.photos.getInfo"] == len(WELL)


def picture(form: str) -> bytes:
    encoded = io.BytesIO()
    Image.open(io.BytesIO(jpeg(1))).save(encoded, form)
    return encoded.getvalue()


def half_with_its_end(right: Response) -> Response:
    scan = right.body.index(b"\xff\xda") + 14
    cut = right.body[: scan + (len(right.body) - scan) // 2].rstrip(b"\xff")
    return Response(200, cut + b"\xff\xd9", "image/jpeg")


def to(target: str, code: int = 302) -> Oddity:
    return status(code, f"Location: {target}\r\n")


HUGE = jpeg(1)[: jpeg(1).index(b"\xff\xc0") + 5] + b"\xff" * 4
HUGE += jpeg(1)[jpeg(1).index(b"\xff\xc0") + 9 :]
PICTURES: dict[str, tuple[Oddity, str]] = {
    **{
        form.lower(): (body(picture(form), "image/jpeg"), "ok")
        for form in ("JPEG", "PNG", "GIF", "WEBP")
    },
    "gzip": (packed("image/jpeg"), "ok"),
    "half-once": (once(half), "ok"),
    "half-with-its-end-once": (once(half_with_its_end), "ok"),
    "html-once": (once(body(HTML, "text/html")), "ok"),
    "http-429-once": (once(status(429)), "ok"),
    "http-503-once": (once(status(503)), "ok"),
    "cut-connection-once": (once(reset), "ok"),
    "html": (body(HTML, "text/html"), "failed"),
    "cut-connection": (reset, "failed"),
    "redirect-elsewhere": (to("http://127.0.0.1:1/x.jpg"), "failed"),
    "too-large": (body(b"\xff\xd8" + b"x" * 2**23, "image/jpeg"), "failed"),
    **{f"http-{code}": (status(code), "failed") for code in (400, 408, 418, 451, 500, 502, 504)},
    "half": (half, "corrupt"),
    "half-with-its-end": (half_with_its_end, "corrupt"),
    "empty": (body(b"", "image/jpeg"), "corrupt"),
    "no-picture": (body(b"no picture" * 99, "image/jpeg"), "corrupt"),
}


STATUSES: dict[Any, tuple[str, str]] = {
    "deleted": ("gone", "gone"),
    "private": ("private", "private"),
    "placeholder": ("placeholder", "gone"),
}
"""The outcomes of post and picture for photos that the sandbox reports as dead."""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Crawled:
    rows = {name: odd for name, (odd, _) in PICTURES.items()}
    return Crawled(tmp_path_factory.mktemp("pictures"), "picture", rows)


class TestPictures:
    @pytest.mark.parametrize("name", PICTURES)
    def test_it_means(self, pictures: Crawled, name: str) -> None:
        met = pictures.met(name)
        assert met.row["image_outcome"] == PICTURES[name][1], met.row["image_error"]
        assert met.asked <= 2 * TRIES

    @pytest.mark.parametrize("name", STATUSES)
    def test_it_settles_a_post_that_is_dead(self, tmp_path: Path, name: str) -> None:
        posts = [*WELL, dead := post(1, status=name)]
        published_list = write_votes(tmp_path / "list", posts)
        with OddServer(posts) as server:
            crawl(options(published_list, tmp_path / "h", server, retry=RETRY), lambda line: None)
        row = rows_of(tmp_path / "h")[dead.photo_id]
        assert (row["image_outcome"], row["api_outcome"]) == STATUSES[name]

    @pytest.mark.parametrize("code", [403, 404, 410])
    def test_a_refusal_that_the_api_contradicts_settles_nothing(
        self, tmp_path: Path, code: int
    ) -> None:
        refused = {it.photo_id: status(code) for it in WELL}
        published_list = write_votes(tmp_path / "list", WELL)
        with OddServer(WELL, picture=refused) as server:
            made = options(published_list, tmp_path / "h", server, retry=RETRY)
            crawl(made, lambda line: None)
            server.get_well()
            crawl(made, lambda line: None)
        rows = rows_of(tmp_path / "h").values()
        assert {(row["image_outcome"], row["api_outcome"]) for row in rows} == {("ok", "ok")}
