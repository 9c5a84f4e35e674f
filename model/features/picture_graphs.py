"""Frozen image encoders as graphs: bytes of pictures to features, without torch.

``make_picture_graph`` traces a backbone. ``PictureGraph`` runs the result; nothing of it needs
torch, so that `predict` starts without.
"""

# ruff: noqa: N803, N806 (shapes in names)

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from flickr_emotion.common.cores import compute_threads
from flickr_emotion.model.engines.choice import Encoder, check_equal, graph_for
from flickr_emotion.model.engines.kept_graphs import GRAPH, KeptGraph
from flickr_emotion.model.engines.sessions import open_session
from flickr_emotion.model.features.picture_sizes import PictureSizes

if TYPE_CHECKING:
    from flickr_emotion.model.features.image_backbones import Backbone

Floats = npt.NDArray[np.float32]

FEATURES = "features"
PICTURES_PER_PASS = 2
"""More in a pass do not make it faster: activations leave the cache."""
_WORTHWHILE = 1000
"""A graph takes 7 to 15 s to make, and saves 10 to 25 ms a picture."""


def picture_graph(
    backbone: "Backbone", engine: str, *, device: str, pictures: int
) -> "PictureGraph | None":
    """Return the graph that is to read so many pictures; None where torch is to."""
    return picture_graph_of(
        backbone.name,
        backbone.digest(),
        lambda: backbone,
        engine,
        device=device,
        pictures=pictures,
    )


def picture_graph_of(
    name: str,
    digest: str,
    load: "Callable[[], Backbone]",
    engine: str,
    *,
    device: str,
    pictures: int,
) -> "PictureGraph | None":
    """Do the same for a backbone that is only loaded, with torch, if its graph must be made."""
    encoder = Encoder(
        name=f"--image-encoder {name}",
        digest=digest,
        write=lambda folder: _write(load(), folder),
        worthwhile=_WORTHWHILE,
    )
    graph = graph_for(encoder, engine, inputs=pictures, device=device)
    return None if graph is None else PictureGraph(graph)


class PictureGraph:
    """A graph that reads pictures; opened when it is first needed."""

    def __init__(self, graph: KeptGraph) -> None:
        """``graph``: one that is kept."""
        about = graph.about()
        assert about is not None
        self._path = graph.folder / GRAPH
        self.features: int = about["features"]
        self.sizes = PictureSizes(
            resize=about["resize"],
            crop=about["crop"],
            interpolation=Image.Resampling[about["interpolation"]],
            square=about["square"],
        )

    @cached_property
    def _session(self) -> Any:
        return open_session(self._path, threads=1)

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        # A thread for each pass: threads of one pass would wait for each other at each layer.
        return ThreadPoolExecutor(compute_threads(), thread_name_prefix="pictures")

    def read(self, pictures: Sequence[npt.NDArray[np.uint8]]) -> Floats:
        """Return the features (N, D) of pictures (side, side, 3)."""
        if len(pictures) <= PICTURES_PER_PASS:
            return _run(self._session, np.stack(pictures))
        some = range(0, len(pictures), PICTURES_PER_PASS)
        passes = (np.stack(pictures[at : at + PICTURES_PER_PASS]) for at in some)
        return np.concatenate(list(self._pool.map(partial(_run, self._session), passes)))


def make_picture_graph(backbone: "Backbone", path: Path) -> None:
    """Write the graph of a backbone. Raises ``ModelError``."""
    from flickr_emotion.model.engines.graphs import pictures_of, write_graph

    inputs = {"image": pictures_of(backbone.preprocessing.crop)}
    write_graph(backbone.as_one_pass(), inputs, FEATURES, path, strict=False)


def _write(backbone: "Backbone", folder: Path) -> dict[str, Any]:
    import torch

    make_picture_graph(backbone, folder / GRAPH)
    sizes = backbone.preprocessing
    noise_NHW3 = np.random.default_rng(0).integers(0, 256, (3, sizes.crop, sizes.crop, 3), np.uint8)
    found_ND = _run(open_session(folder / GRAPH, threads=1), noise_NHW3)
    with torch.inference_mode():
        expected_ND = backbone(torch.from_numpy(noise_NHW3).permute(0, 3, 1, 2)).numpy()
    check_equal(float(np.abs(found_ND - expected_ND).max()), float(np.abs(expected_ND).max()))
    return {
        "encoder": backbone.name,
        "features": backbone.features,
        "resize": sizes.resize,
        "crop": sizes.crop,
        "interpolation": sizes.interpolation.name,
        "square": sizes.square,
    }


def _run(session: Any, pictures_NHW3: npt.NDArray[np.uint8]) -> Floats:
    pictures_N3HW = np.ascontiguousarray(pictures_NHW3.transpose(0, 3, 1, 2))
    (features_ND,) = session.run([FEATURES], {"image": pictures_N3HW})
    return np.asarray(features_ND, np.float32)
