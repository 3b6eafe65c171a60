"""Write networks as ONNX models."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from funnet import layers as nn
from funnet.core.arrays import Array, Float
from funnet.core.errors import DTypeError, StructureError, join
from funnet.core.layer import AnyLayer, empty_batch, output_shape
from funnet.core.live import check_at_rest
from funnet.core.tree import named_arrays
from funnet.experiments.checkpoints.files import file_to_write, write_atomically
from funnet.layers.combinators import Sequential
from funnet.layers.concatenate import Concatenate
from funnet.layers.residual import Residual
from funnet.onnx.nodes import onnx_package, same_pads

OPSET = 17
"""The version of the operators: the first with LayerNormalization."""

IR_VERSION = 8
"""The version of the file format that belongs to this opset."""


class Graph:
    """The graph of a model under construction, to which layers add their nodes.

    Values in the graph are strings, the names of tensors.
    """

    def __init__(self, dtype: np.dtype[Float], writers: Mapping[type, Writer]) -> None:
        self.dtype = dtype
        self.nodes: list[object] = []
        self.constants: list[object] = []
        self._writers = writers
        self._names = {"x", "y"}  # of the input and the output

    def node(self, operator: str, inputs: Sequence[str], path: str, **attributes: object) -> str:
        """Add a node of an operator, such as "Gemm", and return the name of its output.

        The inputs are names of tensors. The node is named by `path`, that of the layer.
        """
        name = self._unique(path or operator)
        helper = onnx_package().helper
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def constant(self, path: str, array: Array) -> str:
        """Add a constant tensor and return its name."""
        name = self._unique(path)
        tensor = onnx_package().numpy_helper.from_array(np.asarray(array, order="C"), name)
        self.constants.append(tensor)
        return name

    def scalar(self, path: str, number: float) -> str:
        """Add a constant of rank 0 in the dtype of the network and return its name."""
        return self.constant(path, np.array(number, self.dtype))

    def layer(self, path: str, layer: object, x: str) -> str:
        """Add the nodes of a layer and return the name of its output.

        Raise StructureError, with the path, if no function writes layers of this class, or it does
        not return a name.
        """
        write = self._writers.get(type(layer))
        if write is None:
            raise StructureError(
                f"cannot write a layer of class {type(layer).__name__}; pass "
                f"layers={{{type(layer).__name__}: write}}, where write(graph, path, layer, x) "
                "adds its nodes and returns the name of their output",
                path,
            )
        y: object = write(self, path, layer, x)
        if not isinstance(y, str):
            raise StructureError(
                f"the function that writes a {type(layer).__name__} must return the name of its "
                f"output, got {y!r}",
                path,
            )
        return y

    def _unique(self, name: str) -> str:
        """Return a name that no other tensor has."""
        i, unique = 1, name
        while unique in self._names:
            i += 1
            unique = f"{name}.{i}"
        self._names.add(unique)
        return unique


# Any: each function takes layers of one class.
Writer = Callable[[Graph, str, Any, str], str]
"""A function `write(graph, path, layer, x) -> y` that adds the nodes of a layer."""


def to_onnx(
    net: AnyLayer, input_shape: Sequence[int], *, layers: Mapping[type, Writer] | None = None
) -> bytes:
    """Return a network as an ONNX model, which computes what `predict` does.

    The input is named "x" and the output "y"; their first axis, of any length, is "N". Nodes and
    constants are named by the paths of layers and parameters. Equal networks give equal bytes for
    the same version of the onnx package. The opset is 17. Numbers such as eps and slopes are
    attributes, which ONNX stores in float32.

    Parameters
    ----------
    net
        A network at rest, of float32 or float64.
    input_shape
        Shape of one sample, such as (784,) or (1, 28, 28).
    layers
        For classes that are not of funnet, functions `write(graph, path, layer, x) -> y` that add
        the nodes of a layer to a `Graph`: `x` is the name of its input, the result that of its
        output. Default: none.

    Raises
    ------
    StructureError
        If a layer is of another class; the message has its path.
    ShapeError
        If a layer does not accept that shape.
    DTypeError
        If the network is not of float32 or float64.
    ValueError
        If the network is in training mode.
    ImportError
        If the onnx package is not installed.

    Examples
    --------
    >>> from funnet import Affine
    >>> from funnet.onnx import from_onnx, to_onnx
    >>> from_onnx(to_onnx(Affine.init(3, 2, rng=0), (3,)))
    Sequential(
      layers.0: Affine(W=float32[3, 2], b=float32[2])
    )
    """
    onnx = onnx_package()
    check_at_rest(net, "to_onnx")
    dtype = _dtype_of(net)
    x_shape = empty_batch(net, input_shape).shape[1:]  # without NumPy's integers
    y_shape = output_shape(net, x_shape)
    graph = Graph(dtype, _WRITERS | dict(layers or {}))
    last = graph.layer("", net, "x")
    helper = onnx.helper
    graph.nodes.append(helper.make_node("Identity", [last], ["y"], name="y"))
    kind = helper.np_dtype_to_tensor_dtype(dtype)
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "funnet",
            [helper.make_tensor_value_info("x", kind, ["N", *x_shape])],
            [helper.make_tensor_value_info("y", kind, ["N", *y_shape])],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="funnet",
    )
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def save_onnx(
    path: str | os.PathLike[str],
    net: AnyLayer,
    input_shape: Sequence[int],
    *,
    layers: Mapping[type, Writer] | None = None,
) -> None:
    """Write `to_onnx(net, input_shape, layers=layers)` to a file, completely or not at all."""
    target = file_to_write(os.fsdecode(path))
    write_atomically(target, to_onnx(net, input_shape, layers=layers))


def _dtype_of(net: object) -> np.dtype[Float]:
    """Return the float type of the parameters and buffers; float32 if there are none."""
    dtypes = {path: array.dtype for path, array in named_arrays(net) if array.dtype.kind == "f"}
    dtype = next(iter(dtypes.values()), np.dtype(np.float32))
    for path, other in dtypes.items():
        if other != dtype or other not in (np.dtype(np.float32), np.dtype(np.float64)):
            raise DTypeError(
                f"must be float32 or float64, as all of the network, got {other}; convert the "
                "network with astype(net, np.float32)",
                path,
            )
    return dtype


def _constants(graph: Graph, path: str, layer: object, *names: str) -> list[str]:
    """Add fields of a layer as constants and return their names."""
    return [graph.constant(join(path, name), getattr(layer, name)) for name in names]


def _sequential(graph: Graph, path: str, layer: Any, x: str) -> str:
    for i, part in enumerate(layer.layers):
        x = graph.layer(join(path, f"layers.{i}"), part, x)
    return x


def _concatenate(graph: Graph, path: str, layer: Any, x: str) -> str:
    parts = [graph.layer(join(path, f"layers.{i}"), part, x) for i, part in enumerate(layer.layers)]
    return graph.node("Concat", parts, path, axis=1)


def _residual(graph: Graph, path: str, layer: Any, x: str) -> str:
    return graph.node("Add", [x, graph.layer(join(path, "layer"), layer.layer, x)], path)


def _global_avg_pool2d(graph: Graph, path: str, _: object, x: str) -> str:
    return graph.node("Flatten", [graph.node("GlobalAveragePool", [x], path)], path)


def _standardize(graph: Graph, path: str, layer: nn.Standardize, x: str) -> str:
    mean, std = _constants(graph, path, layer, "mean", "std")
    return graph.node("Div", [graph.node("Sub", [x, mean], path), std], path)


def _step(graph: Graph, path: str, _: object, x: str) -> str:
    above = graph.node("Greater", [x, graph.scalar(join(path, "zero"), 0.0)], path)
    kind = onnx_package().helper.np_dtype_to_tensor_dtype(graph.dtype)
    return graph.node("Cast", [above], path, to=kind)


def _dropout(graph: Graph, path: str, layer: nn.Dropout, x: str) -> str:
    return graph.node("Dropout", [x, graph.scalar(join(path, "rate"), layer.rate)], path)


def _operator(
    operator: str,
    *constants: str,
    attributes: Callable[[Any], dict[str, object]] = lambda _: {},
    **fixed: int,
) -> Writer:
    """Return the function for a layer that is one operator.

    Its constants are fields of the layer, and its attributes are fixed or a function of the layer.
    """

    def write(graph: Graph, path: str, layer: object, x: str) -> str:
        inputs = [x, *_constants(graph, path, layer, *constants)]
        return graph.node(operator, inputs, path, **fixed, **attributes(layer))

    return write


def _conv_moves(conv: nn.Conv2d) -> dict[str, object]:
    kernel, padding = conv.W.shape[2:], conv.padding
    pads = same_pads(kernel) if padding == "same" else [*padding, *padding]
    return {"kernel_shape": kernel, "strides": conv.stride, "pads": pads}


def _pool_moves(pool: nn.MaxPool2d | nn.AvgPool2d) -> dict[str, object]:
    kernel, pads = pool.kernel_size, [*pool.padding, *pool.padding]
    return {"kernel_shape": kernel, "strides": pool.stride or kernel, "pads": pads}


def _batch_norm_numbers(norm: nn.BatchNorm) -> dict[str, object]:
    # ONNX's momentum is the weight of the running statistics, funnet's that of the batch.
    return {"epsilon": norm.eps, "momentum": 1 - norm.momentum}


_WRITERS: dict[type, Writer] = {
    Sequential: _sequential,
    Concatenate: _concatenate,
    Residual: _residual,
    nn.Affine: _operator("Gemm", "W", "b"),
    nn.Conv2d: _operator("Conv", "W", "b", attributes=_conv_moves),
    nn.MaxPool2d: _operator("MaxPool", attributes=_pool_moves),
    nn.AvgPool2d: _operator("AveragePool", attributes=_pool_moves, count_include_pad=1),
    nn.GlobalAvgPool2d: _global_avg_pool2d,
    nn.BatchNorm: _operator(
        "BatchNormalization", "gamma", "beta", "mean", "var", attributes=_batch_norm_numbers
    ),
    nn.LayerNorm: _operator(
        "LayerNormalization", "gamma", "beta", attributes=lambda n: {"epsilon": n.eps}, axis=-1
    ),
    nn.Standardize: _standardize,
    nn.Dropout: _dropout,
    nn.Flatten: _operator("Flatten", axis=1),
    nn.ReLU: _operator("Relu"),
    nn.LeakyReLU: _operator("LeakyRelu", attributes=lambda leaky: {"alpha": leaky.slope}),
    nn.ELU: _operator("Elu", attributes=lambda elu: {"alpha": elu.alpha}),
    nn.Sigmoid: _operator("Sigmoid"),
    nn.Tanh: _operator("Tanh"),
    nn.Softmax: _operator("Softmax", axis=-1),
    nn.Step: _step,
    nn.Identity: _operator("Identity"),
}
