"""The text encoder's convolutions and pooling over packed texts, without padding.

Padded to 150 words, a short text spends nine tenths of its convolutions on zeros. Here, for each
offset within a window, the vectors of all words are multiplied by that offset's weights of the
three convolutions at once, and the products are added with the matching shift. No window is copied,
and the arithmetic is exactly that of the convolutions, on a CPU and on a GPU. A window that reaches
into the next text gives a value that pooling ignores.

Shapes in names: T words of all texts, N texts, P positions of the longest text, E embedding,
F feature maps of all W windows together.
"""

# ruff: noqa: N803, N806 (shapes in names)

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from flickr_emotion.model.posts.packing import Packed

# On a CPU a block's vectors and maps stay in the cache during the five passes, one for each offset:
# with 5,000 words at once, forward and backward take 1.5 times as long.
WORDS_PER_BLOCK = 1024


def convolve_and_pool(
    vectors_TE: Tensor, texts: Packed, weights: Sequence[Tensor], biases: Sequence[Tensor]
) -> Tensor:
    """Return the convolutions' ReLU, pooled over each text (equation 1), (N, 3F).

    ``weights`` are those of ``nn.Conv1d``, (maps, E, window), ordered by window size and with the
    same number of maps each. Every text must be padded with zero vectors to the longest window;
    ``texts.lengths_N`` are the unpadded lengths. Each convolution's max, average and min are
    adjacent in the output.
    """
    device = vectors_TE.device.type
    if torch.is_autocast_enabled(device):
        precision = torch.get_autocast_dtype(device)
        vectors_TE = vectors_TE.to(precision)
        weights = [weight.to(precision) for weight in weights]
        biases = [bias.to(precision) for bias in biases]
    windows_W = torch.tensor([weight.shape[2] for weight in weights]).to(texts.lengths_N.device)
    positions_NW = (texts.lengths_N[:, None] - windows_W + 1).clamp(min=1)
    longest = max(1, texts.longest - min(weight.shape[2] for weight in weights) + 1)
    pooled: Tensor = _ConvolveAndPool.apply(
        vectors_TE, texts.starts_N, positions_NW, longest, torch.cat(list(biases)), *weights
    )
    return pooled


class _ConvolveAndPool(torch.autograd.Function):
    """Convolution and pooling in one, so that feature maps are read as few times as possible."""

    @staticmethod
    def forward(
        ctx: Any,
        vectors_TE: Tensor,
        starts_N: Tensor,
        positions_NW: Tensor,
        longest: int,
        bias_F: Tensor,
        *weights: Tensor,
    ) -> Tensor:
        places = _places(weights)
        maps_TF = vectors_TE.new_empty(len(vectors_TE), len(bias_F))
        for start, end in _blocks(vectors_TE):
            torch.addmm(bias_F, vectors_TE[start:end], places[0].T, out=maps_TF[start:end])
            for place, weights_GE in enumerate(places[1:], 1):
                shifted_TE = vectors_TE[start + place : end + place]
                here_TG = maps_TF[start : start + len(shifted_TE), -len(weights_GE) :]
                here_TG.addmm_(shifted_TE, weights_GE.T)
        maps_TF.relu_()

        offsets_P = torch.arange(longest, device=starts_N.device)
        words_NP = (starts_N[:, None] + offsets_P).clamp_(max=len(maps_TF) - 1)
        real_NPW1 = (offsets_P[:, None] < positions_NW[:, None, :])[..., None]
        N, W = positions_NW.shape
        maps_NPWG = maps_TF.index_select(0, words_NP.flatten()).view(N, longest, W, -1)
        # After a ReLU, zeros change neither max nor sum.
        maps_NPWG.mul_(real_NPW1)
        mean_NWG = maps_NPWG.sum(1) / positions_NW[..., None]
        max_NWG, max_at_NWG = maps_NPWG.max(1)
        maps_NPWG.add_(real_NPW1.logical_not() * torch.finfo(maps_TF.dtype).max)
        min_NWG, min_at_NWG = maps_NPWG.min(1)
        ctx.save_for_backward(
            vectors_TE, starts_N, positions_NW, maps_TF, max_at_NWG, min_at_NWG, *places
        )
        ctx.shapes = [weight.shape for weight in weights]
        return torch.stack([max_NWG, mean_NWG, min_NWG], dim=2).flatten(1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        vectors_TE, starts_N, positions_NW, maps_TF, max_at_NWG, min_at_NWG, *places = (
            ctx.saved_tensors
        )
        T, F = maps_TF.shape
        N, W = positions_NW.shape
        of_max_NWG, of_mean_NWG, of_min_NWG = gradients[0].view(N, W, 3, -1).unbind(2)
        # The average's gradient is the same for all positions of a text.
        words_T = torch.arange(T, device=starts_N.device)
        text_T = torch.searchsorted(starts_N, words_T, right=True) - 1
        real_TW1 = ((words_T - starts_N[text_T])[:, None] < positions_NW[text_T])[..., None]
        share_NF = (of_mean_NWG / positions_NW[..., None]).flatten(1)
        maps_TWG = share_NF.index_select(0, text_T).view(T, W, -1).mul_(real_TW1)
        of_maps_TF = maps_TWG.view(T, F)
        for at_NWG, of_pool_NWG in ((max_at_NWG, of_max_NWG), (min_at_NWG, of_min_NWG)):
            words_NF = starts_N[:, None] + at_NWG.flatten(1)
            of_maps_TF.scatter_add_(0, words_NF, of_pool_NWG.flatten(1))
        of_maps_TF.mul_(maps_TF > 0)

        of_vectors_TE = torch.zeros_like(vectors_TE)
        of_places = [torch.zeros_like(weights_GE) for weights_GE in places]
        for start, end in _blocks(vectors_TE):
            for place, weights_GE in enumerate(places):
                here_TG = of_maps_TF[start : min(end, T - place), -len(weights_GE) :]
                shifted = slice(start + place, start + place + len(here_TG))
                of_vectors_TE[shifted].addmm_(here_TG, weights_GE)
                of_places[place].addmm_(here_TG.T, vectors_TE[shifted])
        of_weights = [vectors_TE.new_empty(shape) for shape in ctx.shapes]
        for place, of_place_GE in enumerate(of_places):
            longer = [weight for weight in of_weights if weight.shape[2] > place]
            for weight, part in zip(longer, of_place_GE.chunk(len(longer)), strict=True):
                weight[:, :, place] = part
        return of_vectors_TE, None, None, None, of_maps_TF.sum(0), *of_weights


def _blocks(vectors_TE: Tensor) -> list[tuple[int, int]]:
    """Return the start and end of each block of words that is multiplied at once."""
    T = len(vectors_TE)
    size = T if vectors_TE.is_cuda else WORDS_PER_BLOCK
    return [(start, min(start + size, T)) for start in range(0, T, size)]


def _places(weights: Sequence[Tensor]) -> list[Tensor]:
    """Return, for each offset in a window, the weights of the convolutions that reach it."""
    return [
        torch.cat([weight[:, :, place] for weight in weights if weight.shape[2] > place])
        for place in range(max(weight.shape[2] for weight in weights))
    ]
