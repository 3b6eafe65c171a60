"""Read ONNX models whose operators form a row, such as a classifier trained elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from funnet import layers as nn
from funnet.core.arrays import Array
from funnet.core.layer import AnyLayer
from funnet.layers.combinators import Sequential, sequential
from funnet.layers.normalization import MANY
from funnet.onnx.nodes import Node, OnnxError, onnx_package, row_of, same_pads


# Any: the widths and types of the layers are in the model.
def from_onnx(model: bytes) -> Sequential[Any, Any, Any, Any, Any]:
    """Return the network that an ONNX model, given as bytes, computes.

    Each operator is applied to the output of the one before. The operators are Gemm, MatMul and
    Add, Conv, BatchNormalization, LayerNormalization, MaxPool, AveragePool, GlobalAveragePool and
    Flatten, Relu, LeakyRelu, Elu, Sigmoid, Tanh, Softmax, Flatten, Reshape to rows, Dropout,
    Identity, and what `to_onnx` writes for `Standardize` and `Step`. Identity is left out, and a
    missing bias is 0. A batch norm continues with the exponential average. A Reshape to (-1, k) is
    taken for one that keeps the rows, of k numbers, which is not checked.

    Raises
    ------
    OnnxError
        If the model is damaged, its operators do not form a row, or funnet does not have an
        operator or the value of an attribute; the message names the node.
    TypeError
        If `model` is not bytes.
    ImportError
        If the onnx package is not installed.
    """
    onnx = onnx_package()
    if not isinstance(model, bytes | bytearray | memoryview):
        raise TypeError(
            f"model must be the bytes of an ONNX model, got {type(model).__name__}; "
            "read those of a file with Path(path).read_bytes()"
        )
    from google.protobuf.message import DecodeError  # a package that onnx needs

    try:
        proto = onnx.ModelProto.FromString(bytes(model))
    except DecodeError as error:
        raise OnnxError(f"not an ONNX model: {error}") from None
    layers = _layers(row_of(proto.graph))
    try:
        return sequential(*layers)
    except ValueError as error:  # widths that do not match
        raise OnnxError(str(error)) from error


def _layers(row: list[Node]) -> list[AnyLayer]:
    """Return the layers of a row of operators; a few layers are two operators."""
    layers: list[AnyLayer] = []
    i = 0
    while i < len(row):
        read, nodes = _reader(row[i : i + 2])
        for node in nodes:
            node.only(*_ATTRIBUTES.get(node.operator, ()))
        try:
            layer = read(*nodes)
        except OnnxError:
            raise
        except (ValueError, TypeError) as error:
            raise row[i].error(f"does not fit: {error}") from error
        if layer is not None:
            layers.append(layer)
        i += len(nodes)
    return layers


def _reader(row: list[Node]) -> tuple[Callable[..., AnyLayer | None], list[Node]]:
    """Return the function for the next layer, and the one or two nodes that it reads."""
    for nodes in (row, row[:1]):
        read = _READERS.get(tuple(node.operator for node in nodes))
        if read is not None:
            return read, nodes
    advice = "".join(
        f", unless it is followed by {second}"
        for first, *rest in _READERS
        for second in rest
        if first == row[0].operator
    )
    raise row[0].error(f"is not an operator that funnet has{advice}")


def _gemm(node: Node) -> AnyLayer:
    node.require(alpha=1.0, beta=1.0, transA=0)
    W = node.constant(1, 2)
    if node.get("transB", 0):
        W = W.T
    return _affine(node, W, node.constants.get(2))


def _affine(node: Node, W: Array, b: Array | None) -> AnyLayer:
    if b is None:
        b = np.zeros(W.shape[1:], W.dtype)
    elif b.shape == (1, W.shape[1]):
        b = b[0]
    if b.shape != (W.shape[1],):
        raise node.error(f"must add a bias of shape ({W.shape[1]},), got {b.shape}")
    return nn.Affine(W, b)


def _matmul_add(product: Node, add: Node) -> AnyLayer:
    return _affine(add, product.constant(1, 2), next(iter(add.constants.values())))


def _moves(node: Node, kernel: list[int]) -> tuple[tuple[int, int], list[int]]:
    """Return the stride and the padding of a convolution or of pooling."""
    node.require(dilations=[1, 1])
    strides, automatic = node.get("strides", [1, 1]), node.get("auto_pad", "NOTSET")
    pads = {
        "NOTSET": node.get("pads", [0, 0, 0, 0]),
        "VALID": [0, 0, 0, 0],
        "SAME_UPPER": same_pads(kernel) if strides == [1, 1] else None,
    }.get(automatic)
    if pads is None:
        raise node.error(f"has auto_pad={automatic!r}, which funnet does not have")
    if len(pads) != 4 or len(strides) != 2:
        raise node.error("must be two-dimensional")
    return (strides[0], strides[1]), pads


def _padding(node: Node, pads: list[int]) -> tuple[int, int]:
    if pads[:2] != pads[2:]:
        raise node.error(f"must have equal padding on both sides, got pads={pads}")
    return pads[0], pads[1]


def _conv(node: Node) -> AnyLayer:
    W = node.constant(1, 4)
    kernel = list(W.shape[2:])
    node.require(group=1, kernel_shape=kernel)
    stride, pads = _moves(node, kernel)
    b = node.constants.get(2, np.zeros(len(W), W.dtype))
    if pads[:2] != pads[2:] and pads == same_pads(kernel) and stride == (1, 1):
        return nn.Conv2d(W, b, stride, "same")
    return nn.Conv2d(W, b, stride, _padding(node, pads))


def _windows(node: Node) -> tuple[list[int], tuple[int, int], tuple[int, int]]:
    """Return the kernel size, the stride and the padding of pooling."""
    node.require(ceil_mode=0)
    kernel = node.get("kernel_shape", [1])
    stride, pads = _moves(node, kernel)
    return kernel, stride, _padding(node, pads)


def _average_pool(node: Node) -> AnyLayer:
    kernel, stride, padding = _windows(node)
    if padding != (0, 0) and node.get("count_include_pad", 0) != 1:
        raise node.error("has count_include_pad=0; funnet counts the padding")
    return nn.AvgPool2d(kernel, stride, padding)


def _global_avg_pool(pool: Node, flatten: Node) -> AnyLayer:
    flatten.require(axis=1)
    return nn.GlobalAvgPool2d()


def _flatten(node: Node) -> AnyLayer:
    node.require(axis=1)
    return nn.Flatten()


def _reshape(node: Node) -> AnyLayer:
    shape = node.constants.get(1, np.zeros(0))
    rows, size = shape.tolist() if shape.dtype == np.int64 and shape.shape == (2,) else (0, 0)
    kept = {-1, node.rows} if node.get("allowzero", 0) else {-1, node.rows, 0}
    if rows not in kept or size < -1 or size == 0 or rows == size == -1:
        raise node.error("must flatten images, to a shape such as (-1, 784)")
    return nn.Flatten()


def _batch_norm(node: Node) -> AnyLayer:
    node.require(training_mode=0, spatial=1)
    gamma, beta, mean, var = (node.constant(i, 1) for i in range(1, 5))
    # ONNX's momentum is the weight of the running statistics, funnet's that of the batch.
    momentum = float(str(np.float32(1 - node.get("momentum", 0.9))))
    eps = node.get("epsilon", 1e-5)
    return nn.BatchNorm(gamma, beta, mean, var, np.array(MANY), eps, momentum)


def _layer_norm(node: Node) -> AnyLayer:
    if node.get("axis", -1) not in {-1, 1}:
        raise node.error(f"has axis={node.get('axis', -1)}; funnet normalizes rows")
    gamma = node.constant(1, 1)
    beta = node.constants.get(2, np.zeros_like(gamma))
    return nn.LayerNorm(gamma, beta, node.get("epsilon", 1e-5))


def _step(greater: Node, cast: Node) -> AnyLayer:
    zero = greater.constants.get(1)
    if zero is None or zero.shape not in {(), (1,)} or zero.any():
        raise greater.error("must compare with 0")
    cast.require(to=onnx_package().helper.np_dtype_to_tensor_dtype(zero.dtype))
    return nn.Step()


def _softmax(node: Node) -> AnyLayer:
    axis = node.get("axis", 1)  # the default before opset 13; since then -1
    if axis != -1 and not (axis == 1 and node.rank == 2):
        raise node.error(f"has axis={axis}; funnet applies softmax to the last axis")
    return nn.Softmax()


def _dropout(node: Node) -> AnyLayer:
    if np.any(node.constants.get(2, False)):
        raise node.error("must be at inference")
    rate = node.constants.get(1)
    if rate is None:
        return nn.Dropout(node.get("ratio", 0.5))
    if rate.size != 1:
        raise node.error(f"must have one ratio, got shape {rate.shape}")
    return nn.Dropout(float(str(rate.reshape(-1)[0])))


_MOVES = ("kernel_shape", "strides", "pads", "dilations", "auto_pad")

_ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "Gemm": ("alpha", "beta", "transA", "transB"),
    "Conv": (*_MOVES, "group"),
    "MaxPool": (*_MOVES, "ceil_mode", "storage_order"),
    "AveragePool": (*_MOVES, "ceil_mode", "count_include_pad"),
    "Flatten": ("axis",),
    "Reshape": ("allowzero",),
    "BatchNormalization": ("epsilon", "momentum", "training_mode", "spatial"),
    "LayerNormalization": ("axis", "epsilon", "stash_type"),
    "Softmax": ("axis",),
    "LeakyRelu": ("alpha",),
    "Elu": ("alpha",),
    "Dropout": ("ratio", "seed"),
    "Cast": ("to", "saturate"),
}
"""The attributes that operators may have; an operator that is not listed has none."""

_READERS: Mapping[tuple[str, ...], Callable[..., AnyLayer | None]] = {
    ("Gemm",): _gemm,
    ("MatMul",): lambda product: _affine(product, product.constant(1, 2), None),
    ("MatMul", "Add"): _matmul_add,
    ("Conv",): _conv,
    ("MaxPool",): lambda pool: nn.MaxPool2d(*_windows(pool)),
    ("AveragePool",): _average_pool,
    ("GlobalAveragePool", "Flatten"): _global_avg_pool,
    ("Flatten",): _flatten,
    ("Reshape",): _reshape,
    ("BatchNormalization",): _batch_norm,
    ("LayerNormalization",): _layer_norm,
    ("Sub", "Div"): lambda sub, div: nn.Standardize(sub.constant(1, 1), div.constant(1, 1)),
    ("Relu",): lambda _: nn.ReLU(),
    ("Sigmoid",): lambda _: nn.Sigmoid(),
    ("Tanh",): lambda _: nn.Tanh(),
    ("Softmax",): _softmax,
    ("LeakyRelu",): lambda node: nn.LeakyReLU(node.get("alpha", 0.01)),
    ("Elu",): lambda node: nn.ELU(node.get("alpha", 1.0)),
    ("Greater", "Cast"): _step,
    ("Dropout",): _dropout,
    ("Identity",): lambda _: None,
}
"""The functions of the nodes of a layer, by their operators."""
