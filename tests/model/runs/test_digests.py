"""Damage on disk is detected: in a run's weights and descriptions, and in its checkpoint."""

import contextlib
import json
import os
import random
import shutil
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from flickr_emotion.common.whole_files import write_json
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.evaluation.calibration import read_calibration
from flickr_emotion.model.runs.checkpoints import read_checkpoint
from flickr_emotion.model.runs.digests import KEPT, digests_of, verify_run
from flickr_emotion.model.runs.loading import load_run
from flickr_emotion.model.training.training import train
from tests.model.runs.test_workplace import CONFIG, killed_at_step

CPU = torch.device("cpu")


@pytest.fixture
def copy(run_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run_folder, tmp_path / "copy"))


def flip(path: Path, seed: int = 0) -> None:
    """Flip one bit somewhere in a file."""
    content = bytearray(path.read_bytes())
    chosen = random.Random(seed)
    content[chosen.randrange(len(content))] ^= 1 << chosen.randrange(8)
    path.write_bytes(content)


def test_an_undamaged_run(run_folder: Path) -> None:
    digests = json.loads((run_folder / "digests.json").read_text())
    assert (digests["format"], digests["version"]) == ("flickr-emotion-run-digests", 1)
    assert set(digests["files"]) == set(KEPT)
    assert verify_run(run_folder) == []


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", KEPT)
def test_a_flipped_bit(copy: Path, name: str, seed: int) -> None:
    flip(copy / name, seed)
    (damage,) = verify_run(copy)
    assert damage == (
        f"{copy / name} is damaged: its SHA-256 differs from that of what the training wrote: "
        "take it from a copy, or train again"
    )
    if name in ("model.safetensors", "config.json"):
        with pytest.raises(ModelError) as caught:
            load_run(copy, CPU)
        assert len(str(caught.value).splitlines()) == 1
    if name == "calibration.json":
        with pytest.raises(ModelError):
            read_calibration(copy)


def test_a_flipped_bit_of_weights_that_safetensors_accepts(copy: Path) -> None:
    """safetensors has no checksum: without a digest a different network would answer."""
    weights = copy / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    load_file(weights)
    with pytest.raises(ModelError, match=r"model\.safetensors is damaged.*or train again"):
        load_run(copy, CPU)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda run: (run / "history.jsonl").unlink(), "history.jsonl does not exist"),
        (lambda run: (run / "metrics.json").write_text("{}"), "has 2 bytes, but the training"),
        (lambda run: (run / "digests.json").write_text('{"format": 1}'), "digests.json is damaged"),
        (lambda run: (run / "digests.json").write_text("[" * 10**5), "digests.json is damaged"),
    ],
)
def test_other_damage(copy: Path, change: object, message: str) -> None:
    assert callable(change)
    change(copy)
    (damage,) = verify_run(copy)
    assert message in damage


def test_a_removed_entry(copy: Path) -> None:
    """Otherwise any file could take the place of one without a digest."""
    content = json.loads((copy / "digests.json").read_text(encoding="utf-8"))
    del content["files"]["model.safetensors"]
    (copy / "digests.json").write_text(json.dumps(content), encoding="utf-8")
    (damage,) = verify_run(copy)
    assert "digests.json has no entry for model.safetensors" in damage


def test_without_digests(copy: Path, tmp_path: Path) -> None:
    """A run of an earlier version can be used but not verified; a folder that is no run neither."""
    (copy / "digests.json").unlink()
    load_run(copy, CPU)
    with pytest.raises(ModelError, match="an earlier version wrote it"):
        verify_run(copy)
    (copy / "metrics.json").unlink()
    with pytest.raises(ModelError, match="its training has not finished"):
        verify_run(copy)
    with pytest.raises(ModelError, match="is not there"):
        verify_run(tmp_path / "absent")


def test_a_flipped_bit_of_a_checkpoint(dataset_folder: Path, tmp_path: Path) -> None:
    with killed_at_step(7):
        train(CONFIG, dataset=dataset_folder, out=tmp_path / "run")
    path = tmp_path / "run" / "checkpoint.safetensors"
    whole, read = path.read_bytes(), 0
    for seed in range(12):
        flip(path, seed)
        try:
            load_file(path)
            read += 1
        except SafetensorError:
            pass
        with pytest.raises(ModelError) as caught:
            read_checkpoint(path)
        assert len(str(caught.value).splitlines()) == 1
        path.write_bytes(whole)
    assert read > 8  # without the digest, training would have resumed with a different network


class TestParts:
    @pytest.fixture
    def repeats(self, copy: Path) -> Path:
        """A run of two seeds."""
        for name in ("seed-0", "seed-1"):
            shutil.copytree(copy, copy.parent / name)
        for name in ("seed-0", "seed-1"):
            (copy.parent / name).rename(copy / name)
        write_json(copy / "digests.json", digests_of(copy, {}))
        return copy

    def test_whole_parts(self, repeats: Path) -> None:
        assert verify_run(repeats) == []

    def test_a_part_that_is_not_there(self, repeats: Path) -> None:
        shutil.rmtree(repeats / "seed-1")
        (damage,) = verify_run(repeats)
        assert damage == f"{repeats / 'seed-1'} is not there: take it from a copy, or train again"

    def test_a_part_of_another_run(self, repeats: Path) -> None:
        (repeats / "seed-1" / "history.jsonl").write_text("{}\n")
        write_json(repeats / "seed-1" / "digests.json", digests_of(repeats / "seed-1", {}))
        (damage,) = verify_run(repeats)
        assert f"{repeats / 'seed-1' / 'digests.json'} is not of this run" in damage

    @pytest.mark.parametrize("name", ["../seed-1", "x", "/etc"])
    def test_only_parts_are_looked_for(self, repeats: Path, name: str) -> None:
        content = json.loads((repeats / "digests.json").read_text())
        content["parts"] = {name: "0" * 64}
        write_json(repeats / "digests.json", content)
        assert "is not a part of a run" in verify_run(repeats)[0]


@pytest.mark.parametrize("name", [*KEPT, "digests.json"])
def test_a_pipe_in_the_place_of_a_file_does_not_block(copy: Path, name: str) -> None:
    (copy / name).unlink()
    os.mkfifo(copy / name)
    try:
        (damage,) = verify_run(copy)
    except ModelError as error:
        damage = str(error)
    assert str(copy) in damage
    with contextlib.suppress(ModelError):
        load_run(copy, CPU)
