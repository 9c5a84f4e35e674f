"""The pytest plugin, used as another project would: in a folder of its own, by its own pytest."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from flickr_emotion.common.checkout import PROJECT

PAGE = (PROJECT / "docs" / "sandbox.md").read_text(encoding="utf-8").partition("other projects")[2]
CONFTEST, EXAMPLE = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)

FIXTURES = """
import json
from urllib.request import urlopen

import pytest

from flickr_emotion import CrawlOptions, Sandbox, crawl, harvest_status
from flickr_emotion.testing import jpeg, post, write_votes


def info(flickr, photo_id):
    call = f"method=flickr.photos.getInfo&photo_id={photo_id}&format=json&nojsoncallback=1"
    key = "0123456789abcdef0123456789abcdef"
    with urlopen(f"{flickr.url}/services/rest/?{call}&api_key={key}") as answer:
        return answer.read()


def options(flickr, lists, out):
    return CrawlOptions(
        published_lists=(lists,), out=out, flickr_url=flickr.url, quota=0,
        api_key=Sandbox.api_key, api_secret=Sandbox.api_secret,
    )


def test_a_sandbox_is_served(flickr_sandbox):
    assert isinstance(flickr_sandbox, Sandbox)
    assert json.loads(info(flickr_sandbox, "1"))["code"] == 1
    assert flickr_sandbox.stats()["api_total"] == 1


@pytest.mark.flickr_faults("html=1")
def test_with_faults(flickr_sandbox):
    assert info(flickr_sandbox, "1").startswith(b"<!DOCTYPE html>")


def test_a_harvest(flickr_harvest):
    found = harvest_status(flickr_harvest)
    assert found["photos"] == 2000
    assert found["image"]["ok"] > 50
    assert found["api"]["pending"] > 1000


def test_recorded_answers(recorded_flickr):
    method = "flickr.photos.getInfo"
    recorded_flickr.record(method, {"photo": {"id": "7"}}, photo_id="7")
    assert json.loads(info(recorded_flickr, "7")) == {"stat": "ok", "photo": {"id": "7"}}
    assert json.loads(info(recorded_flickr, "8"))["code"] == 1
    recorded_flickr.record(method, b"half an ans")
    assert info(recorded_flickr, "8") == b"half an ans"
    assert [call["photo_id"] for call in recorded_flickr.asked] == ["7", "8", "8"]


def test_a_crawl_of_a_recorded_picture(recorded_flickr, tmp_path):
    lists = write_votes(tmp_path / "lists", [post(1), post(2)])
    recorded_flickr.record_picture(post(1).photo_id, jpeg(1))
    crawl(options(recorded_flickr, lists, tmp_path / "harvest"), print)
    pictures = harvest_status(tmp_path / "harvest")["image"]
    assert (pictures["ok"], pictures["gone"]) == (1, 1)
"""

OWN_CORPUS = """
from urllib.request import urlopen

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flickr_emotion.testing import jpeg


@pytest.fixture
def flickr_corpus(tmp_path):
    rows = [{"photo_id": "123", "secret": "abcdef0123", "server": "9", "image": jpeg(3)}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "posts.parquet")
    return tmp_path / "posts.parquet"


def test_posts_of_ones_own(flickr_sandbox):
    with urlopen(f"{flickr_sandbox.url}/9/123_abcdef0123.jpg") as answer:
        assert answer.read() == jpeg(3)
"""


@pytest.mark.slow
def test_another_project_uses_the_plugin(tmp_path: Path) -> None:
    for name, content in (
        ("conftest.py", CONFTEST),
        ("test_example.py", EXAMPLE),
        ("test_fixtures.py", FIXTURES),
        ("test_own_corpus.py", OWN_CORPUS),
        ("pytest.ini", "[pytest]\naddopts = --strict-markers\nfilterwarnings = error\n"),
    ):
        (tmp_path / name).write_text(content, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(PROJECT), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "7 passed" in done.stdout
