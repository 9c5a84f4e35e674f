"""The weights of image networks: ImageNet's, from packages or a download, or those of a file.

A file is untrusted: it is read without executing any code in it.
"""

import re
import socket
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.features import efficientnet_lite
from flickr_emotion.model.features.hub import first_line
from flickr_emotion.model.features.hub_images import open_hub_network
from flickr_emotion.model.features.image_backbones import (
    Backbone,
    SideBySide,
    build_backbone,
    hub_backbone,
    names_of_parts,
    side_by_side,
)
from flickr_emotion.model.recipes import HUB

DOWNLOAD_TIMEOUT_SECONDS = 30

# The published DenseNet files use the names from before a renaming in torchvision.
# `DataParallel`, DDP and averaged weights, `torch.compile`, and modules that hold the network under
# one of the other names.
_WRAPPERS = ("module.", "_orig_mod.", "model.", "network.", "net.", "backbone.", "encoder.")
_OLD_DENSENET_NAME = re.compile(r"(.*denselayer\d+\.(?:norm|conv))\.([12]\..*)")


def load_backbone(name: str, weights: str, *, download: bool = False) -> Backbone:
    """Build a backbone with the weights of ``--image-weights``: imagenet, none, or a file.

    With ``imagenet``, a network of the hub has its own weights; ``download``: it may be fetched.
    """
    if weights == "imagenet" and "+" in name:
        parts = [load_backbone(part, weights, download=download) for part in names_of_parts(name)]
        return side_by_side(name, parts).eval()
    if weights == "imagenet" and name.startswith(HUB):
        built = open_hub_network(name, pretrained=True, download=download)
        return hub_backbone(name, built).eval()
    backbone = build_backbone(name, download=download)
    if weights == "none":
        return backbone.eval()
    if weights != "imagenet":
        if isinstance(backbone.network, SideBySide):
            raise ModelError(
                f"--image-weights {weights} is for one network, but --image-encoder {name} names "
                "several: name one of them, or give imagenet or none"
            )
        state, origin = read_state_dict(Path(weights)), weights
    elif name in efficientnet_lite.NAMES:
        state, origin = read_state_dict(efficientnet_lite.weights(name)), "the package"
    else:
        state, origin = _download(name), "torchvision"
    _fill(backbone, state, origin)
    return backbone.eval()


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read a file of weights without executing any code in it."""
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ModelError(
            f"--image-weights {path} does not exist: give a state dict (.safetensors or .pth), "
            "imagenet or none"
        ) from None
    # What torch's unpickler raises on a file that is no checkpoint depends on its first bytes, and
    # its message suggests allowing the file to execute code.
    except Exception as error:
        readable = isinstance(error, OSError | SafetensorError)
        reason = first_line(error) if readable else f"not a checkpoint: {type(error).__name__}"
        raise ModelError(
            f"{path} holds no readable weights ({reason}): give a state dict as "
            ".safetensors or .pth"
        ) from None
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise ModelError(
            f"{path} is not a state dict: save `network.state_dict()` as .safetensors or .pth"
        )
    return state


def _fill(backbone: Backbone, state: dict[str, Tensor], origin: str) -> None:
    wanted = backbone.network.state_dict()
    given = {}
    for name, tensor in _unwrapped(state, wanted).items():
        renamed = _OLD_DENSENET_NAME.fullmatch(name) if "denselayer" in name else None
        given[renamed[1] + renamed[2] if renamed else name] = tensor
    for name, tensor in wanted.items():
        # Files of old torch versions lack these counters, which inference does not use.
        if name not in given and name.endswith("num_batches_tracked"):
            given[name] = tensor
        if name not in given:
            raise ModelError(
                f"the weights of {origin} lack {name!r} of {backbone.name}: give weights for this "
                "--image-encoder"
            )
        if given[name].shape != tensor.shape:
            raise ModelError(
                f"the weights of {origin} have shape {tuple(given[name].shape)} for {name!r}, but "
                f"{backbone.name} needs {tuple(tensor.shape)}: give weights for this "
                "--image-encoder"
            )
        if not torch.isfinite(given[name]).all():
            raise ModelError(
                f"the weights of {origin} hold numbers in {name!r} that are not finite: give a "
                "whole file"
            )
    # What remains must belong to the last layer or to an auxiliary classifier. The blocks of a
    # larger network would otherwise be dropped, and the rest would be no pretrained network.
    for name in given:
        if name not in wanted and name.partition(".")[0] not in backbone.left_out:
            raise ModelError(
                f"the weights of {origin} hold {name!r}, which {backbone.name} lacks: they are of "
                "another network, such as a larger one of its family; give weights for this "
                "--image-encoder"
            )
    backbone.network.load_state_dict({name: given[name] for name in wanted})


def _unwrapped(state: dict[str, Tensor], wanted: dict[str, Tensor]) -> dict[str, Tensor]:
    """Take off the prefixes that wrappers add to every name, and their counter."""
    state = {name: tensor for name, tensor in state.items() if name != "n_averaged"}
    while state:
        found = [p for p in _WRAPPERS if all(name.startswith(p) for name in state)]
        if not found or any(name.startswith(found[0]) for name in wanted):
            break
        state = {name.removeprefix(found[0]): tensor for name, tensor in state.items()}
    return state


def _download(name: str) -> dict[str, Tensor]:
    from torchvision import models

    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT_SECONDS)  # torch's downloader has no timeout
    try:
        state = models.get_model_weights(name).DEFAULT.get_state_dict(
            progress=False, check_hash=True
        )
    except (OSError, RuntimeError) as error:
        raise ModelError(
            f"the ImageNet weights of {name} cannot be downloaded ({first_line(error)}): give "
            "--image-weights FILE, or give --image-encoder efficientnet_lite0, which needs "
            "no download, or --image-weights none"
        ) from None
    finally:
        socket.setdefaulttimeout(before)
    return dict(state)
