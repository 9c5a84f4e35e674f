"""Frozen readers' features of a data set's texts and tags, computed once and kept.

One file for each reader, split and modality, with a row for each post of the split; the row of a
post that lacks the modality is zeros. Tags are read as one text, in the order given.

Shapes in names: N posts, D features of all readers.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from flickr_emotion.common.progress import ProgressReport
from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.model.features.feature_files import (
    GrowingFile,
    Shape,
    kept_or_made,
)
from flickr_emotion.model.features.texts.readers import (
    READ,
    TextReader,
    features_of,
    say_cut,
    width,
)
from flickr_emotion.model.features.texts.sentences import EncoderReader
from flickr_emotion.model.features.texts.views import TextAndTags

POSTS_PER_READ = 1024
"""Of many texts, more are equal, or have as many tokens: these are read once, and together."""


class TextFeatures:
    """The features of a split's texts and tags."""

    def __init__(self, features: Mapping[str, Sequence[Tensor]]) -> None:
        """``features``: by modality, for each reader a row for each post of the split."""
        self._features = features

    def rows(self, modality: str, places: Sequence[int]) -> Tensor:
        """Return the features (N, D) of the posts at these positions of the split."""
        return torch.cat([features[places] for features in self._features[modality]], dim=1)


def text_features(
    dataset: Dataset, readers: Sequence[TextReader], posts: Mapping[str, int], *, run_folder: Path
) -> dict[str, TextFeatures]:
    """Return the features of the splits, computing only what is missing.

    ``posts`` gives the number of posts by split. The features are kept beside those of the pictures
    (``model/features/image_features.py``).
    """
    names = [(split, modality) for split in posts for modality in READ]
    kept = []
    for reader in readers:
        shapes = {f"{split}-{m}": (posts[split], width(reader)) for split, m in names}
        made = kept_or_made(
            [dataset.folder, run_folder],
            [reader.name, reader.digest(), dataset.digest],
            shapes,
            partial(_compute, shapes=shapes, dataset=dataset, reader=reader),
        )
        kept.append(made)
    return {
        split: TextFeatures({m: [made[f"{split}-{m}"] for made in kept] for m in READ})
        for split in posts
    }


def _compute(
    files: dict[str, Path], shapes: dict[str, Shape], dataset: Dataset, reader: TextReader
) -> None:
    total, before = sum(shapes[name][0] for name in files), reader.cut
    if isinstance(reader, EncoderReader):
        reader.expect(total)
    with ProgressReport(f"text features ({reader.name})", total, "texts") as report:
        for name, path in files.items():
            split, _, modality = name.partition("-")
            with GrowingFile(path, shapes[name]) as file:
                report.advance(file.rows)
                rest = islice(_texts(dataset, split), file.rows, None)
                file.fill(_read(reader, rest, modality, report))
    say_cut(reader, reader.cut - before, total)


def _texts(dataset: Dataset, split: str) -> Iterator[TextAndTags]:
    for batch in dataset.batches(split, ("text", "tags")):
        for row in batch:
            yield row["text"], row["tags"]


def _read(
    reader: TextReader, posts: Iterator[TextAndTags], modality: str, report: ProgressReport
) -> Iterator[Tensor]:
    while some := list(islice(posts, POSTS_PER_READ)):
        (features,) = features_of([reader], some, modality)
        yield torch.from_numpy(features)
        report.advance(len(some))
