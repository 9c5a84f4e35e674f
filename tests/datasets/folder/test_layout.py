"""A build replaces a data set and nothing else, and keeps the features of the same posts."""

import os
import shutil
from pathlib import Path

import pytest

from flickr_emotion.datasets.build.build import build_splits
from flickr_emotion.datasets.errors import DatasetError
from flickr_emotion.datasets.folder.folder import keep_features
from flickr_emotion.datasets.folder.layout import is_known
from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.datasets.rules.options import BuildOptions
from flickr_emotion.datasets.verification.folders import kind_of
from tests.datasets.build.test_engines import files
from tests.datasets.build.test_interruptions import own_posts

FEATURES = "features/densenet121-0123456789abcdef/train.npy"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Posts ``p.parquet`` and their data set ``d``, with features."""
    folder = tmp_path_factory.mktemp("built") / "place"
    folder.mkdir()
    own_posts(folder / "p.parquet", 30)
    build(folder)
    (folder / "d" / FEATURES).parent.mkdir(parents=True)
    (folder / "d" / FEATURES).write_bytes(b"hours of work")
    return folder


@pytest.fixture
def place(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "place"))


def build(place: Path, seed: int = 0) -> None:
    build_splits(place / "p.parquet", place / "d", BuildOptions(seed=seed), lambda line: None)


def test_every_file_of_a_data_set_is_known(built: Path) -> None:
    found = [path.relative_to(built / "d").as_posix() for path in (built / "d").rglob("*")]
    assert len(found) > 10
    assert [name for name in found if not is_known(name)] == []


@pytest.mark.parametrize(
    "name",
    [
        *("thesis.tex", "data/notes.txt", "data/train.parquet", "data/more/x", "features/x.npy"),
        *("features/densenet121-0123456789abcdef/notes.txt", ".hidden", "data/.DS_Store"),
    ],
)
def test_a_file_that_is_not_ours_is_never_removed(place: Path, name: str) -> None:
    foreign = place / "d" / name
    foreign.parent.mkdir(parents=True, exist_ok=True)
    foreign.write_text("years of work")
    before = files(place)
    with pytest.raises(DatasetError, match=r"which is not part of a data set: give another folder"):
        build(place, seed=1)
    assert files(place) == before


@pytest.mark.parametrize(
    "name",
    ["data", "dataset.json", "README.md", "features", "data/train-00000-of-00001.parquet"],
)
def test_a_link_in_a_data_set_is_refused(place: Path, name: str) -> None:
    (place / "d" / name).rename(place / "elsewhere")
    (place / "d" / name).symlink_to(place / "elsewhere")
    before = files(place)
    with pytest.raises(DatasetError, match=rf"holds '{name}', which is a link and not part"):
        build(place, seed=1)
    assert files(place) == before
    assert (place / "d" / name).is_symlink()


def test_a_folder_that_only_looks_like_a_data_set_is_refused(place: Path) -> None:
    (place / "mine" / "data").mkdir(parents=True)
    (place / "mine" / "README.md").write_text("my project")
    arguments = (place / "p.parquet", place / "mine", BuildOptions(), lambda line: None)
    with pytest.raises(DatasetError, match=r"holds 'README\.md' but no dataset\.json"):
        build_splits(*arguments)
    (place / "mine" / "dataset.json").write_text('{"name": "of another program"}')
    with pytest.raises(DatasetError, match="does not describe a data set"):
        build_splits(*arguments)
    assert (place / "mine" / "README.md").read_text() == "my project"


def test_a_file_added_during_the_build_is_not_removed(place: Path) -> None:
    def said(line: str) -> None:
        (place / "d" / "notes.txt").write_text("just written")

    (place / "d" / "decisions.parquet").write_bytes(b"damaged, so that something is said")
    with pytest.raises(DatasetError, match=r"holds 'notes\.txt'"):
        build_splits(place / "p.parquet", place / "d", BuildOptions(), said)
    assert (place / "d" / "notes.txt").read_text() == "just written"


@pytest.mark.parametrize("name", [".d.building", ".d.previous", ".d.lock"])
def test_files_of_others_beside_it_are_not_touched(place: Path, name: str) -> None:
    (place / name).mkdir()
    (place / name / "thesis.tex").write_text("years of work")
    if name == ".d.building":
        with pytest.raises(DatasetError, match=r"is not ours, .* left it: move it elsewhere"):
            build(place, seed=1)
    else:
        build(place, seed=1)
    assert (place / name / "thesis.tex").read_text() == "years of work"


def test_a_folder_left_aside_by_an_earlier_version_is_named(place: Path) -> None:
    """An earlier version moved the old folder to this name before it renamed the new one."""
    (place / "d").rename(place / ".d.previous")
    for look in (open_dataset, kind_of):
        with pytest.raises(DatasetError, match=rf"left {place / '.d.previous'}: rename it to"):
            look(place / "d")
    (place / ".d.previous").rename(place / "d")
    assert kind_of(place / "d") == "data set"


class TestFeatures:
    def test_they_are_in_both_until_the_old_one_is_removed(self, place: Path) -> None:
        (place / "new").mkdir()
        keep_features(place / "d", place / "new")
        for folder in ("d", "new"):
            assert (place / folder / FEATURES).read_bytes() == b"hours of work"
        assert (place / "d" / FEATURES).samefile(place / "new" / FEATURES)

    def test_without_hard_links_they_are_copied(
        self, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def no_links(source: str, target: str) -> None:
            raise PermissionError("this file system has no hard links")

        monkeypatch.setattr(os, "link", no_links)
        build(place)
        assert (place / "d" / FEATURES).read_bytes() == b"hours of work"


def test_a_data_set_behind_a_link_is_built_at_its_target(place: Path) -> None:
    """A link to the folder itself is allowed; only links inside it are refused."""
    (place / "link").symlink_to(place / "d")
    build_splits(place / "p.parquet", place / "link", BuildOptions(seed=1), lambda line: None)
    assert (place / "link").is_symlink()
    assert open_dataset(place / "d").options["seed"] == 1
