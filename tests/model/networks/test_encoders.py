"""The encoders of section 3.1: their sizes, and that a representation depends on its post only."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from benchmarks.training.plain import PlainTagsEncoder, PlainTextEncoder
from flickr_emotion.model.features.image_backbones import build_backbone
from flickr_emotion.model.features.word_vectors import WORD_DIMENSION
from flickr_emotion.model.networks import text_convolutions
from flickr_emotion.model.networks.encoders import (
    FILTERS_PER_WINDOW,
    WORD_DROPOUT,
    ImageEncoder,
    TagsEncoder,
    TextEncoder,
    _kept,
)
from flickr_emotion.model.posts.posts import WINDOWS
from tests.model.small_networks import pack_lists

torch.manual_seed(0)
TEXT = TextEncoder(50).eval()
TAGS = TagsEncoder(50).eval()

ids = st.lists(st.integers(1, 49), min_size=1, max_size=12)


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


class TestSizes:
    def test_text(self) -> None:
        convolutions = sum(window * 300 * 100 + 100 for window in (3, 4, 5))
        assert parameters(TEXT) == 50 * 300 + convolutions + (900 * 300 + 300)
        assert TEXT(pack_lists([[1] * 7] * 2)).shape == (2, 300)

    def test_tags(self) -> None:
        assert parameters(TAGS) == 50 * 250 + (250 * 300 + 300)
        assert TAGS(pack_lists([[1] * 10] * 2)).shape == (2, 300)

    def test_image(self) -> None:
        encoder = ImageEncoder(build_backbone("densenet121"), frozen=True)
        assert parameters(encoder.fc) == 1024 * 300 + 300
        assert parameters(encoder.backbone) == 6_953_856  # DenseNet-121 without its last layer
        assert encoder(torch.zeros(2, 1024)).shape == (2, 300)


@settings(deadline=None, max_examples=40)
@given(post=ids, mates=st.lists(ids, max_size=3))
@pytest.mark.parametrize("encoder", [TEXT, TAGS], ids=["text", "tags"])
def test_batch_mates_change_nothing(
    encoder: nn.Module, post: list[int], mates: list[list[int]]
) -> None:
    alone = encoder(pack_lists([post], least=5))
    together = encoder(pack_lists([*mates, post, *mates], least=5))
    torch.testing.assert_close(together[len(mates)][None], alone, atol=1e-5, rtol=0)


def padded(lists: list[list[int]], length: int) -> torch.Tensor:
    return torch.tensor([entries + [0] * (length - len(entries)) for entries in lists])


def gradients(module: nn.Module) -> dict[str, torch.Tensor]:
    found = {}
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None
        found[name] = parameter.grad.to_dense() if parameter.grad.is_sparse else parameter.grad
    return found


def assert_same(
    packed: nn.Module, plain: nn.Module, lists: list[list[int]], *, least: int, length: int
) -> None:
    """Outputs and all gradients of a packed encoder equal those of the plain, padded one."""
    plain.load_state_dict(packed.state_dict())
    towards = torch.randn(len(lists), 300, generator=torch.Generator().manual_seed(1))
    found, expected = packed(pack_lists(lists, least=least)), plain(padded(lists, length))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    for module, answer in ((packed, found), (plain, expected)):
        module.zero_grad()
        (answer * towards).mean().backward()
    wanted = gradients(plain)
    for name, gradient in gradients(packed).items():
        torch.testing.assert_close(gradient, wanted[name], atol=1e-5, rtol=1e-5, msg=name)


class TestPacked:
    @settings(deadline=None, max_examples=25)
    @given(lists=st.lists(st.lists(st.integers(1, 49), min_size=1, max_size=30), min_size=1))
    def test_texts_equal_padded_ones(self, lists: list[list[int]]) -> None:
        """Including texts shorter than a window, and repeated words."""
        assert_same(TEXT, PlainTextEncoder(50).eval(), lists, least=5, length=150)

    def test_texts_of_several_blocks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(text_convolutions, "WORDS_PER_BLOCK", 64)
        generator = torch.Generator().manual_seed(0)
        lengths = [3, 150, 64, 1, 61, 5, 40]
        lists = [torch.randint(1, 50, (n,), generator=generator).tolist() for n in lengths]
        assert_same(TEXT, PlainTextEncoder(50).eval(), lists, least=5, length=150)

    @settings(deadline=None, max_examples=25)
    @given(lists=st.lists(st.lists(st.integers(1, 49), min_size=1, max_size=10), min_size=1))
    def test_tags_equal_padded_ones(self, lists: list[list[int]]) -> None:
        assert_same(TAGS, PlainTagsEncoder(50), lists, least=1, length=10)

    def test_only_vectors_in_the_batch_get_a_gradient(self) -> None:
        TEXT.zero_grad()
        TEXT(pack_lists([[7, 8], [9] * 6], least=5)).sum().backward()
        gradient = TEXT.embedding.weight.grad
        assert gradient is not None
        assert gradient.is_sparse
        learnt = gradient.to_dense().abs().sum(1).nonzero().flatten()
        assert learnt.tolist() == [7, 8, 9]

    def test_bfloat16_answers_nearly_the_same(self) -> None:
        texts = pack_lists([[3, 4, 5, 6, 7, 8], [9]], least=5)
        with torch.autocast("cpu", torch.bfloat16):
            found = TEXT(texts)
        torch.testing.assert_close(found.float(), TEXT(texts), atol=0.05, rtol=0.05)


def test_dropout_of_word_vectors() -> None:
    """A quarter of the numbers is dropped, and the others are scaled up."""
    kept = _kept(torch.empty(999, 301))
    assert set(kept.flatten().tolist()) == {0.0, 1.0}
    # The standard error is 0.0008.
    assert 1 - kept.mean().item() == pytest.approx(WORD_DROPOUT, abs=0.004)
    assert not torch.equal(kept, _kept(kept))


def test_what_dropout_keeps_is_scaled_up() -> None:
    """So that an average over a text is in training what it is afterwards.

    All words are ones, and the encoder answers with the average of all numbers that it sees.
    """
    encoder = TextEncoder(5).train().requires_grad_(False)
    encoder.embedding.weight.fill_(1.0)
    for convolution, window in zip(encoder.convolutions, WINDOWS, strict=True):
        assert isinstance(convolution, nn.Conv1d)
        assert convolution.bias is not None
        convolution.weight.fill_(1 / (WORD_DIMENSION * window))
        convolution.bias.zero_()
    encoder.fc.weight.zero_()
    encoder.fc.bias.zero_()
    encoder.fc.weight[0, FILTERS_PER_WINDOW] = 1.0  # the average of the first window's first map
    text = pack_lists([[1 + n % 4 for n in range(150)]])
    assert encoder.eval()(text)[0, 0].item() == pytest.approx(1.0, abs=1e-5)
    # The standard error is 0.003; without the scale it would be 0.75.
    assert encoder.train()(text)[0, 0].item() == pytest.approx(1.0, abs=0.03)


def test_text_pooling_by_hand() -> None:
    """Equation 1 for one text, position by position, without padding or masks."""
    text = [3, 4, 5, 6, 7, 8]
    embedded = TEXT.embedding(torch.tensor(text))
    pools = []
    for convolution, window in zip(TEXT.convolutions, (3, 4, 5), strict=True):
        assert isinstance(convolution, nn.Conv1d)
        positions = [embedded[start : start + window].T for start in range(6 - window + 1)]
        maps = torch.stack(
            [
                torch.relu((convolution.weight * position).sum((1, 2)) + convolution.bias)
                for position in positions
            ]
        )
        pools += [maps.max(0).values, maps.mean(0), maps.min(0).values]
    torch.testing.assert_close(
        TEXT(pack_lists([text]))[0], TEXT.fc(torch.cat(pools)), atol=1e-5, rtol=1e-5
    )


def test_a_text_shorter_than_a_window_has_one_position() -> None:
    """It is padded with zeros to the window size, for all three windows."""
    word = TEXT.embedding(torch.tensor([9]))[0]
    pools = []
    for convolution in TEXT.convolutions:
        assert isinstance(convolution, nn.Conv1d)
        assert convolution.bias is not None
        pools += [torch.relu(convolution.weight[:, :, 0] @ word + convolution.bias)] * 3
    expected = TEXT.fc(torch.cat(pools))
    torch.testing.assert_close(TEXT(pack_lists([[9]], least=5))[0], expected, atol=1e-5, rtol=1e-5)


def test_a_frozen_backbone_stays_as_it_is() -> None:
    encoder = ImageEncoder(build_backbone("shufflenet_v2_x0_5"), frozen=True).train()
    before = {name: value.clone() for name, value in encoder.backbone.state_dict().items()}
    encoder(torch.zeros(2, 3, 64, 64, dtype=torch.uint8)).sum().backward()
    assert all(
        torch.equal(value, before[name]) for name, value in encoder.backbone.state_dict().items()
    )
    assert all(parameter.grad is None for parameter in encoder.backbone.parameters())
    assert encoder.fc.weight.grad is not None
