"""A data set's picture features from a frozen backbone, computed once and kept.

With a frozen backbone a picture's features never change, while decoding and the backbone's forward
pass take nearly all of an epoch. They are kept beside the data set under a name with a digest of
what they were computed from, so that other seeds, runs and systems reuse them.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from flickr_emotion.common.progress import ProgressReport
from flickr_emotion.common.takedown.feature_folders import features_path
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.model.config import AUTO
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.features.feature_extraction import Picture, extract, picture_contents
from flickr_emotion.model.features.feature_files import (
    GrowingFile,
    Shape,
    kept_or_made,
)
from flickr_emotion.model.features.image_backbones import Backbone
from flickr_emotion.model.features.picture_decoding import CpuDecoder, PictureDecoder
from flickr_emotion.model.features.picture_graphs import picture_graph
from flickr_emotion.model.posts.posts import Posts


class FeatureTable:
    """The features of a split's pictures, in the order of the posts that have one.

    They may be memory-mapped: only the requested rows are read.
    """

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
    decoder: PictureDecoder | None = None,
    engine: str = AUTO,
) -> dict[str, FeatureTable]:
    """Return the features of the given splits, computing only what is missing.

    They are kept in the data set's folder, or in the run's if that is not writable: a folder for
    each backbone with its weights, a file for each split. ``engine`` says what computes them
    (``model/engines/choice.py``).
    """
    decoder = decoder or CpuDecoder(backbone.preprocessing)
    shapes = {split: (part.images, backbone.features) for split, part in posts.items()}
    kept = kept_or_made(
        [dataset.folder, run_folder],
        _made_from(dataset, backbone, decoder),
        shapes,
        lambda files: _compute(files, shapes, dataset, backbone, decoder, device, engine),
    )
    return {split: FeatureTable(kept[split]) for split in posts}


def features_folder(dataset: Dataset, backbone: Backbone, decoder: PictureDecoder) -> Path:
    """Return the path of a backbone's features within a folder."""
    return features_path(*_made_from(dataset, backbone, decoder))


def _made_from(dataset: Dataset, backbone: Backbone, decoder: PictureDecoder) -> list[str]:
    made_from = [backbone.name, backbone.digest(), dataset.digest, decoder.name]
    if dataset.preparation != 1:
        made_from.append(f"preparation {dataset.preparation}")
    return made_from


def _compute(
    files: dict[str, Path],
    shapes: dict[str, Shape],
    dataset: Dataset,
    backbone: Backbone,
    decoder: PictureDecoder,
    device: torch.device,
    engine: str,
) -> None:
    total = sum(shapes[split][0] for split in files)
    graph = picture_graph(backbone, engine, device=device.type, pictures=total)
    with ProgressReport("image features", total, "pictures") as report:
        for split, path in files.items():
            with GrowingFile(path, shapes[split]) as file:
                pictures = _counted(dataset, split, shapes[split][0], file.rows)
                report.advance(file.rows)
                with closing(extract(pictures, backbone, decoder, device, graph)) as stream:
                    file.fill(_reported(stream, report))


def _counted(dataset: Dataset, split: str, expected: int, done: int) -> Iterator[Picture]:
    """Yield a split's pictures without the first ``done``, checking that there are ``expected``."""
    pictures = picture_contents(dataset, split)
    read = sum(1 for _ in islice(pictures, done))
    for picture in pictures:
        read += 1
        if read <= expected:
            yield picture
    check_count(dataset, split, read, expected)


def check_count(dataset: Dataset, split: str, pictures: int, expected: int) -> None:
    """Refuse a split whose column ``modalities`` does not match its pictures."""
    if pictures != expected:
        raise ModelError(
            f"{dataset.folder}: {split} has {pictures} pictures, but its column `modalities` says "
            f"{expected}: build the splits again"
        )


def _reported(stream: Iterator[Tensor], report: ProgressReport) -> Iterator[Tensor]:
    for features in stream:
        yield features
        report.advance(len(features))
