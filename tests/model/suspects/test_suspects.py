"""``inspect --suspects``: out-of-fold answers, and turned labels found by them."""

import csv
import dataclasses
import json
from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from flickr_emotion.commands.main import app
from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.evaluation.evaluation import evaluate
from flickr_emotion.model.suspects.out_of_fold import FOLDS, folds_of, out_of_fold
from flickr_emotion.model.suspects.suspects import config_for, rank_suspects
from flickr_emotion.model.training.training import train
from tests.model.conftest import TINY
from tests.model.dataset_folder import StoredPost, separable_post, write_dataset

needs_cleanlab = pytest.mark.skipif(not find_spec("cleanlab"), reason="cleanlab is not installed")
CONFIG = dataclasses.replace(
    TINY, model="fasttext", epochs=12, patience=12, batch_size=8, learning_rate=0.02
)
TURNED = {1003, 1010, 1017, 1024, 1031, 1043, 1052}


def test_the_posts_of_each_class_are_dealt_to_the_folds() -> None:
    labels = ["a"] * 23 + ["b"] * 7
    folds = folds_of(labels, np.arange(30, dtype=np.int32))
    for label in "ab":
        sizes = Counter(folds[number] for number in range(30) if labels[number] == label)
        assert max(sizes.values()) - min(sizes.values()) <= 1
    assert set(folds) == set(range(FOLDS))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 12)), min_size=5, max_size=60))
def test_a_group_is_whole_in_one_fold_unless_it_is_larger(posts: list[tuple[str, int]]) -> None:
    groups = np.array([group for _, group in posts], np.int32)
    folds = folds_of([label for label, _ in posts], groups)
    assert set(folds) == set(range(FOLDS))  # each network has posts to answer, and others to learn
    for group, size in Counter(groups.tolist()).items():
        if size <= len(posts) / FOLDS:
            assert len(set(folds[groups == group])) == 1


def test_posts_of_one_text_are_ranked_too(tmp_path: Path) -> None:
    posts = [
        StoredPost(photo_id=str(n), label=("anger", "awe")[n % 2], text="the same five words again")
        for n in range(30)
    ]
    splits = {"train": posts[:20], "validation": posts[20:25], "test": posts[25:]}
    folder = write_dataset(tmp_path / "d", {**splits}, min_count=1)
    answers = out_of_fold(open_dataset(folder), dataclasses.replace(CONFIG, epochs=1))
    assert not any(np.isnan(chances).any() for chances in answers.values())


def test_no_network_answers_a_near_duplicate_of_what_it_was_trained_on(tmp_path: Path) -> None:
    """Each text occurs four times with the same random label, once of them as a test post."""
    labels = np.random.default_rng(0).permutation(["anger", "awe"] * 20)
    posts = [
        StoredPost(photo_id=f"{n}{copy}", label=label, text=" ".join(f"w{n}x{k}" for k in range(5)))
        for copy in range(4)
        for n, label in enumerate(labels)
    ]
    folder = write_dataset(
        tmp_path / "d",
        {"train": posts[:120], "validation": posts[120:124], "test": posts[120:]},
        min_count=1,
    )
    answers = out_of_fold(open_dataset(folder), CONFIG)
    named = np.array(["anger", "awe"])
    assert np.mean(named[answers["train"].argmax(1)] == np.tile(labels, 3)) < 0.75
    assert np.mean(named[answers["test"].argmax(1)] == labels) < 0.75


def test_no_network_answers_a_post_that_it_was_trained_on(tmp_path: Path) -> None:
    """Words that only one post has teach its label by heart, and say nothing of other posts."""
    labels = np.random.default_rng(0).permutation(["anger", "awe"] * 20)
    posts = [
        StoredPost(photo_id=str(n), label=label, text=" ".join(f"w{n}x{k}" for k in range(5)))
        for n, label in enumerate(labels)
    ]
    folder = write_dataset(
        tmp_path / "d", {"train": posts, "validation": posts[:4], "test": posts[:4]}, min_count=1
    )
    answers = out_of_fold(open_dataset(folder), CONFIG)["train"]
    assert answers.shape == (40, 2)
    assert answers.sum(1) == pytest.approx(np.ones(40))
    named = np.array(["anger", "awe"])[answers.argmax(1)]
    assert np.mean(named == labels) < 0.75
    train(CONFIG, dataset=folder, out=tmp_path / "run")
    by_heart = evaluate(tmp_path / "run", device="cpu")["test"]["text"]["accuracy"]
    assert by_heart == 1.0


def turned(number: int) -> StoredPost:
    label = ("anger", "awe")[number % 2]
    stored = separable_post(number, label)
    if int(stored.photo_id) not in TURNED:
        return stored
    return dataclasses.replace(stored, label="awe" if label == "anger" else "anger")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    posts = [turned(number) for number in range(60)]
    return write_dataset(
        tmp_path_factory.mktemp("turned") / "d",
        {"train": posts[:40], "validation": posts[40:50], "test": posts[50:]},
    )


@needs_cleanlab
def test_turned_labels_are_the_suspects(folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(CONFIG, dataset=folder, out=run)
    done = CliRunner().invoke(
        app,
        [
            *("inspect", str(folder), "--suspects", str(tmp_path / "found.csv")),
            *("--run", str(run), "--html", str(tmp_path / "page.html"), "--device", "cpu"),
        ],
    )
    assert done.exit_code == 0, done.output
    with (tmp_path / "found.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 60
    assert {int(row["photo_id"]) for row in rows[: len(TURNED)]} == TURNED
    first = rows[0]
    assert {first["label"], first["suggested"]} == {"anger", "awe"}
    assert {row["suspect"] for row in rows[: len(TURNED)]} == {"true"}
    assert float(first["score"]) < 0.5 < float(rows[-1]["score"])
    assert f"{len(TURNED)} of 60 labels look wrong" in done.output
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.partition("Labels that look wrong")[2].count("data:image") == len(TURNED)


def test_the_settings_are_those_of_the_run_or_the_best_recipe(run_folder: Path) -> None:
    assert config_for(run_folder, "cpu") == TINY
    assert config_for(None, "cpu").recipe == "best"


class TestRefusals:
    def test_run_without_suspects(self, folder: Path, tmp_path: Path) -> None:
        done = CliRunner().invoke(app, ["inspect", str(folder), "--run", str(tmp_path)])
        assert done.exit_code == 2
        assert "--run belongs to --suspects" in done.output

    @needs_cleanlab
    def test_too_few_posts_and_one_class(self, tmp_path: Path) -> None:
        few = [separable_post(number, ("anger", "awe")[number % 2]) for number in range(4)]
        splits: dict[str, Sequence[StoredPost]] = {
            "train": few,
            "validation": few[:2],
            "test": few[:2],
        }
        with pytest.raises(ModelError, match="has 4 training posts"):
            rank_suspects(write_dataset(tmp_path / "few", splits), CONFIG)
        one: dict[str, Sequence[StoredPost]] = {
            name: [separable_post(n, "awe") for n in range(6)] for name in splits
        }
        with pytest.raises(ModelError, match="one class only"):
            rank_suspects(write_dataset(tmp_path / "one", one), CONFIG)

    def test_a_damaged_run(self, run_folder: Path, tmp_path: Path) -> None:
        content = json.loads((run_folder / "config.json").read_text())
        del content["options"]
        (tmp_path / "config.json").write_text(json.dumps(content))
        with pytest.raises(ModelError, match=r"config\.json"):
            config_for(tmp_path, "cpu")
