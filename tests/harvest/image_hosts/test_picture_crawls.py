"""The outcomes of pictures in whole crawls over HTTP."""

import asyncio
import hashlib
import threading
from collections import Counter
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from flickr_emotion.harvest.crawl.crawl import crawl
from flickr_emotion.harvest.crawl.options import CrawlOptions
from flickr_emotion.harvest.crawl.status import harvest_status
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.flickr.servers import servers
from flickr_emotion.harvest.image_hosts.client import ImageClient
from flickr_emotion.harvest.image_hosts.load import ImageHosts
from flickr_emotion.harvest.ledger.ledger import Ledger
from flickr_emotion.harvest.ledger.rows.schema import FILE_NAME
from flickr_emotion.harvest.pace.retry import RetryPolicy, TransientError
from flickr_emotion.harvest.pictures.files import image_path
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.posts import Post
from flickr_emotion.harvest.sandbox.server import SandboxServer
from tests.harvest.corpora import KEY, SECRET, crawl_posts, jpeg, options, post, write_votes
from tests.harvest.crawl.test_hostile_servers import TWICE, Server, send, serving

POSTS = [post(number) for number in range(30)]
LARGE = [post(number, image=jpeg(number, 1200, 900)) for number in range(3)]
NOT_FOUND = b'{"stat":"fail","code":1,"message":"Photo not found"}'


def changed(harvest: Path, sql: str) -> None:
    with Ledger(harvest / FILE_NAME, create=True) as ledger, ledger.transaction() as connection:
        connection.execute(sql)


def pictures_of(harvest: Path, column: str) -> list[object]:
    with Ledger(harvest / FILE_NAME) as ledger:
        return [row[0] for row in ledger.query(f"SELECT {column} FROM photos ORDER BY photo_id")]


def made(published_list: Path, out: Path, server: Server, **fields: object) -> CrawlOptions:
    return options(published_list, out, server, **fields)  # type: ignore[arg-type]


def named(listed: Post, suffix: str) -> str:
    return f"{listed.photo_id}_{listed.secret}{suffix}.jpg"


class TestFoundAgain:
    def test_a_picture_that_was_written_but_not_recorded_is_not_requested_again(
        self, tmp_path: Path
    ) -> None:
        published_list = write_votes(tmp_path / "list", POSTS)
        with SandboxServer(Corpus(POSTS), keys={KEY: SECRET}) as server:
            crawl(options(published_list, tmp_path / "h", server), print)
            changed(
                tmp_path / "h",
                "UPDATE photos SET image_outcome = 'pending', image_next_try = 0, "
                "image_sha256 = NULL",
            )
            broken = image_path(tmp_path / "h" / "images", POSTS[3].photo_id)
            broken.write_bytes(broken.read_bytes()[:200])
            crawl(options(published_list, tmp_path / "h", server), print)
            assert server.stats.images == len(POSTS) + 1
            assert server.stats.image_ok[POSTS[3].photo_id] == 2
        assert harvest_status(tmp_path / "h")["image"]["ok"] == len(POSTS)
        assert broken.read_bytes() == POSTS[3].jpeg()
        assert all(pictures_of(tmp_path / "h", "image_sha256"))

    def test_a_photo_that_is_listed_twice_is_fetched_once(self, tmp_path: Path) -> None:
        published_list = write_votes(tmp_path / "list", [*POSTS, *POSTS])
        with SandboxServer(Corpus(POSTS), keys={KEY: SECRET}) as server:
            crawl(options(published_list, tmp_path / "h", server), print)
            assert set(server.stats.image_ok.values()) == {1}
            assert server.stats.images == len(POSTS)


