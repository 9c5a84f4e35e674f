"""The folds of `table`: data sets of MVSA's labelled posts, and their features.

`build-splits` writes them, with duplicate pictures and texts in the same split. A single word is
enough for a text; one that is not detected as English is absent, as in every data set.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch

from benchmarks.real_posts.answers import judged_posts
from benchmarks.real_posts.chain import MVSA, command
from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.common.takedown.feature_folders import features_path
from flickr_emotion.datasets.folder.reading import Dataset, open_dataset
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.features.backbone_weights import load_backbone
from flickr_emotion.model.features.feature_files import (
    GrowingFile,
    writable_folder,
)
from flickr_emotion.model.features.image_features import features_folder, frozen_features
from flickr_emotion.model.features.picture_decoding import CpuDecoder
from flickr_emotion.model.features.texts.readers import READ, TextReader, open_readers
from flickr_emotion.model.features.texts.text_features import text_features
from flickr_emotion.model.posts.posts import Encoding, read_posts
from flickr_emotion.model.recipes import BEST_IMAGES, BEST_TEXT, LEXICON, MINILM

FOLDS = 5
IMAGE_ENCODER = "efficientnet_lite0"
WITHOUT_STAGES = BEST_IMAGES.replace("_stages", "")
BUILD = ("--group-by", "near-duplicate", "--incomplete", "keep", "--min-words", "1")


def build_folds(out: Path, classes: int) -> list[Dataset]:
    """Return the data sets of the folds, building those that are missing."""
    posts = MVSA
    if classes == 2:
        posts = out / "posts-without-neutral.parquet"
        if not posts.exists():
            out.mkdir(parents=True, exist_ok=True)
            pq.write_table(pq.read_table(MVSA).filter(pc.field("label") != "neutral"), posts)
    datasets = [_build(posts, out, classes, fold) for fold in range(1, FOLDS + 1)]
    check_folds(posts, datasets)
    with_all_posts = _build(MVSA, out, 3, 1)
    for dataset in datasets:
        for encoder in (IMAGE_ENCODER, WITHOUT_STAGES, BEST_IMAGES):
            take_features(dataset, with_all_posts, encoder)
        for reader in open_readers((MINILM, BEST_TEXT, LEXICON)):
            take_text_features(dataset, with_all_posts, reader)
    return datasets


def _build(posts: Path, out: Path, classes: int, fold: int) -> Dataset:
    folder = out / f"{classes}-classes-fold-{fold}"
    if not folder.exists():
        arguments = ("--out", str(folder.resolve()), "--fold", f"{fold}/{FOLDS}", *BUILD)
        command("build-splits", str(posts.resolve()), *arguments)
    return open_dataset(folder)


def agreeing_posts() -> frozenset[str]:
    """Return the ids of the posts whose text and picture were given the same label.

    Some publications leave out all other posts of MVSA; it is an easier data set.
    """
    columns = pq.read_table(MVSA, columns=["photo_id", "text_label", "image_label"])
    same = pc.equal(columns["text_label"], columns["image_label"])
    return frozenset(columns.filter(same)["photo_id"].to_pylist())


def check_folds(posts: Path, datasets: Sequence[Dataset]) -> None:
    """Refuse folds that do not test each labelled post exactly once, or that leak."""
    listed = pq.read_table(posts, columns=["photo_id", "label"]).to_pylist()
    labelled = {row["photo_id"] for row in listed if row["label"] is not None}
    tested = Counter(row["photo_id"] for each in datasets for row in judged_posts(each))
    wrong = sorted(labelled ^ tested.keys()) + [key for key, times in tested.items() if times > 1]
    if wrong:
        raise ModelError(
            f"{posts}: {len(wrong)} posts, such as {wrong[0]}, are not tested in exactly one fold: "
            f"remove {datasets[0].folder.parent} and start again"
        )
    for each in datasets:
        leakage = each.described["leakage"]
        if any(count for split in leakage.values() for count in split.values()):
            raise ModelError(
                f"{each.folder}: duplicates are in more than one split: remove it and start again"
            )


def take_features(dataset: Dataset, source: Dataset, encoder: str) -> None:
    """Copy the image features from a data set that holds all of the pictures.

    Otherwise each fold would compute features of nearly the same pictures.
    """
    backbone = load_backbone(encoder, "imagenet")
    place = dataset.folder / features_folder(dataset, backbone, CpuDecoder(backbone.preprocessing))
    if all((place / f"{split}.npy").exists() for split in SPLITS):
        return
    held = {split: read_posts(source, split, Encoding.of(source)) for split in SPLITS}
    tables = frozen_features(
        source, backbone, held, run_folder=source.folder, device=torch.device("cpu")
    )
    if dataset.digest == source.digest:
        return
    features = {
        key: row
        for split, posts in held.items()
        for key, row in zip(
            _pictured(source, split), tables[split].rows(range(posts.images)), strict=True
        )
    }
    with writable_folder([place]) as folder:
        for split in SPLITS:
            rows = torch.stack([features[key] for key in _pictured(dataset, split)])
            with GrowingFile(folder / f"{split}.npy", (len(rows), backbone.features)) as file:
                file.fill([rows[file.rows :]])


def take_text_features(dataset: Dataset, source: Dataset, reader: TextReader) -> None:
    """Copy a reader's features of texts and tags from a data set that holds all of the posts."""
    place = dataset.folder / features_path(reader.name, reader.digest(), dataset.digest)
    if all((place / f"{split}-{m}.npy").exists() for split in SPLITS for m in READ):
        return
    ids = {split: [row["photo_id"] for row in judged_posts(source, split)] for split in SPLITS}
    counts = {split: len(held) for split, held in ids.items()}
    tables = text_features(source, [reader], counts, run_folder=source.folder)
    if dataset.digest == source.digest:
        return
    with writable_folder([place]) as folder:
        for modality in READ:
            features = {
                key: row
                for split, held in ids.items()
                for key, row in zip(
                    held, tables[split].rows(modality, range(len(held))), strict=True
                )
            }
            for split in SPLITS:
                posts = judged_posts(dataset, split)
                rows = torch.stack([features[post["photo_id"]] for post in posts])
                path = folder / f"{split}-{modality}.npy"
                with GrowingFile(path, (len(rows), reader.dimension)) as file:
                    file.fill([rows[file.rows :]])


def _pictured(dataset: Dataset, split: str) -> list[str]:
    """Return the photo ids of the posts with a picture, in order."""
    return [
        row["photo_id"]
        for rows in dataset.batches(split, ("photo_id", "modalities"))
        for row in rows
        if "image" in row["modalities"].split("+")
    ]
