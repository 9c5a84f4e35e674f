"""Vision towers of the hub as image encoders: CLIP, SigLIP, ViT, DINO, ConvNeXt and others.

A picture's features are the pooled output of the tower. Of image-text encoders that is what comes
before the projection into the common space, which Radford et al. (2021) take for linear probes too.
What is needed to build a tower again without its files goes into a run's ``config.json``.
"""

# ruff: noqa: N803, N806 (shapes in names)

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.features.hub import (
    WEIGHTS,
    TowerPlan,
    hub_folder,
    load_tower,
    plan_tower,
    readable_model,
)
from flickr_emotion.model.features.pictures import Preprocessing

_OPTION = "--image-encoder"
_NEEDED = ("config.json", "preprocessor_config.json")
_INTERPOLATIONS = (
    Image.Resampling.NEAREST,
    Image.Resampling.BILINEAR,
    Image.Resampling.BICUBIC,
)
# Above this side, ConvNeXt's preprocessing does not crop.
_CONVNEXT_UNCROPPED = 384
_NOT_PLAIN = ("attn_implementation", "auto_map", "quantization_config", "transformers_version")
# Bounds for what comes from strangers, so that no description takes all memory or time.
_MOST_LAYERS, _MOST_SIDE = 1000, 2048


class Tower(nn.Module):
    """A vision model of transformers that answers with one vector for a picture."""

    def __init__(self, tower: Any) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, pictures_N3HW: Tensor) -> Tensor:
        """Return the features (N, D) of normalised pictures."""
        answer = self.tower(pictures_N3HW)
        pooled_ND: Tensor | None = getattr(answer, "pooler_output", None)
        if pooled_ND is None:
            hidden: Tensor = answer.last_hidden_state
            # Tokens, of which the first stands for the picture, or a map (N, D, H, W).
            pooled_ND = hidden[:, 0] if hidden.dim() == 3 else hidden.mean((2, 3))
        return pooled_ND.flatten(1)


@dataclass(frozen=True, kw_only=True)
class HubNetwork:
    """A vision tower, and what is needed to build it again."""

    network: Tower
    features: int
    preprocessing: Preprocessing
    record: dict[str, Any]


def open_hub_network(name: str, *, pretrained: bool, download: bool) -> HubNetwork:
    """Build the network of ``hub:NAME``, with its weights or with random ones.

    Raises ``ModelError``.
    """
    needed = (*_NEEDED, WEIGHTS) if pretrained else _NEEDED
    folder = hub_folder(_OPTION, name, needed, download=download)
    with readable_model(_OPTION, name):
        plan = plan_tower(folder, "vision")
        preprocessing = _preprocessing(folder)
        tower, pooler = load_tower(folder, plan) if pretrained else (plan.build(), True)
        described = asdict(preprocessing) | {"interpolation": preprocessing.interpolation.name}
        record = {
            "config": _plain(plan.config.to_dict()),
            "part": plan.part,
            "pooler": pooler,
            "preprocessing": described,
        }
        return _checked(name, tower, preprocessing, record)


def rebuild_hub_network(name: str, record: Any) -> HubNetwork:
    """Build a network from its record in a run, with random weights.

    Raises ``ModelError`` if the record is not one.
    """
    with readable_model(_OPTION, name):
        tower = _tower_of(record)
        wanted = dict(record["preprocessing"])
        for statistic in ("mean", "std"):
            wanted[statistic] = _of_channels(wanted[statistic])
        wanted["interpolation"] = Image.Resampling[wanted["interpolation"]]
        return _checked(name, tower, Preprocessing(**wanted), record)


def numbers_of_hub_network(name: str, record: Any) -> int:
    """Return how many numbers a network has by its record, without taking memory for them.

    Raises ``ModelError``.
    """
    with readable_model(_OPTION, name), torch.device("meta"):
        return sum(parameter.numel() for parameter in _tower_of(record).parameters())


def _tower_of(record: Any) -> Any:
    from transformers import AutoConfig

    if not isinstance(record, dict) or {*record} != {"config", "part", "pooler", "preprocessing"}:
        raise ValueError("the run does not say how to build it")
    described = _plain(record["config"])
    config = AutoConfig.for_model(described.pop("model_type"), **described)
    layers = getattr(config, "num_hidden_layers", None) or sum(getattr(config, "depths", [0]))
    if layers > _MOST_LAYERS:
        raise ValueError(f"it has {layers} layers")
    if record["part"] not in (None, "vision_model"):
        raise ValueError(f"{record['part']} is no tower")
    tower = TowerPlan(config=config, part=record["part"]).build()
    if not record["pooler"]:
        tower.pooler = None
    return tower


def _plain(config: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration without what names code, or the version that wrote it."""
    return {
        name: _plain(value) if isinstance(value, dict) else value
        for name, value in config.items()
        if not str(name).startswith("_") and name not in _NOT_PLAIN
    }


def _checked(
    name: str, tower: Any, preprocessing: Preprocessing, record: dict[str, Any]
) -> HubNetwork:
    network = Tower(tower.eval())
    side = preprocessing.crop
    if not 1 <= side <= preprocessing.resize <= _MOST_SIDE:
        raise ValueError(f"its pictures have {preprocessing.resize} pixels, cropped to {side}")
    with torch.inference_mode():
        picture_13HW = torch.linspace(-1, 1, 3 * side * side).view(1, 3, side, side)
        first_1D, again_1D = network(picture_13HW), network(picture_13HW)
    if not torch.equal(first_1D, again_1D):
        raise ModelError(
            f"{_OPTION} {name} answers the same picture differently each time: give another model"
        )
    return HubNetwork(
        network=network,
        features=first_1D.shape[1],
        preprocessing=preprocessing,
        record=record,
    )


def _preprocessing(folder: Path) -> Preprocessing:
    """Return what a model's own image processor does to pictures; raises ``ValueError``."""
    from transformers import AutoImageProcessor

    wanted: Any = AutoImageProcessor.from_pretrained(  # type: ignore[no-untyped-call]
        folder, local_files_only=True, trust_remote_code=False
    )
    if not (wanted.do_resize and wanted.do_rescale and abs(wanted.rescale_factor * 255 - 1) < 1e-6):
        raise ValueError("its preprocessing does not resize pictures or divide them by 255")
    interpolation = Image.Resampling(int(wanted.resample))
    if interpolation not in _INTERPOLATIONS:
        raise ValueError(f"its preprocessing resizes by {interpolation.name.lower()}")
    short = wanted.size.get("shortest_edge")
    square = not short
    resize = short or _side(wanted.size)
    crop = resize
    if getattr(wanted, "crop_pct", None) and short:
        square = short >= _CONVNEXT_UNCROPPED
        resize = short if square else int(short / wanted.crop_pct)
    elif getattr(wanted, "do_center_crop", False):
        crop = _side(wanted.crop_size)
    mean, std = wanted.image_mean, wanted.image_std
    if not wanted.do_normalize:
        mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    return Preprocessing(
        resize=resize,
        crop=crop,
        square=square,
        mean=_of_channels(mean),
        std=_of_channels(std),
        interpolation=interpolation,
    )


def _of_channels(numbers: Any) -> tuple[float, float, float]:
    red, green, blue = map(float, numbers)
    return red, green, blue


def _side(size: Any) -> int:
    height, width = size.get("height"), size.get("width")
    if not height or height != width:
        raise ValueError("its pictures are not square")
    return int(height)
