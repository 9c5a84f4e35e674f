"""Pictures have the size of their suffix, and lost pictures are answered as on Flickr."""

import io

import pytest
import requests
from PIL import Image

from flickr_emotion.harvest.sandbox.posts import Post
from flickr_emotion.harvest.sandbox.server import SandboxServer
from tests.harvest.sandbox.conftest import Call

EDGES = {"s": 75, "q": 75 * 2, "t": 100, "m": 240, "n": 320, "w": 400, "": 500,
         "z": 640, "c": 800, "b": 1024}  # fmt: skip


@pytest.fixture
def paths(posts: list[Post]) -> dict[str, str]:
    """Return the path of a post's picture, by the last digit of its id."""
    return {p.photo_id[-1]: f"/{p.server}/{p.photo_id}_{p.secret}" for p in posts}


def get(server: SandboxServer, http: requests.Session, path: str) -> requests.Response:
    return http.get(server.url + path, allow_redirects=False, timeout=10)


def size(answer: requests.Response) -> tuple[int, int]:
    with Image.open(io.BytesIO(answer.content)) as picture:
        picture.load()
        return picture.size


@pytest.mark.parametrize("suffix", EDGES)
def test_suffixes(
    server: SandboxServer, http: requests.Session, paths: dict[str, str], suffix: str
) -> None:
    ending = f"_{suffix}.jpg" if suffix else ".jpg"
    edge = EDGES[suffix]
    wide = size(get(server, http, paths["2"] + ending))
    assert wide == ((edge, edge) if suffix in "sq" and suffix else (edge, edge // 2))
    small = get(server, http, paths["1"] + ending)
    if suffix and edge >= 400:  # No picture is enlarged.
        assert small.status_code == 404
    else:
        assert max(size(small)) == min(edge, 400)


def test_stored_bytes_pass_through_where_they_fit(
    server: SandboxServer, http: requests.Session, paths: dict[str, str], posts: list[Post]
) -> None:
    assert get(server, http, f"{paths['1']}.jpg").content == posts[0].image


def test_big_sizes_have_a_secret_of_their_own(
    server: SandboxServer, http: requests.Session, paths: dict[str, str], call: Call
) -> None:
    for suffix in "hko":
        assert get(server, http, f"{paths['2']}_{suffix}.jpg").status_code == 404
    sizes = call("photos.getSizes", photo_id="5000000002")["sizes"]["size"]
    by_label = {entry["label"]: entry for entry in sizes}
    for label, edge in (("Large 1600", 1600), ("Large 2048", 2048), ("Original", 2200)):
        path = by_label[label]["source"].removeprefix("https://live.staticflickr.com")
        assert size(get(server, http, path)) == (edge, edge // 2)
        assert (by_label[label]["width"], by_label[label]["height"]) == (edge, edge // 2)
    small = call("photos.getSizes", photo_id="5000000001")["sizes"]["size"]
    assert [entry["label"] for entry in small][-3:] == ["Small 320", "Medium", "Original"]


def test_headers(server: SandboxServer, http: requests.Session, paths: dict[str, str]) -> None:
    answer = get(server, http, paths["1"] + ".jpg")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000"
    assert answer.headers["Last-Modified"] == "Sun, 09 Sep 2001 01:46:40 GMT"
    head = http.head(f"{server.url}{paths['1']}.jpg")
    assert head.content == b""
    assert head.headers["Content-Length"] == str(len(answer.content))
    assert head.headers["ETag"] == answer.headers["ETag"]


def test_lost_pictures(
    server: SandboxServer, http: requests.Session, paths: dict[str, str]
) -> None:
    assert get(server, http, paths["3"] + ".jpg").status_code == 410
    assert get(server, http, paths["4"] + ".jpg").status_code == 403
    moved = get(server, http, paths["5"] + ".jpg")
    assert (moved.status_code, moved.headers["Location"]) == (302, "/images/photo_unavailable.png")
    placeholder = http.get(f"{server.url}{paths['5']}.jpg")
    assert placeholder.url.endswith("/images/photo_unavailable.png")
    assert (placeholder.status_code, len(placeholder.content)) == (200, 2051)
    assert placeholder.headers["Content-Type"] == "image/png"
    assert size(placeholder)[0] == 500


def test_unknown_and_malformed_names(
    server: SandboxServer, http: requests.Session, paths: dict[str, str]
) -> None:
    for path in ("/65535/999_abc.jpg", paths["3"][:-1] + "x.jpg", "/1/5000000001_aaaaaaaa01.jpg"):
        assert get(server, http, path).status_code == 404
    for path in (
        "/",
        "/x/y.jpg",
        "/4101/5000000001.jpg",
        paths["1"] + "_y.jpg",
        paths["1"] + ".gif",
    ):
        answer = get(server, http, path)
        assert (answer.status_code, answer.content) == (404, b"")
