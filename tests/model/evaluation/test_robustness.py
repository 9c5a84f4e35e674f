"""The robustness curve equals that of really removing modalities."""

# ruff: noqa: N806 (shapes in names)

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from flickr_emotion.common.modalities import MODALITIES, SUBSETS, answering_subset
from flickr_emotion.model.evaluation.answering import HeadAnswers, answer_split
from flickr_emotion.model.evaluation.evaluation import evaluate
from flickr_emotion.model.evaluation.report import missing_table
from flickr_emotion.model.evaluation.robustness import (
    RATES,
    mean_of_posts,
    missing_curve,
    own_answers,
)
from flickr_emotion.model.inputs.batches import Split
from flickr_emotion.model.posts.posts import Posts
from flickr_emotion.model.processes.distributed import World
from tests.model.small_networks import ENCODING, EVERY_SUBSET_TWICE, network, split_of

ALONE = World(device=torch.device("cpu"))


def test_which_head_answers() -> None:
    assert all(answering_subset(subset.split("+"), SUBSETS) == subset for subset in SUBSETS)
    assert answering_subset(["image", "text"], {"text", "tags"}) == "text"
    assert answering_subset(["image"], {"text", "tags"}) is None
    assert answering_subset([], SUBSETS) is None


def test_an_answer_ignores_other_modalities() -> None:
    """The curve relies on it: a head answers the same if a post holds more modalities."""
    split = split_of(["image+text+tags"] * 6)
    answers = answer_split(network(), split, 3, ALONE)
    for subset in SUBSETS:
        held = subset.split("+")
        posts = split.posts
        less = replace(
            posts,
            image_rows=posts.image_rows if "image" in held else np.full(6, -1),
            word_starts=posts.word_starts if "text" in held else np.zeros(7, dtype=np.int64),
            tag_starts=posts.tag_starts if "tags" in held else np.zeros(7, dtype=np.int64),
        )
        alone = answer_split(network(), Split(posts=less, images=split.images), 3, ALONE)
        np.testing.assert_allclose(
            alone[subset].logits_NC, answers[subset].logits_NC, rtol=1e-4, atol=1e-5
        )
        assert [s for s in SUBSETS if len(alone[s].posts_N)] == [
            s for s in SUBSETS if set(s.split("+")) <= set(held)
        ]


def test_answers_are_in_the_splits_order() -> None:
    split = split_of(EVERY_SUBSET_TWICE)
    answers = answer_split(network(), split, 3, ALONE)
    for subset, head in answers.items():
        present = np.all([split.posts.present[m] for m in subset.split("+")], axis=0)
        assert (head.posts_N == np.flatnonzero(present)).all()
        assert (head.labels_N == split.posts.labels[head.posts_N]).all()
        (one,) = (answer_split(network(), split_of_post(split, int(head.posts_N[-1])), 3, ALONE),)
        np.testing.assert_allclose(
            one[subset].logits_NC[0], head.logits_NC[-1], rtol=1e-4, atol=1e-5
        )


def split_of_post(split: Split, post: int) -> Split:
    posts = split.posts
    return Split(
        posts=Posts(
            labels=posts.labels[[post]],
            words=posts.words,
            word_starts=posts.word_starts[post : post + 2],
            tags=posts.tags,
            tag_starts=posts.tag_starts[post : post + 2],
            image_rows=posts.image_rows[[post]],
        ),
        images=split.images,
    )


def knowing(posts: Posts, right: dict[str, float], seed: int = 0) -> dict[str, HeadAnswers]:
    """Return heads that are right as often as ``right`` says."""
    random = np.random.default_rng(seed)
    answers = {}
    for subset, share in right.items():
        present = np.all([posts.present[m] for m in subset.split("+")], axis=0)
        posts_N = np.flatnonzero(present)
        labels_N = posts.labels[posts_N]
        said_N = np.where(random.random(len(posts_N)) < share, labels_N, (labels_N + 1) % 3)
        answers[subset] = HeadAnswers(
            posts_N=posts_N, labels_N=labels_N, logits_NC=np.eye(3, dtype=np.float32)[said_N]
        )
    return answers


def curve(heads: dict[str, HeadAnswers], posts: Posts) -> dict[str, Any]:
    return missing_curve(own_answers(heads, len(posts)), posts.labels, posts.present, 3)


