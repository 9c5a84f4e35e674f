"""A data set's splits as a network sees them: posts as numbers, pictures as what it is fed.

The one place that decides between features that were computed once, for a frozen backbone, and
pictures that are decoded again in every epoch, for one that is trained.
"""

from pathlib import Path

import torch

from datasets.reading import Dataset
from model.batches import Split
from model.errors import ModelError
from model.features import frozen_features, picture_contents
from model.image_backbones import Backbone
from model.pictures import PictureTable
from model.posts import Encoding, Posts, read_posts


def open_splits(
    dataset: Dataset,
    names: tuple[str, ...],
    encoding: Encoding,
    backbone: Backbone,
    *,
    finetuned: bool,
    run_folder: Path,
    device: torch.device,
) -> dict[str, Split]:
    """Read splits with their pictures: features, or the pictures if the backbone is trained."""
    posts = {name: read_posts(dataset, name, encoding) for name in names}
    if finetuned:
        return {
            name: Split(posts=posts[name], images=_pictures(dataset, name, posts[name], backbone))
            for name in names
        }
    features = frozen_features(dataset, backbone, posts, run_folder=run_folder, device=device)
    return {name: Split(posts=posts[name], images=features[name]) for name in names}


def _pictures(dataset: Dataset, split: str, posts: Posts, backbone: Backbone) -> PictureTable:
    pictures = [
        picture
        for batch in dataset.batches(split, ("photo_id", "image"))
        for picture in picture_contents(batch)
    ]
    if len(pictures) != posts.images:
        raise ModelError(
            f"{dataset.folder}: {split} has {len(pictures)} pictures, its column `modalities` says "
            f"{posts.images}: build the splits again"
        )
    return PictureTable(
        [content for _, content in pictures],
        [f"photo {photo_id} in {split}" for photo_id, _ in pictures],
        backbone.preprocessing,
    )
