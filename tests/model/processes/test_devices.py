"""Where a network runs: what is asked for, or one line that says what can be."""

import pytest
import torch

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
