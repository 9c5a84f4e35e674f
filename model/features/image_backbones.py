"""Pretrained image networks without their last layer, under one interface.

The paper uses DenseNet-121 with ImageNet weights (section 3.1). Any classification model of
torchvision can replace it, and so can EfficientNet-lite, whose weights come in packages and need
no download. Several networks can be combined: their features are concatenated.
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

# On a CPU, few pictures per pass and channels last keep the activations in the cache: 45 pictures
# per second and core with EfficientNet-lite0, against 12 with 32 pictures and channels first; 12
# against 7 with DenseNet-121.
PICTURES_PER_THREAD = 2

# The published DenseNet files use the names from before a renaming in torchvision.
_OLD_DENSENET_NAME = re.compile(r"(.*denselayer\d+\.(?:norm|conv))\.([12]\..*)")


class Backbone(nn.Module):
    """A network from pictures to ``features`` numbers."""

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
        """Return the features (N, D) of pictures given as bytes."""
        if torch.is_grad_enabled() or pictures_N3HW.is_cuda:
            return self.all_at_once(pictures_N3HW)
        passes = torch.split(pictures_N3HW, PICTURES_PER_THREAD * torch.get_num_threads())
        return torch.cat([self.all_at_once(some) for some in passes])

    def all_at_once(self, pictures_N3HW: Tensor) -> Tensor:
        """Return the same in one pass on any device, as for training and export."""
        normalised_N3HW = (pictures_N3HW.float() / 255 - self.mean) / self.std
        normalised_N3HW = normalised_N3HW.contiguous(memory_format=torch.channels_last)
        features_ND: Tensor = self.network(normalised_N3HW)
        return features_ND.flatten(1)

    def digest(self) -> str:
        """Return the SHA-256 of the weights: equal digests mean equal features."""
        digest = hashlib.sha256(self.name.encode())
        for name, tensor in sorted(self.network.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()


class SideBySide(nn.Module):
    """Networks that read the same pictures; their features are concatenated."""

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, pictures_N3HW: Tensor) -> Tensor:
        """Return the concatenated features (N, D)."""
        return torch.cat([network(pictures_N3HW).flatten(1) for network in self.networks], dim=1)


def _side_by_side(name: str) -> Backbone:
    """Combine several backbones; the preprocessing is that of the one with the largest pictures."""
    if not all(name.split("+")):
        raise ModelError(
            f"--image-encoder {name}: a name is missing beside a +: add it or drop the +"
        )
    parts = [build_backbone(part) for part in name.split("+")]
    largest = max((part.preprocessing for part in parts), key=lambda wanted: wanted.crop)
    for part in parts:
        if (part.preprocessing.mean, part.preprocessing.std) != (largest.mean, largest.std):
            raise ModelError(
                f"--image-encoder {name}: {part.name} normalises pictures differently from the "
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
                f"--image-weights {weights} is for one network, but --image-encoder {name} names "
                "several: name one of them, or give imagenet or none"
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
        reason = _first_line(error) if readable else f"not a checkpoint: {type(error).__name__}"
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
    for name, tensor in state.items():
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
    # The remaining entries belong to the last layer and to auxiliary classifiers.
    backbone.network.load_state_dict({name: given[name] for name in wanted})


def _remove_last_layer(network: nn.Module) -> int:
    """Replace the last fully-connected layer by the identity; return its number of inputs.

    SqueezeNet's last layer is a convolution with a 1 x 1 kernel, which is equivalent.
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
        # Their published weights expect another normalisation, which these networks do themselves.
        return {"aux_logits": False, "init_weights": True, "transform_input": True}
    return {}


def _download(name: str) -> dict[str, Tensor]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT_SECONDS)  # torch's downloader has no timeout
    try:
        state = models.get_model_weights(name).DEFAULT.get_state_dict(
            progress=False, check_hash=True
        )
    except (OSError, RuntimeError) as error:
        raise ModelError(
            f"the ImageNet weights of {name} cannot be downloaded ({_first_line(error)}): give "
            "--image-weights FILE, or give --image-encoder efficientnet_lite0, which needs "
            "no download, or --image-weights none"
        ) from None
    finally:
        socket.setdefaulttimeout(before)
    return dict(state)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
