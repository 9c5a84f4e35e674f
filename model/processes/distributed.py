"""Data-parallel training in several processes: sharding the batches, adding up the gradients.

``torchrun`` starts the processes and gives each its rank. Each batch is sharded, so that together
they take exactly the steps of a single process: each head's loss is weighted by the number of its
posts in the whole batch, which every rank counts by itself, as all know the whole order.

``DistributedDataParallel`` averages the dense gradients during backward. It has to look for
parameters without a gradient in every step, because a shard may hold no picture, text or tag.
Sparse gradients are handled here instead: DDP refuses a sparse parameter that a shard has no words
for, and NCCL has no sparse all-reduce. Their rows are gathered, as many as each rank has.

What must not wait for a GPU (whether to stop, numbers of rows, metrics) goes through a gloo group
on the CPUs.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from flickr_emotion.model.errors import ModelError
from flickr_emotion.model.posts.posts import Integers
from flickr_emotion.model.processes.devices import choose_device

# One process computes the features of all pictures while the others wait, for hours on a CPU.
_TIMEOUT = timedelta(days=3)


@dataclass(frozen=True, kw_only=True)
class World:
    """The processes that train together; a single process has no overhead."""

    rank: int = 0
    size: int = 1
    device: torch.device
    control: dist.ProcessGroup | None = None
    """The gloo group on the CPUs; None for a single process."""

    @property
    def writes(self) -> bool:
        """Whether this rank writes to the run folder: only the first does."""
        return self.rank == 0

    def shard(self, indices: Integers) -> Integers:
        """Return this rank's shard of a batch; it may be empty.

        A batch is sorted by length, so the ranks take posts in turn to get texts of similar
        lengths.
        """
        return indices[self.rank :: self.size]

    @contextmanager
    def first_rank_first(self) -> Iterator[None]:
        """Run the block on the first rank, then on the others, which find its results."""
        if self.control and self.rank:
            dist.monitored_barrier(self.control)
        try:
            yield
        finally:  # after an error too: the others then meet the same error and do not hang
            if self.control and not self.rank:
                dist.monitored_barrier(self.control)

    def on_first_rank(self, action: Callable[[], None]) -> None:
        """Run an action on the first rank only; if it fails, the other ranks exit silently."""
        error: BaseException | None = None
        if self.writes:
            try:
                action()
            except Exception as raised:
                error = raised
        if self.any(error is not None):
            raise error or SystemExit(1)

    def any(self, flag: bool) -> bool:
        """Return whether the flag is set on any rank."""
        if not self.control:
            return flag
        flags = torch.tensor([int(flag)])
        dist.all_reduce(flags, dist.ReduceOp.MAX, group=self.control)
        return bool(flags)

    def all_reduce(self, values: npt.NDArray[np.int64] | npt.NDArray[np.float64]) -> None:
        """All-reduce values to their sums, in place."""
        if self.control:
            dist.all_reduce(torch.from_numpy(values), group=self.control)

    def gather(self, values: Tensor) -> list[Tensor]:
        """Return each rank's values, in the order of ranks; all have the same shape."""
        if not self.control:
            return [values]
        gathered = [torch.empty_like(values) for _ in range(self.size)]
        dist.all_gather(gathered, values, group=self.control)
        return gathered

    def parallel(self, module: nn.Module) -> nn.Module:
        """Wrap a module so that its dense gradients are averaged over the ranks in backward."""
        if not self.control:
            return module
        sparse = {id(parameter) for parameter in embedding_parameters(module)}
        DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(  # type: ignore[no-untyped-call]
            module, [name for name, p in module.named_parameters() if id(p) in sparse]
        )
        return DistributedDataParallel(
            module,
            device_ids=[self.device.index] if self.device.type == "cuda" else None,
            find_unused_parameters=True,
        )

    def average_sparse(self, parameters: Iterable[Tensor]) -> None:
        """Replace sparse gradients by their means over the ranks.

        If no rank has one, the gradient stays None.
        """
        if not self.control:
            return
        for parameter in parameters:
            gradient = parameter.grad
            if gradient is None:
                ids = torch.empty(0, dtype=torch.int64, device=parameter.device)
                rows = parameter.new_empty(0, parameter.shape[1])
            else:
                gradient = gradient.coalesce()
                ids, rows = gradient.indices()[0], gradient.values()
            counts = [int(count) for count in self.gather(torch.tensor([len(ids)]))]
            if not max(counts):
                continue
            all_ids = _gather_uneven(ids, counts)
            all_rows = _gather_uneven(rows, counts) / self.size
            parameter.grad = torch.sparse_coo_tensor(
                all_ids[None], all_rows, parameter.shape
            ).coalesce()

    def synchronise(self, module: nn.Module, *, buffers_only: bool = False) -> None:
        """Broadcast the first rank's weights and statistics to all ranks."""
        if not self.control:
            return
        held = module.buffers() if buffers_only else module.state_dict().values()
        for tensor in held:
            dist.broadcast(tensor.detach(), 0)


def embedding_parameters(module: nn.Module) -> list[nn.Parameter]:
    """Return the word and tag vectors, whose gradients hold only the rows in use."""
    embeddings = (part for part in module.modules() if isinstance(part, nn.Embedding))
    return [parameter for embedding in embeddings for parameter in embedding.parameters()]


def _gather_uneven(values: Tensor, counts: list[int]) -> Tensor:
    padded = values.new_zeros(max(counts), *values.shape[1:])
    padded[: len(values)] = values
    gathered = [torch.empty_like(padded) for _ in counts]
    dist.all_gather(gathered, padded)
    return torch.cat([part[:count] for part, count in zip(gathered, counts, strict=True)])


@contextmanager
def joined_world(device: str) -> Iterator[World]:
    """Join the processes started by ``torchrun``, if it started this one.

    Raises ``ModelError`` in the others if one of them has been killed.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield World(device=choose_device(device))
        return
    if not dist.is_available():
        raise ModelError("this build of torch has no torch.distributed: train without torchrun")
    chosen = choose_device(device, int(os.environ["LOCAL_RANK"]))
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
        dist.init_process_group("nccl", timeout=_TIMEOUT, device_id=chosen)
    else:
        dist.init_process_group("gloo", timeout=_TIMEOUT)
    control = dist.new_group(backend="gloo", timeout=_TIMEOUT)
    assert isinstance(control, dist.ProcessGroup)  # this process is a member of it
    try:
        yield World(
            rank=dist.get_rank(), size=dist.get_world_size(), device=chosen, control=control
        )
    except RuntimeError as error:
        # Gloo, used between the CPUs, has no exception class of its own.
        if not isinstance(error, dist.DistError) and "gloo" not in str(error):
            raise
        raise ModelError(
            "another process of this training has ended (killed or out of memory): resume from the "
            "last epoch with `train --resume`"
        ) from None
    finally:
        dist.destroy_process_group()
