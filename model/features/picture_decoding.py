"""Decodes batches of pictures for a backbone, on the CPU or with the GPU's decoder.

A GPU processes pictures faster than a few cores decode them. Its own decoder (nvJPEG) keeps up, but
rounds differently from libjpeg: pixels differ by a few levels. So the CPU is the default.
"""

# ruff: noqa: N803, N806 (shapes in names)

import io
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import torch
from PIL import Image
from torch import Tensor

from flickr_emotion.common.printing import say
from flickr_emotion.datasets.pictures.formats import UnreadablePictureError, open_picture
from flickr_emotion.datasets.pictures.rgb import is_plain
from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.features.picture_sizes import FOR_A_DATASET, MAX_ASPECT
from flickr_emotion.model.features.pictures import Preprocessing

DECODERS = ("cpu", "gpu")
_END_OF_JPEG = b"\xff\xd9"


class PictureDecoder(Protocol):
    """Decodes the pictures of a data set."""

    name: str
    """Decoders with the same name give the same bytes."""

    def pictures(self, contents: Sequence[bytes], photos: Sequence[str]) -> Tensor:
        """Return bytes (N, 3, H, W); raises ``ModelError`` naming an unreadable picture."""


def open_decoder(preprocessing: Preprocessing, decode: str, device: torch.device) -> PictureDecoder:
    """Return the decoder of ``--decode``; the CPU's, with a message, if the GPU has none."""
    if decode not in DECODERS:
        raise ModelError(f"--decode {decode} is not known: give {' or '.join(DECODERS)}")
    if decode == "gpu":
        try:
            if device.type != "cuda":
                raise RuntimeError(f"the device is {device}")
            probe = io.BytesIO()
            Image.new("RGB", (8, 8)).save(probe, "JPEG")
            _decode_jpegs([probe.getvalue()], device)
        except (ImportError, RuntimeError) as error:
            reason = (str(error).splitlines() or ["no nvJPEG"])[0]
            say(f"pictures are decoded on the CPU instead of a GPU: {reason}")
        else:
            return BatchDecoder(preprocessing, device)
    return CpuDecoder(preprocessing)


class PictureTable:
    """The pictures of a split, decoded on demand, for training the backbone.

    The compressed bytes stay in memory because every epoch has another order.
    """

    def __init__(
        self, contents: Sequence[bytes], photos: Sequence[str], decoder: PictureDecoder
    ) -> None:
        self._contents = contents
        self._photos = photos
        self._decoder = decoder

    def rows(self, rows: Sequence[int]) -> Tensor:
        """Return the pictures of these rows, bytes (N, 3, H, W), on the decoder's device."""
        return self._decoder.pictures(
            [self._contents[row] for row in rows], [self._photos[row] for row in rows]
        )


class CpuDecoder:
    """Decodes with Pillow, one picture per thread.

    Threads are enough: Pillow decodes and resizes outside the interpreter's lock.
    """

    name = "cpu"

    def __init__(self, preprocessing: Preprocessing) -> None:
        self._preprocessing = preprocessing
        self._pool = ThreadPoolExecutor()

    def pictures(self, contents: Sequence[bytes], photos: Sequence[str]) -> Tensor:
        """Return bytes (N, 3, H, W)."""
        return stacked(list(self._pool.map(self._picture, contents, photos)))

    def _picture(self, content: bytes, photo: str) -> Tensor:
        return self._preprocessing.picture(content, photo, FOR_A_DATASET)


def stacked(pictures: Sequence[Tensor]) -> Tensor:
    """Stack pictures in the channels-last memory format, which they come in."""
    batch_N3HW = torch.empty(
        (len(pictures), *pictures[0].shape), dtype=torch.uint8, memory_format=torch.channels_last
    )
    for row, picture in enumerate(pictures):
        batch_N3HW[row] = picture
    return batch_N3HW


class BatchDecoder:
    """Decodes, resizes and crops on a device, a batch of JPEGs at once.

    The CPU takes the rest: other formats, rotated pictures, very elongated ones, and damaged ones,
    which it names.
    """

    name = "nvjpeg"

    def __init__(self, preprocessing: Preprocessing, device: torch.device) -> None:
        self._preprocessing = preprocessing
        self._device = device
        self._cpu = CpuDecoder(preprocessing)

    def pictures(self, contents: Sequence[bytes], photos: Sequence[str]) -> Tensor:
        """Return bytes (N, 3, H, W) on the device."""
        crop = self._preprocessing.crop
        batch_N3HW = torch.empty(
            (len(contents), 3, crop, crop),
            dtype=torch.uint8,
            device=self._device,
            memory_format=torch.channels_last,
        )
        rows = [row for row, content in enumerate(contents) if is_plain_jpeg(content)]
        decoded: list[Tensor] = []
        if rows:
            try:
                decoded = _decode_jpegs([contents[row] for row in rows], self._device)
            except RuntimeError:
                rows = []  # nvJPEG does not say which picture failed; the CPU does
        for row, picture in zip(rows, decoded, strict=True):
            batch_N3HW[row] = cut(picture, self._preprocessing)
        if rest := sorted(set(range(len(contents))) - set(rows)):
            there = self._cpu.pictures([contents[r] for r in rest], [photos[r] for r in rest])
            batch_N3HW[torch.tensor(rest, device=self._device)] = there.to(self._device)
        return batch_N3HW


def _decode_jpegs(contents: Sequence[bytes], device: torch.device) -> list[Tensor]:
    # Imported here because torchvision 0.29 calls its decoders deprecated: a later one may lack
    # them.
    from torchvision.io import ImageReadMode, decode_jpeg

    encoded = [torch.frombuffer(bytearray(content), dtype=torch.uint8) for content in contents]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        decoded: list[Tensor] = decode_jpeg(encoded, ImageReadMode.RGB, device=device)
    return decoded


def is_plain_jpeg(content: bytes) -> bool:
    """Return whether a JPEG is ordinary, of usual sides and, judging by its last bytes, whole."""
    if not content.rstrip(b"\0").endswith(_END_OF_JPEG):
        return False  # nvJPEG silently fills in the missing part
    try:
        with open_picture(content) as image:
            return is_plain(image) and max(image.size) <= MAX_ASPECT * min(image.size)
    except UnreadablePictureError:  # the CPU decoder then reports what is wrong
        return False


def cut(picture_3HW: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Resize and crop a decoded picture on its device, as ``Preprocessing.picture`` does."""
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms.v2 import functional

    height, width = picture_3HW.shape[1:]
    (new_width, new_height), left, top = preprocessing.geometry(width, height)
    if (new_width, new_height) != (width, height):
        picture_3HW = functional.resize(
            picture_3HW,
            [new_height, new_width],
            InterpolationMode[preprocessing.interpolation.name],
            antialias=True,
        )
    result: Tensor = functional.crop(picture_3HW, top, left, preprocessing.crop, preprocessing.crop)
    return result
