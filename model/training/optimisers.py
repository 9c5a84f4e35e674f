"""Adam that updates only those embedding rows that occur in a batch.

A vocabulary has tens of thousands of vectors and a batch a few hundred words: Adam over all of them
would cost more than the network itself.

A row that does not occur in a batch is not changed, nor are its moments, while standard Adam would
move it on by its momentum; PyTorch's ``SparseAdam`` makes the same choice. Here sparse and dense
parameters share one optimiser, with one schedule and one state.
"""

from collections.abc import Callable
from inspect import unwrap
from typing import Any

import torch
from torch import Tensor
from torch.optim.adam import adam

from flickr_emotion.model.config import TrainingConfig
from flickr_emotion.model.engines.uncompiled import Uncompiled
from flickr_emotion.model.networks.system import System


class LazyAdam(Uncompiled, torch.optim.Adam):
    """Fused Adam; for a parameter with a sparse gradient, only the gradient's rows are updated."""

    def __init__(self, params: Any, lr: float) -> None:
        super().__init__(params, lr=lr, fused=True)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Take a step."""
        sparse: list[tuple[Tensor, Tensor, dict[str, Any]]] = []
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None and parameter.grad.is_sparse:
                    sparse.append((parameter, parameter.grad, group))
                    parameter.grad = None
        # Without hooks: they run once, for this step, and Adam's own would run them again.
        step: Callable[..., float | None] = unwrap(torch.optim.Adam.step)
        loss = step(self, closure)
        for parameter, gradient, group in sparse:
            self._update_rows(parameter, gradient, group)
            parameter.grad = gradient
        return loss

    def _update_rows(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros((), device=parameter.device)
            state["exp_avg"] = torch.zeros_like(parameter)
            state["exp_avg_sq"] = torch.zeros_like(parameter)
        rows, of_rows = _sum_by_row(gradient)
        tables = (parameter, state["exp_avg"], state["exp_avg_sq"])
        values, first, second = (table.index_select(0, rows) for table in tables)
        adam(
            [values],
            [of_rows],
            [first],
            [second],
            [],
            [state["step"]],
            fused=True,
            amsgrad=False,
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            lr=group["lr"],
            weight_decay=0.0,
            eps=group["eps"],
            maximize=False,
        )
        for table, updated in zip(tables, (values, first, second), strict=True):
            table.index_copy_(0, rows, updated)


def _sum_by_row(gradient: Tensor) -> tuple[Tensor, Tensor]:
    """Return the distinct rows of a sparse gradient, and the summed gradient of each."""
    ids = gradient._indices()[0]
    rows, places = torch.unique(ids, return_inverse=True)
    values = gradient._values()
    summed = values.new_zeros(len(rows), values.shape[1]).index_add_(0, places, values)
    return rows, summed


def optimiser_of(network: System, config: TrainingConfig) -> LazyAdam:
    """Return the optimiser of a network: its image backbone has a separate rate."""
    of_backbone = list(network.backbone.parameters()) if network.backbone else []
    known = set(map(id, of_backbone))
    groups = [{"params": [p for p in network.parameters() if id(p) not in known]}]
    if backbone := [p for p in of_backbone if p.requires_grad]:
        groups.append({"params": backbone, "lr": config.image_learning_rate})  # type: ignore[dict-item]
    return LazyAdam(groups, lr=config.resolved_learning_rate)
