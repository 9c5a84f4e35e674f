"""An exported run answers like ours, with onnxruntime and without this project's code.

The client is tried as a program of its own in ``tests/model/export/client/test_predict.py``; for
the other systems' files see ``tests/model/networks/test_padded.py``.
"""

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
import torch
from safetensors.torch import load_file

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.common.replacing import workspace_beside
from flickr_emotion.model.engines.graphs import IR_VERSION, OPSET
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.export import export as export_module
from flickr_emotion.model.export.client.network import Network
from flickr_emotion.model.export.export import export
from flickr_emotion.model.posts.ids import MAX_WORDS
from flickr_emotion.model.posts.posts import MAX_TAGS
from flickr_emotion.model.prediction.prediction import predict_one
from flickr_emotion.model.runs.tensor_files import write_tensors
from flickr_emotion.model.training.training import train
from tests.model.conftest import TINY
from tests.model.dataset_folder import COLOURS, picture

BESIDE = {
    *("README.md", "preprocessing.json", "vocabulary.json", "entities.json"),
    *("predict.py", "predict.mjs", "reading", "licences"),
}
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
    assert names == {f"{s}.onnx" for s in SUBSETS} | BESIDE
    assert [entry.name for entry in out.parent.iterdir()] == ["onnx"]
    return out