class TestWhoIsToBlame:
    def test_a_429_spends_no_attempt(self, tmp_path: Path) -> None:
        published_list = write_votes(tmp_path / "list", POSTS)
        plan = "image-429=0.7,seed=5"
        with SandboxServer(Corpus(POSTS), faults=plan, keys={KEY: SECRET}) as server:
            crawl(options(published_list, tmp_path / "h", server, retry=TWICE), print)
            assert server.stats.faults["image-429"] > len(POSTS)
        assert harvest_status(tmp_path / "h")["image"]["ok"] == len(POSTS)
        assert set(pictures_of(tmp_path / "h", "image_attempts")) == {0}

    def test_an_outage_is_waited_for_and_reported_once(self, tmp_path: Path) -> None:
        asked = Counter[str]()
        lock = threading.Lock()

        def answer(request: BaseHTTPRequestHandler) -> None:
            if request.command == "POST":
                send(request, 200, NOT_FOUND)
                return
            with lock:
                asked["pictures"] += 1
                number = asked["pictures"]
            if number <= 80:
                send(request, 503, b"")
            else:
                send(request, 200, jpeg(number))

        said: list[str] = []
        published_list = write_votes(tmp_path / "list", POSTS)
        with serving(answer) as server:
            patient = replace(TWICE, patience=600.0)
            crawl(made(published_list, tmp_path / "h", server, retry=patient), said.append)
        status = harvest_status(tmp_path / "h")
        assert status["image"]["ok"] == len(POSTS)
        assert sum("does not answer" in line for line in said) == 1
        assert sum("answers again" in line for line in said) == 1

    def test_a_picture_that_alone_fails_is_given_up(self, tmp_path: Path) -> None:
        def answer(request: BaseHTTPRequestHandler) -> None:
            if request.command == "POST":
                send(request, 200, NOT_FOUND)
            elif POSTS[0].photo_id in request.path:
                send(request, 500, b"")
            else:
                send(request, 200, jpeg(int(request.path.split("_")[0][-4:])))

        published_list = write_votes(tmp_path / "list", POSTS)
        with serving(answer) as server:
            report = crawl(made(published_list, tmp_path / "h", server, retry=TWICE), print)
        assert report.lost == 1
        assert harvest_status(tmp_path / "h")["failures"] == [
            {"what": "image", "reason": "answered 500", "photos": 1}
        ]


class TestWithoutImages:
    def test_a_picture_that_was_seen_is_not_asked_for_again(self, tmp_path: Path) -> None:
        published_list = write_votes(tmp_path / "list", POSTS)
        with SandboxServer(Corpus(POSTS), keys={KEY: SECRET}) as server:
            for _ in range(2):
                crawl(options(published_list, tmp_path / "h", server, images=False), print)
            # One more call to check the key.
            assert server.stats.image_heads == len(POSTS) + 1
            assert server.stats.images == 0
        status = harvest_status(tmp_path / "h")
        assert (status["image"]["pending"], status["api"]["ok"]) == (len(POSTS), len(POSTS))
        assert set(pictures_of(tmp_path / "h", "image_next_try")) == {None}

    def test_dead_pictures_settle_posts_and_faults_do_not(self, tmp_path: Path) -> None:
        posts = [*POSTS, *(post(number, status="deleted") for number in range(30, 40))]
        published_list = write_votes(tmp_path / "list", posts)
        plan = "image-500=0.3,image-reset=0.2,image-429=0.2,seed=1"
        with SandboxServer(Corpus(posts), faults=plan, keys={KEY: SECRET}) as server:
            crawl(options(published_list, tmp_path / "h", server, images=False), print)
            # One of the ten dead ones is checked with the API.
            assert server.stats.api["flickr.photos.getInfo"] == len(POSTS) + 1
        status = harvest_status(tmp_path / "h")
        assert (status["api"]["ok"], status["api"]["gone"]) == (30, 10)
        assert (status["image"]["pending"], status["image"]["gone"]) == (30, 10)

    def test_verify_gone_spends_the_calls_in_the_same_crawl(self, tmp_path: Path) -> None:
        posts = [*POSTS[:5], *(post(number, status="deleted") for number in range(30, 35))]
        published_list = write_votes(tmp_path / "list", posts)
        for images in (False, True):
            with SandboxServer(Corpus(posts), keys={KEY: SECRET}) as server:
                out = tmp_path / f"h-{images}"
                crawl(options(published_list, out, server, images=images, verify_gone=True), print)
                assert server.stats.api["flickr.photos.getInfo"] == len(posts)
            assert harvest_status(out)["api"]["gone"] == 5


class TestSizes:
    @pytest.mark.parametrize(("size", "width"), [("", 500), ("z", 640), ("c", 800), ("b", 1024)])
    def test_the_size_that_is_asked_for(self, tmp_path: Path, size: str, width: int) -> None:
        crawl_posts(tmp_path, LARGE, image_size=size)
        assert pictures_of(tmp_path / "harvest", "image_width") == [width] * 3

    def test_the_next_smaller_one_if_it_does_not_exist(self, tmp_path: Path) -> None:
        asked: list[str] = []
        here = {named(POSTS[0], ""): jpeg(1), named(POSTS[1], "_z"): jpeg(2)}

        def answer(request: BaseHTTPRequestHandler) -> None:
            if request.command == "POST":
                send(request, 200, NOT_FOUND)
                return
            name = request.path.rpartition("/")[2]
            asked.append(name)
            if name in here:
                send(request, 200, here[name])
            else:
                send(request, 404 if "_b" in name else 410, b"")

        published_list = write_votes(tmp_path / "list", POSTS[:3])
        with serving(answer) as server:
            crawl(made(published_list, tmp_path / "h", server, image_size="b"), print)
        assert pictures_of(tmp_path / "h", "image_outcome") == ["ok", "ok", "gone"]
        assert pictures_of(tmp_path / "h", "image_sha256")[:2] == [
            hashlib.sha256(data).hexdigest() for data in here.values()
        ]
        order = [named(POSTS[2], suffix) for suffix in ("_b", "_c", "_z", "")]
        assert [name for name in asked if name in order] == order

    def test_a_harvest_holds_one_size(self, tmp_path: Path) -> None:
        crawl_posts(tmp_path, LARGE, image_size="z")
        with pytest.raises(
            HarvestError, match="pictures of another size: continue with --image-size z"
        ):
            crawl_posts(tmp_path, LARGE)
        crawl_posts(tmp_path, LARGE, images=False)
        crawl_posts(tmp_path, LARGE, image_size="z")

    def test_an_unknown_size_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(HarvestError, match="--image-size k is not known: give z, c or b"):
            crawl_posts(tmp_path, LARGE, image_size="k")


