"""The multitask network: absent modalities, and the loss of section 3.2."""

import re

import numpy as np
import pytest
import torch

from benchmarks.training.plain import PlainNetwork, PlainSplit
from flickr_emotion.common.checkout import PROJECT
from flickr_emotion.common.modalities import MODALITIES, SUBSETS
from flickr_emotion.model.features.image_backbones import build_backbone
from flickr_emotion.model.networks.multitask import MultitaskNetwork
from flickr_emotion.model.networks.system import classifier
from flickr_emotion.model.posts.posts import FIRST_ID, Encoding
from tests.model.small_networks import (
    ENCODING,
    EVERY_SUBSET_TWICE,
    batch_of,
    loss_of,
    network,
    split_of,
)


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


def test_the_documented_parameters() -> None:
    """The table of docs/model.md names every module of the default network with its numbers."""
    encoding = Encoding(
        words=tuple(f"w{n}" for n in range(10_000 - FIRST_ID)),
        tags=tuple(f"t{n}" for n in range(5_000 - FIRST_ID)),
        classes=tuple("abcdefgh"),
    )
    built = MultitaskNetwork(encoding, build_backbone("densenet121"), frozen_image=True)
    text = (PROJECT / "docs" / "model.md").read_text()
    rows = re.findall(r"^\| `((?:encoders|heads)\.\S+)` \|.*\| ([0-9,]+) \|$", text, re.MULTILINE)
    documented = {name: int(number.replace(",", "")) for name, number in rows}
    for name, number in documented.items():
        assert sum(p.numel() for p in built.get_submodule(name).parameters()) == number, name
    assert sum(documented.values()) == sum(p.numel() for p in built.parameters())


@pytest.mark.parametrize("subset", SUBSETS)
def test_absence_is_exact(net: MultitaskNetwork, subset: str) -> None:
    """Posts of a subset train only its encoders and the heads of its own subsets."""
    net.zero_grad()
    batch = batch_of([subset] * 3)
    logits = net(batch)
    answered = {head for head in SUBSETS if contains(subset, head)}
    assert set(logits) == answered
    loss_of(net, batch).backward()  # type: ignore[no-untyped-call]
    for head in SUBSETS:
        for gradient in gradients(net, f"heads.{head}."):
            assert (gradient is not None and bool(gradient.any())) == (head in answered)
    for modality in MODALITIES:
        found = [g for g in gradients(net, f"encoders.{modality}.") if g is not None]
        assert any(bool(g.to_dense().any()) for g in found) == (modality in subset.split("+"))


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
            alone = net(split_of(EVERY_SUBSET_TWICE).batch(np.array([number])))
            torch.testing.assert_close(together[head][row], alone[head][0], atol=1e-5, rtol=0)


def assert_as_one_by_one(net: MultitaskNetwork, subsets: list[str]) -> None:
    """Logits, loss and gradients equal those of running each encoder and head separately."""
    batch = batch_of(subsets)
    net.zero_grad()
    answers = net(batch)
    loss = loss_of(net, batch)
    loss.backward()  # type: ignore[no-untyped-call]
    found = {name: p.grad for name, p in net.named_parameters()}

    net.zero_grad()
    representations = {m: net.encoders[m](inputs) for m, inputs in batch.inputs.items()}
    terms = []
    for head in SUBSETS:
        rows = batch.rows[head].tolist()
        if not rows:
            assert head not in answers
            continue
        held = [
            representations[m][[batch.rows[m].tolist().index(row) for row in rows]]
            for m in head.split("+")
        ]
        logits = net.heads[head](torch.cat(held, dim=1))
        torch.testing.assert_close(answers[head], logits, atol=1e-6, rtol=1e-6)
        terms.append(torch.nn.functional.cross_entropy(logits, batch.labels_B[rows]))
    expected = torch.stack(terms).sum()
    torch.testing.assert_close(loss, expected, atol=1e-6, rtol=1e-6)
    expected.backward()  # type: ignore[no-untyped-call]
    for name, parameter in net.named_parameters():
        gradient, wanted = found[name], parameter.grad
        assert (gradient is None) == (wanted is None), name
        if gradient is not None and wanted is not None:
            torch.testing.assert_close(
                gradient.to_dense(), wanted.to_dense(), atol=1e-6, rtol=1e-5, msg=name
            )


