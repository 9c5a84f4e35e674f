"""Rounds a file's weights to 8 bits: a quarter of the size, and on most CPUs faster for texts.

Products with weight matrices are computed in 8 bits, with the range of the other factor taken from
each batch (dynamic quantisation). Embeddings and convolutions are only stored in 8 bits: to compute
convolutions in them, pictures would be needed to find the ranges. What it costs is in
docs/measurements.md.
"""

from pathlib import Path

import numpy as np

QUANTISATIONS = ("int8",)

_LEAST = 1024
"""Smaller weights stay as they are: they save nothing."""


def quantise(path: Path) -> None:
    """Replace a file by one with weights of 8 bits."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    graph = onnx.load(path).graph
    matrices = {each.name for each in graph.initializer if len(each.dims) == 2}
    quantize_dynamic(
        path,
        path,
        op_types_to_quantize=["MatMul", "Gemm"],
        # A scale for each column is possible for matrices only.
        nodes_to_exclude=[
            node.name
            for node in graph.node
            if node.op_type in ("MatMul", "Gemm") and node.input[1] not in matrices
        ],
        per_channel=True,
        weight_type=QuantType.QInt8,
    )
    _store_in_8_bits(path, {"Conv": 0, "Gather": 0})


def _store_in_8_bits(path: Path, operators: dict[str, int]) -> None:
    """Round the weights of some operators; the file turns them back into floats when it is opened.

    ``operators``: by name, the place of the weights among the inputs, and the axis of the scales.
    """
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.load(path)
    graph = model.graph
    weights = {each.name: each for each in graph.initializer}
    places = {"Conv": 1, "Gather": 0}
    rounded: set[str] = set()
    restored = []
    for node in graph.node:
        if node.op_type not in operators:
            continue
        name = node.input[places[node.op_type]]
        each = weights.get(name)
        if each is None or each.data_type != onnx.TensorProto.FLOAT or np.prod(each.dims) < _LEAST:
            continue
        if name not in rounded:
            rounded.add(name)
            values = numpy_helper.to_array(each)
            others = tuple(range(1, values.ndim))
            scale = np.maximum(np.abs(values).max(axis=others) / 127, np.finfo(np.float32).tiny)
            shaped = scale.reshape(-1, *[1] * len(others))
            bytes_ = np.round(values / shaped).astype(np.int8)
            graph.initializer.remove(each)
            graph.initializer.extend(
                [
                    numpy_helper.from_array(bytes_, f"{name}_bytes"),
                    numpy_helper.from_array(scale.astype(np.float32), f"{name}_scale"),
                    numpy_helper.from_array(np.zeros(len(scale), np.int8), f"{name}_zero"),
                ]
            )
            restored.append(
                helper.make_node(
                    "DequantizeLinear",
                    [f"{name}_bytes", f"{name}_scale", f"{name}_zero"],
                    [name],
                    axis=operators[node.op_type],
                )
            )
    nodes = [*restored, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.save(model, path)
