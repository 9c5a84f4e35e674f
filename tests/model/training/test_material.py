"""What a training is made of, and what of it another seed shares."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from flickr_emotion.datasets.folder.reading import open_dataset
from flickr_emotion.model.config import TrainingConfig
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.inputs.selection import Selection, training_posts
from flickr_emotion.model.processes.distributed import World
from flickr_emotion.model.training.material import Material, for_seed, prepare
from flickr_emotion.model.training.new_network import build_network
from tests.model.conftest import TINY
from tests.model.dataset_folder import StoredPost, separable_post, write_dataset

ALONE = World(device=torch.device("cpu"))


def prepared(
    config: TrainingConfig, folder: Path, out: Path, selection: Selection | None = None
) -> Material:
    return prepare(config, open_dataset(folder), out, ALONE, selection)


def weights(material: Material) -> torch.Tensor:
    assert material.backbone is not None
    return next(material.backbone.parameters()).detach().clone()


def features(material: Material) -> torch.Tensor:
    return material.splits["test"].images.rows([0, 1, 2])


class TestPrepare:
    def test_all_that_a_run_needs(self, dataset_folder: Path, tmp_path: Path) -> None:
        made = prepared(TINY, dataset_folder, tmp_path / "run")
        assert {name: len(split.posts) for name, split in made.splits.items()} == {
            "train": 40,
            "validation": 8,
            "test": 10,
        }
        assert made.encoding.classes == ("anger", "awe")
        assert made.vectors.vectors == {}
        assert (made.readers, made.selection) == ([], None)
        assert made.backbone is not None
        assert features(made).shape == (3, made.backbone.features)

    def test_a_system_that_sees_no_pictures_has_no_backbone(
        self, dataset_folder: Path, tmp_path: Path
    ) -> None:
        config = dataclasses.replace(TINY, model="fasttext")
        made = prepared(config, dataset_folder, tmp_path / "run")
        assert made.backbone is None
        assert for_seed(made, config, tmp_path / "run", ALONE) is made

    def test_posts_without_pictures_ask_for_no_weights(self, tmp_path: Path) -> None:
        """Nor are pictures of other splits read, which no head looks at."""
        posts = [separable_post(n, ("anger", "awe")[n % 2], "text+tags") for n in range(4)]
        judged = [separable_post(n, "awe") for n in range(4, 7)]
        folder = write_dataset(
            tmp_path / "set", {"train": posts, "validation": judged, "test": judged}
        )
        config = dataclasses.replace(TINY, image_weights=str(tmp_path / "absent.pth"))
        made = prepared(config, folder, tmp_path / "run")
        assert features(made).shape == (3, 0)
        assert made.training_posts["image"] == 0
        network = build_network(config, made)
        assert (network.backbone, network.subsets) == (None, ["text", "tags", "text+tags"])
        batch = made.splits["test"].batch(np.arange(3))
        assert list(network.eval()(batch)) == ["text", "tags", "text+tags"]

    def test_a_selection_cuts_training_alone_and_its_vocabulary(
        self, dataset_folder: Path, tmp_path: Path
    ) -> None:
        dataset = open_dataset(dataset_folder)
        held = {photo_id: subset for photo_id, _, subset in training_posts(dataset)}
        some = {photo_id: "text" for photo_id, subset in held.items() if "text" in subset}
        selection = Selection(kept=dict([*some.items()][:6]))
        made = prepared(TINY, dataset_folder, tmp_path / "run", selection)
        assert [len(made.splits[name].posts) for name in ("train", "validation")] == [6, 8]
        assert made.encoding.tags == ()
        assert made.encoding.words

    @pytest.mark.parametrize("empty", ["train", "validation"])
    def test_an_empty_split_is_named(self, tmp_path: Path, empty: str) -> None:
        posts = [separable_post(n, ("anger", "awe")[n % 2], "text") for n in range(6)]
        splits: dict[str, Sequence[StoredPost]] = {
            "train": posts,
            "validation": posts,
            "test": posts,
        }
        splits[empty] = []
        folder = write_dataset(tmp_path / "set", splits)
        with pytest.raises(ModelError, match=f"has no post in {empty}: build the splits again"):
            prepared(TINY, folder, tmp_path / "run")


class TestForSeed:
    OTHER = dataclasses.replace(TINY, seed=1)

    def test_a_random_backbone_is_the_seeds_and_so_are_its_features(
        self, dataset_folder: Path, tmp_path: Path
    ) -> None:
        first = prepared(TINY, dataset_folder, tmp_path / "run")
        other = for_seed(first, self.OTHER, tmp_path / "run", ALONE)
        alone = prepared(self.OTHER, dataset_folder, tmp_path / "alone")
        assert not torch.equal(weights(other), weights(first))
        assert torch.equal(weights(other), weights(alone))
        assert not torch.equal(features(other), features(first))
        assert torch.equal(features(other), features(alone))
        assert other.encoding is first.encoding
        again = for_seed(other, TINY, tmp_path / "run", ALONE)
        assert torch.equal(features(again), features(first))

    def test_pictures_are_the_same_for_all_seeds(
        self, dataset_folder: Path, tmp_path: Path
    ) -> None:
        config = dataclasses.replace(TINY, finetune_image=True)
        first = prepared(config, dataset_folder, tmp_path / "run")
        other = for_seed(first, dataclasses.replace(config, seed=1), tmp_path / "run", ALONE)
        assert other.splits is first.splits
        assert not torch.equal(weights(other), weights(first))

    def test_pretrained_weights_know_no_seed(self, dataset_folder: Path, tmp_path: Path) -> None:
        first = prepared(TINY, dataset_folder, tmp_path / "run")
        pretrained = dataclasses.replace(self.OTHER, image_weights="some.safetensors")
        found = for_seed(first, pretrained, tmp_path / "run", ALONE)
        assert (found.backbone, found.splits) == (first.backbone, first.splits)
        assert found.seed == pretrained.seed
