"""Pictures decoded on a device match the CPU's, and the CPU decodes what the device cannot.

The device's decoder is tested on the CPU, where torchvision decodes with libjpeg as Pillow does.
"""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.features.image_backbones import build_backbone
from flickr_emotion.model.features.picture_decoding import (
    BatchDecoder,
    CpuDecoder,
    PictureTable,
    is_plain_jpeg,
    open_decoder,
)
from tests.model.dataset_folder import picture
from tests.model.features.test_feature_extraction import SCENES

CPU = torch.device("cpu")
NAMES, CONTENTS = zip(*SCENES, strict=True)


def encoded(image: Image.Image, form: str = "JPEG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def lying() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    return encoded(Image.open(io.BytesIO(CONTENTS[1])), exif=exif)


ODD = {
    "PNG": encoded(Image.open(io.BytesIO(CONTENTS[0])), "PNG"),
    "on its side": lying(),
    "four colours": encoded(Image.open(io.BytesIO(CONTENTS[0])).convert("CMYK")),
    "long": picture((9, 200, 3), size=(2000, 20)),
}


@pytest.mark.parametrize("name", ["squeezenet1_1", "efficientnet_b0"])
def test_equal_to_the_cpus(name: str) -> None:
    """Bilinear and bicubic; both resizers round after each of two passes, so by a level or two."""
    preprocessing = build_backbone(name).preprocessing
    contents = [*CONTENTS, *ODD.values(), encoded(Image.new("L", (300, 280), 77))]
    names = [str(number) for number in range(len(contents))]
    found = BatchDecoder(preprocessing, CPU).pictures(contents, names)
    expected = CpuDecoder(preprocessing).pictures(contents, names)
    assert found.shape == (len(contents), 3, preprocessing.crop, preprocessing.crop)
    difference = (found.int() - expected.int()).abs()
    assert difference.max() <= 2
    assert difference.float().mean() < 0.1


def test_nothing_is_resized_that_has_its_size() -> None:
    preprocessing = build_backbone("squeezenet1_1").preprocessing
    found = BatchDecoder(preprocessing, CPU).pictures(CONTENTS[:3], NAMES[:3])
    assert torch.equal(found, CpuDecoder(preprocessing).pictures(CONTENTS[:3], NAMES[:3]))


@pytest.mark.parametrize("kind", ODD)
def test_what_goes_to_the_cpu(kind: str) -> None:
    assert is_plain_jpeg(CONTENTS[0])
    assert not is_plain_jpeg(ODD[kind])


@pytest.mark.parametrize("end", [b"", b"\xff\xd9"], ids=["cut", "cut, with an end"])
def test_a_damaged_picture_is_named(end: bytes) -> None:
    damaged = CONTENTS[0][:150] + end
    decoder = BatchDecoder(build_backbone("squeezenet1_1").preprocessing, CPU)
    with pytest.raises(ModelError, match="the picture of photo 4711 cannot be read") as caught:
        decoder.pictures([*CONTENTS, damaged], [*NAMES, "photo 4711"])
    assert str(caught.value).endswith(": build the splits again")


def test_a_table_gives_the_rows_that_are_asked_for() -> None:
    decoder = CpuDecoder(build_backbone("squeezenet1_1").preprocessing)
    table = PictureTable(CONTENTS, NAMES, decoder)
    expected = decoder.pictures(CONTENTS, NAMES)
    assert torch.equal(table.rows([3, 1, 1]), expected[[3, 1, 1]])


def test_without_a_gpu_the_cpu_decodes(capsys: pytest.CaptureFixture[str]) -> None:
    preprocessing = build_backbone("squeezenet1_1").preprocessing
    assert isinstance(open_decoder(preprocessing, "gpu", CPU), CpuDecoder)
    line = "pictures are decoded on the CPU instead of a GPU: the device is cpu\n"
    assert capsys.readouterr().err == line
    open_decoder(preprocessing, "cpu", CPU)
    assert not capsys.readouterr().err
    with pytest.raises(ModelError, match="--decode tpu is not known: give cpu or gpu"):
        open_decoder(preprocessing, "tpu", CPU)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA")
def test_nvjpeg() -> None:
    """It rounds colours differently, so pictures are similar, not equal."""
    preprocessing = build_backbone("squeezenet1_1").preprocessing
    decoder = open_decoder(preprocessing, "gpu", torch.device("cuda"))
    found = decoder.pictures(CONTENTS, NAMES).cpu()
    expected = CpuDecoder(preprocessing).pictures(CONTENTS, NAMES)
    assert np.abs(found.numpy().astype(int) - expected.numpy()).mean() < 3
