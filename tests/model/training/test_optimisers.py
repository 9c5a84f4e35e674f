"""Lazy Adam: PyTorch's own arithmetic, on the rows that occur in a batch."""

import io

import pytest
import torch
from torch import nn
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from flickr_emotion.model.training.optimisers import LazyAdam

STEPS = ([1, 4, 4, 2], [0, 2], [5, 5, 1], [3], [1, 2, 3])


def embedding(*, sparse: bool) -> nn.Embedding:
    torch.manual_seed(0)
    return nn.Embedding(6, 3, sparse=sparse)


def take_steps(
    table: nn.Embedding, optimisers: list[torch.optim.Optimizer], ids: tuple[list[int], ...] = STEPS
) -> None:
    for seen in ids:
        for optimiser in optimisers:
            optimiser.zero_grad()
        (table(torch.tensor(seen)).sin() ** 2).sum().backward()
        for optimiser in optimisers:
            optimiser.step()


def test_it_is_sparse_adam() -> None:
    found, expected = embedding(sparse=True), embedding(sparse=True)
    take_steps(found, [LazyAdam(found.parameters(), lr=0.1)])
    take_steps(expected, [torch.optim.SparseAdam(list(expected.parameters()), lr=0.1)])
    torch.testing.assert_close(found.weight, expected.weight)


def test_it_is_adam_where_every_row_is_seen() -> None:
    found, expected = embedding(sparse=True), embedding(sparse=False)
    everything = ([0, 1, 2, 3, 4, 5, 5], [5, 4, 3, 2, 1, 0]) * 3
    take_steps(found, [LazyAdam(found.parameters(), lr=0.1)], everything)
    take_steps(expected, [torch.optim.Adam(expected.parameters(), lr=0.1)], everything)
    torch.testing.assert_close(found.weight, expected.weight)


def test_it_is_adam_for_dense_gradients() -> None:
    found, expected = embedding(sparse=False), embedding(sparse=False)
    take_steps(found, [LazyAdam(found.parameters(), lr=0.1)])
    take_steps(expected, [torch.optim.Adam(expected.parameters(), lr=0.1)])
    torch.testing.assert_close(found.weight, expected.weight)


def test_hooks_run_once_for_each_step_also_beside_a_plain_adam() -> None:
    """A plain Adam, of whoever else trains in the process, has hooks run at Adam's own step."""
    table = embedding(sparse=True)
    optimiser = LazyAdam(table.parameters(), lr=0.1)
    torch.optim.Adam(nn.Linear(1, 1).parameters())
    steps = []
    before = register_optimizer_step_pre_hook(lambda *_: steps.append("before"))
    after = register_optimizer_step_post_hook(lambda *_: steps.append("after"))
    own = optimiser.register_step_post_hook(lambda *_: steps.append("own"))
    try:
        take_steps(table, [optimiser], STEPS[:2])
    finally:
        for hook in (before, after, own):
            hook.remove()
    assert steps == ["before", "own", "after"] * 2


def test_rows_that_do_not_occur_are_unchanged() -> None:
    table = embedding(sparse=True)
    optimiser = LazyAdam(table.parameters(), lr=0.1)
    take_steps(table, [optimiser], ([0, 1], [2]))
    before = table.weight.detach().clone()
    take_steps(table, [optimiser], ([2, 3],))
    assert (table.weight != before).any(1).tolist() == [False, False, True, True, False, False]


def test_a_schedule_holds_for_both_kinds() -> None:
    """At a rate of zero neither changes."""
    table, layer = embedding(sparse=True), nn.Linear(3, 1)
    optimiser = LazyAdam([*table.parameters(), *layer.parameters()], lr=0.1)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: float(step > 0))
    for moves in (False, True):
        before = [p.detach().clone() for p in (table.weight, layer.weight)]
        optimiser.zero_grad()
        layer(table(torch.tensor([1, 2]))).sum().backward()
        optimiser.step()
        schedule.step()
        for old, new in zip(before, (table.weight, layer.weight), strict=True):
            assert bool((old != new).any()) == moves


def test_its_state_is_restored_from_a_file() -> None:
    through, resumed = embedding(sparse=True), embedding(sparse=True)
    take_steps(through, [LazyAdam(through.parameters(), lr=0.1)])
    first = LazyAdam(resumed.parameters(), lr=0.1)
    take_steps(resumed, [first], STEPS[:2])
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second = LazyAdam(resumed.parameters(), lr=0.5)
    second.load_state_dict(torch.load(file, weights_only=True))
    take_steps(resumed, [second], STEPS[2:])
    assert torch.equal(through.weight, resumed.weight)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_takes_the_same_steps() -> None:
    found, expected = embedding(sparse=True).cuda(), embedding(sparse=True)
    for table in (found, expected):
        optimiser = LazyAdam(table.parameters(), lr=0.1)
        for seen in STEPS:
            optimiser.zero_grad()
            table(torch.tensor(seen, device=table.weight.device)).sum().backward()
            optimiser.step()
    torch.testing.assert_close(found.weight.cpu(), expected.weight)
