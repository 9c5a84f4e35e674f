"""The encoders of section 3.1: their sizes, and that a representation is its own post's only."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from model.encoders import ImageEncoder, TagsEncoder, TextEncoder
from model.image_backbones import build_backbone

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
        assert TEXT(torch.ones(2, 7, dtype=torch.long)).shape == (2, 300)

    def test_tags(self) -> None:
        assert parameters(TAGS) == 50 * 250 + (250 * 300 + 300)
        assert TAGS(torch.ones(2, 10, dtype=torch.long)).shape == (2, 300)

    def test_image(self) -> None:
        encoder = ImageEncoder(build_backbone("densenet121"), frozen=True)
        assert parameters(encoder.fc) == 1024 * 300 + 300
        assert parameters(encoder.backbone) == 6_953_856  # DenseNet-121 without its last layer
        assert encoder(torch.zeros(2, 1024)).shape == (2, 300)


@settings(deadline=None, max_examples=40)
@given(post=ids, mates=st.lists(ids, max_size=3), padding=st.integers(0, 9))
@pytest.mark.parametrize("encoder", [TEXT, TAGS], ids=["text", "tags"])
def test_padding_and_batch_mates_change_nothing(
    encoder: nn.Module, post: list[int], mates: list[list[int]], padding: int
) -> None:
    alone = encoder(torch.tensor([post]))
    length = max(map(len, [post, *mates])) + padding
    together = encoder(
        torch.tensor([entries + [0] * (length - len(entries)) for entries in [*mates, post]])
    )
    torch.testing.assert_close(together[-1:], alone, atol=1e-5, rtol=0)


def test_text_pooling_by_hand() -> None:
    """Equation 1 for one text, position by position, without padding or masks."""
    text = torch.tensor([[3, 4, 5, 6, 7, 8]])
    embedded = TEXT.embedding(text)[0]
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
    torch.testing.assert_close(TEXT(text)[0], TEXT.fc(torch.cat(pools)), atol=1e-5, rtol=1e-5)


def test_a_text_shorter_than_a_window_has_one_position() -> None:
    """It is padded with zeros up to the window, for all three windows."""
    word = TEXT.embedding(torch.tensor([9]))[0]
    pools = []
    for convolution in TEXT.convolutions:
        assert isinstance(convolution, nn.Conv1d)
        assert convolution.bias is not None
        pools += [torch.relu(convolution.weight[:, :, 0] @ word + convolution.bias)] * 3
    expected = TEXT.fc(torch.cat(pools))
    torch.testing.assert_close(TEXT(torch.tensor([[9]]))[0], expected, atol=1e-5, rtol=1e-5)


def test_a_frozen_backbone_stays_as_it_is() -> None:
    encoder = ImageEncoder(build_backbone("shufflenet_v2_x0_5"), frozen=True).train()
    before = {name: value.clone() for name, value in encoder.backbone.state_dict().items()}
    encoder(torch.zeros(2, 3, 64, 64, dtype=torch.uint8)).sum().backward()
    assert all(
        torch.equal(value, before[name]) for name, value in encoder.backbone.state_dict().items()
    )
    assert all(parameter.grad is None for parameter in encoder.backbone.parameters())
    assert encoder.fc.weight.grad is not None
