"""The multitask network: what absence does, and the loss of section 3.2."""

import numpy as np
import pytest
import torch

from datasets.modalities import MODALITIES, SUBSETS
from model.batches import Batch
from model.network import MultitaskNetwork, classifier
from tests.model.networks import EVERY_SUBSET_TWICE, batch_of, network


def contains(subset: str, other: str) -> bool:
    """Whether ``subset`` holds every modality of ``other``."""
    return set(other.split("+")) <= set(subset.split("+"))


@pytest.fixture(scope="module")
def net() -> MultitaskNetwork:
    return network().eval()


def gradients(net: MultitaskNetwork, prefix: str) -> list[torch.Tensor | None]:
    return [p.grad for name, p in net.named_parameters() if name.startswith(prefix)]


def test_head_sizes() -> None:
    for held in (1, 2, 3):
        found = sum(p.numel() for p in classifier(held, 8).parameters())
        assert found == (held * 300 * 256 + 256) + (256 * 128 + 128) + (128 * 8 + 8)


@pytest.mark.parametrize("subset", SUBSETS)
def test_absence_is_exact(net: MultitaskNetwork, subset: str) -> None:
    """Of posts that hold a subset only its encoders and the heads it contains learn."""
    net.zero_grad()
    batch = batch_of([subset] * 3)
    logits = net(batch)
    answered = {head for head in SUBSETS if contains(subset, head)}
    assert set(logits) == answered
    net.loss(logits, batch).backward()  # type: ignore[no-untyped-call]
    for head in SUBSETS:
        for gradient in gradients(net, f"heads.{head}."):
            assert (gradient is not None and bool(gradient.any())) == (head in answered)
    for modality in MODALITIES:
        found = [g for g in gradients(net, f"encoders.{modality}.") if g is not None]
        assert any(bool(g.any()) for g in found) == (modality in subset.split("+"))


def test_no_encoder_runs_on_nothing(net: MultitaskNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, int] = {}

    def count(modality: str) -> None:
        encoder = net.encoders[modality]
        forward = encoder.forward

        def counted(inputs: torch.Tensor) -> torch.Tensor:
            seen[modality] = len(inputs)
            answer: torch.Tensor = forward(inputs)
            return answer

        monkeypatch.setattr(encoder, "forward", counted)

    for modality in MODALITIES:
        count(modality)
    net(batch_of(["image", "image+text", "image", "text"]))
    assert seen == {"image": 3, "text": 2}


def test_mixed_batch_answers_each_post_as_if_alone(net: MultitaskNetwork) -> None:
    batch = batch_of(EVERY_SUBSET_TWICE)
    together = net(batch)
    assert set(together) == set(SUBSETS)
    for head in SUBSETS:
        holders = [n for n, subset in enumerate(EVERY_SUBSET_TWICE) if contains(subset, head)]
        assert batch.rows[head].tolist() == holders
        for row, number in enumerate(holders):
            alone = net(single(batch_of(EVERY_SUBSET_TWICE), number))
            torch.testing.assert_close(together[head][row], alone[head][0], atol=1e-5, rtol=0)


def single(batch: Batch, number: int) -> Batch:
    """Return a batch of one of the posts."""
    inputs = {
        modality: values[(batch.rows[modality] == number).nonzero().squeeze(1)]
        for modality, values in batch.inputs.items()
        if number in batch.rows[modality].tolist()
    }
    return Batch(
        labels_B=batch.labels_B[number : number + 1],
        inputs=inputs,
        rows={
            subset: torch.zeros(int(number in rows.tolist()), dtype=torch.long)
            for subset, rows in batch.rows.items()
        },
    )


def test_loss_by_hand(net: MultitaskNetwork) -> None:
    batch = batch_of([*EVERY_SUBSET_TWICE, "image", "image+tags"])
    logits = net(batch)
    expected = 0.0
    for subset, values in logits.items():
        probabilities = values.detach().double().softmax(1).numpy()
        labels = batch.labels_B[batch.rows[subset]].numpy()
        expected += float(-np.log(probabilities[np.arange(len(labels)), labels]).mean())
    assert net.loss(logits, batch).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("absent", MODALITIES)
def test_a_batch_without_some_modality(net: MultitaskNetwork, absent: str) -> None:
    """The four heads that need it add zero, and nothing becomes NaN."""
    net.zero_grad()
    batch = batch_of([s for s in SUBSETS if absent not in s.split("+")])
    logits = net(batch)
    assert len(logits) == 3
    loss = net.loss(logits, batch)
    loss.backward()  # type: ignore[no-untyped-call]
    assert torch.isfinite(loss)
    assert all(gradient is None for gradient in gradients(net, f"encoders.{absent}."))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_answers_the_same(net: MultitaskNetwork) -> None:
    batch = batch_of(EVERY_SUBSET_TWICE)
    expected = net(batch)
    device = torch.device("cuda")
    found = network().eval().to(device)(batch.to(device))
    for subset, values in expected.items():
        torch.testing.assert_close(found[subset].cpu(), values, atol=1e-3, rtol=1e-3)
