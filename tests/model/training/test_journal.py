"""What a training run tells of its epochs, and when it touches the run's folder."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from flickr_emotion.common.progress import ProgressReport
from flickr_emotion.model.features.image_backbones import build_backbone
from flickr_emotion.model.networks.recipe_network import RecipeNetwork
from flickr_emotion.model.recipes import OWN_HEAD, SHALLOW
from flickr_emotion.model.runs.files import FORMAT, FORMAT_VERSION
from flickr_emotion.model.runs.folder import RunFolder
from flickr_emotion.model.tracking.tracking import Tracking
from flickr_emotion.model.training.journal import Journal
from tests.model.small_networks import ENCODING, network
from tests.model.tracking.runs import epoch, tracked

CONFIG = {"format": FORMAT, "version": FORMAT_VERSION}


@contextmanager
def journal(
    folder: Path,
    *more: Path,
    epochs: list[dict[str, Any]] | None = None,
    writes: bool = True,
    losses: tuple[str, str] = ("", ""),
) -> Iterator[Journal]:
    folders = [(RunFolder(path), CONFIG | {"of": path.name}) for path in (*more, folder)]
    for run, _ in folders:
        run.check_replaceable()
    report = ProgressReport("train", 10, "posts")
    with (
        Tracking(tracked(folder)) as tracking,
        Journal(folders, epochs or [], report, tracking, writes=writes, losses=losses) as made,
    ):
        yield made


def history(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]


class TestEpochs:
    def test_each_is_written_when_it_is_over(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with journal(tmp_path / "run") as made:
            for number in (1, 2):
                made.add(epoch(number, loss=0.5 - number / 10), 3)
                assert history(tmp_path / "run") == made.epochs
                assert len(made.epochs) == number
        lines = [line for line in capsys.readouterr().err.splitlines() if "epoch" in line]
        assert lines == [
            "epoch 1 of 3: training loss 1.250, validation loss 0.400, "
            "validation accuracy of image+text+tags 75.0% (3.1 s)",
            "epoch 2 of 3: training loss 1.250, validation loss 0.300, "
            "validation accuracy of image+text+tags 75.0% (3.1 s)",
        ]

    def test_without_complete_posts_no_accuracy_is_made_up(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with journal(tmp_path / "run") as made:
            made.add(epoch(1, complete=0), 1)
        assert "validation loss 0.500 (3.1 s)" in capsys.readouterr().err

    def test_two_losses_of_different_scales_say_what_they_are(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        said = []
        for parts in (frozenset({OWN_HEAD}), frozenset({SHALLOW})):
            net = RecipeNetwork(ENCODING, build_backbone("squeezenet1_1"), readers=[], parts=parts)
            with journal(tmp_path / "run", losses=net.losses) as made:
                made.add(epoch(1, complete=0), 3)
            said.append(capsys.readouterr().err)
        assert (
            "training loss 1.250 (summed over the heads, the own one five times), "
            "validation loss 0.500 (of each post's own head) (3.1 s)"
        ) in said[0]
        assert "training loss 1.250 (summed over the heads), validation loss" in said[1]

    def test_one_that_goes_on_keeps_what_was_told(self, tmp_path: Path) -> None:
        before = [epoch(1), epoch(2)]
        with journal(tmp_path / "run", epochs=before) as made:
            made.add(epoch(3), 3)
        assert [it["epoch"] for it in history(tmp_path / "run")] == [1, 2, 3]
        assert len(before) == 2


class TestFolders:
    def test_none_is_touched_before_the_first_epoch_is_over(self, tmp_path: Path) -> None:
        with journal(tmp_path / "run") as made:
            made.advance(3)
            assert list(tmp_path.iterdir()) == []
            assert not made.would_replace
            made.add(epoch(1), 1)
        assert json.loads((tmp_path / "run" / "config.json").read_text())["of"] == "run"

    def test_all_of_them_are_begun_together(self, tmp_path: Path) -> None:
        whole, part = tmp_path / "run", tmp_path / "run" / "seed-0"
        with journal(part, whole) as made:
            made.add(epoch(1), 1)
        assert json.loads((whole / "config.json").read_text())["of"] == "run"
        assert json.loads((part / "config.json").read_text())["of"] == "seed-0"
        assert (part / "history.jsonl").exists()
        assert not (whole / "history.jsonl").exists()

    def test_an_older_run_stays_until_then(self, tmp_path: Path) -> None:
        with journal(tmp_path / "run") as made:
            made.add(epoch(1), 1)
            made.write_network(network())
        with journal(tmp_path / "run") as again:
            would = [again.would_replace]
            assert (tmp_path / "run" / "model.safetensors").exists()
            again.begin()
            would.append(again.would_replace)
            assert would == [True, False]
            assert not (tmp_path / "run" / "model.safetensors").exists()
            again.write_network(network())
            again.begin()  # once is enough
            assert (tmp_path / "run" / "model.safetensors").exists()

    def test_of_several_processes_only_the_first_tells_anything(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with journal(tmp_path / "run", writes=False) as made:
            made.advance(3)
            made.add(epoch(1), 1)
            made.write_network(network())
            assert len(made.epochs) == 1
        assert list(tmp_path.iterdir()) == []
        assert capsys.readouterr().err == ""
