"""An exported run answers like ours, with onnxruntime and without this project's code.

For the other systems' files see ``tests/model/networks/test_padded.py``.
"""

import dataclasses
import hashlib
import io
import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.common.replacing import workspace_beside
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.prediction import export as export_module
from flickr_emotion.model.prediction.export import export
from flickr_emotion.model.prediction.prediction import predict_one
from flickr_emotion.model.runs.tensor_files import write_tensors
from flickr_emotion.model.training.training import train
from tests.model.conftest import TINY
from tests.model.dataset_folder import COLOURS, picture

LONG = "storm shout " * 90  # longer than the 150 words that are read
POSTS: tuple[dict[str, Any], ...] = (
    {"text": "storm", "tags": ["Protest!"], "image": picture(COLOURS["anger"])},
    {
        "text": "Mountain sky, light: VAST silence www.example.org unheard",
        "tags": ["peak", "stars", "never-seen", "another"],
        "image": picture(COLOURS["awe"], (300, 90)),
    },
    {"text": LONG, "tags": ["unknown"], "image": picture((90, 90, 90), (80, 400))},
    {"text": "broken light shout vast", "tags": ["riot", "stars"], "image": picture((1, 99, 7))},
)


def make_sure(run: Path) -> Path:
    """Make a run's answers far from uniform, with temperatures other than 1."""
    (run / "digests.json").unlink()
    weights = load_file(run / "model.safetensors")
    generator = torch.Generator().manual_seed(1)
    for name, tensor in weights.items():
        if "embedding" in name:  # so that padding cannot be ignored by its zero vector
            tensor.add_(torch.randn(tensor.shape, generator=generator))
    write_tensors(weights, run / "model.safetensors")
    temperatures = {subset: 0.5 + 0.25 * number for number, subset in enumerate(SUBSETS)}
    (run / "calibration.json").write_text(
        json.dumps({"temperatures": temperatures, "posts": dict.fromkeys(SUBSETS, 60)})
    )
    return run


