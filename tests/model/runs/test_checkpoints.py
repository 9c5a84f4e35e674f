"""A checkpoint is read exactly as it was written."""

from pathlib import Path

import numpy as np
import pytest
import torch

from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.runs.checkpoints import (
    Checkpoint,
    random_state,
    read_checkpoint,
    set_random_state,
    write_checkpoint,
)

CPU = torch.device("cpu")


def checkpoint() -> Checkpoint:
    weights = torch.nn.Linear(3, 2)
    optimiser = torch.optim.Adam(weights.parameters(), lr=0.1, fused=True)
    weights(torch.ones(1, 3)).sum().backward()
    optimiser.step()
    order = np.random.default_rng(7)
    order.permutation(10)
    return Checkpoint(
        network=weights.state_dict(),
        optimiser=optimiser.state_dict(),
        steps=11,
        epoch=3,
        steps_in_epoch=2,
        loss=0.1 + 0.2,
        order=dict(order.bit_generator.state),
        random=[random_state(CPU)],
        epochs=[{"epoch": 1, "validation": {"text": {"accuracy": None}}}],
    )


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    written = checkpoint()
    write_checkpoint(written, tmp_path / "c.safetensors")
    read = read_checkpoint(tmp_path / "c.safetensors")
    for name in ("steps", "epoch", "steps_in_epoch", "loss", "order", "epochs"):
        assert getattr(read, name) == getattr(written, name)
    assert all(torch.equal(read.network[name], written.network[name]) for name in written.network)
    assert read.network.keys() == written.network.keys()
    assert read.optimiser["state"].keys() == {0, 1}
    for number, moments in written.optimiser["state"].items():
        for name, value in moments.items():
            assert torch.equal(read.optimiser["state"][number][name], value)
    assert read.optimiser["param_groups"][0]["lr"] == 0.1


def test_random_numbers_continue(tmp_path: Path) -> None:
    write_checkpoint(checkpoint(), tmp_path / "c.safetensors")
    expected = torch.rand(3)
    set_random_state(read_checkpoint(tmp_path / "c.safetensors").random[0], CPU)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("keep", [0, 7, 300, -1])
def test_a_cut_file(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "c.safetensors"
    write_checkpoint(checkpoint(), path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ModelError, match=r"c\.safetensors cannot be read .*: train again"):
        read_checkpoint(path)


def test_the_weights_of_something_else(run_folder: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        read_checkpoint(run_folder / "model.safetensors")
