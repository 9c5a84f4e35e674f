"""Early and joint fusion by hand, and the two baselines of one modality."""

import numpy as np
import pytest
import torch

from flickr_emotion.common.modalities import COMPLETE, MODALITIES, SUBSETS
from flickr_emotion.model.features.image_backbones import build_backbone
from flickr_emotion.model.networks.early_fusion import EarlyFusion
from flickr_emotion.model.networks.encoders import REPRESENTATION
from flickr_emotion.model.networks.joint_fusion import JointFusion
from flickr_emotion.model.networks.unimodal import fasttext, inception
from flickr_emotion.model.posts.packing import Packed
from tests.model.small_networks import ENCODING, EVERY_SUBSET_TWICE, split_of

BACKBONE = build_backbone("squeezenet1_1")
SPLIT = split_of(EVERY_SUBSET_TWICE)
BATCH = SPLIT.batch(np.arange(len(EVERY_SUBSET_TWICE)))


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("subset", SUBSETS)
def test_early_fusion_has_zeros_where_a_modality_is_absent(subset: str) -> None:
    net = EarlyFusion(ENCODING, BACKBONE, frozen_image=True).eval()
    assert next(net.classifier.parameters()).shape[1] == 3 * REPRESENTATION
    found = net(BATCH)[subset]
    parts = net.represent(BATCH)
    for row, post in enumerate(BATCH.rows[subset].tolist()):
        held = [
            parts[m][post] if m in subset.split("+") else torch.zeros(REPRESENTATION)
            for m in MODALITIES
        ]
        torch.testing.assert_close(found[row], net.classifier(torch.cat(held)), atol=1e-5, rtol=0)


@pytest.mark.parametrize("subset", SUBSETS)
def test_joint_fusion_averages_what_is_there(subset: str) -> None:
    net = JointFusion(ENCODING, BACKBONE, frozen_image=True).eval()
    found = net(BATCH)[subset]
    parts = net.represent(BATCH)
    for row, post in enumerate(BATCH.rows[subset].tolist()):
        held = [parts[modality][post] for modality in subset.split("+")]
        average = sum(held[1:], held[0]) / len(held)
        torch.testing.assert_close(found[row], net.classifier(average), atol=1e-5, rtol=0)


def test_in_training_a_post_is_answered_by_all_it_holds_and_no_other_way() -> None:
    net = JointFusion(ENCODING, BACKBONE, frozen_image=True).train()
    answers = net(BATCH)
    assert {subset: answers.rows[subset].tolist() for subset in answers} == {
        subset: [n for n, held in enumerate(EVERY_SUBSET_TWICE) if held == subset]
        for subset in SUBSETS
    }


def test_fasttext_is_a_linear_layer_over_the_average_word() -> None:
    """Padding of short texts does not count."""
    net = fasttext(ENCODING).eval()
    encoder = net.encoders["text"]
    texts = BATCH.inputs["text"]
    assert isinstance(texts, Packed)
    found = net(BATCH)["text"]
    for row, (start, length) in enumerate(
        zip(texts.starts_N.tolist(), texts.lengths_N.tolist(), strict=True)
    ):
        vectors = encoder.get_submodule("embedding")(texts.ids_T[start : start + length])
        expected = encoder.get_submodule("fc")(vectors.mean(0))
        torch.testing.assert_close(found[row], expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("modality", ["text", "image"])
def test_a_baseline_answers_what_holds_its_modality_from_it_alone(modality: str) -> None:
    net = (
        fasttext(ENCODING)
        if modality == "text"
        else inception(ENCODING, BACKBONE, frozen_image=True)
    ).eval()
    answers = net(BATCH)
    assert [*answers] == [subset for subset in SUBSETS if modality in subset.split("+")]
    rows = BATCH.rows[modality].tolist()
    for subset, logits in answers.items():
        own = [rows.index(post) for post in BATCH.rows[subset].tolist()]
        assert torch.equal(logits, answers[modality][own])
    (flags,) = net.holders(SPLIT.posts).values()
    assert flags.tolist() == [modality in held.split("+") for held in EVERY_SUBSET_TWICE]
    without = split_of([s for s in SUBSETS if modality not in s.split("+")])
    nothing = without.batch(np.arange(len(without.posts)))
    assert net(nothing) == {}
    assert net.term_sums({}, nothing) == {}
    assert COMPLETE in answers