@pytest.fixture(scope="module")
def exported_tags(tags_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An older export has been replaced by it, including files that the new one lacks."""
    out = tmp_path_factory.mktemp("tags") / "onnx"
    (out / "reading").mkdir(parents=True)
    for name in ("image.onnx", "tags.onnx", "preprocessing.json", "reading/older.py"):
        (out / name).write_text("old")
    assert {path.name for path in export(tags_run, out)} == {"tags.onnx"} | BESIDE
    return out


def answers(folder: Path, posts: Sequence[dict[str, Any]], subset: str) -> npt.NDArray[np.float64]:
    """The client's answers to posts that keep only a subset."""
    network = Network(folder)
    held = subset.split("+")
    rows: list[dict[str, Any]] = [
        {m: post[m] for m in ("text", "tags") if m in held} for post in posts
    ]
    pictures = [post["image"] if "image" in held else None for post in posts]
    read = [network.read(row, seen, "x") for row, seen in zip(rows, pictures, strict=True)]
    found = network.answer(read)
    assert {answer["subset"] for answer in found} == {subset}
    return np.array([list(answer["probabilities"].values()) for answer in found])


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
    """Texts of 1 to 180 words, one post and several, each with modalities absent."""
    expected = ours(sure_run, POSTS, subset)
    assert np.ptp(expected[:, 0]) > 0.02  # the answers differ between posts
    np.testing.assert_allclose(answers(exported, POSTS, subset), expected, atol=1e-4)
    for number, post in enumerate(POSTS):
        np.testing.assert_allclose(
            answers(exported, [post], subset), expected[[number]], atol=1e-4, err_msg=str(number)
        )


@pytest.mark.slow
@pytest.mark.parametrize(("subset", "name"), [("text", "words"), ("image+text+tags", "words")])
def test_more_words_than_are_read(exported: Path, subset: str, name: str) -> None:
    """The file itself cuts them off: it answered otherwise than `predict`, and said nothing."""
    session = onnxruntime.InferenceSession(exported / f"{subset}.onnx")
    random = np.random.default_rng(0)
    ids = {"words": random.integers(1, 9, (2, 200)), "tags": random.integers(1, 6, (2, 14))}
    ids["image"] = random.integers(0, 256, (2, 3, 224, 224)).astype(np.uint8)
    feeds = {each.name: ids[each.name] for each in session.get_inputs()}
    (whole,) = session.run(None, feeds)
    most = {"words": MAX_WORDS, "tags": MAX_TAGS, "image": 3}
    (cut,) = session.run(None, {n: values[:, : most[n]] for n, values in feeds.items()})
    np.testing.assert_array_equal(whole, cut)
    assert name in feeds


def test_a_file_of_no_posts(exported_tags: Path) -> None:
    """An empty batch gives an empty answer, also of the client."""
    session = onnxruntime.InferenceSession(exported_tags / "tags.onnx")
    (found,) = session.run(None, {"tags": np.zeros((0, 3), np.int64)})
    assert found.shape == (0, 2)
    assert Network(exported_tags).answer([]) == []


def test_what_runtimes_need_to_know(exported_tags: Path) -> None:
    """Opset and version of the format are stated, and no Clip has a lower limit alone."""
    described = json.loads((exported_tags / "preprocessing.json").read_text())
    assert described["onnx"] == {"opset": OPSET, "ir_version": IR_VERSION}
    model = onnx.load(exported_tags / "tags.onnx")
    assert (model.opset_import[0].version, model.ir_version) == (OPSET, IR_VERSION)
    assert not [node for node in model.graph.node if node.op_type == "Clip"]
    # What is cut off makes sizes within the graph others than the input's: tract believes names.
    assert "tags_of_the_longest" in str(model.graph.input)
    assert "tags_of_the_longest" not in str(model.graph.value_info)


@pytest.mark.slow
def test_the_text_file_has_no_clip(exported: Path) -> None:
    """OpenCV refuses a Clip of integers with a lower limit alone."""
    operators = {node.op_type for node in onnx.load(exported / "text.onnx").graph.node}
    assert "Clip" not in operators
    assert "Max" in operators


@pytest.mark.slow
def test_what_is_written_beside(sure_run: Path, exported: Path) -> None:
    config = json.loads((sure_run / "config.json").read_text())
    described = json.loads((exported / "preprocessing.json").read_text())
    vocabulary = json.loads((exported / "vocabulary.json").read_text())
    assert described["classes"] == config["classes"]
    assert described["dataset_digest"] == config["dataset"]["digest"]
    assert list(vocabulary["words"]) == config["words"]
    assert min(vocabulary["tags"].values()) == 2


def test_an_older_export_is_replaced(tags_run: Path, exported_tags: Path) -> None:
    described = json.loads((exported_tags / "preprocessing.json").read_text())
    assert list(described["inputs"]) == ["tags"]
    files = [path for path in exported_tags.rglob("*") if path.is_file()]
    assert described["digests"] == {
        path.relative_to(exported_tags).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.name != "preprocessing.json"
    }
    assert (exported_tags / "README.md").read_bytes() == (tags_run / "README.md").read_bytes()
    assert not (exported_tags / "reading" / "older.py").exists()
    assert (exported_tags / "README.md").read_bytes() == (tags_run / "README.md").read_bytes()
    expected = ours(tags_run, POSTS, "tags")
    np.testing.assert_allclose(answers(exported_tags, POSTS, "tags"), expected, atol=1e-4)


def test_weights_of_8_bits(tags_run: Path, exported_tags: Path, tmp_path: Path) -> None:
    export(tags_run, tmp_path / "out", quantize="int8")
    described = json.loads((tmp_path / "out" / "preprocessing.json").read_text())
    assert described["quantization"] == "int8"
    sizes = [(folder / "tags.onnx").stat().st_size for folder in (tmp_path / "out", exported_tags)]
    assert sizes[0] < 0.5 * sizes[1]
    found = answers(tmp_path / "out", POSTS, "tags")
    expected = answers(exported_tags, POSTS, "tags")
    np.testing.assert_allclose(found, expected, atol=0.05)
    assert not np.array_equal(found, expected)


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


@pytest.mark.slow
def test_a_system_that_reads_texts_only(dataset_folder: Path, tmp_path: Path) -> None:
    """Every subset with a text has a file, with its own temperature and no picture input."""
    train(
        dataclasses.replace(TINY, model="fasttext", epochs=1),
        dataset=dataset_folder,
        out=tmp_path / "run",
    )
    run = make_sure(tmp_path / "run")
    export(run, tmp_path / "out")
    described = json.loads((tmp_path / "out" / "preprocessing.json").read_text())
    assert list(described["inputs"]) == ["words"]
    assert list(described["files"]) == [s for s in SUBSETS if "text" in s]
    found = {subset: answers(tmp_path / "out", POSTS, subset) for subset in described["files"]}
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

    def test_another_quantisation(self, sure_run: Path, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match="--quantize int4 is not known: give int8, or omit it"):
            export(sure_run, tmp_path / "out", quantize="int4")

    def test_without_the_packages(
        self, sure_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(export_module, "PACKAGES", ("onnx", "no_such_package"))
        with pytest.raises(ModelError, match="needs the package no_such_package: pip install"):
            export(sure_run, tmp_path / "out")
        assert not list(tmp_path.iterdir())
