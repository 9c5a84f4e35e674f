"""Optimisers do their work without torch's compiler."""

import subprocess
import sys

from flickr_emotion.common.checkout import PROJECT

_PROGRAM = """
import copy
import sys
import torch
from flickr_emotion.model.engines.uncompiled import UncompiledLBFGS
from flickr_emotion.model.training.optimisers import LazyAdam

def steps(optimiser, count):
    def loss():
        optimiser.zero_grad()
        value = (weight - 3).square().sum()
        value.backward()
        return value

    for _ in range(count):
        optimiser.step(loss)
    return weight.detach().clone()

weight = torch.zeros(2, requires_grad=True)
assert torch.allclose(steps(UncompiledLBFGS([weight]), 2), torch.tensor(3.0))
weight = torch.zeros(2, requires_grad=True)
adam = LazyAdam([weight], lr=0.1)
steps(adam, 5)
state = copy.deepcopy(adam.state_dict())
expected = steps(adam, 1)
weight = torch.zeros(2, requires_grad=True)
again = LazyAdam([weight], lr=0.1)
steps(again, 5)
again.load_state_dict(state)
assert torch.equal(steps(again, 1), expected)
assert "torch._dynamo" not in sys.modules
"""


def test_the_compiler_is_not_loaded() -> None:
    """A new process, because other tests load it."""
    subprocess.run([sys.executable, "-c", _PROGRAM], cwd=PROJECT, check=True)