class TestHeadsTogether:
    @pytest.mark.parametrize("subset", SUBSETS)
    def test_posts_of_one_subset(self, net: MultitaskNetwork, subset: str) -> None:
        assert_as_one_by_one(net, [subset] * 5)

    def test_a_mixed_batch(self, net: MultitaskNetwork) -> None:
        assert_as_one_by_one(net, [*EVERY_SUBSET_TWICE, "image", "text+tags"])

    @pytest.mark.parametrize("absent", MODALITIES)
    def test_a_modality_that_no_post_has(self, net: MultitaskNetwork, absent: str) -> None:
        assert_as_one_by_one(net, [s for s in SUBSETS if absent not in s.split("+")])

    def test_the_plain_network_answers_the_same(self, net: MultitaskNetwork) -> None:
        plain = PlainNetwork(ENCODING, build_backbone("squeezenet1_1"), frozen_image=True).eval()
        plain.load_state_dict(net.state_dict())
        split = split_of(EVERY_SUBSET_TWICE)
        everyone = np.arange(len(split.posts))
        features = split.images.rows(range(split.posts.images))
        plain_batch = PlainSplit(posts=split.posts, features=features).batch(everyone)
        plain_logits = plain(plain_batch)
        batch = split.batch(everyone)
        answers = net(batch)
        for head in SUBSETS:
            wanted = plain_logits[head][batch.rows[head]]
            torch.testing.assert_close(answers[head], wanted, atol=1e-5, rtol=0)
        torch.testing.assert_close(
            loss_of(net, batch), plain.loss(plain_logits, plain_batch), atol=1e-5, rtol=0
        )


@pytest.mark.parametrize("subset", SUBSETS)
def test_a_single_task_network(net: MultitaskNetwork, subset: str) -> None:
    """It has its subset's encoders and head, and answers like the multitask network."""
    single = MultitaskNetwork(
        ENCODING, build_backbone("squeezenet1_1"), frozen_image=True, subsets=(subset,)
    ).eval()
    assert list(single.encoders) == subset.split("+")
    state = net.state_dict()
    single.load_state_dict({name: state[name] for name in single.state_dict()})
    batch = batch_of(EVERY_SUBSET_TWICE)
    answers = single(batch)
    assert list(answers) == [subset]
    torch.testing.assert_close(answers[subset], net(batch)[subset], atol=1e-6, rtol=1e-6)


def test_the_names_in_a_file_of_weights(net: MultitaskNetwork) -> None:
    """Runs of the first version are loaded by these names and shapes."""
    shapes = {name: tuple(values.shape) for name, values in net.state_dict().items()}
    assert shapes["encoders.text.embedding.weight"] == (42, 300)
    assert shapes["encoders.text.convolutions.2.weight"] == (100, 300, 5)
    assert shapes["encoders.text.fc.weight"] == (300, 900)
    assert shapes["encoders.tags.convolution.weight"] == (300, 250, 1)
    assert shapes["encoders.image.fc.weight"] == (300, 512)
    assert shapes["heads.image+text+tags.0.weight"] == (256, 900)
    assert shapes["heads.tags.4.bias"] == (3,)


def test_loss_by_hand(net: MultitaskNetwork) -> None:
    batch = batch_of([*EVERY_SUBSET_TWICE, "image", "image+tags"])
    logits = net(batch)
    expected = 0.0
    for subset, values in logits.items():
        probabilities = values.detach().double().softmax(1).numpy()
        labels = batch.labels_B[batch.rows[subset]].numpy()
        expected += float(-np.log(probabilities[np.arange(len(labels)), labels]).mean())
    assert loss_of(net, batch).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("absent", MODALITIES)
def test_a_batch_without_some_modality(net: MultitaskNetwork, absent: str) -> None:
    """The four heads that need it add zero, and nothing becomes NaN."""
    net.zero_grad()
    batch = batch_of([s for s in SUBSETS if absent not in s.split("+")])
    logits = net(batch)
    assert len(logits) == 3
    loss = loss_of(net, batch)
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
