"""Every system trains, answers its subsets, and is loaded as it was saved."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from flickr_emotion.common.modalities import COMPLETE, MODALITIES, SUBSETS
from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.model.config import MODELS, TrainingConfig
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.evaluation.answering import answer_split
from flickr_emotion.model.evaluation.evaluation import evaluate, score
from flickr_emotion.model.features.image_backbones import build_backbone
from flickr_emotion.model.networks.catalogue import build_system
from flickr_emotion.model.networks.common_space import MARGIN, PAIRS, ranking_loss
from flickr_emotion.model.networks.fusion import CATEGORY
from flickr_emotion.model.networks.system import System
from flickr_emotion.model.networks.transformer_fusion import DIMENSION, TransformerFusion
from flickr_emotion.model.prediction.answers import Prediction, RawPost
from flickr_emotion.model.prediction.prediction import Predictor
from flickr_emotion.model.processes.distributed import World
from flickr_emotion.model.runs.loading import load_run
from flickr_emotion.model.training.training import resume, train
from tests.model.conftest import TINY
from tests.model.dataset_folder import separable_post, write_dataset
from tests.model.small_networks import ENCODING, EVERY_SUBSET_TWICE, split_of
from tests.model.training.test_resume import run

ONE_CLASSIFIER = ("early-fusion", "joint-fusion", "common-space", "mmtrans-mt")
SMALL = dataclasses.replace(TINY, epochs=2)
ENCODER = [
    *("--image-encoder", "squeezenet1_1", "--image-weights", "none", "--learning-rate", "0.003"),
    *("--device", "cpu"),
]
ANSWERED = {
    "fasttext": [s for s in SUBSETS if "text" in s],
    "inception": [s for s in SUBSETS if "image" in s],
}


def config_of(model: str) -> TrainingConfig:
    return dataclasses.replace(SMALL, model=model, image_encoder="squeezenet1_1")


def system(model: str, subset: str | None = None) -> System:
    torch.manual_seed(0)
    backbone = build_backbone("squeezenet1_1")
    return build_system(model, subset, ENCODING, backbone, frozen_image=True)


@pytest.mark.parametrize("model", [*ONE_CLASSIFIER, "fasttext", "inception", "multitask"])
def test_a_term_is_a_mean_over_the_posts_of_the_step(model: str) -> None:
    """In training and in the validation loss used for early stopping, for every system."""
    split = split_of([*EVERY_SUBSET_TWICE, "text", "image+text", "image+text+tags"])
    net = system(model).eval()
    holders = net.holders(split.posts)
    batch = split.batch(np.arange(len(split.posts)))
    sums = net.term_sums(net(batch), batch)
    assert set(sums) <= set(holders)
    expected = sum(total.item() / max(holders[term].sum(), 1) for term, total in sums.items())
    twice = {term: 2 * int(flags.sum()) for term, flags in holders.items()}
    half_of_a_step = net.loss(net(batch), batch, twice).item()
    assert half_of_a_step == pytest.approx(expected / 2, rel=1e-5)
    assert score(net, split, 3, World(device=torch.device("cpu"))).loss == pytest.approx(
        expected, rel=1e-5
    )


@pytest.fixture(scope="module")
def runs(dataset_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run of each system."""
    place = tmp_path_factory.mktemp("systems")
    for model in MODELS:
        train(config_of(model), dataset=dataset_folder, out=place / model)
    return {model: place / model for model in MODELS}


@pytest.mark.parametrize("model", MODELS)
class TestRuns:
    def test_metrics_of_seven_subsets(self, runs: dict[str, Path], model: str) -> None:
        """A subset that a system cannot answer has no posts and no figures."""
        metrics = json.loads((runs[model] / "metrics.json").read_text())
        assert list(metrics["test"]) == list(SUBSETS)
        for subset, figures in metrics["test"].items():
            answered = subset in ANSWERED.get(model, SUBSETS)
            assert figures["count"] == (10 if answered else 0)
            assert (figures["accuracy"] is not None) == answered

    def test_evaluated_again_as_at_the_end_of_training(
        self, runs: dict[str, Path], model: str
    ) -> None:
        metrics = json.loads((runs[model] / "metrics.json").read_text())
        found = evaluate(runs[model], device="cpu")
        assert found["test"] == metrics["test"]
        assert found["validation"] == metrics["validation"]
        assert json.loads((runs[model] / "config.json").read_text())["model"] == model

    def test_it_predicts_what_it_can(self, runs: dict[str, Path], model: str) -> None:
        predictor = Predictor(runs[model], device="cpu")
        posts = [raw_post(subset) for subset in SUBSETS]
        for subset, answer in zip(SUBSETS, predictor.predict(posts), strict=True):
            if subset not in ANSWERED.get(model, SUBSETS):
                assert isinstance(answer, ModelError)
                continue
            assert isinstance(answer, Prediction)
            assert answer.subset == subset
            assert sum(answer.probabilities.values()) == pytest.approx(1, abs=1e-4)


