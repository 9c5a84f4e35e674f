"""Bodies with a 200: half pictures, pages, other formats and encodings; and statuses in between."""

import gzip
import io
import threading
import zlib
from collections import Counter
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from flickr_emotion.harvest.crawl.crawl import crawl
from flickr_emotion.harvest.crawl.status import harvest_status
from flickr_emotion.harvest.image_hosts.content_encoding import decoded
from flickr_emotion.harvest.image_hosts.spoilt_bodies import SpoiltBodies
from flickr_emotion.harvest.pace.retry import TransientError
from flickr_emotion.harvest.pictures.files import LARGEST, image_path
from flickr_emotion.harvest.pictures.jpeg import NotWholeError, scans
from flickr_emotion.harvest.pictures.whole_picture import check_whole
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.posts import Post
from flickr_emotion.harvest.sandbox.server import SandboxServer
from flickr_emotion.harvest.sandbox.wire import Request, Response
from tests.harvest.corpora import KEY, SECRET, jpeg, options, post, write_votes
from tests.harvest.crawl.test_hostile_servers import TWICE, send, serving
from tests.harvest.image_hosts.test_picture_crawls import NOT_FOUND, made

POSTS = [post(number) for number in range(20)]


def encoded(width: int, height: int, seed: int, mode: str = "RGB", **how: Any) -> bytes:
    noise = Image.frombytes("RGB", (width, height), Random(seed).randbytes(3 * width * height))
    body = io.BytesIO()
    noise.convert(mode).save(body, "JPEG", **how)
    return body.getvalue()


