"""Pretrained image networks without their last layer, under one interface.

The paper takes DenseNet-121 with ImageNet weights (section 3.1); any classification model of
torchvision can take its place, and EfficientNet-lite, whose weights come in packages and need no
download. Several can stand side by side: what one overlooks another may see.
"""

# ruff: noqa: N803, N806 (shapes in names)

import hashlib
import re
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision import models

from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.features import efficientnet_lite
from flickr_emotion.model.features.pictures import Preprocessing

DOWNLOAD_TIMEOUT_SECONDS = 30

# On a CPU few pictures at once, channels last: their activations stay in the cache. Of
# EfficientNet-lite0 that makes 45 pictures a core's second, against 12 of 32 at once, channels
# first; of DenseNet-121 12 against 7.
PICTURES_PER_THREAD = 2

# The published DenseNet files predate a renaming inside torchvision.
_OLD_DENSENET_NAME = re.compile(r"(.*denselayer\d+\.(?:norm|conv))\.([12]\..*)")


class Backbone(nn.Module):
    """A network from pictures to features; ``features`` is their number."""

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        *,
        name: str,
        network: nn.Module,
        features: int,
        preprocessing: Preprocessing,
    ) -> None:
        super().__init__()
        self.name = name
        self.network = network
        self.features = features
        self.preprocessing = preprocessing
        for statistic in ("mean", "std"):
            values = torch.tensor(getattr(preprocessing, statistic))[:, None, None]
            self.register_buffer(statistic, values, persistent=False)
        self.to(memory_format=torch.channels_last)

    def forward(self, pictures_N3HW: Tensor) -> Tensor:
        """Return the features (N, D) of pictures as bytes."""
        if torch.is_grad_enabled() or pictures_N3HW.is_cuda:
            return self.all_at_once(pictures_N3HW)
        passes = torch.split(pictures_N3HW, PICTURES_PER_THREAD * torch.get_num_threads())
        return torch.cat([self.all_at_once(some) for some in passes])

    def all_at_once(self, pictures_N3HW: Tensor) -> Tensor:
        """Return the same in one pass, whatever the device: as it is trained and exported."""
        normalised_N3HW = (pictures_N3HW.float() / 255 - self.mean) / self.std
        normalised_N3HW = normalised_N3HW.contiguous(memory_format=torch.channels_last)
        features_ND: Tensor = self.network(normalised_N3HW)
        return features_ND.flatten(1)

    def digest(self) -> str:
        """Return the SHA-256 of the weights: two backbones with the same digest see the same."""
        digest = hashlib.sha256(self.name.encode())
        for name, tensor in sorted(self.network.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()


class SideBySide(nn.Module):
    """Networks that see the same pictures; their features stand one behind the other."""

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, pictures_N3HW: Tensor) -> Tensor:
        """Return the features (N, D) of all."""
        return torch.cat([network(pictures_N3HW).flatten(1) for network in self.networks], dim=1)


def _side_by_side(name: str) -> Backbone:
    """Build several backbones as one, for pictures as the one with the largest wants them."""
    if not all(name.split("+")):
        raise ModelError(f"--image-encoder {name} lacks a name beside its +: give one, or no +")
    parts = [build_backbone(part) for part in name.split("+")]
    largest = max((part.preprocessing for part in parts), key=lambda wanted: wanted.crop)
    for part in parts:
        if (part.preprocessing.mean, part.preprocessing.std) != (largest.mean, largest.std):
            raise ModelError(
                f"--image-encoder {name}: {part.name} wants pictures normalised otherwise than the "
                "others: name networks of one family"
            )
    return Backbone(
        name=name,
        network=SideBySide([part.network for part in parts]),
        features=sum(part.features for part in parts),
        preprocessing=largest,
    )


def build_backbone(name: str) -> Backbone:
    """Build a backbone with random weights."""
    if "+" in name:
        return _side_by_side(name)
    if name in efficientnet_lite.SIDES:
        network = efficientnet_lite.build(name)
        preprocessing = efficientnet_lite.preprocessing(name)
    elif name in models.list_models(module=models):
        network = models.get_model(name, weights=None, **_without_auxiliary_heads(name))
        recipe: Any = models.get_model_weights(name).DEFAULT.transforms()
        preprocessing = Preprocessing(
            resize=recipe.resize_size[0],
            crop=recipe.crop_size[0],
            mean=tuple(recipe.mean),
            std=tuple(recipe.std),
            interpolation=Image.Resampling[recipe.interpolation.name],
        )
    else:
        raise ModelError(
            f"--image-encoder {name} is not known: give a torchvision classification model such as "
            f"densenet121 or resnet50, or {' or '.join(efficientnet_lite.SIDES)}"
        )
    return Backbone(
        name=name,
        network=network,
        features=_remove_last_layer(network),
        preprocessing=preprocessing,
    )


