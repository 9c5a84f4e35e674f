"""Corpora are read unchanged, and a malformed one is refused in one line."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests

from flickr_emotion.common.checkout import PROJECT
from flickr_emotion.harvest.errors import HarvestError
from flickr_emotion.harvest.sandbox.corpus import Corpus
from flickr_emotion.harvest.sandbox.posts import Post
from flickr_emotion.harvest.sandbox.server import SandboxServer
from tests.harvest.sandbox.pictures import jpeg

MVSA = PROJECT.parent / "shared" / "data" / "mvsa.parquet"


def write(path: Path, **columns: list[Any]) -> Path:
    """Write a corpus with these columns; photo_id and image are added unless given as empty."""
    rows = max((len(values) for values in columns.values() if values), default=2)
    whole = {"photo_id": [str(n) for n in range(1, rows + 1)], "image": [jpeg()] * rows} | columns
    pq.write_table(pa.table({name: values for name, values in whole.items() if values}), path)
    return path


def test_absent_columns_get_fixed_defaults(tmp_path: Path) -> None:
    corpus = Corpus.read(write(tmp_path / "a.parquet", extra=[1.5, 2.5], title=["one", None]))
    assert [post.title for post in corpus] == ["one", ""]
    post = corpus.get("1")
    assert post is not None
    assert post == Post(photo_id="1", image=jpeg(), title="one")
    assert (post.status, post.license, len(post.secret)) == ("ok", 0, 10)
    assert post.owner != Post(photo_id="2").owner


def test_a_folder_of_files(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", photo_id=["1"], tags=[["x", "y"]])
    write(tmp_path / "b.parquet", photo_id=["2"], status=["deleted"], image=[None])
    corpus = Corpus.read(tmp_path)
    assert [(post.photo_id, post.tags, post.status) for post in corpus] == [
        ("1", ("x", "y"), "ok"),
        ("2", (), "deleted"),
    ]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"photo_id": []}, "column photo_id is missing"),
        ({"image": []}, "column image is missing"),
        ({"photo_id": [1, 2]}, "column photo_id has type int64; it must be text"),
        ({"photo_id": ["1", "x"]}, "row 2: column photo_id must be Flickr's digits"),
        ({"photo_id": ["1", None]}, "row 2: column photo_id is null"),
        ({"photo_id": ["1", "1"]}, "photo 1 occurs twice"),
        ({"image": [jpeg(), b"PNG"]}, "row 2: column image must be a whole JPEG file"),
        ({"image": [jpeg(), None]}, "row 2: column image is null"),
        ({"status": ["ok", "lost"]}, "row 2: column status must be one of ok, deleted"),
        ({"tags": ["a b", "c"]}, "column tags has type string; it must be lists of text"),
        ({"license": [0, 99]}, "row 2: column license must be a licence id"),
        ({"secret": ["a", "b/c"]}, "row 2: column secret must be letters and digits"),
    ],
)
def test_a_malformed_corpus_is_one_line(
    tmp_path: Path, columns: dict[str, list[Any]], message: str
) -> None:
    path = write(tmp_path / "bad.parquet", **columns)
    with pytest.raises(HarvestError) as caught:
        Corpus.read(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_corpus_at_all(tmp_path: Path) -> None:
    (tmp_path / "text.parquet").write_text("no parquet\nhere")
    for path in (tmp_path / "text.parquet", tmp_path / "nothing", tmp_path / "nothing.parquet"):
        with pytest.raises(HarvestError, match=r"\A.*(text|nothing).*\Z"):
            Corpus.read(path)


def test_real_tweets_are_served_byte_for_byte(http: requests.Session) -> None:
    if not MVSA.exists():
        pytest.skip(f"the real corpus is not there: {MVSA}")
    corpus = Corpus.read(MVSA)
    assert len(corpus) == 3376
    with SandboxServer(corpus) as server:
        for post in list(corpus)[::150]:
            path = f"/{post.server}/{post.photo_id}_{post.secret}.jpg"
            content = http.get(server.url + path).content
            assert (content == post.image) == (max(post.size) <= 500)