def half(data: bytes) -> bytes:
    return data[: len(data) * 2 // 3] + b"\xff\xd9"


class Bodies(SandboxServer):
    """A sandbox that sends something else for one photo, the first few times."""

    def instead(self, listed: Post, response: Response, times: int = 10**9) -> None:
        """Send this for its picture."""
        self._name, self._response, self.left = listed.photo_id, response, times

    def answer(self, request: Request) -> Response:
        """Send what was set, or what the sandbox sends."""
        if request.method == "GET" and f"/{self._name}_" in request.path and self.left > 0:
            self.left -= 1
            return self._response
        return super().answer(request)


class TestHalfAPicture:
    @pytest.mark.parametrize(
        "how",
        [{}, {"subsampling": 0}, {"progressive": True}, {"restart_marker_rows": 1}],
        ids=str,
    )
    @given(size=st.tuples(st.integers(1, 90), st.integers(1, 90)), data=st.data())
    def test_is_told_from_a_whole_one(
        self, how: dict[str, Any], size: tuple[int, int], data: st.DataObject
    ) -> None:
        mode = data.draw(st.sampled_from(["RGB", "L"]))
        body = encoded(*size, 1, mode, **how)
        check_whole(body)
        check_whole(body + b"trailer\xff\xd9")
        _, end = scans(body)
        start = body.rfind(b"\xff\xda") + 14
        if end - start > 400 and mode == "RGB":
            cut = data.draw(st.integers(start, end - 200))
            with pytest.raises(NotWholeError):
                check_whole(body[:cut] + b"\xff\xd9")

    def test_it_is_asked_for_again_and_not_kept(self, tmp_path: Path) -> None:
        published_list = write_votes(tmp_path / "list", POSTS)
        path = image_path(tmp_path / "h" / "images", POSTS[3].photo_id)
        with Bodies(Corpus(POSTS), keys={KEY: SECRET}) as server:
            server.instead(POSTS[3], Response(200, half(POSTS[3].jpeg()), "image/jpeg"))
            report = crawl(options(published_list, tmp_path / "h", server), print)
            assert report.lost == 1
            assert not path.exists()
            server.left = 2
            assert crawl(options(published_list, tmp_path / "h", server), print).lost == 0
        assert path.read_bytes() == POSTS[3].jpeg()


class TestOtherFormats:
    @pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP"])
    def test_a_whole_one_is_kept_as_it_is(self, tmp_path: Path, kind: str) -> None:
        body = io.BytesIO()
        with Image.open(io.BytesIO(jpeg(1))) as picture:
            picture.save(body, kind)
        published_list = write_votes(tmp_path / "list", POSTS)
        with Bodies(Corpus(POSTS), keys={KEY: SECRET}) as server:
            server.instead(POSTS[0], Response(200, body.getvalue(), "image/jpeg"))
            assert crawl(options(published_list, tmp_path / "h", server), print).lost == 0
            path = image_path(tmp_path / "h" / "images", POSTS[0].photo_id)
            assert path.read_bytes() == body.getvalue()

    def test_the_same_png_for_three_photos_is_a_placeholder_of_the_first_two_as_well(
        self, tmp_path: Path
    ) -> None:
        body = io.BytesIO()
        Image.new("L", (20, 20)).save(body, "PNG")

        def answer(request: BaseHTTPRequestHandler) -> None:
            picture = jpeg(hash(request.path)) if "3700000019" in request.path else body.getvalue()
            send(request, 200, NOT_FOUND if request.command == "POST" else picture)

        published_list = write_votes(tmp_path / "list", POSTS)
        with serving(answer) as server:
            crawl(made(published_list, tmp_path / "h", server, retry=TWICE), print)
        assert harvest_status(tmp_path / "h")["image"]["placeholder"] == len(POSTS) - 1
        assert len(list((tmp_path / "h").rglob("*.jpg"))) == 1


class TestEncodings:
    @pytest.mark.parametrize("encoding", ["gzip", "deflate", "raw deflate", "br"])
    def test_an_added_encoding_is_undone_or_named(self, tmp_path: Path, encoding: str) -> None:
        name = encoding.rpartition(" ")[2]

        def answer(request: BaseHTTPRequestHandler) -> None:
            if request.command == "POST":
                send(request, 200, NOT_FOUND)
                return
            body = jpeg(int(request.path.rpartition("/")[2].partition("_")[0]))
            raw = zlib.compressobj(wbits=-15)
            packed = {
                "gzip": gzip.compress(body),
                "deflate": zlib.compress(body),
                "raw deflate": raw.compress(body) + raw.flush(),
                "br": b"\x00",
            }[encoding]
            send(request, 200, packed, **{"Content-Encoding": name})

        published_list = write_votes(tmp_path / "list", POSTS[:4])
        with serving(answer) as server:
            crawl(made(published_list, tmp_path / "h", server, retry=TWICE), print)
        status = harvest_status(tmp_path / "h")
        if encoding == "br":
            assert "Content-Encoding br" in status["failures"][0]["reason"]
        else:
            assert status["image"]["ok"] == 4

    def test_no_more_is_unpacked_than_a_picture_may_have(self) -> None:
        bomb = zlib.compress(bytes(50 * LARGEST))
        assert len(decoded(bomb, "gzip", largest=LARGEST)) == LARGEST + 1
        with pytest.raises(TransientError, match="cannot be undone"):
            decoded(zlib.compress(b"a" * 10_000)[:-10], "deflate", largest=LARGEST)


class TestStatuses:
    @pytest.mark.parametrize(("status", "tries"), [(451, 1), (400, 1), (401, 1), (408, 2)])
    def test_a_status_that_is_not_retried_is_tried_once(
        self, tmp_path: Path, status: int, tries: int
    ) -> None:
        asked = Counter[str]()
        lock = threading.Lock()

        def answer(request: BaseHTTPRequestHandler) -> None:
            with lock:
                asked[request.command] += 1
            if request.command == "GET":
                send(request, status, b"")
            else:
                send(request, 200, NOT_FOUND)

        published_list = write_votes(tmp_path / "list", POSTS[:5])
        with serving(answer) as server:
            crawl(made(published_list, tmp_path / "h", server, retry=TWICE), print)
        assert asked["GET"] == 5 * tries
        assert harvest_status(tmp_path / "h")["image"]["failed"] == 5


class TestSpoiltBodies:
    def test_bytes_are_final_if_a_healthy_host_sent_them_twice_for_one_photo(self) -> None:
        bodies = SpoiltBodies()
        bodies.record_broken("1", "host", b"half")
        assert not bodies.is_final("1", "host")
        bodies.record_complete("host")
        bodies.record_broken("1", "host", b"half")
        assert bodies.is_final("1", "host")
        assert not bodies.is_final("1", "another")
        bodies.record_broken("2", "host", b"half")
        assert not bodies.is_final("1", "host"), "it sends these bytes for everything"

    def test_not_of_a_host_that_served_nothing_meanwhile(self) -> None:
        bodies = SpoiltBodies()
        bodies.record_complete("host")
        for _ in range(8):
            bodies.record_broken("1", "host", b"half")
        assert not bodies.is_final("1", "host")
