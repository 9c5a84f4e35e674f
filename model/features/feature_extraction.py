"""Runs a data set's pictures through a frozen backbone in one stream, at the backbone's speed.

On a CPU, decoding and the backbone compete for the same cores. Each worker therefore takes a few
pictures all the way from bytes to features by itself; the threads of a shared forward pass would
wait for the slowest at every layer. On a GPU, the next pictures are decoded and copied while it is
busy.
"""

# ruff: noqa: N803, N806 (shapes in names)

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any, TypeVar

import torch
from torch import Tensor

from flickr_emotion.datasets.folder.reading import Dataset
from flickr_emotion.model.features.image_backbones import PICTURES_PER_THREAD, Backbone
from flickr_emotion.model.features.picture_decoding import PictureDecoder, stacked
from flickr_emotion.model.features.picture_graphs import PICTURES_PER_PASS, PictureGraph
from flickr_emotion.model.features.picture_sizes import FOR_A_DATASET

# A worker holds the interpreter's lock while it starts a layer. On machines with many cores each
# worker gets several of them, so that few workers compete for the lock.
MOST_WORKERS = 8
GROUPS_AHEAD = 3  # per worker: enough to keep it busy, few enough to keep memory small
PICTURES_PER_READ = 64
PICTURES_PER_GPU_PASS = 512  # the initial size; halved when the GPU runs out of memory
GPU_PASSES_AHEAD = 2

Picture = tuple[str, bytes]
"""A picture's name in error messages, and its bytes."""
Made = TypeVar("Made")


def picture_contents(dataset: Dataset, split: str) -> Iterator[Picture]:
    """Yield the name (for errors) and bytes of a split's pictures, in the order of the posts."""
    for batch in dataset.batches(split, ("photo_id", "image"), PICTURES_PER_READ):
        for row in batch:
            if row["image"] is not None:
                yield f"photo {row['photo_id']} in {split}", row["image"]["bytes"] or b""


def extract(
    pictures: Iterator[Picture],
    backbone: Backbone,
    decoder: PictureDecoder,
    device: torch.device,
    graph: PictureGraph | None = None,
) -> Generator[Tensor, None, None]:
    """Yield the features of pictures in order, as (N, D) on the CPU, in chunks of varying N.

    With a ``graph`` of the backbone, this reads them, on the CPU. Raises ``ModelError`` that names
    a picture that cannot be read.
    """
    if graph is not None:
        return _by_graph(pictures, backbone, graph)
    backbone.to(device).eval()
    if device.type == "cuda":
        return _on_gpu(pictures, backbone, decoder, device)
    return _on_cpu(pictures, backbone)


def _by_graph(
    pictures: Iterator[Picture], backbone: Backbone, graph: PictureGraph
) -> Generator[Tensor, None, None]:
    # A pass is computed by the worker's own thread, outside of the interpreter's lock.
    workers = torch.get_num_threads()

    def features(group: list[Picture]) -> Tensor:
        decode = backbone.preprocessing.pixels
        return torch.from_numpy(
            graph.read([decode(data, name, FOR_A_DATASET) for name, data in group])
        )

    pool = ThreadPoolExecutor(workers, thread_name_prefix="features")
    try:
        yield from _made_ahead(
            pool, features, _groups(pictures, PICTURES_PER_PASS), GROUPS_AHEAD * workers
        )
    finally:
        pool.shutdown(cancel_futures=True)


def _on_cpu(pictures: Iterator[Picture], backbone: Backbone) -> Generator[Tensor, None, None]:
    cores = torch.get_num_threads()
    workers = min(cores, MOST_WORKERS)
    threads = cores // workers

    def features(group: list[Picture]) -> Tensor:
        decode = backbone.preprocessing.picture
        with torch.inference_mode():
            pictures_N3HW = stacked([decode(data, name, FOR_A_DATASET) for name, data in group])
            features_ND: Tensor = backbone(pictures_N3HW)
        return features_ND

    pool = ThreadPoolExecutor(
        workers,
        thread_name_prefix="features",
        initializer=torch.set_num_threads,
        initargs=(threads,),
    )
    try:
        groups = _groups(pictures, PICTURES_PER_THREAD * threads)
        yield from _made_ahead(pool, features, groups, GROUPS_AHEAD * workers)
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(cores)  # the setting is partly per process, not per worker


def _on_gpu(
    pictures: Iterator[Picture], backbone: Backbone, decoder: PictureDecoder, device: torch.device
) -> Generator[Tensor, None, None]:
    def decoded(group: list[Picture]) -> Tensor:
        names, contents = zip(*group, strict=True)
        pictures_N3HW = decoder.pictures(contents, names)
        return pictures_N3HW if pictures_N3HW.is_cuda else pictures_N3HW.pin_memory()

    passes = FittingPasses(backbone, PICTURES_PER_GPU_PASS)
    before: tuple[Tensor, torch.cuda.Event] | None = None
    pool = ThreadPoolExecutor(1, thread_name_prefix="decoding")
    try:
        groups = _groups(pictures, PICTURES_PER_GPU_PASS)
        for pictures_N3HW in _made_ahead(pool, decoded, groups, GPU_PASSES_AHEAD):
            with torch.inference_mode():
                features_ND = passes(pictures_N3HW.to(device, non_blocking=True))
                copy_ND = torch.empty(features_ND.shape, pin_memory=True)
                copy_ND.copy_(features_ND, non_blocking=True)
            copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
            copied.record()
            # The previous pass is waited for only now, with this one queued.
            if before:
                yield _arrived(*before)
            before = copy_ND, copied
        if before:
            yield _arrived(*before)
    finally:
        pool.shutdown(cancel_futures=True)


def _arrived(features_ND: Tensor, copied: torch.cuda.Event) -> Tensor:
    copied.synchronize()
    return features_ND


class FittingPasses:
    """Runs a backbone over as many pictures at once as fit into the device's memory."""

    def __init__(self, backbone: Callable[[Tensor], Tensor], most: int) -> None:
        self._backbone = backbone
        self._most = most

    def __call__(self, pictures_N3HW: Tensor) -> Tensor:
        """Return the features (N, D); a size that did not fit is not tried again."""
        done: list[Tensor] = []
        at = 0
        while at < len(pictures_N3HW):
            try:
                done.append(self._backbone(pictures_N3HW[at : at + self._most]))
            except torch.OutOfMemoryError:
                if self._most == 1:
                    raise
                self._most //= 2
            else:
                at += self._most
        return torch.cat(done)


def _groups(pictures: Iterator[Picture], size: int) -> Iterator[list[Picture]]:
    while group := list(islice(pictures, size)):
        yield group


def _made_ahead(
    pool: ThreadPoolExecutor, make: Callable[[Any], Made], groups: Iterator[Any], ahead: int
) -> Iterator[Made]:
    coming: deque[Future[Made]] = deque()
    for group in groups:
        coming.append(pool.submit(make, group))
        if len(coming) > ahead:
            yield coming.popleft().result()
    while coming:
        yield coming.popleft().result()
