"""Where a network runs: what is asked for, or one line that says what can be."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from flickr_emotion.common.checkout import PROJECT
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.processes.devices import autocast, choose_device, make_deterministic


def test_auto_is_what_there_is() -> None:
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert choose_device("auto").type == expected
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("cpu", process=3) == torch.device("cpu")


@pytest.mark.parametrize("name", ["meta", "gpu", "cuda:", "cuda:100", "cpu:0", "", "CPU"])
def test_an_unknown_one_is_refused_with_the_choices(name: str) -> None:
    with pytest.raises(ModelError, match=f"--device {name} is not known: give auto, cpu, cuda or"):
        choose_device(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
@pytest.mark.parametrize("process", [None, 0])
def test_one_that_is_not_there(process: int | None) -> None:
    with pytest.raises(
        ModelError, match=r"--device cuda(:0)? is not available: give auto or another"
    ):
        choose_device("cuda", process)


def test_several_processes_take_a_gpu_each() -> None:
    with pytest.raises(ModelError, match="--device cuda:1 with several processes: give cuda"):
        choose_device("cuda:1", process=0)


def test_a_cpu_computes_in_float32_and_is_deterministic_by_itself() -> None:
    device = torch.device("cpu")
    make_deterministic(device)
    assert not torch.are_deterministic_algorithms_enabled()
    with autocast(device):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


@pytest.mark.slow
def test_without_a_compiler_nothing_begins(tmp_path: Path, dataset_folder: Path) -> None:
    """As a user sees it: one line, and neither a run nor features of pictures."""
    (tmp_path / "bin").mkdir()
    options = "--image-encoder squeezenet1_1 --image-weights none --finetune-image --compile"
    done = subprocess.run(
        [
            *(sys.executable, "cli.py", "train", dataset_folder, "--out", tmp_path / "run"),
            *(*options.split(), "--device", "cpu"),
        ],
        cwd=PROJECT,
        env={"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "--compile does not work here" in line
    assert line.endswith("install a C++ compiler, such as g++, or omit --compile")
    assert not (tmp_path / "run").exists()
    assert not list(tmp_path.glob(".*"))
