"""The regression of the best recipe, against scikit-learn's, and what each head sees of it."""

from dataclasses import replace

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from flickr_emotion.common.modalities import MODALITIES, SUBSETS
from flickr_emotion.model.inputs.batches import Batch
from flickr_emotion.model.networks import frozen_regression
from flickr_emotion.model.networks.frozen_inputs import LENGTHS
from flickr_emotion.model.networks.frozen_regression import PENALTY, FrozenRegression, own_heads
from tests.model.small_networks import EVERY_SUBSET_TWICE, split_of

DIMENSIONS = {"image": 5, "text": 3, "tags": 4}


def fitted_to(subsets: list[str]) -> tuple[FrozenRegression, dict[str, torch.Tensor], Batch]:
    """Return a regression on random features of posts that hold these subsets."""
    split = split_of(subsets)
    batch = split.batch(np.arange(len(subsets)))
    random = torch.Generator().manual_seed(0)
    inputs = {
        m: torch.randn(len(batch.rows[m]), DIMENSIONS[m], generator=random)
        for m in MODALITIES
        if len(batch.rows[m])
    }
    regression = FrozenRegression(DIMENSIONS, int(batch.labels_B.max()) + 1)
    regression.fit(inputs, batch, [s for s in SUBSETS if len(batch.rows[s])])
    return regression, inputs, batch


def test_one_modality_is_scikit_learns_regression() -> None:
    """Its strength C is the inverse of the penalty on the sum over the posts."""
    regression, inputs, batch = fitted_to(["image"] * 60)
    factor = frozen_regression._LENGTHS["image"] / LENGTHS["image"]
    features, labels = factor * inputs["image"].numpy(), batch.labels_B.numpy()
    strength = 1 / (PENALTY * len(labels))
    expected = LogisticRegression(C=strength, max_iter=1000, tol=1e-8).fit(features, labels)
    found = regression(inputs, batch, ["image"])[0].softmax(1).numpy()
    np.testing.assert_allclose(found, expected.predict_proba(features), atol=1e-3)


def test_it_learns_distributions_where_they_are_the_target() -> None:
    split = split_of(["image"] * 60)
    shares = np.tile(np.array([0.6, 0.3, 0.1], np.float32), (60, 1))
    posts = replace(split.posts, distributions=shares)
    batch = replace(split, posts=posts, by_distribution=True).batch(np.arange(60))
    inputs = {"image": torch.randn(60, 5, generator=torch.Generator().manual_seed(0))}
    regression = FrozenRegression(DIMENSIONS, 3)
    regression.fit(inputs, batch, ["image"])
    found = regression(inputs, batch, ["image"])[0].softmax(1).numpy()
    np.testing.assert_allclose(found, shares, atol=1e-3)


def test_a_modality_counts_only_in_the_heads_that_read_it() -> None:
    regression, inputs, batch = fitted_to(EVERY_SUBSET_TWICE * 4)
    before = regression(inputs, batch, SUBSETS)
    regression.get_buffer("tags").add_(1.0)
    after = regression(inputs, batch, SUBSETS)
    for number, head in enumerate(SUBSETS):
        same = torch.equal(before[number], after[number])
        assert same == ("tags" not in head.split("+"))


def test_the_own_head_is_the_largest_taught_one() -> None:
    split = split_of(["image+text+tags", "text", "image+tags"])
    batch = split.batch(np.arange(3))
    assert own_heads(batch, SUBSETS).tolist() == [6, 1, 4]
    assert own_heads(batch, ["image", "image+text"]).tolist() == [1, -1, 0]
