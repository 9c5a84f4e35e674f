"""What the complete head answers where something is filled in for absent modalities."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from flickr_emotion.common.modalities import COMPLETE, MODALITIES, SUBSETS
from flickr_emotion.model.config import MODELS, TrainingConfig
from flickr_emotion.model.evaluation.answering import answer_split
from flickr_emotion.model.evaluation.evaluation import evaluate
from flickr_emotion.model.evaluation.filling import encode, filled_answers
from flickr_emotion.model.features.image_backbones import build_backbone
from flickr_emotion.model.networks.catalogue import build_ensemble, build_system
from flickr_emotion.model.networks.frozen_inputs import FrozenImages
from flickr_emotion.model.networks.multitask import MultitaskNetwork
from flickr_emotion.model.networks.recipe_network import RecipeNetwork
from flickr_emotion.model.networks.system import System
from flickr_emotion.model.processes.distributed import World
from flickr_emotion.model.recipes import SHALLOW
from tests.model.dataset_folder import separable_post, write_dataset
from tests.model.small_networks import ENCODING, EVERY_SUBSET_TWICE, network, split_of

CPU = torch.device("cpu")
POSTS = split_of([*EVERY_SUBSET_TWICE, *["image+text+tags"] * 5, ""], seed=1)
TRAIN = split_of([*EVERY_SUBSET_TWICE * 3, *["image+text+tags"] * 4], seed=2)


def system(model: str) -> System:
    torch.manual_seed(0)
    networks = TrainingConfig(model=model).networks
    if networks:
        return build_ensemble(
            model,
            {
                subset: MultitaskNetwork(
                    ENCODING,
                    build_backbone("squeezenet1_1") if "image" in subset else None,
                    frozen_image=True,
                    subsets=[subset],
                )
                for subset in networks
            },
        ).eval()
    backbone = build_backbone("squeezenet1_1")
    return build_system(model, None, ENCODING, backbone, frozen_image=True).eval()


def test_they_are_what_their_definitions_say() -> None:
    """Post by post, with the encoders and the head called by hand."""
    net = network().eval()
    with torch.inference_mode():
        one_by_one = [
            {
                modality: net.encoders[modality](inputs)[0]
                for modality, inputs in TRAIN.batch(np.array([post])).inputs.items()
            }
            for post in range(len(TRAIN.posts))
        ]
        stacked = {m: torch.stack([p[m] for p in one_by_one if m in p]) for m in MODALITIES}

        def filled(filling: str, modality: str, kept: dict[str, Tensor]) -> Tensor:
            if filling == "zeros":
                return torch.zeros(300)
            if filling == "mean":
                return stacked[modality].mean(0)
            donors = [post for post in one_by_one if {*kept, modality} <= {*post}]
            distances = [
                sum(
                    ((kept[m] - donor[m]) ** 2).sum() / stacked[m].var(0, correction=0).sum()
                    for m in kept
                )
                for donor in donors
            ]
            nearest: Tensor = donors[int(torch.tensor(distances).argmin())][modality]
            return nearest

        found = filled_answers(net, encode(net, POSTS, CPU), encode(net, TRAIN, CPU), CPU)
        assert [*found] == ["zeros", "mean", "nearest"]
        differing = set()
        for post in range(len(POSTS.posts)):
            batch = POSTS.batch(np.array([post]))
            own = {m: net.encoders[m](inputs)[0] for m, inputs in batch.inputs.items()}
            for subset in SUBSETS:
                kept = {m: own[m] for m in subset.split("+") if m in own}
                said = {filling: int(found[filling][subset][post]) for filling in found}
                if len(kept) < len(subset.split("+")):
                    assert {*said.values()} == {-1}
                    continue
                for filling, answer in said.items():
                    whole = [kept[m] if m in kept else filled(filling, m, kept) for m in MODALITIES]
                    assert answer == int(net.heads[COMPLETE](torch.cat(whole)).argmax())
                differing.add(len({*said.values()}))
        assert differing >= {1, 2}  # else the three would not be told apart


def test_the_zeros_of_early_fusion_are_its_own_answers() -> None:
    """It is the system that is trained with zeros."""
    net = system("early-fusion")
    own = answer_split(net, POSTS, 3, World(device=CPU))
    found = filled_answers(net, encode(net, POSTS, CPU), None, CPU)
    assert [*found] == ["zeros"]
    for subset, head in own.items():
        assert (found["zeros"][subset][head.posts_N] == head.answers_N).all()


@pytest.mark.parametrize("model", MODELS)
def test_which_systems_have_something_to_fill(model: str) -> None:
    complete = system(model).complete
    without = ("late-fusion", "weighted-vote", "fasttext", "inception", "mmtrans-mt")
    assert (complete is None) == (model in without)
    if complete:
        encoded = encode(complete, POSTS, CPU)
        answers = filled_answers(complete, encoded, encode(complete, TRAIN, CPU), CPU)
        holders = np.flatnonzero(POSTS.posts.holding(COMPLETE))
        own = answer_split(complete, POSTS, 3, World(device=CPU))[COMPLETE]
        for found in answers.values():  # nothing is missing, so nothing is filled in
            assert (found[COMPLETE][holders] == own.answers_N).all()


def test_an_untaught_complete_head_fills_nothing() -> None:
    net = network()
    net.leave_out_untaught(dict.fromkeys(SUBSETS, 1) | {COMPLETE: 0})
    assert net.complete is None


def test_the_best_recipes_zeros_are_the_mean() -> None:
    """Its frozen features are standardised, such as those of the pictures."""
    parts = frozenset({SHALLOW})
    net = RecipeNetwork(ENCODING, build_backbone("squeezenet1_1"), readers=(), parts=parts)
    frozen = net.encoders["image"]
    assert isinstance(frozen, FrozenImages)
    frozen.scale.fit(TRAIN.images.rows(range(TRAIN.posts.images)))
    encoded = encode(net.eval(), TRAIN, CPU)
    mean = encoded.outputs_BD["image"][encoded.present["image"]].mean(0)
    torch.testing.assert_close(mean, torch.zeros_like(mean), atol=1e-4, rtol=0)


def test_few_of_many_training_posts_are_read() -> None:
    net = network().eval()
    some, every = encode(net, TRAIN, CPU, most=10), encode(net, TRAIN, CPU)
    step = -(-len(TRAIN.posts) // 10)
    assert len(some.present["image"]) <= 10 < len(every.present["image"])
    for modality, outputs in some.outputs_BD.items():
        torch.testing.assert_close(
            outputs, every.outputs_BD[modality][::step], rtol=1e-4, atol=1e-5
        )


def test_without_the_training_posts_there_are_zeros_only(
    run_folder: Path, dataset_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Judged on another data set, the run's own gives mean and neighbours, if it is still there."""
    posts = [separable_post(n, ("anger", "awe")[n % 2]) for n in range(12)]
    other = write_dataset(
        tmp_path / "set", {"train": posts[:4], "validation": posts[4:8], "test": posts[8:]}
    )
    here = evaluate(run_folder, other, missing=True, device="cpu")["missing"]
    assert [*here["filled"]] == ["zeros", "mean", "nearest"]
    moved = shutil.copytree(run_folder, tmp_path / "run")
    (moved / "digests.json").unlink()
    config = (moved / "config.json").read_text(encoding="utf-8")
    (moved / "config.json").write_text(
        config.replace(str(dataset_folder.resolve()), str(tmp_path / "gone")), encoding="utf-8"
    )
    capsys.readouterr()
    there = evaluate(moved, other, missing=True, device="cpu")["missing"]
    assert [*there["filled"]] == ["zeros"]
    assert there["filled"]["zeros"] == here["filled"]["zeros"]
    assert "no longer holds the run's training posts" in capsys.readouterr().err
