"""Opens a run without torch: numpy computes its heads, ONNX Runtime its frozen encoders.

Only what a finished training wrote and what is undamaged is opened so. All else, and every other
system, is left to torch (``model/runs/loading.py``), which also says what is wrong with a run.
"""

# ruff: noqa: N806 (shapes in names)

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.model.engines.kept_graphs import digest_of_weights
from flickr_emotion.model.features.picture_graphs import PictureGraph, picture_graph_of
from flickr_emotion.model.features.picture_sizes import PictureSizes
from flickr_emotion.model.features.texts.readers import READ, Floats, TextReader, open_readers
from flickr_emotion.model.features.texts.tuned import TunedReader
from flickr_emotion.model.features.texts.views import TUNED_VIEWS
from flickr_emotion.model.posts.posts import Integers
from flickr_emotion.model.prediction.networks import ReadPosts
from flickr_emotion.model.prediction.plain_network import PaperNetwork, PlainNetwork, RecipeNetwork
from flickr_emotion.model.runs.description import Description, check_readers, read_description
from flickr_emotion.model.runs.digests import check_file
from flickr_emotion.model.runs.files import CONFIG, METRICS, NETWORK, read_metrics
from flickr_emotion.model.runs.heads import (
    ranked,
    recorded_training_posts,
    say_heads,
    validation_accuracies,
)
from flickr_emotion.model.runs.withdrawn import say_withdrawn

_BACKBONE = "encoders.image.backbone.network."
_TUNED = "tuned."


class PlainRun:
    """A finished run of the multitask or a single-task network."""

    def __init__(
        self,
        described: Description,
        network: PlainNetwork,
        readers: list[TextReader],
        eyes: "_Eyes",
        heads: Sequence[str],
    ) -> None:
        """``heads``: the taught ones."""
        self.encoding, self.readers = described.encoding, readers
        self.ranking = ranked(heads, validation_accuracies(read_metrics(described.folder)))
        self._network, self._eyes = network, eyes
        self._heads = heads

    @property
    def sizes(self) -> PictureSizes | None:
        """How pictures are prepared; None if no head reads pictures."""
        if not any("image" in head.split("+") for head in self._heads):
            return None
        return self._eyes.sizes

    def logits(self, read: ReadPosts, rows: Mapping[str, Integers]) -> dict[str, Floats]:
        """Return, by head, its logits (N, C) for the posts at ``rows[head]``."""
        rows = {head: chosen for head, chosen in rows.items() if len(chosen)}
        frozen: dict[str, Floats] = {}
        if any("image" in head.split("+") for head in rows):
            frozen["image"] = self._eyes.read(read.pictures)
        for modality in READ if read.texts is not None else ():
            assert read.texts is not None
            of_all = np.concatenate(read.texts[modality], axis=1)
            frozen[modality] = of_all[read.posts.present[modality]]
        return self._network.logits(read.posts, frozen, rows)


class _Eyes:
    """The image encoder of a run: its graph if one is kept, else torch."""

    def __init__(self, described: Description, engine: str) -> None:
        self._described, self._engine = described, engine
        self._graph: PictureGraph | None = None
        self._seen = 0

    @cached_property
    def sizes(self) -> PictureSizes:
        """How pictures are prepared."""
        self._open(0)
        return self._graph.sizes if self._graph else self._backbone.preprocessing

    def read(self, pictures: Sequence[npt.NDArray[np.uint8]]) -> Floats:
        """Return the features (N, D) of pictures (side, side, 3)."""
        self._seen += len(pictures)
        self._open(self._seen)
        if self._graph:
            return self._graph.read(pictures)
        import torch

        with torch.inference_mode():
            seen_N3HW = torch.stack([torch.from_numpy(one).permute(2, 0, 1) for one in pictures])
            features_ND: Floats = self._backbone(seen_N3HW).numpy()
        return features_ND

    def _open(self, pictures: int) -> None:
        """Look for a graph; with many pictures, or if asked to, make one."""
        if self._graph is None:
            self._graph = picture_graph_of(
                self._described.config.resolved_image_encoder,
                self._digest,
                lambda: self._backbone,
                self._engine,
                device="cpu",
                pictures=pictures,
            )

    @cached_property
    def _digest(self) -> str:
        name = self._described.config.resolved_image_encoder
        return digest_of_weights(name, self._weights(), {})

    def _weights(self) -> dict[str, npt.NDArray[Any]]:
        return _read(self._described.folder, _BACKBONE)

    @cached_property
    def _backbone(self) -> Any:
        import torch

        from flickr_emotion.model.features.image_backbones import build_backbone

        backbone = build_backbone(self._described.config.resolved_image_encoder)
        weights = {name: torch.from_numpy(values) for name, values in self._weights().items()}
        backbone.network.load_state_dict(weights)
        return backbone.eval()


def open_plain_run(folder: Path, engine: str) -> PlainRun | None:
    """Open a run without torch; None where torch is to open it.

    Raises ``ModelError`` for a folder that is no run.
    """
    described = read_description(folder)
    if not _is_plain(described):
        return None
    check_file(described.folder, NETWORK)
    check_file(described.folder, CONFIG)
    readers = open_readers(described.config.readers, engine=engine)
    if described.config.finetune_text:
        weights = _read(described.folder, _TUNED)
        readers.append(TunedReader(weights, len(described.encoding.classes), engine))
    check_readers(described.content, readers, described.path)
    subset = described.config.subset
    built_for = [subset] if subset else list(SUBSETS)
    weights = _read(described.folder)
    network: PlainNetwork
    if described.config.parts:
        scores = (
            TUNED_VIEWS * len(described.encoding.classes) if described.config.finetune_text else 0
        )
        network = RecipeNetwork(weights, scores=scores)
    else:
        network = PaperNetwork(weights)
    if not network.fits(described.encoding, built_for):
        return None
    posts = recorded_training_posts(described.content, described.path)
    heads = [head for head in built_for if posts is None or posts[head] > 0]
    say_withdrawn(described.folder)
    say_heads(described.folder, heads, built_for)
    return PlainRun(described, network, readers, _Eyes(described, engine), heads)


def _is_plain(described: Description) -> bool:
    """Return whether numpy can compute a run's network, and its files are all there.

    Unfinished runs are left to torch, and networks of the hub need transformers.
    """
    there = [(described.folder / name).is_file() for name in (METRICS, NETWORK)]
    known = described.config.model in ("multitask", "single-task") and not described.config.networks
    return all(there) and known and not described.hub


def _read(folder: Path, part: str | None = None) -> dict[str, npt.NDArray[Any]]:
    """Read the weights of a frozen encoder by their names in it, or all that belong to none.

    Empty if they cannot be read.
    """
    try:
        with safe_open(folder / NETWORK, framework="np") as file:
            names = file.keys()
            if part is None:
                chosen = {name: name for name in names if not name.startswith((_BACKBONE, _TUNED))}
            else:
                chosen = {name.removeprefix(part): name for name in names if name.startswith(part)}
            return {short: file.get_tensor(name) for short, name in chosen.items()}
    except (OSError, SafetensorError, TypeError):
        return {}
