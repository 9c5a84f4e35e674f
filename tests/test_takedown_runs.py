"""``takedown`` of runs: what they held of a post goes, and they say so."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock

from flickr_emotion.common.takedown.tombstones import POST, digest_of
from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.model.training.training import train
from tests.byte_scan import traces
from tests.commands import refusal, run
from tests.model.conftest import TINY
from tests.takedown_world import WITHDRAWN, build, copied, crawl_list, make_list, traces_of

GONE = WITHDRAWN.photo_id
TRACES = traces_of(WITHDRAWN)
SHORT = replace(TINY, epochs=1)


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A harvest, a data set with every word in its vocabulary, and a run: do not change them."""
    folder = tmp_path_factory.mktemp("trained")
    crawl_list(make_list(folder / "list"), folder / "harvest")
    build(folder / "harvest", folder / "dataset", min_count=1)
    train(SHORT, dataset=folder / "dataset", out=folder / "run")
    return folder


@pytest.fixture
def place(before: Path, tmp_path: Path) -> Path:
    place = copied(before, tmp_path / "place")
    # The copy's run names the copy's data set, as if it had been trained there.
    path = place / "run" / "config.json"
    config = json.loads(path.read_text())
    config["dataset"]["folder"] = str(place / "dataset")
    path.write_text(json.dumps(config))
    (place / "run" / "digests.json").unlink()
    return place


def config_of(run_folder: Path) -> dict[str, Any]:
    return json.loads((run_folder / "config.json").read_text())  # type: ignore[no-any-return]


def features_of(dataset: Path, split: str) -> np.ndarray[Any, Any]:
    (path,) = (dataset / "features").glob(f"*/{split}.npy")
    return np.load(path)  # type: ignore[no-any-return]


@pytest.mark.slow
def test_no_byte_of_the_post_is_left_in_three_folders(before: Path, tmp_path: Path) -> None:
    place = copied(before, tmp_path / "place")
    folders = [place / name for name in ("harvest", "dataset", "run")]
    answers = place / "run" / "answers.csv"
    answers.write_text(f"photo_id,label\n{GONE},awe\n")
    assert run("inspect", place / "dataset", "--html", place / "run" / "page.html").code == 0
    found = {line.partition(" in ")[0] for line in traces([place / "run"], TRACES)}
    assert {"word", "description", "tag", "id"} <= found
    done = run("takedown", GONE, "--in", *folders)
    assert done.code == 0, done
    assert traces(folders, TRACES) == []
    for folder in folders:
        assert run("verify", folder).code == 0
    assert answers.read_text() == "photo_id,label\n"
    said = run("predict", place / "run", "--tags", "river").err
    assert "1 post was withdrawn since" in said
    assert "1 post was withdrawn since" in run("evaluate", place / "run", place / "dataset").err
    assert "## Withdrawn posts" in (place / "run" / "README.md").read_text()
    answers.unlink()
    train(SHORT, dataset=place / "dataset", out=place / "run")
    assert "withdrawn" not in run("predict", place / "run", "--tags", "river").err
    assert run("verify", place / "run").code == 0


@pytest.mark.slow
def test_the_features_of_the_other_posts_stay(place: Path) -> None:
    old = open_dataset(place / "dataset")
    ids = [it["photo_id"] for batch in old.batches("train", ["photo_id"]) for it in batch]
    features = {split: features_of(place / "dataset", split) for split in ("train", "test")}
    run("takedown", GONE, "--in", place / "dataset")
    kept = np.delete(features["train"], ids.index(GONE), axis=0)
    assert np.array_equal(features_of(place / "dataset", "train"), kept)
    assert np.array_equal(features_of(place / "dataset", "test"), features["test"])
    (path,) = (place / "dataset" / "features").glob("*/train.npy")
    written = path.stat().st_mtime_ns
    train(SHORT, dataset=place / "dataset", out=place / "again")
    assert path.stat().st_mtime_ns == written  # the training takes them


@pytest.mark.slow
class TestWhatARunSays:
    def test_a_run_given_later_is_known_by_its_data_set(self, place: Path) -> None:
        run("takedown", GONE, "--in", place / "dataset", place / "harvest")
        done = run("takedown", GONE, "--in", place / "run", place / "dataset")
        assert "1 post of its data set withdrawn since the training" in done.out
        assert traces([place / "run"], TRACES) == []
        record = json.loads((place / "run" / "tombstones.json").read_text())
        assert record["withdrawn_since"] == [digest_of(POST, GONE)]

    def test_a_run_alone_finds_the_data_set_that_it_names(self, place: Path) -> None:
        run("takedown", GONE, "--in", place / "dataset")
        assert "1 post of its data set" in run("takedown", GONE, "--in", place / "run").out

    def test_a_data_set_that_was_not_given_and_still_holds_the_post(self, place: Path) -> None:
        done = run("takedown", GONE, "--in", place / "run")
        assert "dataset still holds a withdrawn post" in done.out

    def test_a_run_of_an_unknown_data_set_says_that_nothing_is_known(self, place: Path) -> None:
        path = place / "run" / "config.json"
        config = config_of(place / "run")
        config["dataset"] |= {"folder": str(place / "nowhere"), "digest": "0" * 64}
        path.write_text(json.dumps(config))
        done = run("takedown", GONE, "--in", place / "run")
        assert (done.code, "its data set is not known" in done.out) == (0, True)

    def test_words_of_other_posts_keep_their_places(self, place: Path) -> None:
        old = config_of(place / "run")
        run("takedown", GONE, "--in", place / "dataset", place / "run")
        new = config_of(place / "run")
        for name in ("words", "tags"):
            changed = [
                (was, now) for was, now in zip(old[name], new[name], strict=True) if was != now
            ]
            assert changed
            assert all(now.startswith("withdrawn ") for _, now in changed)
        assert "petrichor" not in new["tags"]
        assert run("predict", place / "run", "--text", "withdrawn words 3").code == 0

    def test_a_run_trained_afterwards_says_nothing(self, place: Path) -> None:
        run("takedown", GONE, "--in", place / "dataset")
        train(SHORT, dataset=place / "dataset", out=place / "new")
        done = run("takedown", GONE, "--in", place / "dataset", place / "new")
        assert "its data set held no withdrawn post" in done.out
        assert "withdrawn" not in run("predict", place / "new", "--tags", "river").err
        assert run("verify", place / "new").code == 0

    def test_a_run_in_use_is_refused(self, place: Path) -> None:
        (place / ".run.training").mkdir()
        with FileLock(place / ".run.training" / "lock"):
            line = refusal("takedown", GONE, "--in", place / "run")
        assert "another training is writing" in line