def load_backbone(name: str, weights: str) -> Backbone:
    """Build a backbone with the weights of ``--image-weights``: imagenet, none, or a file."""
    backbone = build_backbone(name)
    if weights == "none":
        return backbone.eval()
    if weights != "imagenet":
        if isinstance(backbone.network, SideBySide):
            raise ModelError(
                f"--image-weights {weights} are of one network, --image-encoder {name} has several:"
                " give one of them, or imagenet or none"
            )
        state, origin = read_state_dict(Path(weights)), weights
    elif isinstance(backbone.network, SideBySide):
        for part, own in zip(name.split("+"), backbone.network.networks, strict=True):
            own.load_state_dict(load_backbone(part, weights).network.state_dict())
        return backbone.eval()
    elif name in efficientnet_lite.SIDES:
        state, origin = read_state_dict(efficientnet_lite.weights(name)), "the package"
    else:
        state, origin = _download(name), "torchvision"
    _fill(backbone, state, origin)
    return backbone.eval()


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read a file of weights without executing anything that it may hold."""
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ModelError(
            f"--image-weights {path} is not there: give a state dict (.safetensors or .pth), "
            "imagenet or none"
        ) from None
    # What torch's unpickler makes of a file that is no checkpoint depends on its first bytes; its
    # words for it advise to let the file be executed.
    except Exception as error:
        readable = isinstance(error, OSError | SafetensorError)
        reason = _first_line(error) if readable else f"no checkpoint: {type(error).__name__}"
        raise ModelError(
            f"{path} holds no weights that can be read ({reason}): give a state dict as "
            ".safetensors or .pth"
        ) from None
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise ModelError(
            f"{path} is no state dict: save `network.state_dict()` as .safetensors or .pth"
        )
    return state


def _fill(backbone: Backbone, state: dict[str, Tensor], origin: str) -> None:
    wanted = backbone.network.state_dict()
    given = {}
    for name, tensor in state.items():
        renamed = _OLD_DENSENET_NAME.fullmatch(name) if "denselayer" in name else None
        given[renamed[1] + renamed[2] if renamed else name] = tensor
    for name, tensor in wanted.items():
        # Files of old torch versions lack the counters, which inference does not read.
        if name not in given and name.endswith("num_batches_tracked"):
            given[name] = tensor
        if name not in given:
            raise ModelError(
                f"the weights of {origin} lack {name!r} of {backbone.name}: give weights that "
                "were made for this --image-encoder"
            )
        if given[name].shape != tensor.shape:
            raise ModelError(
                f"the weights of {origin} have {name!r} as {tuple(given[name].shape)}, "
                f"{backbone.name} as {tuple(tensor.shape)}: give weights that were made for this "
                "--image-encoder"
            )
    # What is left over belongs to the last layer and to auxiliary classifiers.
    backbone.network.load_state_dict({name: given[name] for name in wanted})


def _remove_last_layer(network: nn.Module) -> int:
    """Replace the last fully-connected layer; return the number of features it took.

    SqueezeNet's last layer is a convolution of one pixel, which is the same thing.
    """
    name, layer = [
        (name, module)
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d)
    ][-1]
    parent, _, attribute = name.rpartition(".")
    setattr(network.get_submodule(parent), attribute, nn.Identity())
    return layer.in_features if isinstance(layer, nn.Linear) else layer.in_channels


def _without_auxiliary_heads(name: str) -> dict[str, Any]:
    if name in ("googlenet", "inception_v3"):
        # Their published weights were trained on another normalisation, which they do themselves.
        return {"aux_logits": False, "init_weights": True, "transform_input": True}
    return {}


def _download(name: str) -> dict[str, Tensor]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT_SECONDS)  # torch's downloader waits forever
    try:
        state = models.get_model_weights(name).DEFAULT.get_state_dict(
            progress=False, check_hash=True
        )
    except (OSError, RuntimeError) as error:
        raise ModelError(
            f"the ImageNet weights of {name} cannot be fetched ({_first_line(error)}): give them "
            "with --image-weights FILE, or take --image-encoder efficientnet_lite0, which needs "
            "no download, or --image-weights none"
        ) from None
    finally:
        socket.setdefaulttimeout(before)
    return dict(state)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
