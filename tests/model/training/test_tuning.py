"""`train --finetune-text`: what is trained, on which posts, and that all that answers uses it."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.common.takedown.feature_folders import FEATURES
from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.model.config import TrainingConfig
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.evaluation.evaluation import evaluate
from flickr_emotion.model.export.export import export
from flickr_emotion.model.features.image_backbones import build_backbone
from flickr_emotion.model.features.image_features import FeatureTable
from flickr_emotion.model.features.texts.minilm import open_minilm
from flickr_emotion.model.features.texts.readers import features_of
from flickr_emotion.model.features.texts.tuned import new_tuned_text
from flickr_emotion.model.features.texts.views import tuned_views
from flickr_emotion.model.inputs.batches import Split
from flickr_emotion.model.inputs.selection import Selection
from flickr_emotion.model.networks.recipe_network import RecipeNetwork
from flickr_emotion.model.posts.posts import Encoding, read_posts
from flickr_emotion.model.prediction.answers import Prediction, RawPost
from flickr_emotion.model.prediction.plain_run import PlainRun
from flickr_emotion.model.prediction.prediction import Predictor
from flickr_emotion.model.recipes import BEST, MINILM, PARTS, SHARE_OF_TUNED
from flickr_emotion.model.runs.loading import load_run
from flickr_emotion.model.runs.tensor_files import write_tensors
from flickr_emotion.model.training.training import resume, train
from flickr_emotion.model.training.tuning import texts_read, tune
from tests.model.dataset_folder import picture
from tests.model.export.client.test_predict import assert_same_answers, lines, program
from tests.model.export.raw_posts import raw_posts, write_json_lines
from tests.model.networks.test_recipe import READERS, RECIPE, needs_readers, read_split
from tests.model.small_networks import ENCODING
from tests.model.training.test_resume import assert_same_end
from tests.model.training.test_resume import run as stopped_training

TUNING = dataclasses.replace(RECIPE, finetune_text=True)
CPU = torch.device("cpu")
NO_PICTURES = FeatureTable(torch.empty(0, 0))


@pytest.fixture(scope="module")
def data(dataset_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set in which nothing is kept yet."""
    ignored = shutil.ignore_patterns(FEATURES)
    return Path(
        shutil.copytree(dataset_folder, tmp_path_factory.mktemp("own") / "set", ignore=ignored)
    )


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    train(TUNING, dataset=data, out=out)
    return out


class TestConfig:
    @pytest.mark.parametrize(
        "options", [{}, {"recipe": BEST, "without": ("sentences",)}, {"model": "fasttext"}]
    )
    def test_it_is_for_the_best_recipe_with_sentences(self, options: dict[str, object]) -> None:
        with pytest.raises(ModelError, match="--finetune-text is for --recipe best with its part"):
            TrainingConfig.of_options(options | {"finetune_text": True})

    def test_survives_the_run_folders_json(self) -> None:
        content = json.loads(json.dumps(TUNING.options()))
        assert TrainingConfig.of_options(content).finetune_text


class TestNetwork:
    """The tuned reader's answer is joined with the network's, where it has read something."""

    def test_it_has_its_share_of_each_answer(self) -> None:
        torch.manual_seed(0)
        classes = len(ENCODING.classes)
        split = read_split(list(SUBSETS))
        assert split.texts is not None
        scores = {m: torch.randn(len(SUBSETS), 2 * classes) for m in ("text", "tags")}
        features = {m: [*split.texts._features[m], scores[m]] for m in scores}
        split = dataclasses.replace(split, texts=type(split.texts)(features))
        parts = frozenset(PARTS)
        torch.manual_seed(1)
        tuned = RecipeNetwork(
            ENCODING,
            build_backbone("squeezenet1_1"),
            readers=READERS,
            parts=parts,
            tuned=torch.nn.Linear(1, 1),
        ).eval()
        alone = RecipeNetwork(
            ENCODING, build_backbone("squeezenet1_1"), readers=READERS, parts=parts
        ).eval()
        held = {k: v for k, v in tuned.state_dict().items() if not k.startswith("tuned.")}
        alone.load_state_dict(held)
        posts = split.batch(np.arange(len(SUBSETS)))
        for row, subset in enumerate(SUBSETS):
            place = posts.rows[subset].tolist().index(row)
            before = alone(posts)[subset][place].softmax(0)
            after = tuned(posts)[subset][place].softmax(0)
            # Of the text first, alone and with the tags; and of the tags.
            first = slice(classes, None) if "text+tags" in subset else slice(0, classes)
            read = scores["text" if "text" in subset else "tags"][row, first]
            share = 0.0 if subset == "image" else SHARE_OF_TUNED
            expected = (1 - share) * before + share * read.softmax(0)
            torch.testing.assert_close(after, expected, atol=1e-6, rtol=0)


