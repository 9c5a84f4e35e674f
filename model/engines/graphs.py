"""Writes a torch module as an ONNX file that other programs' runtimes read.

The version of the operators and of the format is fixed here, lower than what the exporter would
choose: runtimes read files of their own time and before. What a graph computes is traced from the
module, so that a file cannot say anything else than the network.
"""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from flickr_emotion.model.errors import ModelError

if TYPE_CHECKING:
    import onnx_ir as ir

OPSET = 18
"""The version of ONNX's operators: of December 2022; onnxruntime reads it since 1.14."""
IR_VERSION = 8
"""The version of ONNX's file format that came with this opset."""
_ANY_SIZE = 1 << 40
POSTS = "posts"
"""The name of the axis of posts."""


@dataclass(frozen=True, kw_only=True)
class Input:
    """What is known of an input before the module is traced."""

    example: Tensor
    """Its sizes should differ from each other and from 1: no axis is then taken for a fixed one."""
    axes: Mapping[int, str]
    """The names of the axes whose size is free; axes of the same name have the same size."""
    most: int | None = None
    """The largest size of axis 1."""
    is_cut: bool = False
    """Whether the file cuts off what is beyond, as this project does."""


def pictures_of(side: int) -> Input:
    """Return the input of pictures of a size, as bytes."""
    return Input(example=torch.zeros(2, 3, side, side, dtype=torch.uint8), axes={0: POSTS})


def write_graph(
    module: nn.Module,
    inputs: Mapping[str, Input],
    output: str,
    path: Path,
    *,
    strict: bool = True,
) -> list[str]:
    """Write a module in evaluation mode, which takes these inputs; return those of the file.

    Inputs that the module does not use are left out of the file.

    ``strict``: read the module's code as it is traced. Else `len` of a tensor becomes a number.
    """
    free = tuple(
        {axis: _size(name, each.most if axis else None) for axis, name in each.axes.items()}
        for each in inputs.values()
    )
    with _quiet("torch.onnx", "onnx_ir"), _refused(path.name), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(
            module.eval(),
            tuple(each.example for each in inputs.values()),
            dynamic_shapes={"inputs": free},
            strict=strict,
        )
        written = torch.onnx.export(
            program,
            dynamo=True,
            dynamic_shapes={"inputs": tuple(dict(each.axes) for each in inputs.values())},
            input_names=list(inputs),
            output_names=[output],
            opset_version=OPSET,
            verbose=False,
        )
        assert written is not None
        _fold(written.model)
        graph = written.model.graph
        _pool_first(graph)
        for value in list(graph.inputs):
            if _is_unused(value):
                graph.inputs.remove(value)
        for value in list(graph.inputs):
            described = inputs[str(value.name)]
            if described.is_cut and described.most:
                _cut(value, described.most)
        # The metadata hold paths of code on this machine.
        for node in graph.all_nodes():
            node.metadata_props.clear()
        written.model.ir_version = IR_VERSION
        written.save(path, external_data=False)
        return [str(value.name) for value in graph.inputs]


@cache
def _size(name: str, most: int | None) -> torch.export.Dim:
    return torch.export.Dim(name, min=1, max=most)


def _fold(model: "ir.Model") -> None:
    """Compute what depends on weights alone, such as their transposes.

    The exporter does so for small weights only. Runtimes then find plain weights in their places.
    """
    from onnxscript import optimizer

    optimizer.fold_constants(model, input_size_limit=_ANY_SIZE, output_size_limit=_ANY_SIZE)


def _pool_first(graph: "ir.Graph") -> None:
    """Let an average over windows come before a convolution of single positions.

    Both are linear and the bias is the same at each position, so the answer is the same, and the
    convolution has fewer positions: a quarter of them in DenseNet's transitions.
    """
    for pool in list(graph):
        if pool.op_type != "AveragePool":
            continue
        source = pool.inputs[0]
        convolution = source.producer() if source is not None else None
        if (
            source is None
            or convolution is None
            or convolution.op_type != "Conv"
            or len(source.uses()) != 1
            or not _is_pointwise(convolution)
            or any(pool.attributes.get_ints("pads", [0]))
        ):
            continue
        answer = pool.outputs[0]
        pool.replace_input_with(0, convolution.inputs[0])
        answer.replace_all_uses_with(source)
        convolution.replace_input_with(0, answer)
        source.shape, answer.shape = answer.shape, None
        graph.remove(convolution)
        graph.insert_after(pool, convolution)


def _is_pointwise(convolution: "ir.Node") -> bool:
    """Whether a convolution looks at each position alone, and at every one."""
    weights = convolution.inputs[1]
    assert weights is not None
    steps = convolution.attributes.get_ints("strides", [1])
    return (
        weights.shape is not None
        and all(size == 1 for size in weights.shape[2:])
        and all(step == 1 for step in steps)
        and not any(convolution.attributes.get_ints("pads", [0]))
    )


def _is_unused(value: "ir.Value") -> bool:
    """Whether nothing is read of an input; its number of posts is then another input's."""
    uses = list(value.uses())
    if not uses:
        return True
    if any(use.node.op_type != "Shape" for use in uses):
        return False
    assert value.graph is not None
    other = next(other for other in value.graph.inputs if other is not value)
    for use in uses:
        use.node.replace_input_with(use.idx, other)
    return True


def _cut(value: "ir.Value", most: int) -> None:
    """Let a graph read only the first ``most`` entries of an input's axis 1.

    It is done here because a slice in a traced module fixes the size to less or to more.
    """
    import onnx_ir as ir

    graph = value.graph
    assert graph is not None
    assert value.shape is not None
    uses = list(value.uses())
    constants = {}
    for role, number in (("start", 0), ("most", most), ("axis", 1)):
        name = f"{value.name}_{role}"
        constants[role] = ir.val(name, const_value=ir.tensor([number], name=name))
        graph.register_initializer(constants[role])
    size = ir.node("Shape", [value], attributes={"start": 1, "end": 2})
    # Some runtimes take the end of a slice for the size of what it leaves.
    end = ir.node("Min", [size.outputs[0], constants["most"]])
    bounds = [constants["start"], end.outputs[0], constants["axis"]]
    cut = ir.node("Slice", [value, *bounds])
    for node, role in ((size, "size"), (end, "end"), (cut, "read")):
        node.outputs[0].name = f"{value.name}_{role}"
    for use in uses:
        use.node.replace_input_with(use.idx, cut.outputs[0])
    graph.insert_before(graph[0], [size, end, cut])
    # Sizes within the graph that came from this one are other sizes now: runtimes find them.
    for node in graph.all_nodes():
        for output in node.outputs:
            if output.shape and str(value.shape[1]) in str(output.shape):
                output.shape = None


@contextmanager
def _refused(name: str) -> Iterator[None]:
    """Say in one line that a network cannot be exported."""
    try:
        yield
    except RuntimeError as error:  # also of torch.export and of the exporter
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(
            f"{name} cannot be written ({reason[:200]}): train the run with another encoder"
        ) from error


@contextmanager
def _quiet(*names: str) -> Iterator[None]:
    """Limit loggers to errors: their warnings concern the libraries' developers."""
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
