"""Features of a frozen backbone are computed once, and never mistaken for others."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from datasets.reading import open_dataset
from datasets.splits import SPLITS
from model.errors import ModelError
from model.features import FeatureTable, frozen_features
from model.image_backbones import Backbone, load_backbone
from model.posts import Encoding, Posts, read_posts
from model.splits import open_splits
from tests.model.dataset_folder import StoredPost, separable_post, write_dataset


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    torch.manual_seed(1)
    return load_backbone("squeezenet1_1", "none")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    posts = [
        separable_post(number, "awe", subset)
        for number, subset in enumerate(("image", "text", "image+tags"))
    ]
    return write_dataset(tmp_path / "set", {"train": posts, "validation": posts, "test": posts[:1]})


def features_of(folder: Path, backbone: Backbone, run: Path) -> dict[str, FeatureTable]:
    dataset = open_dataset(folder)
    encoding = Encoding.of(dataset)
    posts: dict[str, Posts] = {split: read_posts(dataset, split, encoding) for split in SPLITS}
    return frozen_features(dataset, backbone, posts, run_folder=run, device=torch.device("cpu"))


def forbid_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a picture was decoded")

    monkeypatch.setattr("model.pictures.decode", refuse)


def test_computed_once(
    folder: Path, backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = features_of(folder, backbone, tmp_path / "run")
    (kept,) = (folder / "features").iterdir()
    assert kept.name.startswith("squeezenet1_1-")
    assert not (tmp_path / "run").exists()
    forbid_decoding(monkeypatch)
    second = features_of(folder, backbone, tmp_path / "run")
    for split, rows in (("train", [0, 1]), ("validation", [1]), ("test", [0])):
        assert torch.equal(first[split].rows(rows), second[split].rows(rows))


def test_equal_to_the_backbones_answer(folder: Path, backbone: Backbone, tmp_path: Path) -> None:
    """Row 1 is the second post with a picture, not the second post."""
    content = separable_post(2, "awe").image
    assert content is not None
    picture = backbone.preprocessing.picture(content, "photo 1002")
    with torch.inference_mode():
        expected = backbone(picture[None])
    found = features_of(folder, backbone, tmp_path / "run")["train"].rows([1])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_other_weights_are_other_features(folder: Path, backbone: Backbone, tmp_path: Path) -> None:
    torch.manual_seed(2)
    other = load_backbone("squeezenet1_1", "none")
    first = features_of(folder, backbone, tmp_path / "run")["train"].rows([0])
    second = features_of(folder, other, tmp_path / "run")["train"].rows([0])
    assert not torch.equal(first, second)
    assert len(list((folder / "features").iterdir())) == 2


def test_a_damaged_file_is_computed_again(folder: Path, backbone: Backbone, tmp_path: Path) -> None:
    first = features_of(folder, backbone, tmp_path / "run")["train"].rows([0])
    (kept,) = (folder / "features").iterdir()
    kept.write_bytes(kept.read_bytes()[:100])
    second = features_of(folder, backbone, tmp_path / "run")["train"].rows([0])
    assert torch.equal(first, second)


def test_kept_with_the_run_where_the_data_set_cannot_be_written(
    folder: Path, backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A file in the folder's place refuses writing to root as well.
    (folder / "features").write_text("")
    first = features_of(folder, backbone, tmp_path / "run")["train"].rows([0])
    assert len(list((tmp_path / "run" / "features").iterdir())) == 1
    forbid_decoding(monkeypatch)
    assert torch.equal(features_of(folder, backbone, tmp_path / "run")["train"].rows([0]), first)


@pytest.mark.parametrize("whole", ["data set", "run"])
def test_a_second_file_with_less_takes_nothing_away(
    folder: Path, backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: str
) -> None:
    features_of(folder, backbone, tmp_path / "run")
    (kept,) = (folder / "features").iterdir()
    other = tmp_path / "run" / "features" / kept.name
    other.parent.mkdir(parents=True)
    other.write_bytes(kept.read_bytes())
    cut = other if whole == "data set" else kept
    save_file({"test": load_file(kept)["test"]}, cut)
    forbid_decoding(monkeypatch)
    assert set(features_of(folder, backbone, tmp_path / "run")) == set(SPLITS)


def test_an_unreadable_picture_is_named(backbone: Backbone, tmp_path: Path) -> None:
    post = StoredPost(photo_id="4711", label="awe", image=b"no picture")
    folder = write_dataset(tmp_path / "set", {"train": [post], "validation": [], "test": []})
    with pytest.raises(ModelError, match="photo 4711 in train cannot be read") as caught:
        features_of(folder, backbone, tmp_path / "run")
    assert str(caught.value).endswith(": build the splits again")
    dataset = open_dataset(folder)
    splits = open_splits(
        dataset,
        ("train",),
        Encoding.of(dataset),
        backbone,
        finetuned=True,
        run_folder=tmp_path / "run",
        device=torch.device("cpu"),
    )
    with pytest.raises(ModelError, match=r"photo 4711 in train .*: build the splits again$"):
        splits["train"].images.rows([0])


def test_a_column_that_lies(folder: Path, backbone: Backbone, tmp_path: Path) -> None:
    dataset = open_dataset(folder)
    posts = read_posts(dataset, "train", Encoding.of(dataset))
    lying = dataclasses.replace(posts, image_rows=np.arange(3))
    with pytest.raises(ModelError, match="train has 2 pictures, its column `modalities` says 3"):
        frozen_features(
            dataset, backbone, {"train": lying}, run_folder=tmp_path, device=torch.device("cpu")
        )
