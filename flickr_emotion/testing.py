"""A pytest plugin for tests against Flickr: a loopback Flickr, a harvest, recorded answers.

    pytest_plugins = ["flickr_emotion.testing"]  # in the conftest.py at the root of the tests

gives the fixtures ``flickr_sandbox``, ``flickr_corpus``, ``flickr_harvest`` and
``recorded_flickr``, and the mark ``flickr_faults``. The functions make small posts, and lists that
name them. No test needs a key, and nothing leaves the machine. See docs/sandbox.md.
"""

import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from PIL import Image

from flickr_emotion.harvest.crawl.crawl import crawl
from flickr_emotion.harvest.crawl.options import CrawlOptions
from flickr_emotion.harvest.sandbox import rest
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.posts import Post
from flickr_emotion.harvest.sandbox.server import SandboxServer
from flickr_emotion.harvest.sandbox.wire import Request, Response
from flickr_emotion.sandbox import Sandbox

_HARVESTED = 100
_FAULTS = "flickr_faults"


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line(
        "markers", f"{_FAULTS}(plan): faults of flickr_sandbox (429=0.1,seed=7)"
    )


@pytest.fixture
def flickr_corpus() -> Path | None:
    """What ``flickr_sandbox`` serves: a Parquet file of posts, or None for the simulation.

    Define a fixture of this name to serve posts of your own.
    """
    return None


@pytest.fixture
def flickr_sandbox(request: pytest.FixtureRequest, flickr_corpus: Path | None) -> Iterator[Sandbox]:
    """A running ``Sandbox``, new for each test, with the faults of the mark ``flickr_faults``."""
    mark = request.node.get_closest_marker(_FAULTS)
    with Sandbox(corpus=flickr_corpus, faults=mark.args[0] if mark else "") as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def flickr_harvest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A harvest folder with 100 photos of the simulation asked for, made once: do not change it."""
    folder = tmp_path_factory.mktemp("flickr")
    with Sandbox() as sandbox:
        options = CrawlOptions(
            published_lists=(sandbox.write_lists(folder / "lists"),),
            out=folder / "harvest",
            flickr_url=sandbox.url,
            api_key=sandbox.api_key,
            api_secret=sandbox.api_secret,
            quota=0,
            limit=_HARVESTED,
        )
        crawl(options, lambda line: None)
    return folder / "harvest"


class RecordedFlickr(SandboxServer):
    """A Flickr that gives the answers it was told to give, and remembers what it was asked.

    Any well-formed key will do. What was not recorded is answered as by a Flickr without photos:
    code 1, ``Photo not found``, and 404 for a picture.
    """

    def __init__(self, posts: Iterable[Post] = ()) -> None:
        """Serve ``posts`` where nothing was recorded."""
        super().__init__(Corpus(posts))
        self.asked: list[dict[str, str]] = []
        """The parameters of each API call, in the order in which they arrived."""
        self._answers: dict[tuple[str, str], Response] = {}
        self._pictures: dict[str, Response] = {}

    def record(
        self,
        method: str,
        answer: dict[str, Any] | bytes,
        *,
        photo_id: str = "",
        status: int = 200,
    ) -> None:
        """Answer ``method`` so from now on, for one photo or for every call without its own answer.

        ``answer`` is Flickr's JSON as an object (``stat`` is ``ok`` unless it says otherwise), or
        bytes that are sent as they are: half an answer, a page of HTML.
        """
        if not isinstance(answer, bytes):
            answer = json.dumps({"stat": "ok", **answer}).encode()
        self._answers[method, photo_id] = Response(status, answer, "application/json")

    def record_picture(self, photo_id: str, picture: bytes, *, status: int = 200) -> None:
        """Answer so to whoever asks for a photo's picture, under any server, secret and size."""
        self._pictures[photo_id] = Response(status, picture, "image/jpeg")

    def answer(self, request: Request) -> Response:
        """Return what was recorded, else what the sandbox says."""
        if request.path not in rest.PATHS:
            photo_id = request.path.rpartition("/")[2].partition("_")[0]
            return self._pictures.get(photo_id) or super().answer(request)
        params = dict(rest.parameters(request))
        self.asked.append(params)
        method = params.get("method", "")
        recorded = self._answers.get((method, params.get("photo_id", "")))
        return recorded or self._answers.get((method, "")) or super().answer(request)


@pytest.fixture
def recorded_flickr() -> Iterator[RecordedFlickr]:
    """A running ``RecordedFlickr`` without posts, new for each test."""
    with RecordedFlickr() as server:
        yield server


def jpeg(seed: int, width: int = 48, height: int = 36) -> bytes:
    """Return a small JPEG, another for each seed."""
    random = Random(seed)
    picture = Image.frombytes("RGB", (12, 9), random.randbytes(12 * 9 * 3)).resize((width, height))
    encoded = io.BytesIO()
    picture.save(encoded, "JPEG")
    return encoded.getvalue()


def post(number: int, **fields: Any) -> Post:
    """Return a complete English post, or what ``fields`` make of it."""
    defaults: dict[str, Any] = {
        "photo_id": str(3_700_000_000 + number),
        "secret": f"{number:010x}",
        "server": "3456",
        "farm": 4,
        "title": f"The house on the hill number {number}",
        "description": "We walked along the river in the <b>warm</b> evening light",
        "tags": ("river", "evening", f"house{number % 7}"),
        "image": jpeg(number),
    }
    return Post(**(defaults | fields))


def url_of(listed: Post) -> str:
    """Return the URL by which the lists of 2016 name a post."""
    place = f"{listed.server}/{listed.photo_id}_{listed.secret}.jpg"
    return f"http://farm{listed.farm}.staticflickr.com/{place}"


def write_votes(folder: Path, posts: Iterable[Post], emotions: tuple[str, ...] = ("awe",)) -> Path:
    """Write a list in You et al.'s format, five agreeing votes each, emotions by turns."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        f"{emotions[number % len(emotions)]},{url_of(listed)},0,5\n"
        for number, listed in enumerate(posts)
    ]
    (folder / "emotions_1.csv").write_text("".join(rows), encoding="utf-8")
    return folder
