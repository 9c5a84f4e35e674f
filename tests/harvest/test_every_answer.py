"""Each kind of answer that the table in `docs/reliability.md` names, given about one photo.

The other photos are answered well, so that what is seen is what the crawl makes of the answer, and
not of a service in trouble, which other tests show.
"""

import gzip
import io
import json
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from harvest.crawl import crawl
from harvest.errors import HarvestError
from harvest.ledger import Ledger
from harvest.ledger_file import FILE_NAME
from harvest.retry import RetryPolicy
from harvest.sandbox import rest
from harvest.sandbox.corpus import Corpus
from harvest.sandbox.images import PLACEHOLDER_PATH, placeholder
from harvest.sandbox.server import SandboxServer
from harvest.sandbox.wire import Request, Response
from tests.harvest.corpora import KEY, SECRET, jpeg, options, post, write_votes

TRIES = 3
RETRY = RetryPolicy(attempts=TRIES, first_delay=1e-6, longest_delay=1e-6)
POSTS = [post(number) for number in range(5)]
ODD = POSTS[2]
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
    """The right answer of getInfo with parts changed; ``...`` leaves one out."""

    def change(right: Response) -> Response:
        content = json.loads(right.body)
        content["photo"] |= changes
        content["photo"] = {key: it for key, it in content["photo"].items() if it is not ...}
        return Response(200, json.dumps(content).encode(), "application/json")

    return change


def once(odd: Oddity) -> Oddity:
    """An oddity of the first answer alone."""
    left = [odd]
    return lambda right: left.pop()(right) if left else right


def reset(right: Response) -> Response:
    right.delivery = "reset"
    return right


