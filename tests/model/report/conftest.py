"""A report of the tiny run, made once, and posts that attack the page that shows them."""

from dataclasses import replace
from pathlib import Path

import pytest

from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.model.report.content import contents
from flickr_emotion.model.report.judging import JudgedRun, judge
from flickr_emotion.model.report.page import report_page
from flickr_emotion.model.training.training import train
from tests.model.conftest import TINY
from tests.model.dataset_folder import StoredPost, picture, separable_post, write_dataset

ATTACK = "<script>alert('x')</script>"


@pytest.fixture(scope="session")
def second_run(dataset_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another run on the same data set, which knows less."""
    out = tmp_path_factory.mktemp("second") / "early"
    train(
        replace(TINY, model="early-fusion", epochs=1, learning_rate=1e-5),
        dataset=dataset_folder,
        out=out,
    )
    return out


@pytest.fixture(scope="session")
def judged(
    dataset_folder: Path, run_folder: Path, second_run: Path
) -> tuple[Dataset, list[JudgedRun]]:
    return judge([run_folder, second_run], device="cpu")


@pytest.fixture(scope="session")
def page(judged: tuple[Dataset, list[JudgedRun]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the report of both runs."""
    path = tmp_path_factory.mktemp("report") / "page.html"
    path.write_text(report_page(judged[0], contents(*judged)), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def hostile_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Test posts whose texts and tags would act if they could; each class name is as before."""

    def attacking(number: int, label: str) -> StoredPost:
        return StoredPost(
            photo_id=f"{number}{ATTACK}",
            label=label,
            image=picture((9, 200, 9)),
            text=f"{ATTACK} <img src=x onerror=alert(1)> " + "unbroken" * 60,
            tags=[ATTACK, '"onload="alert(2)', "\u202egat", "t" * 300],
        )

    return write_dataset(
        tmp_path_factory.mktemp("hostile") / "set",
        {
            "train": [separable_post(n, ("anger", "awe")[n % 2]) for n in range(4)],
            "validation": [],
            "test": [attacking(n, ("anger", "awe")[n % 2]) for n in range(6)],
        },
    )
