"""``--target distribution``: posts teach the distribution of their votes."""

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

import flickr_emotion.model.networks.encoders
from flickr_emotion.model.config import MODELS, TrainingConfig
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.evaluation.answering import HeadAnswers
from flickr_emotion.model.evaluation.calibration import calibrate
from flickr_emotion.model.evaluation.evaluation import evaluate
from flickr_emotion.model.features.image_backbones import build_backbone
from flickr_emotion.model.inputs.batches import Split
from flickr_emotion.model.networks.catalogue import build_system
from flickr_emotion.model.networks.system import System
from flickr_emotion.model.posts.posts import Post, encode
from flickr_emotion.model.reproduction.reproduce import reproduce
from flickr_emotion.model.training.training import train
from tests.model.conftest import TINY
from tests.model.dataset_folder import StoredPost, separable_post, write_dataset
from tests.model.networks.test_recipe import network as recipe_network
from tests.model.networks.test_recipe import read_split
from tests.model.processes import test_distributed as distributed
from tests.model.small_networks import ENCODING, EVERY_SUBSET_TWICE, split_of
from tests.model.training.test_resume import OPTIONS, assert_same_end, run

LEARNING = ("multitask", "recipe", "early-fusion", "joint-fusion", "fasttext", "inception")
REFUSING = ("common-space", "mmtrans-mt")


def system(model: str) -> System:
    torch.manual_seed(0)
    if model == "recipe":
        return recipe_network()
    return build_system(model, None, ENCODING, build_backbone("squeezenet1_1"), frozen_image=True)


def with_shares(split: Split, shares: Sequence[float]) -> Split:
    """Every post but the first has the same distribution."""
    posts = split.posts
    given = np.tile(np.array(shares, np.float32), (len(posts), 1))
    given[0] = np.nan
    posts = dataclasses.replace(posts, distributions=given)
    return dataclasses.replace(split, posts=posts, by_distribution=True)


def term_sums(net: System, split: Split) -> dict[str, torch.Tensor]:
    batch = split.batch(np.arange(len(split.posts)))
    torch.manual_seed(1)  # the same dropout
    return net.term_sums(net(batch), batch)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("model", LEARNING)
class TestLoss:
    def split(self, model: str) -> Split:
        return (read_split if model == "recipe" else split_of)(EVERY_SUBSET_TWICE)

    def test_a_distribution_with_all_on_the_label_is_the_label(
        self, model: str, training: bool
    ) -> None:
        net = system(model).train(training)
        split = self.split(model)
        certain = np.eye(3, dtype=np.float32)[split.posts.labels]
        posts = dataclasses.replace(split.posts, distributions=certain)
        soft = dataclasses.replace(split, posts=posts, by_distribution=True)
        labels, shares = term_sums(net, split), term_sums(net, soft)
        assert labels.keys() == shares.keys()
        for term, total in labels.items():
            assert shares[term].item() == pytest.approx(total.item(), rel=1e-5)

    def test_it_is_linear_in_the_distribution(self, model: str, training: bool) -> None:
        """Half on a and half on b costs the mean of what a and b cost."""
        net = system(model).train(training)
        split = self.split(model)
        a, b, half = (
            term_sums(net, with_shares(split, shares))
            for shares in ([1, 0, 0], [0, 1, 0], [0.5, 0.5, 0])
        )
        for term, total in half.items():
            expected = (a[term].item() + b[term].item()) / 2
            assert total.item() == pytest.approx(expected, rel=1e-5)
            assert a[term].item() != pytest.approx(b[term].item(), rel=1e-5)


def test_a_post_without_a_distribution_is_learnt_by_its_label() -> None:
    posts = encode(
        [
            Post("1", "w1", (), False, "b", shares=(0.5, 0.25, 0.25)),
            Post("2", "w1", (), False, "b"),
        ],
        ENCODING,
    )
    assert posts.targets(np.array([1, 0])).tolist() == [[0, 1, 0], [0.5, 0.25, 0.25]]


