"""Several processes that train one network: who does which share, and how the shares add up.

``torchrun`` starts the processes and tells each its rank. A batch is divided among them, so that
together they take exactly the steps that one process would take: each head's loss is weighted by
the posts that the whole batch has for it, which every process counts by itself, as all of them
know the whole order.

``DistributedDataParallel`` adds up the dense gradients while backward still runs. It has to look
for parameters without a gradient in every step, because a share may hold no picture, text or tag.
Sparse gradients are not left to it: it refuses a sparse parameter that a share has no words for,
and NCCL adds up no sparse tensors. Their rows are gathered here instead, as many as were seen.

What must not wait for a GPU (whether to stop, how many rows are coming, metrics) goes over a gloo
group of the CPUs.
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

# One process computes the features of all pictures while the others wait: hours, on a CPU.
_PATIENCE = timedelta(days=3)


@dataclass(frozen=True, kw_only=True)
class World:
    """The processes that train together; alone, it does nothing and costs nothing."""

    rank: int = 0
    size: int = 1
    device: torch.device
    control: dist.ProcessGroup | None = None
    """The gloo group of the CPUs; None for a process alone."""

    @property
    def writes(self) -> bool:
        """Whether this is the one process that writes to the run folder."""
        return self.rank == 0

    def share(self, indices: Integers) -> Integers:
        """Return this process's part of a batch; it may be empty.

        A batch is sorted by length: taking turns gives each process texts of the same lengths.
        """
        return indices[self.rank :: self.size]

    @contextmanager
    def one_first(self) -> Iterator[None]:
        """Let one process do something, and then the others, who find done what it left."""
        if self.control and self.rank:
            dist.monitored_barrier(self.control)
        try:
            yield
        finally:  # after an error too: the others then meet the same one, and wait for nobody
            if self.control and not self.rank:
                dist.monitored_barrier(self.control)

    def first_alone(self, action: Callable[[], None]) -> None:
        """Let the first process do something; where it fails, the others end without a word."""
        error: BaseException | None = None
        if self.writes:
            try:
                action()
            except Exception as raised:
                error = raised
        if self.any(error is not None):
            raise error or SystemExit(1)

    def any(self, flag: bool) -> bool:
        """Return whether the flag is set in any process."""
        if not self.control:
            return flag
        flags = torch.tensor([int(flag)])
        dist.all_reduce(flags, dist.ReduceOp.MAX, group=self.control)
        return bool(flags)

    def add_up(self, values: npt.NDArray[np.int64] | npt.NDArray[np.float64]) -> None:
        """Replace values by their sums over all processes, in place."""
        if self.control:
            dist.all_reduce(torch.from_numpy(values), group=self.control)

    def gather(self, values: Tensor) -> list[Tensor]:
        """Return each process's values, in the order of ranks; they are of equal shape."""
        if not self.control:
            return [values]
        gathered = [torch.empty_like(values) for _ in range(self.size)]
        dist.all_gather(gathered, values, group=self.control)
        return gathered

    def parallel(self, module: nn.Module) -> nn.Module:
        """Return a module whose dense gradients are means over the processes after backward."""
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

    def mean_of_sparse(self, parameters: Iterable[Tensor]) -> None:
        """Replace sparse gradients by their means over the processes.

        Where no process has one, the gradient stays None.
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

    def same(self, module: nn.Module, *, buffers_only: bool = False) -> None:
        """Give every process the weights and statistics that the first one has."""
        if not self.control:
            return
        held = module.buffers() if buffers_only else module.state_dict().values()
        for tensor in held:
            dist.broadcast(tensor.detach(), 0)


def embedding_parameters(module: nn.Module) -> list[nn.Parameter]:
    """Return the vectors of words and tags: their gradients hold only the rows that were seen."""
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
    """Join the processes that ``torchrun`` has started, if it was it that started this one.

    Raises ``ModelError`` in the others where the system has killed one of them.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield World(device=choose_device(device))
        return
    if not dist.is_available():
        raise ModelError("this build of torch has no torch.distributed: train without torchrun")
    chosen = choose_device(device, int(os.environ["LOCAL_RANK"]))
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
        dist.init_process_group("nccl", timeout=_PATIENCE, device_id=chosen)
    else:
        dist.init_process_group("gloo", timeout=_PATIENCE)
    control = dist.new_group(backend="gloo", timeout=_PATIENCE)
    assert isinstance(control, dist.ProcessGroup)  # this process is a member of it
    try:
        yield World(
            rank=dist.get_rank(), size=dist.get_world_size(), device=chosen, control=control
        )
    except RuntimeError as error:
        # Gloo, which the CPUs speak to each other by, has no error of its own.
        if not isinstance(error, dist.DistError) and "gloo" not in str(error):
            raise
        raise ModelError(
            "another process of this training has ended, killed or out of memory: what the last "
            "epoch has left stays, `train --resume` goes on"
        ) from None
    finally:
        dist.destroy_process_group()