def half(right: Response) -> Response:
    right.body = right.body[: len(right.body) // 2]
    return right


class OddServer(SandboxServer):
    """A sandbox that is odd about one photo, or about its listings."""

    def __init__(
        self,
        *,
        api: Oddity | None = None,
        listings: Oddity | None = None,
        picture: Oddity | None = None,
    ) -> None:
        super().__init__(Corpus(POSTS), keys={KEY: SECRET})
        self._odd = {"api": api, "listings": listings, "picture": picture}
        self.asked: Counter[str] = Counter()
        """What was odd, and how often it was asked for."""

    def answer(self, request: Request) -> Response:
        """Answer oddly where it is to."""
        response = super().answer(request)
        params = dict(rest.parameters(request)) if request.path in rest.PATHS else {}
        what = "listings" if params.get("method") == "flickr.photos.search" else ""
        if params.get("photo_id") == ODD.photo_id:
            what = "api"
        elif request.path.partition("_")[0].endswith(f"/{ODD.photo_id}"):
            what = "picture"
        odd = self._odd.get(what)
        if odd is None:
            return response
        self.asked[what] += 1
        return odd(response)


def crawled(folder: Path, server: OddServer, **more: Any) -> sqlite3.Row:
    """Crawl, check that the other photos are won, and return the odd one's row."""
    published_list = write_votes(folder / "list", POSTS)
    with server:
        crawl(options(published_list, folder / "h", server, retry=RETRY, **more), lambda line: None)
    with Ledger(folder / "h" / FILE_NAME) as ledger:
        rows = {row["photo_id"]: row for row in ledger.query("SELECT * FROM photos")}
    odd = rows.pop(ODD.photo_id)
    assert {(row["api_outcome"], row["image_outcome"]) for row in rows.values()} == {("ok", "ok")}
    return odd


class TestGetInfo:
    @pytest.mark.parametrize(
        ("odd", "outcome", "calls"),
        [
            pytest.param(photo(), "ok", 1, id="the-post"),
            *(pytest.param(fail(code), "gone", 1, id=f"code-{code}") for code in (1, "1", 5)),
            pytest.param(fail(2), "private", 1, id="code-2"),
            pytest.param(photo(visibility={"ispublic": 0}), "private", 1, id="ispublic-0"),
            pytest.param(photo(visibility={"ispublic": "0"}), "private", 1, id="ispublic-text"),
            pytest.param(photo(media="video"), "video", 1, id="video"),
            *(
                pytest.param(fail(code), "failed", TRIES, id=f"code-{code}")
                for code in (0, 10, 105, 106, 201)
            ),
            *(pytest.param(fail(code), "failed", 2, id=f"code-{code}") for code in (77, 9999)),
            *(
                pytest.param(status(code), "failed", TRIES, id=f"http-{code}")
                for code in (404, 500, 502, 503, 504)
            ),
            pytest.param(body(HTML, "text/html"), "failed", TRIES, id="html"),
            pytest.param(body(XML % 105, "text/xml"), "failed", TRIES, id="xml-code-105"),
            pytest.param(body(XML % 1, "text/xml"), "gone", 1, id="xml-code-1"),
            pytest.param(body(b""), "failed", TRIES, id="empty"),
            pytest.param(half, "failed", TRIES, id="cut-json"),
            pytest.param(reset, "failed", TRIES, id="reset"),
            pytest.param(body(b"[" * 100_000), "failed", TRIES, id="nested-json"),
            pytest.param(body(b"[1]"), "failed", 2, id="no-object"),
            pytest.param(body(b'{"stat":"ok"}'), "failed", 2, id="no-photo"),
            pytest.param(photo(id="1"), "failed", 2, id="another-photo"),
            pytest.param(photo(id=...), "failed", 2, id="no-id"),
            *(
                pytest.param(
                    photo(**dict.fromkeys(("title", "description", "tags", "owner"), part)),
                    "ok",
                    1,
                    id=f"parts-{name}",
                )
                for name, part in (
                    *(("absent", ...), ("null", None), ("object", {}), ("list", []), ("number", 7)),
                )
            ),
            pytest.param(once(status(429)), "ok", 2, id="http-429-once"),
            pytest.param(once(status(503)), "ok", 2, id="http-503-once"),
            pytest.param(once(half), "ok", 2, id="cut-json-once"),
            pytest.param(once(reset), "ok", 2, id="reset-once"),
        ],
    )
    def test_it_means(self, tmp_path: Path, odd: Oddity, outcome: str, calls: int) -> None:
        server = OddServer(api=odd)
        row = crawled(tmp_path, server)
        assert (row["api_outcome"], server.asked["api"]) == (outcome, calls), row["api_error"]
        kept = outcome == "ok"
        assert (row["title"] is not None, row["tags"] is not None) == (kept, kept)

    def test_it_is_unpacked(self, tmp_path: Path) -> None:
        def packed(right: Response) -> Response:
            headers = "Content-Encoding: gzip\r\n"
            return Response(200, gzip.compress(right.body), "application/json", headers)

        row = crawled(tmp_path, OddServer(api=packed))
        assert (row["api_outcome"], row["title"]) == ("ok", ODD.title)

    @pytest.mark.parametrize(
        "odd",
        [
            *(pytest.param(fail(code), id=f"code-{code}") for code in (95, 96, 97, 98, 99, 100)),
            *(pytest.param(status(code), id=f"http-{code}") for code in (400, 401, 403)),
        ],
    )
    def test_it_stops_the_crawl(self, tmp_path: Path, odd: Oddity) -> None:
        server = OddServer(api=odd)
        with pytest.raises(HarvestError, match="the API key or its secret"):
            crawled(tmp_path, server)
        assert server.asked["api"] == 1


class TestListings:
    @pytest.mark.parametrize(
        "odd",
        [
            *(pytest.param(fail(code), id=f"code-{code}") for code in (0, 1, 2, 10, 20, 77, 105)),
            *(pytest.param(status(code), id=f"http-{code}") for code in (404, 500, 503)),
            pytest.param(body(HTML, "text/html"), id="html"),
            pytest.param(body(XML % 105, "text/xml"), id="xml"),
            pytest.param(body(b""), id="empty"),
            pytest.param(half, id="cut-json"),
            pytest.param(reset, id="reset"),
            pytest.param(body(b'{"stat":"ok"}'), id="no-photos"),
            pytest.param(body(b'{"stat":"ok","photos":{"photo":[{},1,null]}}'), id="no-entries"),
        ],
    )
    def test_what_is_no_listing_is_left_to_get_info(self, tmp_path: Path, odd: Oddity) -> None:
        server = OddServer(listings=odd)
        row = crawled(tmp_path, server)
        assert row["api_outcome"] == "ok"
        assert 1 <= server.asked["listings"] <= 6
        assert server.stats.api["flickr.photos.getInfo"] == len(POSTS)


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


PATH = f"/{ODD.server}/{ODD.photo_id}_{ODD.secret}.jpg"
HUGE = jpeg(1)[: jpeg(1).index(b"\xff\xc0") + 5] + b"\xff" * 4
HUGE += jpeg(1)[jpeg(1).index(b"\xff\xc0") + 9 :]


class TestPictures:
    @pytest.mark.parametrize(
        ("odd", "outcome"),
        [
            *(
                pytest.param(body(picture(form), "image/jpeg"), "ok", id=form.lower())
                for form in ("JPEG", "PNG", "GIF", "WEBP")
            ),
            pytest.param(once(to(PATH)), "ok", id="redirect-once"),
            pytest.param(once(half), "ok", id="half-once"),
            pytest.param(once(half_with_its_end), "ok", id="half-with-its-end-once"),
            pytest.param(once(body(HTML, "text/html")), "ok", id="html-once"),
            pytest.param(once(status(429)), "ok", id="http-429-once"),
            pytest.param(once(reset), "ok", id="reset-once"),
            pytest.param(to(PATH), "failed", id="redirect-loop"),
            pytest.param(to("http://127.0.0.1:1/x.jpg"), "failed", id="redirect-elsewhere"),
            pytest.param(body(HTML, "text/html"), "failed", id="html"),
            pytest.param(reset, "failed", id="reset"),
            pytest.param(body(b"\xff\xd8" + b"x" * 2**23, "image/jpeg"), "failed", id="too-large"),
            *(
                pytest.param(status(code), "failed", id=f"http-{code}")
                for code in (400, 408, 418, 451, 500, 502, 503, 504)
            ),
            *(pytest.param(status(code), "gone", id=f"http-{code}") for code in (404, 410)),
            pytest.param(status(403), "private", id="http-403"),
            pytest.param(to(PLACEHOLDER_PATH), "placeholder", id="redirect-to-placeholder"),
            pytest.param(body(placeholder(), "image/png"), "placeholder", id="placeholder"),
        ],
    )
    def test_it_means(self, tmp_path: Path, odd: Oddity, outcome: str) -> None:
        row = crawled(tmp_path, OddServer(picture=odd))
        assert row["image_outcome"] == outcome, row["image_error"]

    def test_it_is_unpacked(self, tmp_path: Path) -> None:
        def packed(right: Response) -> Response:
            return Response(
                200, gzip.compress(right.body), "image/jpeg", "Content-Encoding: gzip\r\n"
            )

        row = crawled(tmp_path, OddServer(picture=packed))
        assert row["image_outcome"] == "ok"

    @pytest.mark.parametrize(
        ("odd", "outcome"),
        [
            pytest.param(half, "corrupt", id="half"),
            pytest.param(half_with_its_end, "corrupt", id="half-with-its-end"),
            pytest.param(body(b"", "image/jpeg"), "corrupt", id="empty"),
            pytest.param(body(b"no picture" * 99, "image/jpeg"), "corrupt", id="no-picture"),
            pytest.param(body(HUGE, "image/jpeg"), "corrupt", id="too-many-pixels"),
        ],
    )
    def test_the_same_broken_bytes_twice_are_final(
        self, tmp_path: Path, odd: Oddity, outcome: str
    ) -> None:
        server = OddServer(picture=odd)
        row = crawled(tmp_path, server)
        assert row["image_outcome"] == outcome, row["image_error"]
        asked = server.asked["picture"]
        assert asked <= TRIES
        again = OddServer(picture=odd)
        again._odd = server._odd
        crawled(tmp_path, again)
        assert again.asked["picture"] == 0
