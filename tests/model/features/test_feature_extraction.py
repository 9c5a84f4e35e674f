"""Features are those of the published preprocessing, on every path through the program."""

import io
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision import models

from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.features.backbone_weights import load_backbone
from flickr_emotion.model.features.feature_extraction import FittingPasses, extract
from flickr_emotion.model.features.image_backbones import Backbone
from flickr_emotion.model.features.picture_decoding import CpuDecoder, open_decoder

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    torch.manual_seed(3)
    return load_backbone("squeezenet1_1", "none")


def scene(size: tuple[int, int], seed: int) -> bytes:
    """Return a JPEG with edges and gradients, like a photograph."""
    random = np.random.default_rng(seed)
    small = Image.fromarray(random.integers(0, 256, (9, 12, 3), dtype=np.uint8))
    file = io.BytesIO()
    small.resize(size, Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
    return file.getvalue()


SIZES = [(256, 256), (341, 256), (256, 400), (140, 300), (500, 375)]
SCENES = [(f"photo {seed}", scene(size, seed)) for seed, size in enumerate(SIZES)]


def test_cosine_with_torchvisions_own_transforms(backbone: Backbone) -> None:
    """Each picture alone, through torchvision's published transforms for the weights."""
    transform = models.get_model_weights("squeezenet1_1").DEFAULT.transforms()
    found = torch.cat(
        list(extract(iter(SCENES), backbone, CpuDecoder(backbone.preprocessing), CPU))
    )
    with torch.inference_mode():
        expected = torch.cat(
            [
                backbone.network(transform(Image.open(io.BytesIO(content)))[None]).flatten(1)
                for _, content in SCENES
            ]
        )
    assert nn.functional.cosine_similarity(found, expected).min() > 0.9999
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_no_pictures(backbone: Backbone) -> None:
    assert not list(extract(iter(()), backbone, CpuDecoder(backbone.preprocessing), CPU))


def test_only_a_few_pictures_are_read_ahead(backbone: Backbone) -> None:
    read = 0

    def pictures() -> Iterator[tuple[str, bytes]]:
        nonlocal read
        for _ in range(1000):
            read += 1
            yield SCENES[0]

    stream = extract(pictures(), backbone, CpuDecoder(backbone.preprocessing), CPU)
    next(stream)
    stream.close()
    assert read < 32 * torch.get_num_threads()


def test_passes_are_halved_until_they_fit() -> None:
    sizes: list[int] = []

    def of_small_memory(pictures: Tensor) -> Tensor:
        sizes.append(len(pictures))
        if len(pictures) > 3:
            raise torch.OutOfMemoryError
        return pictures * 2

    passes = FittingPasses(of_small_memory, 8)
    pictures = torch.arange(10)[:, None]
    assert torch.equal(passes(pictures), pictures * 2)
    assert sizes == [8, 4, 2, 2, 2, 2, 2]
    with pytest.raises(torch.OutOfMemoryError):
        FittingPasses(lambda _: of_small_memory(torch.zeros(9)), 8)(pictures)


def test_a_damaged_picture_is_named(backbone: Backbone) -> None:
    pictures = iter([*SCENES, ("photo 4711 in train", SCENES[0][1][:500])])
    with pytest.raises(ModelError, match="the picture of photo 4711 in train cannot be read"):
        list(extract(pictures, backbone, CpuDecoder(backbone.preprocessing), CPU))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA")
@pytest.mark.parametrize("decode", ["cpu", "gpu"])
def test_on_a_gpu_as_on_the_cpu(backbone: Backbone, decode: str) -> None:
    expected = torch.cat(
        list(extract(iter(SCENES), backbone, CpuDecoder(backbone.preprocessing), CPU))
    )
    device = torch.device("cuda")
    decoder = open_decoder(backbone.preprocessing, decode, device)
    found = torch.cat(list(extract(iter(SCENES), backbone, decoder, device)))
    backbone.to(CPU)
    assert nn.functional.cosine_similarity(found, expected).min() > 0.999