@pytest.fixture(scope="module")
def voted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Posts of two classes that a fifth of the votes calls the other one; one without votes."""
    shares = {"anger": (0.8, 0.2), "awe": (0.3, 0.7)}

    def post(number: int, *, of_votes: bool = True) -> StoredPost:
        label = ("anger", "awe")[number % 2]
        stored = separable_post(number, label)
        return dataclasses.replace(stored, shares=shares[label]) if of_votes else stored

    return write_dataset(
        tmp_path_factory.mktemp("voted") / "set",
        {
            "train": [post(number, of_votes=number > 0) for number in range(40)],
            "validation": [post(number) for number in range(100, 108)],
            "test": [post(number, of_votes=number != 200) for number in range(200, 210)],
        },
    )


CONFIG = dataclasses.replace(
    TINY, model="fasttext", epochs=20, patience=20, batch_size=8, learning_rate=0.02
)


class TestTraining:
    def test_it_learns_what_the_voters_said(
        self, voted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        found = {}
        for target in ("label", "distribution"):
            config = dataclasses.replace(CONFIG, target=target)
            found[target] = train(config, dataset=voted, out=tmp_path / target)["test"]["text"]
        assert "1 of 40 training posts" in capsys.readouterr().err
        assert [row["accuracy"] for row in found.values()] == [1, 1]
        assert [row["distributions"] for row in found.values()] == [9, 9]
        # Certain of the label, it is log 1.25 = 0.22 away or more; of the votes it may be at 0.
        assert found["label"]["kl_divergence"] > 0.2
        assert found["distribution"]["kl_divergence"] < 0.02
        assert found["distribution"]["chebyshev"] < 0.1 < found["label"]["chebyshev"]
        assert found["distribution"]["cosine"] > found["label"]["cosine"]
        card = (tmp_path / "distribution" / "README.md").read_text(encoding="utf-8")
        kl = found["distribution"]["kl_divergence"]
        assert f"| text | 9 | {kl:.3f} |" in card
        described = json.loads((tmp_path / "distribution" / "config.json").read_text())
        assert described["options"]["target"] == "distribution"
        again = evaluate(tmp_path / "distribution", device="cpu")
        assert again["test"]["text"] == found["distribution"]

    def test_repeats(self, voted: Path, tmp_path: Path) -> None:
        config = dataclasses.replace(CONFIG, target="distribution", epochs=1, repeats=2)
        metrics = train(config, dataset=voted, out=tmp_path / "run")
        figure = metrics["test"]["image+text+tags"]["kl_divergence"]
        assert len(figure["values"]) == 2

    def test_a_data_set_without_distributions(self, dataset_folder: Path, tmp_path: Path) -> None:
        config = dataclasses.replace(CONFIG, target="distribution")
        with pytest.raises(ModelError, match=r"no training post of .* has a distribution"):
            train(config, dataset=dataset_folder, out=tmp_path / "run")
        metrics = train(
            dataclasses.replace(CONFIG, epochs=1), dataset=dataset_folder, out=tmp_path / "run"
        )
        assert "kl_divergence" not in metrics["test"]["text"]

    @pytest.mark.parametrize("shares", [(0.5,), (0.5, 0.6), (1.5, -0.5), (math.nan, 1.0)])
    def test_a_distribution_that_is_none(self, tmp_path: Path, shares: tuple[float, ...]) -> None:
        posts = [separable_post(number, ("anger", "awe")[number % 2]) for number in range(4)]
        posts[2] = dataclasses.replace(posts[2], shares=shares)
        folder = write_dataset(tmp_path / "d", {"train": posts, "validation": posts, "test": []})
        with pytest.raises(ModelError, match="the vote_distribution of photo 1002 is not a share"):
            train(CONFIG, dataset=folder, out=tmp_path / "run")

    @pytest.mark.slow
    def test_a_stopped_training_is_resumed(self, voted: Path, tmp_path: Path) -> None:
        options = [*OPTIONS, "--target", "distribution"]
        run("none", 0, voted, "--out", tmp_path / "whole", *options, code=0)
        run("SIGTERM", 7, voted, "--out", tmp_path / "run", *options, code=130)
        run("none", 0, "--resume", tmp_path / "run", code=0)
        assert_same_end(tmp_path / "run", tmp_path / "whole")


@pytest.mark.slow
def test_two_processes_learn_distributions_like_one(
    voted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flickr_emotion.model.networks.encoders, "WORD_DROPOUT", 0.0)
    config = dataclasses.replace(distributed.CONFIG, target="distribution")
    train(config, dataset=voted, out=tmp_path / "alone")
    options = [*distributed.OPTIONS, "--target", "distribution"]
    distributed.torchrun("none", 0, voted, "--out", tmp_path / "two", *options)
    two, alone = (distributed.history(tmp_path / name) for name in ("two", "alone"))
    for name in ("train_loss", "validation_loss"):
        losses = [[epoch[name] for epoch in run] for run in (two, alone)]
        assert losses[0] == pytest.approx(losses[1], abs=1e-4)
    of_text = [run[-1]["validation"]["text"] for run in (two, alone)]
    assert of_text[0] == pytest.approx(of_text[1], abs=1e-4)


class TestRefusals:
    @pytest.mark.parametrize("model", REFUSING)
    def test_systems_that_compare_labels(self, model: str) -> None:
        with pytest.raises(ModelError, match=f"--target distribution is not for --model {model}"):
            TrainingConfig(model=model, target="distribution")

    def test_every_other_system_takes_it(self) -> None:
        for model in MODELS:
            if model not in REFUSING:
                assert TrainingConfig(model=model, target="distribution").target == "distribution"

    def test_the_paper_is_reproduced_on_labels(self, voted: Path, tmp_path: Path) -> None:
        settings = TrainingConfig(target="distribution")
        with pytest.raises(ModelError, match="learn labels"):
            reproduce("table1", dataset=voted, out=tmp_path, settings=settings)


def test_temperatures_are_fitted_to_what_was_learnt() -> None:
    """Of votes 6 to 4, certain answers are cooled until they say 6 to 4."""
    count = 100
    head = HeadAnswers(
        posts_N=np.arange(count),
        labels_N=np.zeros(count, np.int64),
        logits_NC=np.tile(np.array([3.0, 0.0], np.float32), (count, 1)),
        shares_NC=np.tile(np.array([0.6, 0.4], np.float32), (count, 1)),
    )
    by_label = calibrate({"text": head}).temperatures["text"]
    by_votes = calibrate({"text": head}, by_distribution=True).temperatures["text"]
    assert by_label == pytest.approx(0.1, rel=1e-3)  # the lowest: it was always right
    assert by_votes == pytest.approx(3 / math.log(1.5), rel=1e-3)
