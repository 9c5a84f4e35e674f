"""Optimisers without torch's compiler.

Some methods of torch's optimisers are wrapped, so that a step that is compiled leaves them out. At
their first call the wrappers load the compiler, which takes more than a second. No step of an
optimiser is compiled here, so these classes have the methods without the wrappers.
"""

from inspect import unwrap

import torch
from torch.optim import Optimizer


class Uncompiled(Optimizer):
    """A base class that comes before an optimiser of torch."""

    add_param_group = unwrap(Optimizer.add_param_group)
    zero_grad = unwrap(Optimizer.zero_grad)
    state_dict = unwrap(Optimizer.state_dict)
    load_state_dict = unwrap(Optimizer.load_state_dict)


class UncompiledLBFGS(Uncompiled, torch.optim.LBFGS):
    """The quasi-Newton method for few parameters, with the loss over all posts."""