@pytest.fixture(scope="module")
def sure_run(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of all seven subsets."""
    return make_sure(shutil.copytree(run_folder, tmp_path_factory.mktemp("sure") / "run"))


@pytest.fixture(scope="module")
def tags_run(dataset_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that answers one subset and reads no pictures."""
    run = tmp_path_factory.mktemp("tags") / "run"
    config = dataclasses.replace(TINY, model="single-task", subset="tags", epochs=1)
    train(config, dataset=dataset_folder, out=run)
    return make_sure(run)


@pytest.fixture(scope="module")
def exported(sure_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("export") / "onnx"
    names = {path.name for path in export(sure_run, out)}
    assert names == {path.name for path in out.iterdir()}
    assert names == {f"{s}.onnx" for s in SUBSETS} | {"preprocessing.json", "vocabulary.json"}
    assert [entry.name for entry in out.parent.iterdir()] == ["onnx"]
    return out


class Reader:
    """Reads posts as ``preprocessing.json`` says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.described = json.loads((folder / "preprocessing.json").read_text())
        self.vocabulary = json.loads((folder / "vocabulary.json").read_text())

    def answer(self, posts: Sequence[dict[str, Any]], subset: str) -> npt.NDArray[np.float32]:
        file = self.described["files"][subset]
        session = onnxruntime.InferenceSession(self.folder / file["file"])
        readers = {"image": self.pictures, "words": self.words, "tags": self.tags}
        feeds = {name: readers[name](posts) for name in file["inputs"]}
        assert [entry.name for entry in session.get_inputs()] == file["inputs"]
        (found,) = session.run([file["output"]], feeds)
        assert found.shape == (len(posts), len(self.described["classes"]))
        return np.asarray(found)

    def pictures(self, posts: Sequence[dict[str, Any]]) -> npt.NDArray[np.uint8]:
        how = self.described["inputs"]["image"]
        return np.stack([self.picture(post["image"], how) for post in posts])

    @staticmethod
    def picture(content: bytes, how: dict[str, Any]) -> npt.NDArray[np.uint8]:
        image = Image.open(io.BytesIO(content)).convert("RGB")
        short, crop = how["resize_short_side"], how["crop"]
        scale = short / min(image.size)
        width, height = (int(side * scale) for side in image.size)
        image = image.resize((width, height), Image.Resampling[how["interpolation"].upper()])
        left, top = round((width - crop) / 2), round((height - crop) / 2)
        return np.asarray(image)[top : top + crop, left : left + crop].transpose(2, 0, 1)

    def words(self, posts: Sequence[dict[str, Any]]) -> npt.NDArray[np.int64]:
        how, ids = self.described["inputs"]["words"], self.vocabulary["words"]
        lists = []
        for post in posts:
            text = re.sub(r"(https?://|www\.)\S*", " ", post["text"].lower())
            found = [re.search(r"[^\W_](.*[^\W_])?", run) for run in text.split()]
            words = [match[0] for match in found if match]
            lists.append([ids.get(word, how["unknown"]) for word in words][: how["most"]])
        return padded(lists, how["padding"])

    def tags(self, posts: Sequence[dict[str, Any]]) -> npt.NDArray[np.int64]:
        how, ids = self.described["inputs"]["tags"], self.vocabulary["tags"]
        lists = []
        for post in posts:
            tags = {"".join(filter(str.isalnum, tag.lower())) for tag in post["tags"]}
            known = sorted(ids[tag] for tag in tags if tag in ids)
            unknown = [how["unknown"]] if any(tag not in ids for tag in tags) else []
            lists.append((known + unknown)[: how["most"]])
        return padded(lists, how["padding"])


def padded(lists: list[list[int]], padding: int) -> npt.NDArray[np.int64]:
    longest = max(map(len, lists))
    return np.array([entries + [padding] * (longest - len(entries)) for entries in lists])


def ours(run: Path, posts: Sequence[dict[str, Any]], subset: str) -> npt.NDArray[np.float32]:
    answers = [
        predict_one(run, **{modality: post[modality] for modality in subset.split("+")})
        for post in posts
    ]
    assert {answer["subset"] for answer in answers} == {subset}
    return np.array([list(answer["probabilities"].values()) for answer in answers])


@pytest.mark.slow
@pytest.mark.parametrize("subset", SUBSETS)
def test_onnxruntime_answers_as_we_do(sure_run: Path, exported: Path, subset: str) -> None:
    """Texts of 1 to 150 words, one post and several, each with modalities absent."""
    reader = Reader(exported)
    expected = ours(sure_run, POSTS, subset)
    assert np.ptp(expected[:, 0]) > 0.02  # the answers differ between posts
    np.testing.assert_allclose(reader.answer(POSTS, subset), expected, atol=1e-4)
    for number, post in enumerate(POSTS):
        np.testing.assert_allclose(
            reader.answer([post], subset), expected[[number]], atol=1e-4, err_msg=str(number)
        )


@pytest.mark.slow
def test_what_is_written_beside(sure_run: Path, exported: Path) -> None:
    config = json.loads((sure_run / "config.json").read_text())
    reader = Reader(exported)
    assert reader.described["classes"] == config["classes"]
    assert reader.described["dataset_digest"] == config["dataset"]["digest"]
    assert list(reader.vocabulary["words"]) == config["words"]
    assert min(reader.vocabulary["tags"].values()) == 2


def test_an_older_export_is_replaced(tags_run: Path, tmp_path: Path) -> None:
    """All of it is removed, including files that the new one lacks."""
    (tmp_path / "out").mkdir()
    for name in ("image.onnx", "tags.onnx", "preprocessing.json"):
        (tmp_path / "out" / name).write_text("old")
    files = export(tags_run, tmp_path / "out")
    assert [path.name for path in files] == [
        *("README.md", "tags.onnx", "preprocessing.json", "vocabulary.json")
    ]
    assert files[0].read_bytes() == (tags_run / "README.md").read_bytes()
    assert sorted((tmp_path / "out").iterdir()) == sorted(files)
    reader = Reader(tmp_path / "out")
    assert list(reader.described["inputs"]) == ["tags"]
    assert reader.described["digests"] == {
        name: hashlib.sha256((tmp_path / "out" / name).read_bytes()).hexdigest()
        for name in ("README.md", "tags.onnx", "vocabulary.json")
    }
    np.testing.assert_allclose(
        reader.answer(POSTS, "tags"), ours(tags_run, POSTS, "tags"), atol=1e-4
    )


def test_two_exports_to_one_name(tags_run: Path, tmp_path: Path) -> None:
    """The second is refused while the first is running; the folder's content stays."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "preprocessing.json").write_text("older")
    with (
        workspace_beside(out),
        pytest.raises(ModelError, match=r"another command is writing .*: wait for it"),
    ):
        export(tags_run, out)
    assert [path.read_text() for path in out.iterdir()] == ["older"]


def test_a_foreign_folder_with_the_workspaces_name(tags_run: Path, tmp_path: Path) -> None:
    """A folder with our workspace's name is neither used nor removed."""
    (tmp_path / ".out.building").mkdir()
    (tmp_path / ".out.building" / "thesis.tex").write_text("years of work")
    with pytest.raises(ModelError, match="is not ours"):
        export(tags_run, tmp_path / "out")
    assert (tmp_path / ".out.building" / "thesis.tex").read_text() == "years of work"


def test_a_system_that_reads_texts_only(dataset_folder: Path, tmp_path: Path) -> None:
    """Every subset with a text has a file, with its own temperature and no picture input."""
    train(
        dataclasses.replace(TINY, model="fasttext", epochs=1),
        dataset=dataset_folder,
        out=tmp_path / "run",
    )
    run = make_sure(tmp_path / "run")
    export(run, tmp_path / "out")
    reader = Reader(tmp_path / "out")
    assert list(reader.described["inputs"]) == ["words"]
    assert list(reader.described["files"]) == [s for s in SUBSETS if "text" in s]
    found = {subset: reader.answer(POSTS, subset) for subset in reader.described["files"]}
    for subset in ("text", "image+text"):
        np.testing.assert_allclose(found[subset], ours(run, POSTS, subset), atol=1e-4)
    assert not np.allclose(found["text"], found["image+text"], atol=1e-3)


class TestRefusals:
    @pytest.mark.parametrize("name", ["thesis.tex", "text.onnx"])
    def test_a_folder_of_something_else(self, sure_run: Path, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_text("years of work")
        with pytest.raises(ModelError, match="give --out a new folder"):
            export(sure_run, tmp_path)
        assert [entry.name for entry in tmp_path.iterdir()] == [name]

    def test_a_file(self, sure_run: Path, tmp_path: Path) -> None:
        (tmp_path / "out").write_text("")
        with pytest.raises(ModelError, match="is a file"):
            export(sure_run, tmp_path / "out")
        with pytest.raises(ModelError, match="its parent folder does not exist"):
            export(sure_run, tmp_path / "absent" / "out")

    def test_another_format(self, sure_run: Path, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match="--format tflite is not known: give onnx"):
            export(sure_run, tmp_path / "out", format="tflite")

    def test_without_the_packages(
        self, sure_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(export_module, "PACKAGES", ("onnx", "no_such_package"))
        with pytest.raises(
            ModelError, match="needs the package no_such_package: install the extra"
        ):
            export(sure_run, tmp_path / "out")
        assert not list(tmp_path.iterdir())
