"""A head that no training post has taught answers nowhere; the largest taught one does."""

import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from flickr_emotion.common.modalities import SUBSETS, answering_subset
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.evaluation.evaluation import evaluate
from flickr_emotion.model.networks.recipe_network import OWN
from flickr_emotion.model.prediction.prediction import Predictor, predict_one
from flickr_emotion.model.runs import loading
from flickr_emotion.model.runs.heads import count_training_posts, ranked
from flickr_emotion.model.training.training import train
from tests.model.conftest import TINY
from tests.model.dataset_folder import COLOURS, WORDS, picture, separable_post, write_dataset
from tests.model.networks.test_recipe import network as best_network
from tests.model.networks.test_recipe import read_split
from tests.model.networks.test_systems import system
from tests.model.small_networks import split_of

TAUGHT = ["image", "text", "image+text"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """No training post has tags, all other posts do."""
    labels = ("anger", "awe")
    return write_dataset(
        tmp_path_factory.mktemp("data") / "set",
        {
            "train": [separable_post(n, labels[n % 2], "image+text") for n in range(12)],
            "validation": [separable_post(n, labels[n % 2]) for n in range(20, 28)],
            "test": [separable_post(n, labels[n % 2]) for n in range(30, 38)],
        },
    )


@pytest.fixture(scope="module")
def said() -> list[str]:
    return []


@pytest.fixture(scope="module")
def run(folder: Path, tmp_path_factory: pytest.TempPathFactory, said: list[str]) -> Iterator[Path]:
    out = tmp_path_factory.mktemp("runs") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flickr_emotion.model.runs.heads.say", said.append)
        train(dataclasses.replace(TINY, epochs=1), dataset=folder, out=out)
        yield out


class TestTheRule:
    def test_the_largest_head_answers(self) -> None:
        assert answering_subset(["image", "text", "tags"], TAUGHT) == "image+text"
        assert answering_subset(["text", "tags"], TAUGHT) == "text"
        assert answering_subset(["tags"], TAUGHT) is None

    def test_of_equally_large_ones_the_best_on_validation(self) -> None:
        heads = ["image+text", "image+tags", "text+tags"]
        held = ["image", "text", "tags"]
        for best in heads:
            accuracies = dict.fromkeys(heads, 0.5) | {best: 0.6}
            assert answering_subset(held, ranked(heads, accuracies)) == best
        assert answering_subset(held, ranked(["tags", "image", "text"], {"image": 0.9})) == "image"

    def test_size_goes_before_accuracy(self) -> None:
        assert ranked(["image+text", "text"], {"text": 1.0, "image+text": 0.1})[-1] == "image+text"


class TestEverywhere:
    def test_it_is_said_once_when_training(self, run: Path, said: list[str]) -> None:
        (line,) = [line for line in said if str(run) in line][:1]
        assert line.startswith(f"{run} has heads for image, text, image+text, and none for tags, ")
        assert sum(line.startswith(f"{run} has heads") for line in said) == 1

    def test_the_run_records_it(self, run: Path) -> None:
        recorded = json.loads((run / "config.json").read_text())["training_posts"]
        assert recorded == {s: 12 if s in TAUGHT else 0 for s in SUBSETS}

    def test_metrics_have_no_figures_of_such_heads(self, run: Path) -> None:
        metrics = json.loads((run / "metrics.json").read_text())
        for split in ("validation", "test"):
            assert [s for s in SUBSETS if metrics[split][s]["count"]] == TAUGHT
        assert metrics["calibration"]["temperatures"]["image+text+tags"] == 1

    def test_predict_and_explain(self, run: Path) -> None:
        predictor = Predictor(run, device="cpu")
        text, tags = WORDS["awe"]
        everything = predictor.answer(image=picture(COLOURS["awe"]), text=text, tags=tags)
        assert everything.subset == "image+text"
        assert list(everything.heads) == TAUGHT
        assert predictor.answer(text=text, tags=tags).subset == "text"
        with pytest.raises(ModelError, match="has tags, which the run was not trained to answer"):
            predictor.answer(tags=tags)

    def test_evaluate_on_another_data_set_and_robustness(self, run: Path, folder: Path) -> None:
        found = evaluate(run, folder, missing=True, device="cpu")
        assert found["heads"] == TAUGHT
        assert [s for s in SUBSETS if found["test"][s]["count"]] == TAUGHT
        whole = found["missing"]["rates"][0]
        assert whole["accuracy"]["mean"] == found["test"]["image+text"]["accuracy"]
        # At the highest rate some posts keep nothing but their tags.
        assert found["missing"]["rates"][-1]["answered"]["mean"] < 1

    def test_export(self, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("onnx")
        from flickr_emotion.model.export import export

        def touch(_: object, inputs: dict[str, object], __: str, path: Path) -> list[str]:
            path.touch()
            return list(inputs)

        monkeypatch.setattr(export, "write_graph", touch)
        export.export(run, tmp_path / "onnx")
        assert {path.stem for path in (tmp_path / "onnx").glob("*.onnx")} == set(TAUGHT)
        files = json.loads((tmp_path / "onnx" / "preprocessing.json").read_text())["files"]
        assert list(files)[-1] == "image+text"


class TestRunsOfEarlierVersions:
    @pytest.fixture
    def old(self, run: Path, tmp_path: Path) -> Path:
        shutil.copytree(run, tmp_path / "old")
        path = tmp_path / "old" / "config.json"
        content = json.loads(path.read_text())
        del content["training_posts"]
        path.write_text(json.dumps(content))
        (tmp_path / "old" / "digests.json").unlink()
        return tmp_path / "old"

    def test_their_data_set_says_it(self, old: Path) -> None:
        assert predict_one(old, text="storm", tags=["peak"], device="cpu")["subset"] == "text"

    def test_without_it_the_user_is_told(self, old: Path, said: list[str]) -> None:
        path = old / "config.json"
        content = json.loads(path.read_text())
        content["dataset"]["folder"] = str(old / "gone")
        path.write_text(json.dumps(content))
        said.clear()
        assert predict_one(old, text="storm", tags=["peak"], device="cpu")["subset"] == "text+tags"
        assert said == [
            f"{old} does not record which heads its training posts have taught, and its data set "
            "is no longer there: all its heads answer, also untrained ones; train again to be sure"
        ]

    @pytest.mark.parametrize("entry", [[], {"text": 1}, dict.fromkeys(SUBSETS, "1")])
    def test_a_damaged_record_is_refused(self, old: Path, entry: Any) -> None:
        path = old / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"training_posts": entry}))
        with pytest.raises(ModelError, match="'training_posts' has no count for each subset"):
            loading.load_run(old, torch.device("cpu"))


