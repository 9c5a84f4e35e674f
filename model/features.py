"""What a frozen image backbone makes of a data set's pictures, computed once and kept.

With a frozen backbone a picture's features never change, while decoding and the backbone's pass
are nearly all of an epoch's time. They are computed in one stream and kept beside the data set,
under a name that says what they were made from: another seed, run or system reads them back.
"""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from datasets.progress import ProgressReport
from datasets.reading import Dataset
from model.errors import ModelError
from model.image_backbones import Backbone
from model.pictures import FOR_A_DATASET
from model.posts import Posts
from model.tensor_files import write_tensors

PICTURES_TO_A_READ = 32


class FeatureTable:
    """The features of a split's pictures, in the order of the posts that have one."""

    def __init__(self, features: Tensor) -> None:
        self._features = features

    def rows(self, rows: Sequence[int]) -> Tensor:
        """Return the features of these rows, (N, D)."""
        return self._features[rows]


def frozen_features(
    dataset: Dataset,
    backbone: Backbone,
    posts: dict[str, Posts],
    *,
    run_folder: Path,
    device: torch.device,
) -> dict[str, FeatureTable]:
    """Return the features of the given splits, computing only what is not kept yet.

    They are kept in the data set's folder, or in the run's where that cannot be written to.
    """
    key = hashlib.sha256(f"{backbone.name} {backbone.digest()} {dataset.digest}".encode())
    name = f"{backbone.name}-{key.hexdigest()[:16]}.safetensors"
    places = [dataset.folder / "features" / name, run_folder / "features" / name]
    shapes = {split: (part.images, backbone.features) for split, part in posts.items()}
    kept: dict[str, Tensor] = {}
    for place in places:
        kept = _read(place, shapes) | kept
    missing = [split for split in posts if split not in kept]
    if missing:
        total = sum(posts[split].images for split in missing)
        backbone.to(device).eval()
        with ProgressReport("image features", total, "pictures") as report:
            for split in missing:
                kept[split] = _compute(dataset, split, backbone, shapes[split], device, report)
        _keep(kept, places)
    return {split: FeatureTable(kept[split]) for split in posts}


def _read(path: Path, shapes: dict[str, tuple[int, int]]) -> dict[str, Tensor]:
    try:
        kept = load_file(path)
    except (OSError, SafetensorError):
        return {}  # a file that is damaged is computed again
    return {
        split: features
        for split, features in kept.items()
        if split not in shapes or tuple(features.shape) == shapes[split]
    }


def _keep(features: dict[str, Tensor], places: list[Path]) -> None:
    for place in places:
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            write_tensors(features, place)
            return
        except (OSError, SafetensorError):
            continue  # a data set may lie where nobody can write: then the run keeps them
    # Nothing could be written: they are computed again next time.


def _compute(
    dataset: Dataset,
    split: str,
    backbone: Backbone,
    shape: tuple[int, int],
    device: torch.device,
    report: ProgressReport,
) -> Tensor:
    features = torch.empty(shape)
    done = 0
    for pictures in _decoded(dataset, split, backbone):
        if done + len(pictures) <= len(features):
            with torch.inference_mode():
                features[done : done + len(pictures)] = backbone(pictures.to(device)).cpu()
        done += len(pictures)
        report.advance(len(pictures))
    if done != len(features):
        raise ModelError(
            f"{dataset.folder}: {split} has {done} pictures, its column `modalities` says "
            f"{len(features)}: build the splits again"
        )
    return features


def _decoded(dataset: Dataset, split: str, backbone: Backbone) -> Iterator[Tensor]:
    """Yield a split's pictures, decoding the next ones while the backbone is at work."""
    with ThreadPoolExecutor() as pool:
        ready: list[Future[Tensor]] = []
        for batch in dataset.batches(split, ("photo_id", "image"), PICTURES_TO_A_READ):
            coming = [
                pool.submit(
                    backbone.preprocessing.picture,
                    content,
                    f"photo {photo_id} in {split}",
                    FOR_A_DATASET,
                )
                for photo_id, content in picture_contents(batch)
            ]
            if ready:
                yield torch.stack([future.result() for future in ready])
            ready = coming
        if ready:
            yield torch.stack([future.result() for future in ready])


def picture_contents(batch: list[dict[str, Any]]) -> Iterator[tuple[str, bytes]]:
    """Yield the photo id and the bytes of the pictures among a data set's rows."""
    for row in batch:
        if row["image"] is not None:
            yield row["photo_id"], row["image"]["bytes"] or b""
