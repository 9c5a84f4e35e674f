"""Pretrained image networks without their last layer, under one interface.

The paper uses DenseNet-121 with ImageNet weights (section 3.1). Any classification model of
torchvision can replace it, and so can EfficientNet-lite, whose weights come in packages and need
no download (``model.features.backbone_weights``), and so can the vision towers of the hub
(``model.features.hub_images``). Several networks can be combined: their features
are concatenated.
"""

# ruff: noqa: N803, N806 (shapes in names)

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from flickr_emotion.model.engines.kept_graphs import digest_of_weights
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.features import efficientnet_lite
from flickr_emotion.model.features.hub_images import (
    HubNetwork,
    open_hub_network,
    rebuild_hub_network,
)
from flickr_emotion.model.features.pictures import Preprocessing
from flickr_emotion.model.recipes import HUB

# On a CPU, few pictures per pass and channels last keep the activations in the cache: 45 pictures
# per second and core with EfficientNet-lite0, against 12 with 32 pictures and channels first; 12
# against 7 with DenseNet-121.
PICTURES_PER_THREAD = 2


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
        left_out: tuple[str, ...] = (),
        records: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """``left_out``: the modules, by name, that published weights have and the network lacks.

        ``records``: by name, what is needed to build those of its networks that are of the hub.
        """
        super().__init__()
        self.name = name
        self.left_out = left_out
        self.records = dict(records)
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

    def as_one_pass(self) -> nn.Module:
        """Return a module that gives the same in one pass, to be traced."""
        return _OnePass(self)

    def digest(self) -> str:
        """Return the SHA-256 of the weights: equal digests mean equal features."""
        weights = {
            name: tensor.cpu().contiguous().numpy()
            for name, tensor in self.network.state_dict().items()
        }
        return digest_of_weights(self.name, weights, self.records)


class _OnePass(nn.Module):
    """Pictures (N, 3, H, W), as bytes, to features (N, D)."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.backbone.all_at_once(inputs[0])


class SideBySide(nn.Module):
    """Networks that read the same pictures; their features are concatenated."""

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, pictures_N3HW: Tensor) -> Tensor:
        """Return the concatenated features (N, D)."""
        return torch.cat([network(pictures_N3HW).flatten(1) for network in self.networks], dim=1)


def names_of_parts(name: str) -> list[str]:
    """Return the names of the networks that a name joins with +; raises ``ModelError``."""
    if not all(names := name.split("+")):
        raise ModelError(
            f"--image-encoder {name}: a name is missing beside a +: add it or drop the +"
        )
    return names


def side_by_side(name: str, parts: Sequence[Backbone]) -> Backbone:
    """Combine several backbones; the preprocessing is that of the one with the largest pictures."""
    largest = max((part.preprocessing for part in parts), key=lambda wanted: wanted.crop)
    for part in parts:
        if (part.preprocessing.mean, part.preprocessing.std) != (largest.mean, largest.std):
            raise ModelError(
                f"--image-encoder {name}: {part.name} normalises pictures differently from the "
                "others: name networks of one family"
            )
        if part.records and part.preprocessing != largest:
            raise ModelError(
                f"--image-encoder {name}: {part.name} reads pictures prepared in its own way: name "
                "networks with pictures of the same size"
            )
    return Backbone(
        name=name,
        network=SideBySide([part.network for part in parts]),
        features=sum(part.features for part in parts),
        preprocessing=largest,
        records={name: record for part in parts for name, record in part.records.items()},
    )


def hub_backbone(name: str, built: HubNetwork) -> Backbone:
    """Return a network of the hub as a backbone."""
    return Backbone(
        name=name,
        network=built.network,
        features=built.features,
        preprocessing=built.preprocessing,
        records={name: built.record},
    )


def build_backbone(
    name: str, records: Mapping[str, Any] | None = None, *, download: bool = False
) -> Backbone:
    """Build a backbone with random weights.

    Networks of the hub are built from a run's ``records`` if given, else from their files.
    """
    if "+" in name:
        names = names_of_parts(name)
        return side_by_side(
            name, [build_backbone(part, records, download=download) for part in names]
        )
    if name.startswith(HUB):
        if records is None:
            return hub_backbone(name, open_hub_network(name, pretrained=False, download=download))
        return hub_backbone(name, rebuild_hub_network(name, records.get(name)))
    if name in efficientnet_lite.NAMES:
        return _without_last_layer(
            name, efficientnet_lite.build(name), efficientnet_lite.preprocessing(name)
        )
    from torchvision import models  # loads torch's compiler, which takes seconds

    if name in models.list_models(module=models):
        recipe: Any = models.get_model_weights(name).DEFAULT.transforms()
        settings = _without_auxiliary_heads(name) | _of_size(name, recipe.crop_size[0])
        network = models.get_model(name, weights=None, **settings)
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
            f"densenet121 or resnet50, {', '.join(efficientnet_lite.NAMES)}, or hub:NAME"
        )
    return _without_last_layer(name, network, preprocessing)


def _without_last_layer(name: str, network: nn.Module, preprocessing: Preprocessing) -> Backbone:
    last, features = _remove_last_layer(network)
    return Backbone(
        name=name,
        network=network,
        features=features + efficientnet_lite.features_of_stages(network),
        preprocessing=preprocessing,
        left_out=(last.partition(".")[0], *_AUXILIARY_HEADS.get(name, ())),
    )


_AUXILIARY_HEADS = {"googlenet": ("aux1", "aux2"), "inception_v3": ("AuxLogits",)}


def _remove_last_layer(network: nn.Module) -> tuple[str, int]:
    """Replace the last fully-connected layer by the identity; return its name and inputs.

    SqueezeNet's last layer is a convolution with a 1 x 1 kernel, which is equivalent.
    """
    name, layer = [
        (name, module)
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d)
    ][-1]
    parent, _, attribute = name.rpartition(".")
    setattr(network.get_submodule(parent), attribute, nn.Identity())
    return name, layer.in_features if isinstance(layer, nn.Linear) else layer.in_channels


def _of_size(name: str, side: int) -> dict[str, Any]:
    """Return the size of a vision transformer's pictures, which its positions are made for."""
    return {"image_size": side} if name.startswith("vit_") else {}


def _without_auxiliary_heads(name: str) -> dict[str, Any]:
    if name in _AUXILIARY_HEADS:
        # Their published weights expect another normalisation, which these networks do themselves.
        return {"aux_logits": False, "init_weights": True, "transform_input": True}
    return {}
