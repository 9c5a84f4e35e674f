"""Folders are replaced atomically, foreign files are never touched, nothing is left behind."""

import multiprocessing
import os
from pathlib import Path

import pytest
from filelock import Timeout

from flickr_emotion.common import replacing
from flickr_emotion.common.replacing import put_folder, standing, workspace_beside
from flickr_emotion.common.whole_files import put_file


def filled(folder: Path, content: str) -> Path:
    folder.mkdir()
    (folder / "content").write_text(content)
    return folder


def cannot_exchange(one: Path, other: Path) -> bool:
    """Simulate a file system that cannot exchange names."""
    return False


@pytest.fixture(params=["exchange", "no exchange"])
def _both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "no exchange":
        monkeypatch.setattr(replacing, "_exchanged", cannot_exchange)


@pytest.mark.usefixtures("_both_ways")
class TestAFolder:
    def test_is_moved_to_an_empty_place(self, tmp_path: Path) -> None:
        place = tmp_path / "place"
        with workspace_beside(place) as workspace:
            put_folder(filled(workspace / "whole", "new"), place)
        assert (place / "content").read_text() == "new"
        assert list(tmp_path.iterdir()) == [place]

    def test_replaces_another_which_moves_to_the_workspace(self, tmp_path: Path) -> None:
        place = filled(tmp_path / "place", "old")
        with workspace_beside(place) as workspace:
            put_folder(new := filled(workspace / "whole", "new"), place)
            assert (place / "content").read_text() == "new"
            assert (new / "content").read_text() == "old"
        assert list(tmp_path.iterdir()) == [place]


@pytest.mark.parametrize("step", [1, 2])
def test_a_kill_between_two_renames_loses_and_blocks_nothing(tmp_path: Path, step: int) -> None:
    """If the system cannot exchange names, a kill can happen between two renames."""
    place = filled(tmp_path / "place", "old")
    process = multiprocessing.get_context("spawn").Process(
        target=_killed_between_renames, args=(place, step)
    )
    process.start()
    process.join()
    expected = "old" if step == 1 else "new"
    assert place.exists() == (step == 2)
    assert (standing(place) / "content").read_text() == expected
    with workspace_beside(place):
        assert (place / "content").read_text() == expected
    assert list(tmp_path.iterdir()) == [place]


def _killed_between_renames(place: Path, step: int) -> None:
    replacing._exchanged = cannot_exchange
    rename = Path.rename
    done = 0

    def counted(path: Path, target: Path) -> Path:
        nonlocal done
        if done == step:
            os._exit(9)
        done += 1
        return rename(path, target)

    with workspace_beside(place) as workspace:
        new = filled(workspace / "whole", "new")
        Path.rename = counted  # type: ignore[method-assign, assignment]
        put_folder(new, place)


class TestAWorkspace:
    def test_leaves_nothing_behind(self, tmp_path: Path) -> None:
        with workspace_beside(tmp_path / "place") as workspace:
            put_folder(filled(workspace / "whole", "new"), tmp_path / "place")
        assert [path.name for path in tmp_path.iterdir()] == ["place"]

    def test_is_for_one_process_at_a_time(self, tmp_path: Path) -> None:
        with (
            workspace_beside(tmp_path / "place"),
            pytest.raises(Timeout),
            workspace_beside(tmp_path / "place"),
        ):
            pass

    def test_of_a_killed_process_does_not_block_the_next(self, tmp_path: Path) -> None:
        process = multiprocessing.get_context("spawn").Process(
            target=_killed_at_work, args=(tmp_path / "place",)
        )
        process.start()
        process.join()
        assert (tmp_path / ".place.building" / "spool").is_dir()
        with workspace_beside(tmp_path / "place") as workspace:
            assert not (workspace / "spool").exists()
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("linked", [False, True])
    def test_does_not_touch_foreign_files(self, tmp_path: Path, linked: bool) -> None:
        somebodys = filled(tmp_path / ("elsewhere" if linked else ".place.building"), "somebody's")
        if linked:
            (tmp_path / ".place.building").symlink_to(somebodys)
        with (
            pytest.raises(FileExistsError, match="building is not ours"),
            workspace_beside(tmp_path / "place"),
        ):
            pass
        assert (somebodys / "content").read_text() == "somebody's"


def _killed_at_work(place: Path) -> None:
    with workspace_beside(place) as workspace:
        filled(workspace / "spool", "half")
        os._exit(9)


def test_a_file_is_moved_to_its_place(tmp_path: Path) -> None:
    (tmp_path / "place").write_text("old")
    (tmp_path / "new").write_text("new")
    put_file(tmp_path / "new", tmp_path / "place")
    assert (tmp_path / "place").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["place"]
