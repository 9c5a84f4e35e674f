"""Opens a run without torch: numpy computes its heads, ONNX Runtime its frozen encoders.

Only what a finished training wrote and what is undamaged is opened so. All else, and every other
system, is left to torch (``model/runs/loading.py``), which also says what is wrong with a run.
"""

# ruff: noqa: N806 (shapes in names)

from collections.abc import Callable, Mapping, Sequence
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
from flickr_emotion.model.features.texts.readers import READ, TextReader, open_readers
from flickr_emotion.model.features.texts.tuned import TunedReader, are_of_tuned_text
from flickr_emotion.model.features.texts.views import TUNED_VIEWS, Floats
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
    apart, scores = [_BACKBONE], 0
    if described.config.finetune_text:
        classes = len(described.encoding.classes)
        tuned = _read(described.folder, _TUNED)
        if not are_of_tuned_text(tuned, classes):
            return None
        readers.append(TunedReader(tuned, classes, engine))
        apart.append(_TUNED)
        scores = TUNED_VIEWS * classes
    check_readers(described.content, readers, described.path)
    subset = described.config.subset
    built_for = [subset] if subset else list(SUBSETS)
    weights = _read_without(described.folder, apart)
    network: PlainNetwork
    if described.config.parts:
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


def _read(folder: Path, part: str) -> dict[str, npt.NDArray[Any]]:
    """Read the weights whose names begin with ``part``, by the rest of their names."""
    read = _read_chosen(folder, lambda name: name.startswith(part))
    return {name.removeprefix(part): values for name, values in read.items()}


def _read_without(folder: Path, parts: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
    """Read the weights whose names begin with none of ``parts``."""
    return _read_chosen(folder, lambda name: not name.startswith(tuple(parts)))


def _read_chosen(folder: Path, chosen: Callable[[str], bool]) -> dict[str, npt.NDArray[Any]]:
    """Read some of a run's weights; empty if they cannot be read."""
    try:
        with safe_open(folder / NETWORK, framework="np") as file:
            names = filter(chosen, file.keys())
            return {name: file.get_tensor(name) for name in names}
    except (OSError, SafetensorError, TypeError):
        return {}
