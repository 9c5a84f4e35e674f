"""Prepares the next batches while the network works on the current one.

A thread is enough: the slow parts (Pillow's decoding, numpy's and torch's copies) release the
interpreter's lock. On a GPU a batch is put into pinned memory and copied in a separate stream,
in parallel with the kernels of the previous step.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.profiler import record_function

from flickr_emotion.model.inputs.batches import Batch, Split
from flickr_emotion.model.posts.posts import Integers

# One batch being copied and one being prepared while the network works on a third.
_AHEAD = 2

Structure = TypeVar("Structure")


def ready_batches(
    split: Split, chosen: Iterable[Integers], device: torch.device
) -> Generator[Batch, None, None]:
    """Yield a split's posts in batches, in the order of ``chosen``, on the device."""
    on_gpu = device.type == "cuda"

    def make(indices: Integers) -> Batch:
        batch = split.batch(indices)
        return _each_tensor(batch, _pinned) if on_gpu else batch

    made = _made_ahead(make, chosen)
    return _copied_ahead(made, device) if on_gpu else made


def _made_ahead(
    make: Callable[[Integers], Batch], chosen: Iterable[Integers]
) -> Generator[Batch, None, None]:
    pool = ThreadPoolExecutor(1, thread_name_prefix="batches")
    coming: deque[Future[Batch]] = deque()
    try:
        for indices in chosen:
            coming.append(pool.submit(make, indices))
            if len(coming) > _AHEAD:
                yield _next_of(coming)
        while coming:
            yield _next_of(coming)
    finally:
        # A training that stops in the middle of an epoch does not wait for batches it will not use.
        pool.shutdown(cancel_futures=True)


def _next_of(coming: deque[Future[Batch]]) -> Batch:
    with record_function("batch"):
        return coming.popleft().result()


def _pinned(tensor: Tensor) -> Tensor:
    # Pictures decoded by the GPU are already there.
    return tensor if tensor.is_cuda else tensor.pin_memory()


def _copied_ahead(batches: Iterator[Batch], device: torch.device) -> Generator[Batch, None, None]:
    """Yield batches on the device while the next one is being copied."""
    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def copy(batch: Batch) -> Batch:
        with record_function("copy"), torch.cuda.stream(stream):
            return _each_tensor(batch, lambda tensor: tensor.to(device, non_blocking=True))

    def arrived(batch: Batch) -> Batch:
        computing = torch.cuda.current_stream(device)
        computing.wait_stream(stream)

        def keep(tensor: Tensor) -> Tensor:
            # Its memory was allocated in the other stream, which must not reuse it too early.
            tensor.record_stream(computing)
            return tensor

        return _each_tensor(batch, keep)

    before: Batch | None = None
    for batch in batches:
        if before is not None:
            # Wait for this batch before the next copy starts, so as not to wait for that copy too.
            here = arrived(before)
            before = copy(batch)
            yield here
        else:
            before = copy(batch)
    if before is not None:
        yield arrived(before)


def _each_tensor(value: Structure, change: Callable[[Tensor], Tensor]) -> Structure:
    """Apply ``change`` to each tensor in a structure of dataclasses, dictionaries and tensors."""
    result: Any = value
    if isinstance(value, Tensor):
        result = change(value)
    elif isinstance(value, dict):
        result = {name: _each_tensor(entry, change) for name, entry in value.items()}
    elif is_dataclass(value) and not isinstance(value, type):
        result = type(value)(
            **{
                field.name: _each_tensor(getattr(value, field.name), change)
                for field in fields(value)
            }
        )
    return result  # type: ignore[no-any-return]