class TestWhatIsNoPicture:
    def test_a_bomb_is_requested_twice_and_again_by_the_next_crawl(self, tmp_path: Path) -> None:
        data = jpeg(1)
        place = data.index(b"\xff\xc0") + 5
        bomb = data[:place] + b"\xff\xff\xff\xff" + data[place + 4 :]
        asked: list[str] = []

        def answer(request: BaseHTTPRequestHandler) -> None:
            if request.command == "POST":
                send(request, 200, NOT_FOUND)
            else:
                asked.append(request.path)
                send(request, 200, bomb)

        published_list = write_votes(tmp_path / "list", POSTS[:2])
        with serving(answer) as server:
            crawl(made(published_list, tmp_path / "h", server), print)
        assert len(asked) == 4
        status = harvest_status(tmp_path / "h")
        assert status["image"]["failed"] == 2
        assert status["failures"][0]["reason"] == "65535 x 65535 pixels"

    def test_more_than_a_picture_can_have_is_not_waited_for(self, tmp_path: Path) -> None:
        def answer(request: BaseHTTPRequestHandler) -> None:
            if request.command == "POST":
                send(request, 200, NOT_FOUND)
                return
            request.send_response(200)
            request.send_header("Connection", "close")
            request.end_headers()
            try:
                while True:
                    request.wfile.write(b"\xff\xd8\xff" + b"\0" * 2**20)
            except OSError:
                request.close_connection = True

        published_list = write_votes(tmp_path / "list", POSTS[:2])
        with serving(answer) as server:
            crawl(made(published_list, tmp_path / "h", server), print)
        assert harvest_status(tmp_path / "h")["image"]["failed"] == 2
        assert "more than" in harvest_status(tmp_path / "h")["failures"][0]["reason"]

    def test_the_same_small_picture_for_ten_photos_is_a_placeholder(self, tmp_path: Path) -> None:
        posts = [*POSTS[:5], *(post(number, image=jpeg(999)) for number in range(50, 62))]
        said: list[str] = []
        crawl_posts(tmp_path, posts, said=said)
        status = harvest_status(tmp_path / "harvest")["image"]
        assert (status["ok"], status["placeholder"]) == (5, 12)
        assert any(line.startswith("12 pictures are copies of a few placeholders") for line in said)
        assert len(list((tmp_path / "harvest").rglob("*.jpg"))) == 5


class TestRedirects:
    @pytest.mark.parametrize(
        "location",
        [
            "https://evil.example/1.jpg",
            "https://evil.example\\.staticflickr.com/1.jpg",
            "https://evil.example#.staticflickr.com/1.jpg",
            "https://evil.example?.staticflickr.com/1.jpg",
            "https://live.staticflickr.com@evil.example/1.jpg",
            "https://staticflickr.com.evil.example/1.jpg",
            "//evil.example/1.jpg",
            "file:///etc/passwd",
        ],
    )
    def test_only_flickrs_image_hosts_are_asked(self, tmp_path: Path, location: str) -> None:
        async def follow(location: str) -> str:
            with Ledger(tmp_path / FILE_NAME, create=True) as ledger:
                hosts = ImageHosts(retry=RetryPolicy(), say=print, ledger=ledger)
                async with ImageClient(servers(None), hosts) as client:
                    return client.followed("https://live.staticflickr.com/1/2_3.jpg", location)

        with pytest.raises(TransientError, match="not followed"):
            asyncio.run(follow(location))
        good = "https://farm4.staticflickr.com/1/2_3.jpg"
        assert asyncio.run(follow(good)) == good
        assert asyncio.run(follow("/a.jpg")) == "https://live.staticflickr.com/a.jpg"
