"""A checkpoint: all that a training needs to resume exactly where it stopped, in one file.

A single file is either complete or not there at all, whenever the process dies. It is a safetensors
file: weights, the optimiser's moments and the states of the random generators as tensors, the rest
(the epoch, the step within it, the past epochs) as JSON in one more tensor, and a digest of all of
them in a last one, because safetensors has no checksum. Nothing is unpickled, not even by the
restricted reader of torch's own format.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from flickr_emotion.common.plain_files import check_plain
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.runs.tensor_files import write_tensors

_JSON = "json"
_SHA256 = "sha256"
_NETWORK = "network."


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """The state of a training between two steps."""

    network: dict[str, Tensor]
    optimiser: dict[str, Any]
    """Its ``state_dict``: tensors, numbers, names, lists and dictionaries."""
    steps: int
    """Steps since the beginning, which the warm-up depends on."""
    epoch: int
    """The current epoch, from 1."""
    steps_in_epoch: int
    """The number of its steps that are done."""
    loss: float
    """The sum of their losses."""
    order: dict[str, Any]
    """The state of the generator of the epoch's order, before the order was drawn."""
    random: list[dict[str, Tensor]]
    """By rank, the states of torch's generators: ``cpu`` and, on a GPU, ``cuda``."""
    epochs: list[dict[str, Any]]
    """The journal's entries of the finished epochs."""


def write_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write the file; it gets its name when it is complete. Raises ``OSError``."""
    tensors = {f"{_NETWORK}{name}": tensor for name, tensor in checkpoint.network.items()}
    content = {
        name: _without_tensors(getattr(checkpoint, name), name, tensors)
        for name in Checkpoint.__dataclass_fields__
        if name != "network"
    }
    text = json.dumps(content).encode()
    tensors[_JSON] = torch.from_numpy(np.frombuffer(text, dtype=np.uint8).copy())
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    tensors[_SHA256] = _digest(tensors)
    write_tensors(tensors, path)


def read_checkpoint(path: Path) -> Checkpoint:
    """Read what ``write_checkpoint`` wrote; its tensors are on the CPU."""
    try:
        check_plain(path)
        tensors = load_file(path)
        # Checkpoints of earlier versions have no digest.
        digest = tensors.pop(_SHA256, None)
        if digest is not None and not torch.equal(digest, _digest(tensors)):
            raise ValueError("its SHA-256 does not match its content")
        content = json.loads(tensors.pop(_JSON).numpy().tobytes())
        network = {
            name.removeprefix(_NETWORK): tensor
            for name, tensor in tensors.items()
            if name.startswith(_NETWORK)
        }
        return Checkpoint(
            network=network,
            **{name: _with_tensors(value, tensors) for name, value in content.items()},
        )
    except (
        *(OSError, SafetensorError, ValueError, KeyError, TypeError),
        *(AttributeError, RecursionError),
    ) as error:
        raise ModelError(
            f"{path} cannot be read ({error}): train again, without --resume"
        ) from None


def _digest(tensors: dict[str, Tensor]) -> Tensor:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return torch.frombuffer(bytearray(digest.digest()), dtype=torch.uint8)


def _without_tensors(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """Return a value as JSON can hold it; its tensors go to ``tensors`` under unique names.

    A dictionary becomes a list of pairs, because its keys may be numbers.
    """
    if isinstance(value, Tensor):
        tensors[name] = value
        return {"tensor": name}
    if isinstance(value, dict):
        return {
            "pairs": [
                [key, _without_tensors(entry, f"{name}.{key}", tensors)]
                for key, entry in value.items()
            ]
        }
    if isinstance(value, list | tuple):
        return [
            _without_tensors(entry, f"{name}.{number}", tensors)
            for number, entry in enumerate(value)
        ]
    return value


def _with_tensors(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, dict):
        if "tensor" in value:
            return tensors[value["tensor"]]
        return {key: _with_tensors(entry, tensors) for key, entry in value["pairs"]}
    if isinstance(value, list):
        return [_with_tensors(entry, tensors) for entry in value]
    return value


def random_state(device: torch.device) -> dict[str, Tensor]:
    """Return the states of torch's generators."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def set_random_state(state: dict[str, Tensor], device: torch.device) -> None:
    """Restore the states that ``random_state`` returned."""
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