def test_heads_of_the_best_recipe() -> None:
    """The validation loss is that of the heads that answer."""
    net = best_network().eval()
    net.leave_out_untaught(count_training_posts(split_of(["image+text", "text"]).posts))
    assert net.subsets == TAUGHT
    split = read_split(["image+text+tags", "text+tags", "tags"])
    assert net.holders(split.posts)[OWN].tolist() == [True, True, False]
    batch = split.batch(np.arange(3))
    answers = net(batch)
    assert list(answers) == TAUGHT
    expected = sum(
        torch.nn.functional.cross_entropy(answers[s][n : n + 1], batch.labels_B[p : p + 1])
        for s, n, p in (("image+text", 0, 0), ("text", 1, 1))
    )
    torch.testing.assert_close(net.term_sums(answers, batch)[OWN], expected)


@pytest.mark.parametrize("model", ["early-fusion", "joint-fusion", "common-space", "mmtrans-mt"])
def test_a_classifier_that_all_subsets_share_reads_only_what_it_was_taught(model: str) -> None:
    net = system(model).eval()
    taught = split_of(["image+text", "text"]).posts
    net.leave_out_untaught(count_training_posts(taught))
    assert net.subsets == TAUGHT
    batch = split_of(["image+text", "image+text+tags", "tags"]).batch(torch.arange(3).numpy())
    answers = net(batch)
    assert list(answers) == TAUGHT
    # The second post is answered from picture and text, the third not at all.
    logits = answers["image+text"]
    expected = torch.nn.functional.cross_entropy(logits, batch.labels_B[:2], reduction="sum")
    found = net.term_sums(answers, batch)["category"]
    torch.testing.assert_close(found, expected)
    mute = split_of(["tags"]).batch(torch.arange(1).numpy())
    assert net.term_sums(net(mute), mute) == {}
    counting = net.holders(split_of(["image+text", "image+text+tags", "tags"]).posts)
    assert counting["category"].tolist() == [True, True, False]