class TestCurve:
    def test_the_expected_accuracy(self) -> None:
        """One modality is always right, the others never: accuracy is its chance of being kept.

        At rate r it is kept with probability 1 - r, plus r^3 / 3 when all three would be dropped.
        """
        split = split_of(["image+text+tags"] * 900)
        right = {subset: float("text" in subset) for subset in SUBSETS}
        found = curve(knowing(split.posts, right), split.posts)
        assert [row["rate"] for row in found["rates"]] == list(RATES)
        for row in found["rates"]:
            expected = 1 - row["rate"] + row["rate"] ** 3 / 3
            assert row["accuracy"]["mean"] == pytest.approx(expected, abs=0.02)
            assert row["answered"]["mean"] == 1.0
            assert len(row["weighted_f1"]["values"]) == len(row["accuracy"]["values"]) == 10
            # Two classes that are mistaken for each other have an F1 of 0 with the accuracy.
            assert row["weighted_f1"]["mean"] == pytest.approx(expected, abs=0.03)
        assert found["rates"][0]["accuracy"]["std"] == 0.0
        assert found["rates"][5]["accuracy"]["std"] > 0.0

    def test_it_is_what_its_definition_says(self) -> None:
        """Post by post, with a head missing: every draw, rate and number is determined."""
        posts = split_of([*EVERY_SUBSET_TWICE, *["image+text+tags"] * 6, ""]).posts
        right = {s: n / 6 for n, s in enumerate(SUBSETS) if s not in ("image", "text+tags")}
        answers = knowing(posts, right)
        said = {s: dict(zip(h.posts_N, h.answers_N, strict=True)) for s, h in answers.items()}
        found = curve(answers, posts)
        for rate, row in zip(RATES, found["rates"], strict=True):
            accuracies, answered = [], []
            for draw in range(10):
                luck = np.random.default_rng([0, draw]).random((len(posts), 3))
                labels: list[int | None] = []
                for post in range(len(posts)):
                    held = [
                        (luck[post, place], m)
                        for place, m in enumerate(MODALITIES)
                        if posts.present[m][post]
                    ]
                    kept = {m for lucky, m in held if lucky >= rate or (lucky, m) == max(held)}
                    head = answering_subset(kept, answers)
                    labels.append(None if head is None else said[head][post])
                accuracies.append(
                    np.mean([x == y for x, y in zip(labels, posts.labels, strict=True)])
                )
                answered.append(np.mean([label is not None for label in labels]))
            assert row["rate"] == rate
            assert row["accuracy"]["values"] == pytest.approx(accuracies)
            assert row["answered"]["values"] == pytest.approx(answered)

    def test_absent_modalities_stay_absent(self) -> None:
        """Posts with one modality lose nothing at any rate."""
        split = split_of(["image", "text", "tags"] * 20)
        answers = answer_split(network(), split, len(ENCODING.classes), ALONE)
        rows = curve(answers, split.posts)["rates"]
        assert all(row["accuracy"] == rows[0]["accuracy"] for row in rows)

    def test_a_network_without_some_heads(self) -> None:
        """A post that the network cannot answer counts as wrong."""
        split = split_of(["image+text+tags"] * 400)
        found = curve(knowing(split.posts, {"text": 1.0}), split.posts)
        for row in found["rates"]:
            assert row["accuracy"] == row["answered"]
        assert found["rates"][9]["accuracy"]["mean"] == pytest.approx(0.1 + 0.9**3 / 3, abs=0.03)

    def test_no_posts(self) -> None:
        posts = split_of(["text"]).posts
        none = replace(
            posts,
            labels=posts.labels[:0],
            word_starts=posts.word_starts[:1],
            tag_starts=posts.tag_starts[:1],
            image_rows=posts.image_rows[:0],
        )
        found = curve(knowing(none, {"text": 1.0}), none)
        rows = found["rates"]
        assert rows[3]["accuracy"]["mean"] is None
        assert found["area"] == {"value": None, "interval": None}


class TestArea:
    def test_it_is_the_mean_of_the_accuracy_over_the_rates(self) -> None:
        """By numpy's trapezoidal rule over the means of the draws."""
        posts = split_of([*EVERY_SUBSET_TWICE, *["image+text+tags"] * 6]).posts
        found = curve(knowing(posts, {s: n / 6 for n, s in enumerate(SUBSETS)}), posts)
        accuracies = [row["accuracy"]["mean"] for row in found["rates"]]
        expected = np.trapezoid(accuracies, RATES) / (RATES[-1] - RATES[0])
        assert found["area"]["value"] == pytest.approx(expected)
        assert found["area"]["interval"][0] < expected < found["area"]["interval"][1]
        assert found["filled"] == {}

    def test_a_difference_is_paired(self) -> None:
        """Answers that are equal but on three posts differ by 3/20, far less uncertain than both.

        The interval is that of a one-sample t-test of the posts' differences.
        """
        posts = split_of(["image"] * 20).posts
        right = {"image": posts.labels}
        worse = {"image": np.where(np.arange(20) < 3, (posts.labels + 1) % 3, posts.labels)}
        found = missing_curve(right, posts.labels, posts.present, 3, {"mean": worse})
        filled = found["filled"]["mean"]
        assert found["area"]["value"] == pytest.approx(1.0)
        assert filled["area"]["value"] == pytest.approx(17 / 20)
        differences = np.repeat([1.0, 0.0], [3, 17])
        expected = stats.ttest_1samp(differences, 0).confidence_interval(0.95)
        assert filled["ours_minus_this"]["value"] == pytest.approx(3 / 20)
        assert filled["ours_minus_this"]["interval"] == pytest.approx([*expected])

    def test_one_post_has_no_interval(self) -> None:
        assert mean_of_posts(np.array([0.5])) == {"value": 0.5, "interval": None}


def test_a_run(run_folder: Path) -> None:
    found = evaluate(run_folder, missing=True)
    curve, test = found["missing"], found["test"]
    assert curve == evaluate(run_folder, missing=True)["missing"]
    assert curve["rates"][0]["accuracy"]["mean"] == test["image+text+tags"]["accuracy"]
    assert curve["count"] == test["image+text+tags"]["count"]
    assert [*curve] == ["draws", "seed", "count", "rates", "area", "filled"]
    assert (curve["draws"], curve["seed"]) == (10, 0)
    assert [*curve["filled"]] == ["zeros", "mean", "nearest"]
    table = missing_table(curve).splitlines()
    assert len(table) == 3 + len(RATES) + 1 + 3
    assert table[3].split()[:2] == ["0%", "100.00±0.00"]
    # At a rate of 0 nothing is missing from complete posts, so nothing is filled in.
    assert table[3].split()[4:] == ["100.00±0.00"] * 3
    assert "missing" not in evaluate(run_folder)
    assert MODALITIES == ("image", "text", "tags")
