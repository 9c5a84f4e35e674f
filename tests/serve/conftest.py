"""A data set whose posts attack the page, a run, a harvest, and a page that serves them all."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
import requests

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.model.training.training import train
from flickr_emotion.serve.server import PageServer
from flickr_emotion.serve.site import Site, open_site
from tests.model.conftest import TINY
from tests.model.dataset_folder import StoredPost, picture, separable_post, write_dataset

ATTACK = "<script>alert('x')</script>"
TWINS = "the very same words stand in both of these texts"


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ninety posts; the first of validation attacks whoever shows it, two of test are twins."""
    labels = cycle(("anger", "awe"))
    subsets = [subset for subset in SUBSETS for _ in range(6)] + ["image+text+tags"] * 28
    hostile = StoredPost(
        photo_id=f"9{ATTACK}",
        label="awe",
        image=picture((9, 200, 9)),
        text=f"{ATTACK} <img src=x onerror=alert(1)> \u202e {{{{ 7*7 }}}} " + "unbroken" * 60,
        tags=[ATTACK, '"onload="alert(2)', "t" * 300],
    )
    twins = [
        StoredPost(photo_id=f"twin{n}", label="awe", image=picture((9, 9, 90 + n)), text=TWINS)
        for n in range(2)
    ]
    return write_dataset(
        tmp_path_factory.mktemp("served") / "posts",
        {
            "train": [separable_post(n, next(labels), it) for n, it in enumerate(subsets)],
            "validation": [hostile, *(separable_post(n, next(labels)) for n in range(100, 108))],
            "test": [*(separable_post(n, next(labels)) for n in range(200, 209)), *twins],
        },
    )


@pytest.fixture(scope="session")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "tiny"
    train(replace(TINY, epochs=2), dataset=data, out=out)
    return out


@pytest.fixture
def own_data(data: Path, tmp_path: Path) -> Path:
    """A copy of the data set, beside which a test's corrections lie."""
    return shutil.copytree(data, tmp_path / "posts")


class Reader(requests.Session):
    """A browser without scripts that has opened the page."""

    def __init__(self, server: PageServer) -> None:
        super().__init__()
        self.base = f"http://127.0.0.1:{server.port}"
        assert self.get(server.url).status_code == 200

    def show(self, address: str, status: int = 200) -> str:
        answer = self.get(self.base + address)
        assert answer.status_code == status, answer.text
        return answer.text

    def submit(self, address: str, form: dict[str, str], **more: Any) -> requests.Response:
        return self.post(self.base + address, form, headers={"Origin": self.base}, **more)


@pytest.fixture(scope="session")
def site(data: Path, run: Path) -> Site:
    return open_site([data, run])


@pytest.fixture(scope="session")
def server(site: Site) -> Iterator[PageServer]:
    with PageServer(site) as running:
        yield running


@pytest.fixture
def reader(server: PageServer) -> Iterator[Reader]:
    with Reader(server) as opened:
        yield opened