def raw_post(subset: str) -> RawPost:
    stored = separable_post(500, "awe", subset)
    return RawPost(
        name="the post", image=stored.image, text=stored.text, tags=list(stored.tags) or None
    )


@pytest.mark.parametrize("model", [m for m in MODELS if m not in ("single-task", "weighted-vote")])
def test_it_learns(
    dataset_folder: Path, tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On separable posts, the largest subset that it answers is right."""
    monkeypatch.setattr("flickr_emotion.model.config.PAPERS_WARM_UP", 20)
    config = dataclasses.replace(
        config_of(model), epochs=12, patience=12, batch_size=8, learning_rate=0.003
    )
    metrics = train(config, dataset=dataset_folder, out=tmp_path / "run")
    assert metrics["test"][COMPLETE]["accuracy"] >= 0.9


class TestSingleTask:
    def test_each_network_is_that_of_its_subset_trained_alone(
        self, runs: dict[str, Path], dataset_folder: Path, tmp_path: Path
    ) -> None:
        for subset in ("text", "image+tags"):
            config = dataclasses.replace(config_of("single-task"), subset=subset)
            train(config, dataset=dataset_folder, out=tmp_path / subset)
            alone = load_file(tmp_path / subset / "model.safetensors")
            whole = load_file(runs["single-task"] / "model.safetensors")
            for name, values in alone.items():
                assert torch.equal(values, whole[f"networks.{subset}.{name}"]), name
            metrics = [
                json.loads((folder / "metrics.json").read_text())["test"][subset]
                for folder in (tmp_path / subset, runs["single-task"])
            ]
            assert metrics[0] == metrics[1]

    def test_it_trains_on_posts_that_hold_its_subset(self) -> None:
        posts = split_of(EVERY_SUBSET_TWICE).posts
        (flags,) = system("single-task", "text+tags").holders(posts).values()
        assert flags.tolist() == ["text+tags" in s for s in EVERY_SUBSET_TWICE]

    def test_a_subset_that_no_post_holds(self, tmp_path: Path) -> None:
        posts = [separable_post(n, ("anger", "awe")[n % 2], "image+text") for n in range(12)]
        folder = write_dataset(
            tmp_path / "set", {"train": posts, "validation": posts[:4], "test": posts[4:8]}
        )
        metrics = train(config_of("single-task"), dataset=folder, out=tmp_path / "run")
        assert list(metrics["networks"]) == ["image", "text", "image+text"]
        assert evaluate(tmp_path / "run", device="cpu")["test"] == metrics["test"]
        config = dataclasses.replace(config_of("single-task"), subset="tags")
        with pytest.raises(ModelError, match=r"no training post has .*tags"):
            train(config, dataset=folder, out=tmp_path / "tags")

    @pytest.mark.slow
    def test_it_resumes(self, runs: dict[str, Path], dataset_folder: Path, tmp_path: Path) -> None:
        """Finished networks are kept, and the next is begun."""
        out = tmp_path / "run"
        # 28 posts hold a picture, 28 a text: two steps per epoch, four per network.
        options = ["--model", "single-task", "--epochs", "2", "--batch-size", "16", *ENCODER]
        run("SIGTERM", 7, dataset_folder, "--out", out, *options, code=130)
        assert not (out / "network-text" / "metrics.json").exists()
        kept = (out / "network-image" / "metrics.json").stat().st_mtime_ns
        resume(out)
        assert (out / "network-image" / "metrics.json").stat().st_mtime_ns == kept
        ours, theirs = (
            load_file(folder / "model.safetensors") for folder in (out, runs["single-task"])
        )
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
        # Another training replaces all of it.
        train(SMALL, dataset=dataset_folder, out=out)
        assert not list(out.glob("network-*"))


@pytest.mark.parametrize("model", [*ONE_CLASSIFIER, "fasttext", "inception", "single-task"])
class TestLoss:
    """A term is a mean over those posts of a step that take part in it, and over no others."""

    def test_each_term_is_divided_by_its_own_count(self, model: str) -> None:
        split = split_of([*EVERY_SUBSET_TWICE, "text", "image", "tags", "image+text"])
        net = system(model, "image+text").eval()
        batch = split.batch(np.arange(len(split.posts)))
        counts = {term: 1000 + n for n, term in enumerate(net.holders(split.posts))}
        sums = net.term_sums(net(batch), batch)
        assert sums.keys() == counts.keys()
        expected = sum(total.item() / counts[term] for term, total in sums.items())
        assert net.loss(net(batch), batch, counts).item() == pytest.approx(expected, rel=1e-5)

    def test_parts_of_a_step_add_up_to_its_loss(self, model: str) -> None:
        split = split_of(EVERY_SUBSET_TWICE)
        net = system(model, "image+text").eval()
        counts = {term: int(flags.sum()) for term, flags in net.holders(split.posts).items()}
        if model == "common-space":  # its pairs are ranked within a pass, so those do not add up
            counts |= dict.fromkeys(PAIRS, 0)
        whole, *parts = (
            net.loss(net(batch), batch, counts)
            for batch in map(split.batch, (np.arange(14), np.arange(0, 14, 2), np.arange(1, 14, 2)))
        )
        torch.testing.assert_close(sum(parts), whole)


@pytest.mark.parametrize("model", ONE_CLASSIFIER)
class TestOneClassifier:
    def test_a_subset_is_answered_from_its_modalities_only(self, model: str) -> None:
        """Other modalities of a post change nothing."""
        net = system(model).eval()
        whole = split_of([COMPLETE] * 4)
        batch = whole.batch(torch.arange(4).numpy())
        answers = net(batch)
        for subset in SUBSETS:
            held = subset.split("+")
            less = dataclasses.replace(
                batch,
                inputs={m: batch.inputs[m] for m in held},
                rows={
                    s: rows if set(s.split("+")) <= set(held) else rows[:0]
                    for s, rows in batch.rows.items()
                },
            )
            torch.testing.assert_close(net(less)[subset], answers[subset], atol=1e-5, rtol=1e-5)

    def test_batch_mates_change_nothing(self, model: str) -> None:
        net = system(model).eval()
        split = split_of(EVERY_SUBSET_TWICE)
        together = net(split.batch(torch.arange(14).numpy()))
        for number, subset in enumerate(EVERY_SUBSET_TWICE):
            alone = net(split.batch(torch.tensor([number]).numpy()))
            row = split.batch(torch.arange(14).numpy()).rows[subset].tolist().index(number)
            torch.testing.assert_close(
                alone[subset][0], together[subset][row], atol=1e-5, rtol=1e-5
            )

    def test_in_training_each_post_counts_once(self, model: str) -> None:
        """The term is the mean over all posts, answering all subsets or only their own."""
        batch = split_of(EVERY_SUBSET_TWICE).batch(torch.arange(14).numpy())
        net = system(model).eval()
        everything = net.term_sums(net(batch), batch)[CATEGORY]
        net.training = True  # without dropout
        answers = net(batch)
        assert sum(len(logits) for logits in answers.values()) == len(batch)
        torch.testing.assert_close(net.term_sums(answers, batch)[CATEGORY], everything)

    def test_what_is_absent_gets_no_gradient(self, model: str) -> None:
        net = system(model).train()
        batch = split_of(["text"] * 4).batch(torch.arange(4).numpy())
        counts = dict.fromkeys(net.holders(split_of(["text"] * 4).posts), 4)
        net.loss(net(batch), batch, counts).backward()  # type: ignore[no-untyped-call]
        for modality in MODALITIES:
            found = [p.grad for p in net.encoders[modality].parameters() if p.requires_grad]
            assert any(g is not None for g in found) == (modality == "text")


class TestCommonSpace:
    def test_the_ranking_loss_by_hand(self) -> None:
        first = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]])
        second = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        loss = ranking_loss(first, second, torch.tensor([0, 1, 1]))
        # Cosines: post 0 with itself 1; negatives 1 and 2: forward 1 and 0, backward 0 and 1.
        assert loss[0].item() == pytest.approx((MARGIN + MARGIN) / 2)
        # Post 1 with itself 0; its negative is 0: forward 0, backward 1.
        assert loss[1].item() == pytest.approx(MARGIN + (MARGIN + 1))

    def test_without_negatives(self) -> None:
        same = torch.ones(2, 3, requires_grad=True)
        loss = ranking_loss(same, torch.randn(2, 3), torch.tensor([1, 1])).sum()
        assert loss.item() == 0


class TestTwoTasks:
    def posts_with(self, classes: tuple[str, ...], sentiments: list[float] | None) -> list[bool]:
        encoding = dataclasses.replace(ENCODING, classes=classes)
        net = TransformerFusion(encoding, build_backbone("squeezenet1_1"), frozen_image=True)
        posts = split_of([COMPLETE] * 3).posts
        if sentiments is not None:
            values = torch.tensor(sentiments).numpy()
            posts = dataclasses.replace(posts, sentiments=values)
        flags: list[bool] = net.holders(posts)[DIMENSION].tolist()
        return flags

    def test_which_posts_have_a_dimension(self) -> None:
        nan = float("nan")
        assert self.posts_with(("anger", "awe", "fear"), None) == [True] * 3
        assert self.posts_with(("good", "bad", "neutral"), None) == [False] * 3
        assert self.posts_with(("negative", "positive", "x"), [1.5, nan, -2]) == [True, False, True]

    def test_the_dimension_has_weights_of_its_own(self) -> None:
        net = system("mmtrans-mt").eval()
        assert isinstance(net, TransformerFusion)
        assert net.kinds_MD.shape == (len(MODALITIES), net.first_D.shape[0])
        with torch.no_grad():
            net.dimension.weight.zero_()
            net.dimension.bias.fill_(7.0)
        answers = net(split_of(EVERY_SUBSET_TWICE).batch(torch.arange(14).numpy()))
        for subset, found in answers.dimensions.items():
            assert found.tolist() == [7.0] * len(found)
            assert answers.logits[subset].shape == (len(found), len(ENCODING.classes))

    def test_the_squared_error_by_hand(self) -> None:
        net = system("mmtrans-mt").eval()
        split = split_of(EVERY_SUBSET_TWICE)
        wanted = torch.linspace(-2, 2, 14)
        wanted[3] = float("nan")
        split = dataclasses.replace(
            split, posts=dataclasses.replace(split.posts, sentiments=wanted.numpy())
        )
        batch = split.batch(torch.arange(14).numpy())
        answers = net(batch)
        expected = 0.0
        for number, subset in enumerate(EVERY_SUBSET_TWICE):
            if number != 3:
                row = batch.rows[subset].tolist().index(number)
                found = answers.dimensions[subset][row].item()
                expected += (found - wanted[number].item()) ** 2
        assert net.term_sums(answers, batch)[DIMENSION].item() == pytest.approx(expected, rel=1e-4)


class TestVotes:
    def scores(self, folder: Path) -> dict[str, Tensor]:
        trained = load_run(folder, torch.device("cpu"))
        (split,) = trained.splits(open_dataset(trained.dataset_folder), ("test",)).values()
        world = World(device=torch.device("cpu"))
        found = answer_split(trained.network, split, 2, world)
        return {s: torch.from_numpy(head.logits_NC).softmax(1) for s, head in found.items()}

    def test_late_fusion_averages_the_scores_of_present_modalities(
        self, runs: dict[str, Path]
    ) -> None:
        scores = self.scores(runs["late-fusion"])
        for subset in SUBSETS:
            mean = torch.stack([scores[m] for m in subset.split("+")]).mean(0)
            torch.testing.assert_close(scores[subset], mean, atol=1e-5, rtol=1e-4)

    def test_votes_are_weighted_by_validation_accuracy(self, runs: dict[str, Path]) -> None:
        voting = runs["weighted-vote"]
        late, votes = self.scores(runs["late-fusion"]), self.scores(voting)
        accuracy = {
            m: json.loads((voting / f"network-{m}" / "metrics.json").read_text())["validation"][m]
            for m in MODALITIES
        }
        for modality in MODALITIES:  # one network alone says what it says
            torch.testing.assert_close(votes[modality], late[modality])
        for subset in (subset for subset in SUBSETS if "+" in subset):
            expected = torch.zeros_like(votes[subset])
            for modality in subset.split("+"):
                chosen = late[modality].argmax(1, keepdim=True)
                weight = accuracy[modality]["accuracy"]
                expected += torch.zeros_like(expected).scatter_(1, chosen, weight)
            expected /= expected.sum(1, keepdim=True)
            torch.testing.assert_close(votes[subset], expected, atol=2e-3, rtol=0)


class TestRefusals:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"model": "oracle"}, "--model oracle is not known: give multitask"),
            ({"subset": "text"}, "--subset is for --model single-task"),
            ({"model": "single-task", "subset": "tags+text"}, "--subset tags[+]text is not known"),
        ],
    )
    def test_options(self, options: dict[str, str], message: str) -> None:
        with pytest.raises(ModelError, match=message):
            TrainingConfig(**options)  # type: ignore[arg-type]

    def test_a_run_of_an_unknown_system(self, runs: dict[str, Path], tmp_path: Path) -> None:
        content = json.loads((runs["fasttext"] / "config.json").read_text())
        content["model"] = "oracle"
        (tmp_path / "config.json").write_text(json.dumps(content))
        with pytest.raises(ModelError, match="model oracle is not known"):
            evaluate(tmp_path)


def test_each_model_has_its_image_encoder() -> None:
    assert TrainingConfig(model="inception").resolved_image_encoder == "inception_v3"
    assert TrainingConfig(model="late-fusion").resolved_image_encoder == "densenet121"


def test_posts_of_a_text_only_system_need_no_picture(
    dataset_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No backbone is loaded, so missing weights do not matter."""
    config = dataclasses.replace(config_of("fasttext"), image_weights=str(tmp_path / "absent.pth"))
    metrics = train(config, dataset=dataset_folder, out=tmp_path / "run")
    assert metrics["test"]["text"]["count"] == 10
