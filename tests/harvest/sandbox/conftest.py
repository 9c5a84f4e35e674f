"""Servers and clients for the sandbox's tests."""

import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flickrapi
import pytest
import requests

from flickr_emotion.common.checkout import PROJECT
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.posts import Post
from flickr_emotion.harvest.sandbox.server import SandboxServer
from flickr_emotion.harvest.sandbox.vso.corpus import VsoCorpus, vso_corpus
from tests.harvest.sandbox.pictures import jpeg
from tests.harvest.sandbox.virtual_vso import Client, write_lists

SAMPLES = PROJECT.parent / "shared" / "data" / "flickr_samples.tar.xz"
DOWNLOADABLE = 4  # A licence that allows everybody to download the original.

Call = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def posts() -> list[Post]:
    """A few posts in every state, with two owners and all kinds of tags."""
    return [
        Post(
            photo_id="5000000001",
            secret="aaaaaaaa01",
            server="4101",
            farm=5,
            title="Über den Wolken / above",
            description='See <a href="https://example.org/a">example.org/a</a>\n<b>now</b> &amp;',
            tags=("West Yorkshire", "Sky", "geo:Lat=51.5 N", "!!", "Zebra"),
            image=jpeg(400, 300),
            owner="11111111@N01",
            date_upload=1_000_000_000,
            license=DOWNLOADABLE,
        ),
        Post(
            photo_id="5000000002",
            image=jpeg(2200, 1100),
            title="A calm sea",
            tags=("sky", "sea"),
            owner="11111111@N01",
            date_upload=1_000_000_100,
            license=DOWNLOADABLE,
        ),
        Post(photo_id="5000000003", status="deleted", owner="22222222@N02"),
        Post(photo_id="5000000004", status="private", owner="11111111@N01", tags=("sky",)),
        Post(photo_id="5000000005", status="placeholder", owner="11111111@N01"),
        Post(
            photo_id="5000000006",
            image=jpeg(),
            title="Storm",
            description="a calm before",
            tags=("sea",),
            owner="33333333@N03",
            date_upload=1_000_000_200,
        ),
    ]


@pytest.fixture(scope="session")
def server(posts: list[Post]) -> Iterator[SandboxServer]:
    with SandboxServer(Corpus(posts)) as running:
        yield running


@pytest.fixture(scope="session")
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture(scope="session")
def call(server: SandboxServer, http: requests.Session) -> Call:
    """Call a method by GET with an api_key; return the JSON."""

    def ask(method: str, **params: object) -> dict[str, Any]:
        answer = http.get(
            f"{server.url}/services/rest/", params=query(method, **params), timeout=10
        )
        assert answer.status_code == 200
        answer_json: dict[str, Any] = answer.json()
        return answer_json

    return ask


@pytest.fixture(scope="session")
def vso_lists(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with small lists in VSO's format."""
    folder = tmp_path_factory.mktemp("vso")
    write_lists(folder)
    return folder


@pytest.fixture(scope="session")
def corpus(vso_lists: Path) -> VsoCorpus:
    """The virtual corpus of the small lists."""
    return vso_corpus(vso_lists)


@pytest.fixture(scope="session")
def client(corpus: VsoCorpus, http: requests.Session) -> Iterator[Client]:
    with SandboxServer(corpus) as running:
        yield Client(running, http)


def query(method: str, **params: object) -> dict[str, Any]:
    """Return the parameters of an unsigned call."""
    fixed = {"api_key": "k", "format": "json", "nojsoncallback": "1"}
    return {**fixed, "method": f"flickr.{method}", **params}


def flickr(url: str, session: requests.Session, secret: str = "s", key: str = "key") -> Any:
    """A real flickrapi client of a sandbox."""
    api = flickrapi.FlickrAPI(key, secret, format="parsed-json", store_token=False, timeout=10)
    api.REST_URL = f"{url}/services/rest/"
    api.flickr_oauth.session = session
    return api


@pytest.fixture(scope="session")
def samples() -> dict[str, Any]:
    """Recorded answers by their path in the archive: parsed JSON, and XML as text."""
    if not SAMPLES.exists():
        pytest.skip(f"recorded Flickr answers are not there: {SAMPLES}")
    found: dict[str, Any] = {}
    with tarfile.open(SAMPLES) as archive:
        for member in archive.getmembers():
            name = member.name.removeprefix("./")
            file = archive.extractfile(member)
            if file is None or not name.startswith(("json/", "openverse/", "xml/")):
                continue
            content = file.read().decode()
            found[name] = json.loads(content) if name.endswith(".json") else content
    return found
