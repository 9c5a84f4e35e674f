"""The answers of all heads, in however many passes and processes they are computed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from flickr_emotion.common.modalities import SUBSETS
from flickr_emotion.model.evaluation import answering
from flickr_emotion.model.evaluation.answering import answer_split
from flickr_emotion.model.inputs.batches import Batch
from flickr_emotion.model.processes.distributed import World
from tests.model.small_networks import EVERY_SUBSET_TWICE, network, split_of

CPU = torch.device("cpu")
ALONE = World(device=CPU)


@dataclass(frozen=True, kw_only=True)
class Rank(World):
    """One of two ranks; what the other one gives was recorded when that one ran by itself."""

    other: list[Tensor] = field(default_factory=list)
    given: list[Tensor] = field(default_factory=list)
    synchronised: list[tuple[nn.Module, bool]] = field(default_factory=list)

    def gather(self, values: Tensor) -> list[Tensor]:
        self.given.append(values)
        if not self.other:
            return [values]
        other = self.other.pop(0)
        # Ranks give values of the same shape, so the longer one decides.
        assert not values.ndim or len(values) >= len(other)
        return [other, values] if self.rank else [values, other]

    def synchronise(self, module: nn.Module, *, buffers_only: bool = False) -> None:
        self.synchronised.append((module, buffers_only))


class Echo(nn.Module):
    """A network that answers each post's label, and has no head for tags alone."""

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        assert not self.training
        assert torch.is_inference_mode_enabled()
        return {
            subset: nn.functional.one_hot(batch.labels_B[rows], 3).double()
            for subset, rows in batch.rows.items()
            if subset != "tags"
        }


class TestOnePass:
    def test_each_head_answers_the_posts_that_hold_its_modalities(self) -> None:
        split = split_of(["text", "image+text", "", "tags", "image"])
        answers = answer_split(Echo(), split, 3, ALONE)
        assert [*answers] == [*SUBSETS]
        found = {subset: head.posts_N.tolist() for subset, head in answers.items()}
        assert found == {subset: [] for subset in SUBSETS} | {
            "image": [1, 4], "text": [0, 1], "image+text": [1],
        }  # fmt: skip
        for head in answers.values():
            assert head.labels_N.tolist() == split.posts.labels[head.posts_N].tolist()
            assert head.answers_N.tolist() == head.labels_N.tolist()
            assert head.logits_NC.shape == (len(head.posts_N), 3)
            assert head.logits_NC.dtype == np.float32

    def test_without_posts(self) -> None:
        split = split_of([])
        answers = answer_split(Echo(), split, 3, ALONE)
        assert all(head.logits_NC.shape == (0, 3) for head in answers.values())

    @pytest.mark.parametrize("posts", [1, 3, 100])
    def test_in_passes(self, posts: int, monkeypatch: pytest.MonkeyPatch) -> None:
        """The figures do not depend on how many posts a pass has; and each is seen once."""
        split, net = split_of(EVERY_SUBSET_TWICE), network()
        whole = answer_split(net, split, 3, ALONE)
        seen: list[int] = []

        def on_batch(answered: Mapping[str, Tensor], batch: Batch) -> None:
            assert answered
            seen.append(len(batch))

        monkeypatch.setattr(answering, "POSTS_PER_PASS", posts)
        for subset, head in answer_split(net, split, 3, ALONE, on_batch).items():
            assert head.posts_N.tolist() == whole[subset].posts_N.tolist()
            assert head.labels_N.tolist() == whole[subset].labels_N.tolist()
            np.testing.assert_allclose(head.logits_NC, whole[subset].logits_NC, atol=1e-5)
        assert seen == [posts] * (14 // posts) + [14 % posts] * (14 % posts > 0)


@pytest.mark.parametrize("rank", [0, 1])
def test_two_ranks_share_the_passes_and_both_get_all_answers(
    rank: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first has three passes of two posts, the second two."""
    monkeypatch.setattr(answering, "POSTS_PER_PASS", 2)
    split, net = split_of(["text"] * 6 + ["image+text"] * 3), Echo()
    other = Rank(device=CPU, rank=1 - rank, size=2)
    answer_split(net, split, 3, other)
    world = Rank(device=CPU, rank=rank, size=2, other=other.given)
    seen: list[int] = []
    answers = answer_split(net, split, 3, world, lambda _, batch: seen.append(len(batch)))
    assert sum(seen) == (5, 4)[rank]
    assert world.synchronised == [(net, True)]
    for subset, head in answer_split(net, split, 3, ALONE).items():
        assert answers[subset].posts_N.tolist() == head.posts_N.tolist()
        assert answers[subset].labels_N.tolist() == head.labels_N.tolist()
        assert answers[subset].logits_NC.tolist() == head.logits_NC.tolist()
