"""Posts selected and cut in memory equal those of a data set cut on disk."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from flickr_emotion.common.modalities import COMPLETE, MODALITIES
from flickr_emotion.datasets.build.reduce import kept_modalities
from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.inputs.selection import (
    Selection,
    complete_posts,
    fraction_complete,
    training_posts,
)
from flickr_emotion.model.posts.posts import Encoding, Posts, read_posts
from flickr_emotion.model.training.training import train
from tests.model.conftest import TINY
from tests.model.dataset_folder import StoredPost, separable_post, write_dataset

EVALUATED = [separable_post(900, "anger"), separable_post(901, "awe")]


def write(folder: Path, train_posts: list[StoredPost]) -> Path:
    return write_dataset(folder, {"train": train_posts, "validation": EVALUATED, "test": EVALUATED})


def mixed_posts() -> list[StoredPost]:
    subsets = [COMPLETE, "image", "text+tags", COMPLETE, "image+tags", "tags", COMPLETE, "text"]
    return [
        separable_post(number, ("anger", "awe")[number % 2], subset)
        for number, subset in enumerate(subsets * 3)
    ]


def cut_on_disk(posts: list[StoredPost], kept: dict[str, str]) -> list[StoredPost]:
    """Return the posts as a separate data set would hold them."""
    return [
        dataclasses.replace(
            post,
            image=post.image if "image" in kept[post.photo_id] else None,
            text=post.text if "text" in kept[post.photo_id] else None,
            tags=post.tags if "tags" in kept[post.photo_id] else (),
        )
        for post in posts
        if kept.get(post.photo_id)
    ]


def assert_same_but_image_rows(found: Posts, expected: Posts) -> None:
    for name in ("labels", "words", "word_starts", "tags", "tag_starts"):
        assert np.array_equal(getattr(found, name), getattr(expected, name)), name
    for modality in MODALITIES:
        assert np.array_equal(found.present[modality], expected.present[modality]), modality


@pytest.mark.parametrize("which", ["complete", "some"])
def test_posts_and_vocabulary_are_those_of_a_smaller_data_set(which: str, tmp_path: Path) -> None:
    posts = mixed_posts()
    dataset = open_dataset(write(tmp_path / "whole", posts))
    if which == "complete":
        selection = complete_posts(dataset)
    else:
        kept = kept_modalities(training_posts(dataset), fraction=0.4, seed=1)
        selection = Selection(kept=dict(list(kept.items())[3:]))
    smaller = open_dataset(write(tmp_path / "cut", cut_on_disk(posts, dict(selection.kept))))
    assert selection.vocabulary(dataset) == smaller.vocabulary()
    encoding = Encoding.of(dataset, selection.vocabulary(dataset))
    assert encoding == Encoding.of(smaller)
    whole = read_posts(dataset, "train", encoding)
    found = selection.cut(whole, dataset)
    assert_same_but_image_rows(found, read_posts(smaller, "train", encoding))
    # A picture is still found where the features of all pictures hold it.
    numbers = [n for n, post in enumerate(posts) if selection.kept.get(post.photo_id)]
    with_image = found.present["image"]
    assert np.array_equal(found.image_rows[with_image], whole.image_rows[numbers][with_image])


def test_a_fraction_is_repeated_to_fill_an_epoch(tmp_path: Path) -> None:
    """A network with few posts is trained for as many steps as one with all complete posts."""
    dataset = open_dataset(write(tmp_path / "set", mixed_posts()))
    posts = read_posts(dataset, "train", Encoding.of(dataset))
    alone = fraction_complete(dataset, 0.25, seed=0, with_the_cut=False)
    together = fraction_complete(dataset, 0.25, seed=0, with_the_cut=True)
    assert list(together.kept.values()).count(COMPLETE) == len(alone.kept) < len(together.kept)
    assert alone.kept.items() <= together.kept.items()
    filled = alone.cut(posts, dataset)
    assert len(filled) == len(together.cut(posts, dataset)) == len(complete_posts(dataset).kept)
    assert all(filled.present[modality].all() for modality in MODALITIES)
    assert len(set(filled.image_rows.tolist())) == len(alone.kept)


def test_nothing_left(tmp_path: Path) -> None:
    dataset = open_dataset(write(tmp_path / "set", [separable_post(1, "awe", "image")]))
    posts = read_posts(dataset, "train", Encoding.of(dataset))
    with pytest.raises(ModelError, match="no training post is selected"):
        complete_posts(dataset).cut(posts, dataset)


def test_training_on_a_selection_equals_training_on_its_data_set(tmp_path: Path) -> None:
    posts = mixed_posts()
    dataset = write(tmp_path / "whole", posts)
    selection = complete_posts(open_dataset(dataset))
    smaller = write(tmp_path / "cut", cut_on_disk(posts, dict(selection.kept)))
    config = dataclasses.replace(TINY, epochs=2, batch_size=4)
    found = train(config, dataset=dataset, out=tmp_path / "a", selection=selection)
    assert found == train(config, dataset=smaller, out=tmp_path / "b")
    words = [json.loads((tmp_path / run / "config.json").read_text())["words"] for run in "ab"]
    assert words[0] == words[1]
