"""Training: it learns, is reproducible, and writes the documented run folder."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.training.training import train
from tests.model.conftest import TINY
from tests.model.dataset_folder import separable_post, write_dataset


def read_history(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]


class TestRunFolder:
    def test_it_learns(self, run_folder: Path) -> None:
        """On separable posts the complete head is right."""
        metrics = json.loads((run_folder / "metrics.json").read_text())
        assert metrics["test"]["image+text+tags"]["accuracy"] == 1.0
        assert list(metrics["test"]) == list(metrics["validation"]) == list(SUBSETS)
        assert metrics["test"]["image"]["count"] == 10
        assert metrics["majority"]["test"]["text"]["accuracy"] == 0.5

    def test_what_is_written(self, run_folder: Path) -> None:
        history = read_history(run_folder)
        assert [entry["epoch"] for entry in history] == list(range(1, len(history) + 1))
        assert history[-1]["train_loss"] < history[0]["train_loss"]
        # One of the epochs, one of the outcome.
        assert len(list(run_folder.glob("events.out.tfevents.*"))) == 2
        assert not [entry for entry in run_folder.iterdir() if entry.name.startswith(".")]

    def test_best_weights_are_kept(self, run_folder: Path) -> None:
        metrics = json.loads((run_folder / "metrics.json").read_text())
        history = read_history(run_folder)
        losses = [entry["validation_loss"] for entry in history]
        assert metrics["validation_loss"] == min(losses)
        assert metrics["best_epoch"] == 1 + losses.index(min(losses))
        assert metrics["validation"] == history[metrics["best_epoch"] - 1]["validation"]


def test_same_seed_same_metrics(run_folder: Path, dataset_folder: Path, tmp_path: Path) -> None:
    metrics = train(TINY, dataset=dataset_folder, out=tmp_path / "again")
    assert metrics == json.loads((run_folder / "metrics.json").read_text())
    first = load_file(run_folder / "model.safetensors")
    second = load_file(tmp_path / "again" / "model.safetensors")
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_repeats(dataset_folder: Path, tmp_path: Path) -> None:
    config = dataclasses.replace(TINY, epochs=1, repeats=2, seed=3)
    metrics = train(config, dataset=dataset_folder, out=tmp_path / "run")
    seeds = [
        json.loads((tmp_path / "run" / f"seed-{seed}" / "metrics.json").read_text())
        for seed in (3, 4)
    ]
    accuracy = metrics["test"]["image+text+tags"]["accuracy"]
    values = [seed["test"]["image+text+tags"]["accuracy"] for seed in seeds]
    assert accuracy["values"] == values
    assert accuracy["mean"] == pytest.approx(sum(values) / 2)
    best = min(seeds, key=lambda seed: seed["validation_loss"])["seed"]
    assert metrics["best_seed"] == best
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == (
        tmp_path / "run" / f"seed-{best}" / "model.safetensors"
    ).read_bytes()
    # A run without repeats replaces it completely.
    train(dataclasses.replace(TINY, epochs=1), dataset=dataset_folder, out=tmp_path / "run")
    assert not list((tmp_path / "run").glob("seed-*"))


def test_repeats_equal_single_runs(dataset_folder: Path, tmp_path: Path) -> None:
    """A random backbone depends on the seed too."""
    config = dataclasses.replace(TINY, epochs=1, repeats=2)
    train(config, dataset=dataset_folder, out=tmp_path / "run")
    for seed in (0, 1):
        single = dataclasses.replace(TINY, epochs=1, seed=seed)
        metrics = train(single, dataset=dataset_folder, out=tmp_path / str(seed))
        repeat = tmp_path / "run" / f"seed-{seed}"
        assert metrics == json.loads((repeat / "metrics.json").read_text())
        expected, found = (
            load_file(run / "model.safetensors") for run in (tmp_path / str(seed), repeat)
        )
        assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_early_stopping(dataset_folder: Path, tmp_path: Path) -> None:
    config = dataclasses.replace(TINY, epochs=15, patience=1, learning_rate=0.03)
    metrics = train(config, dataset=dataset_folder, out=tmp_path / "run")
    assert metrics["epochs"] == min(15, metrics["best_epoch"] + 1)
    assert len(read_history(tmp_path / "run")) == metrics["epochs"]


def test_word_vectors(dataset_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text("".join(f"{word} {' '.join(['0.5'] * 300)}\n" for word in ("storm", "ship")))
    config = dataclasses.replace(TINY, epochs=1, word_vectors=path)
    train(config, dataset=dataset_folder, out=tmp_path / "run")
    description = json.loads((tmp_path / "run" / "config.json").read_text())
    assert description["words_with_vector"] == 1
    assert description["options"]["word_vectors"] == str(path)
    assert description["options"]["warm_up_steps"] == 200


def test_finetuning_changes_the_backbone(tmp_path: Path) -> None:
    posts = [separable_post(n, label) for n, label in enumerate(("anger", "awe") * 2)]
    folder = write_dataset(
        tmp_path / "set", {"train": posts, "validation": posts[:2], "test": posts[2:]}
    )
    states = {}
    for finetune in (False, True):
        config = dataclasses.replace(
            TINY, epochs=1, finetune_image=finetune, image_learning_rate=0.001
        )
        out = tmp_path / f"run-{finetune}"
        train(config, dataset=folder, out=out)
        states[finetune] = load_file(out / "model.safetensors")
    changed = {
        name
        for name in states[True]
        if name.startswith("encoders.image.backbone.")
        and not torch.equal(states[True][name], states[False][name])
    }
    assert changed


class TestRefusals:
    def test_a_folder_of_something_else(self, dataset_folder: Path, tmp_path: Path) -> None:
        (tmp_path / "thesis.tex").write_text("years of work")
        with pytest.raises(ModelError, match=r"thesis\.tex"):
            train(TINY, dataset=dataset_folder, out=tmp_path)
        assert (tmp_path / "thesis.tex").exists()

    def test_another_programs_model(self, dataset_folder: Path, tmp_path: Path) -> None:
        (tmp_path / "config.json").write_text('{"architectures": []}')
        with pytest.raises(ModelError, match="does not describe a run"):
            train(TINY, dataset=dataset_folder, out=tmp_path)

    def test_a_failed_run_leaves_the_old_one(
        self, run_folder: Path, dataset_folder: Path, tmp_path: Path
    ) -> None:
        out = tmp_path / "run"
        shutil.copytree(run_folder, out)
        before = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
        config = dataclasses.replace(TINY, word_vectors=tmp_path / "absent.bin")
        with pytest.raises(ModelError, match="--word-vectors"):
            train(config, dataset=dataset_folder, out=out)
        assert {p.name: p.read_bytes() for p in out.iterdir() if p.is_file()} == before

    def test_a_split_without_posts(self, tmp_path: Path) -> None:
        posts = [separable_post(1, "awe")]
        folder = write_dataset(tmp_path / "set", {"train": posts, "validation": [], "test": posts})
        with pytest.raises(ModelError, match="no post in validation"):
            train(TINY, dataset=folder, out=tmp_path / "run")

    def test_a_diverging_run(
        self, dataset_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            "flickr_emotion.model.training.fitting.Fitting.train_epoch", lambda *_: float("nan")
        )
        with pytest.raises(ModelError, match="lower --learning-rate"):
            train(TINY, dataset=dataset_folder, out=tmp_path / "run")
        assert not (tmp_path / "run").exists()

    @pytest.mark.parametrize("device", ["abacus", "meta", "mps", "cpu:0", "cuda:", "cuda:-1", ""])
    def test_a_device_that_is_not_known(
        self, dataset_folder: Path, tmp_path: Path, device: str
    ) -> None:
        with pytest.raises(ModelError, match=f"--device {device} is not known: give auto, cpu"):
            train(
                dataclasses.replace(TINY, device=device),
                dataset=dataset_folder,
                out=tmp_path / "run",
            )

    def test_a_device_that_is_not_there(self, dataset_folder: Path, tmp_path: Path) -> None:
        config = dataclasses.replace(TINY, device="cuda:99")
        with pytest.raises(ModelError, match="--device cuda:99 is not available"):
            train(config, dataset=dataset_folder, out=tmp_path / "run")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda(dataset_folder: Path, tmp_path: Path) -> None:
    config = dataclasses.replace(TINY, device="cuda")
    metrics = train(config, dataset=dataset_folder, out=tmp_path / "run")
    assert metrics["test"]["image+text+tags"]["accuracy"] == 1.0
