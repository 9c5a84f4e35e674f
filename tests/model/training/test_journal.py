"""What a training run tells of its epochs, and when it touches the run's folder."""

import json
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar.layout_pb2 import Layout
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.common.progress import ProgressReport
from flickr_emotion.model.config import TrainingConfig
from flickr_emotion.model.features.image_backbones import build_backbone
from flickr_emotion.model.networks.recipe_network import RecipeNetwork
from flickr_emotion.model.recipes import OWN_HEAD, SHALLOW
from flickr_emotion.model.runs.files import FORMAT, FORMAT_VERSION
from flickr_emotion.model.runs.folder import RunFolder
from flickr_emotion.model.training.events import write_outcome
from flickr_emotion.model.training.journal import Journal
from tests.model.small_networks import ENCODING, network

CONFIG = {"format": FORMAT, "version": FORMAT_VERSION}


def epoch(number: int, loss: float = 0.5, complete: int = 8) -> dict[str, Any]:
    """An epoch as the training loop has it; nobody holds tags alone."""
    figures = {"accuracy": 0.75, "macro_f1": 0.7, "weighted_f1": 0.72, "count": complete}
    none = {"accuracy": None, "macro_f1": None, "weighted_f1": None, "count": 0}
    return {
        "epoch": number,
        "train_loss": 1.25,
        "validation_loss": loss,
        "validation": {
            subset: none if subset == "tags" or not complete else figures for subset in SUBSETS
        },
        "seconds": 3.14,
    }


def journal(
    folder: Path, *more: Path, epochs: list[dict[str, Any]] | None = None, writes: bool = True
) -> Journal:
    folders = [(RunFolder(path), CONFIG | {"of": path.name}) for path in (*more, folder)]
    for run, _ in folders:
        run.check_replaceable()
    return Journal(folders, epochs or [], ProgressReport("train", 10, "posts"), writes=writes)


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
            folders: list[tuple[RunFolder, dict[str, Any]]] = [(RunFolder(tmp_path / "run"), {})]
            report = ProgressReport("train", 10, "posts")
            with Journal(folders, [], report, writes=True, losses=net.losses) as made:
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

    def test_events_hold_the_figures_of_what_posts_hold(self, tmp_path: Path) -> None:
        with journal(tmp_path / "run") as made:
            made.add(epoch(1), 2)
            made.add(epoch(2), 2)
        (file,) = (tmp_path / "run").glob("events.out.tfevents.*")
        events = EventAccumulator(str(file)).Reload()
        tags = set(events.Tags()["scalars"])
        assert tags == {
            *("train_loss", "validation_loss"),
            *(
                f"validation_{figure}/{subset}"
                for figure in ("accuracy", "weighted_f1")
                for subset in SUBSETS
                if subset != "tags"
            ),
        }
        layout = Layout.FromString(
            events.Tensors("custom_scalars__config__")[0].tensor_proto.string_val[0]
        )
        assert [*layout.category[0].chart[0].multiline.tag] == ["train_loss", "validation_loss"]
        assert [it.step for it in events.Scalars("train_loss")] == [1, 2]
        assert events.Scalars("validation_weighted_f1/text")[0].value == pytest.approx(0.72)

    def test_the_outcome_has_options_and_test_figures(self, tmp_path: Path) -> None:
        options = TrainingConfig(seed=3, word_vectors=Path("vectors.bin")).options()
        write_outcome(tmp_path, options, {"test_accuracy/text": 0.5})
        (file,) = tmp_path.glob("events.out.tfevents.*")
        events = EventAccumulator(str(file)).Reload()
        assert events.Scalars("test_accuracy/text")[0].value == 0.5
        told = HParamsPluginData.FromString(
            events.PluginTagToContent("hparams")["_hparams_/session_start_info"]
        ).session_start_info.hparams
        assert (told["seed"].number_value, told["word_vectors"].string_value) == (3, "vectors.bin")
        assert told["batch_size"].number_value == 64
        assert "subset" not in told


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