@needs_readers
class TestTuning:
    def test_it_reads_the_posts_of_the_selection_and_only_what_they_keep(self, data: Path) -> None:
        dataset = open_dataset(data)
        posts = read_posts(dataset, "train", Encoding.of(dataset))
        rows = [row for batch in dataset.batches("train", ("photo_id",)) for row in batch]
        held = [
            row["photo_id"] for row, text in zip(rows, posts.present["text"], strict=True) if text
        ]
        both = [
            row["photo_id"]
            for row, both in zip(rows, posts.holding("text+tags"), strict=True)
            if both
        ]
        kept = {held[0]: "text", both[1]: "text+tags", both[-1]: "tags", both[2]: "image"}
        split = Split(posts=Selection(kept=kept).cut(posts, dataset), images=NO_PICTURES)
        read = [text.split() for text in texts_read(dataset, split)]
        tags = [sum(word.startswith("#") for word in words) for words in read]
        assert sorted(zip(map(len, read), tags, strict=True)) == [(0, 0), (3, 3), (6, 0), (9, 3)]

    def test_a_post_without_text_and_tags_teaches_nothing(self, data: Path) -> None:
        dataset = open_dataset(data)
        posts = read_posts(dataset, "train", Encoding.of(dataset))
        split = Split(posts=posts, images=NO_PICTURES)
        base = open_minilm()
        network = new_tuned_text(base, 2)
        tune(network, base, [""] * len(posts), split, CPU)
        assert not network.scores.weight.any()

    def test_trained_layers_are_kept_beside_the_data_set(
        self, data: Path, run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """The next training with the same posts does not train them again."""
        (kept,) = (data / FEATURES).glob("tuned-layers-*/tuned.npy")
        written = kept.stat().st_mtime_ns
        train(dataclasses.replace(TUNING, seed=1), dataset=data, out=tmp_path / "again")
        assert kept.stat().st_mtime_ns == written
        first, again = (
            load_file(folder / "model.safetensors") for folder in (run, tmp_path / "again")
        )
        names = [name for name in first if name.startswith("tuned.")]
        assert names
        assert all(torch.equal(first[name], again[name]) for name in names)
        published = dict(open_minilm().network.encoder.named_parameters())
        changed = [
            name
            for name in published
            if not torch.equal(first[f"tuned.layers.{name}"], published[name].cpu())
        ]
        assert len(changed) > len(published) / 2

    @pytest.mark.slow
    def test_it_resumes_with_the_layers_that_it_began_with(
        self, data: Path, tmp_path: Path
    ) -> None:
        """To the weights of an uninterrupted training."""
        config = dataclasses.replace(TUNING, batch_size=8)
        train(config, dataset=data, out=tmp_path / "whole")
        options = ["--recipe", BEST, "--finetune-text", "--text-encoder", MINILM, "--device", "cpu"]
        options += ["--image-encoder", "squeezenet1_1", "--image-weights", "none"]
        options += ["--epochs", str(config.epochs), "--batch-size", "8"]
        out = tmp_path / "run"
        stopped_training("SIGTERM", 7, data, "--out", out, *options, code=130)
        (kept,) = (data / FEATURES).glob("tuned-layers-*/tuned.npy")
        layers = np.load(kept)
        np.save(kept, layers + np.float32(0.01))
        with pytest.raises(ModelError, match="not the one that the training"):
            resume(out)
        np.save(kept, layers)
        resume(out)
        assert_same_end(out, tmp_path / "whole")

    def test_its_answers_tell_the_classes_apart(self, run: Path) -> None:
        trained = load_run(run, CPU)
        scores = trained.readers[-1].features(["storm shout broken rage street", "mountain sky"])
        assert scores[0, 0] - scores[0, 1] > scores[1, 0] - scores[1, 1]

    @given(st.text("ab ", max_size=6), st.lists(st.sampled_from(["x", "y"]), max_size=2))
    def test_what_is_read_of_a_post(self, text: str, tags: list[str]) -> None:
        """Together only what is there twice; nothing of the other modality alone."""
        alone, together = tuned_views(text, tags, "text")
        of_tags, nothing = tuned_views(text, tags, "tags")
        assert alone == " ".join(text.split())
        assert of_tags == " ".join(f"#{tag}" for tag in tags)
        assert together == (f"{alone} {of_tags}".strip() if text and tags else "")
        assert nothing == ""

    def test_a_repeat_equals_a_separate_run(self, data: Path, run: Path, tmp_path: Path) -> None:
        """Its picture weights are random, so that its features are made anew for each seed."""
        train(dataclasses.replace(TUNING, repeats=2), dataset=data, out=tmp_path / "both")
        train(dataclasses.replace(TUNING, seed=1), dataset=data, out=tmp_path / "second")
        for separate, repeat in ((run, "seed-0"), (tmp_path / "second", "seed-1")):
            assert_same_end(tmp_path / "both" / repeat, separate)

    @pytest.mark.parametrize(
        "damage",
        [
            {"readers": {"tuned": "0" * 64}},
            {"finetune_text": False},
            {"finetune_text": "yes"},
            {"weights": {"tuned.scores.bias": None}},
            {"weights": {"tuned.junk": torch.zeros(2)}},
            {"weights": {"tuned.scores.bias": torch.zeros(3)}},
            {"weights": {"tuned.scores.bias": torch.zeros(2, dtype=torch.float16)}},
        ],
    )
    def test_a_damaged_run_is_refused_by_every_engine(
        self, run: Path, tmp_path: Path, damage: dict[str, Any]
    ) -> None:
        copy = Path(shutil.copytree(run, tmp_path / "copy"))
        (copy / "digests.json").unlink()
        config = json.loads((copy / "config.json").read_text())
        config["readers"] |= damage.get("readers", {})
        config["finetune_text"] = damage.get("finetune_text", True)
        (copy / "config.json").write_text(json.dumps(config))
        weights = load_file(copy / "model.safetensors") | damage.get("weights", {})
        kept = {name: values for name, values in weights.items() if values is not None}
        write_tensors(kept, copy / "model.safetensors")
        for engine in ("auto", "torch"):
            with pytest.raises(ModelError) as refused:
                Predictor(copy, device="cpu", engine=engine)
            assert str(copy) in str(refused.value)
            assert "train again" in str(refused.value)

    def test_no_posts_have_no_features(self, run: Path) -> None:
        readers = load_run(run, CPU).readers
        assert [len(made) for made in features_of(readers, [], "text")] == [0, 0, 0]


def posts_of_every_subset(folder: Path) -> list[RawPost]:
    (folder / "picture.jpg").write_bytes(picture((180, 40, 60)))
    return [
        RawPost(
            name=subset,
            image=folder / "picture.jpg" if "image" in subset.split("+") else None,
            text="a vast storm of light" if "text" in subset.split("+") else None,
            tags=["riot", "peak"] if "tags" in subset.split("+") else None,
        )
        for subset in SUBSETS
    ]


@needs_readers
class TestAnswers:
    def test_numpy_and_torch_answer_alike(self, run: Path, tmp_path: Path) -> None:
        posts = posts_of_every_subset(tmp_path)
        plain, torchs = (Predictor(run, device="cpu", engine=e) for e in ("auto", "torch"))
        assert isinstance(plain._network, PlainRun)
        for ours, theirs in zip(plain.predict(posts), torchs.predict(posts), strict=True):
            assert isinstance(ours, Prediction)
            assert isinstance(theirs, Prediction)
            assert ours.subset == theirs.subset
            assert ours.probabilities == pytest.approx(theirs.probabilities, abs=1e-4)

    def test_the_data_sets_posts_are_evaluated(self, run: Path, data: Path) -> None:
        trained = json.loads((run / "metrics.json").read_text())["test"]
        metrics = evaluate(run, dataset=data, device="cpu")
        found = metrics["test"]["image+text+tags"]["accuracy"]
        assert found == pytest.approx(trained["image+text+tags"]["accuracy"])

    @pytest.mark.slow
    def test_an_export_answers_alike(self, run: Path, tmp_path: Path) -> None:
        """As a program without torch and this project."""
        export(run, tmp_path / "export")
        posts = raw_posts(21, ("text", "tags", "text+tags"))
        path = write_json_lines(posts, tmp_path / "posts.jsonl")
        done = program(tmp_path / "export", "--input", str(path))
        assert done.returncode == 0, done.stderr
        assert len(assert_same_answers(run, posts, lines(done.stdout))) == 3
