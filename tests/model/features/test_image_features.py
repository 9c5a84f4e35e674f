"""Features of a frozen backbone are computed once, and never mistaken for others."""

import copy
import dataclasses
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock
from PIL import Image

from flickr_emotion.common.split_names import SPLITS
from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.features.backbone_weights import load_backbone
from flickr_emotion.model.features.image_backbones import Backbone
from flickr_emotion.model.features.image_features import FeatureTable, frozen_features
from flickr_emotion.model.features.picture_sizes import decode
from flickr_emotion.model.inputs.splits import open_splits
from flickr_emotion.model.posts.posts import Encoding, Posts, read_posts
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

    monkeypatch.setattr("flickr_emotion.model.features.picture_sizes.decode", refuse)


def count_decoding(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list to which the name of each decoded picture is appended."""
    decoded: list[str] = []

    def counting(content: bytes, photo: str, advice: str) -> Image.Image:
        decoded.append(photo)
        return decode(content, photo, advice)

    monkeypatch.setattr("flickr_emotion.model.features.picture_sizes.decode", counting)
    return decoded


def file_of(folder: Path) -> Path:
    (file,) = folder.glob("features/*/train.npy")
    return file


def test_computed_once(
    folder: Path, backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = features_of(folder, backbone, tmp_path / "run")
    (kept,) = (folder / "features").iterdir()
    assert kept.name.startswith("squeezenet1_1-")
    assert {"train.npy", "validation.npy", "test.npy"} <= {path.name for path in kept.iterdir()}
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


@pytest.mark.parametrize("length", [0, 100, 200])
def test_a_damaged_file_is_computed_again(
    folder: Path, backbone: Backbone, tmp_path: Path, length: int
) -> None:
    first = features_of(folder, backbone, tmp_path / "run")["train"].rows([0])
    kept = file_of(folder)
    kept.write_bytes(kept.read_bytes()[:length])
    second = features_of(folder, backbone, tmp_path / "run")["train"].rows([0])
    assert torch.equal(first, second)


def test_kept_with_the_run_where_the_data_set_cannot_be_written(
    folder: Path, backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A file in place of the folder refuses writing even to root.
    (folder / "features").write_text("")
    first = features_of(folder, backbone, tmp_path / "run")["train"].rows([0])
    assert len(list((tmp_path / "run" / "features").iterdir())) == 1
    forbid_decoding(monkeypatch)
    assert torch.equal(features_of(folder, backbone, tmp_path / "run")["train"].rows([0]), first)


@pytest.mark.parametrize("deep", [False, True])
def test_nothing_is_written_through_a_link(
    folder: Path,
    backbone: Backbone,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    deep: bool,
) -> None:
    """Features are then kept with the run, and the link is unchanged."""
    features_of(folder, backbone, tmp_path / "run")
    place = next((folder / "features").iterdir()) if deep else folder / "features"
    shutil.rmtree(place)
    (elsewhere := tmp_path / "elsewhere").mkdir()
    place.symlink_to(elsewhere)
    features_of(folder, backbone, tmp_path / "run")
    assert not list(elsewhere.iterdir())
    assert place.is_symlink()
    assert len(list((tmp_path / "run" / "features").iterdir())) == 1
    assert f"{place} is a symbolic link: no features are written" in capsys.readouterr().err


@pytest.mark.parametrize("whole", ["data set", "run"])
def test_each_split_is_read_from_the_folder_that_has_it(
    folder: Path, backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: str
) -> None:
    features_of(folder, backbone, tmp_path / "run")
    place = file_of(folder).parent
    other = tmp_path / "run" / "features" / place.name
    shutil.copytree(place, other)
    for split in ("train", "validation"):
        ((other if whole == "data set" else place) / f"{split}.npy").unlink()
    forbid_decoding(monkeypatch)
    assert set(features_of(folder, backbone, tmp_path / "run")) == set(SPLITS)


def test_where_nothing_can_be_written(folder: Path, backbone: Backbone, tmp_path: Path) -> None:
    expected = features_of(folder, backbone, tmp_path / "run")["train"].rows([0, 1])
    shutil.rmtree(folder / "features")
    for place in (folder, tmp_path):
        (place / "features").write_text("")
    found = features_of(folder, backbone, tmp_path)
    assert torch.equal(found["train"].rows([0, 1]), expected)


def test_another_run_decodes_nothing(
    folder: Path, backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = count_decoding(monkeypatch)
    features_of(folder, backbone, tmp_path / "run")
    assert sorted(decoded) == [
        "photo 1000 in test",
        "photo 1000 in train",
        "photo 1000 in validation",
        "photo 1002 in train",
        "photo 1002 in validation",
    ]
    features_of(folder, copy.deepcopy(backbone), tmp_path / "another")
    assert len(decoded) == 5


@pytest.mark.parametrize("older", [False, True])
def test_an_interrupted_extraction_resumes(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, older: bool
) -> None:
    """In pieces of two pictures; the fifth of seven fails in the first attempt.

    An earlier version's unfinished file, which had another name, is resumed too.
    """
    monkeypatch.setattr("flickr_emotion.model.features.feature_files.ROWS_PER_PIECE", 2)
    whole = [separable_post(number, "awe", "image") for number in range(7)]
    damaged = [dataclasses.replace(p, image=b"no picture") if p is whole[4] else p for p in whole]
    folder, mended = (
        write_dataset(tmp_path / name, {"train": posts, "validation": [], "test": []})
        for name, posts in (("set", damaged), ("mended", whole))
    )
    with pytest.raises(ModelError, match="photo 1004 in train cannot be read"):
        features_of(folder, backbone, tmp_path / "run")
    (part,) = folder.glob("features/*/.train.npy.part")
    part.write_bytes(part.read_bytes() + b"the half of a row that a kill leaves")
    if older:
        part.rename(part.with_name("train.npy.part"))
    shutil.copytree(mended / "data", folder / "data", dirs_exist_ok=True)

    decoded = count_decoding(monkeypatch)
    resumed = features_of(folder, backbone, tmp_path / "run")["train"].rows(range(7))
    assert sorted(decoded) == [f"photo {number} in train" for number in (1004, 1005, 1006)]
    assert not list(folder.rglob("*.part"))
    afresh = features_of(mended, backbone, tmp_path / "run")["train"].rows(range(7))
    torch.testing.assert_close(resumed, afresh, atol=1e-5, rtol=1e-4)


def test_a_second_process_waits_and_reads(
    folder: Path, backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = features_of(folder, backbone, tmp_path / "run")["train"].rows([0, 1])
    (place,) = (folder / "features").iterdir()
    finished = {path: path.read_bytes() for path in place.glob("*.npy")}
    for path in finished:
        path.unlink()
    forbid_decoding(monkeypatch)
    waits = threading.Event()
    monkeypatch.setattr("flickr_emotion.model.features.feature_files.say", lambda _: waits.set())
    with ThreadPoolExecutor(1) as pool:
        with FileLock(place / "lock"):
            second = pool.submit(features_of, folder, backbone, tmp_path / "run")
            assert waits.wait(60)
            for path, content in finished.items():
                path.write_bytes(content)
        assert torch.equal(second.result()["train"].rows([0, 1]), first)


def test_as_many_threads_as_before(folder: Path, backbone: Backbone, tmp_path: Path) -> None:
    before = torch.get_num_threads()
    features_of(folder, backbone, tmp_path / "run")
    assert torch.get_num_threads() == before


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


def test_a_column_that_does_not_match_the_pictures(
    folder: Path, backbone: Backbone, tmp_path: Path
) -> None:
    dataset = open_dataset(folder)
    posts = read_posts(dataset, "train", Encoding.of(dataset))
    lying = dataclasses.replace(posts, image_rows=np.arange(3))
    with pytest.raises(
        ModelError, match="train has 2 pictures, but its column `modalities` says 3"
    ):
        frozen_features(
            dataset, backbone, {"train": lying}, run_folder=tmp_path, device=torch.device("cpu")
        )
