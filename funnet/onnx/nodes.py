"""The nodes of an ONNX model that form a row, with their constants and attributes.

A model is data from outside: nothing in it is executed, files that it refers to are not opened, and
the size of a tensor is compared with that of its data before an array is made.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias, TypeVar

import attrs
import numpy as np

from funnet.core.arrays import Array
from funnet.core.extras import import_extra

onnx_package = partial(import_extra, "onnx", "funnet.onnx")

MAX_RANK = 4

Message: TypeAlias = Any
"""A message of the onnx package, which is an extra."""

A = TypeVar("A")

_FIELDS = {"FLOAT": (np.float32, "float_data"), "DOUBLE": (np.float64, "double_data")} | {
    "INT64": (np.int64, "int64_data"),  # the shape of Reshape
    "BOOL": (np.bool, "int32_data"),  # the mode of Dropout
}


_MAKES_ROWS = {"Flatten", "Reshape", "Gemm", "MatMul"}  # as far as they can be read


def same_pads(kernel: Sequence[int]) -> list[int]:
    """Return the pads that keep the size of an image: the odd one of an even kernel at the end."""
    return [(k - 1) // 2 for k in kernel] + [k // 2 for k in kernel]


class OnnxError(ValueError):
    """An ONNX model is damaged, or has an operator or an attribute that funnet does not have."""


@attrs.frozen
class Node:
    """One operator of the row, with its constant inputs by position, and its attributes.

    `rows` and `rank` are those of its input; None where the model does not state them.
    """

    name: str
    operator: str
    rows: int | None
    rank: int | None
    constants: Mapping[int, Array]
    attributes: Mapping[str, object]  # numbers, text, and lists of integers

    def only(self, *names: str) -> None:
        """Raise OnnxError if there are other attributes than these."""
        unknown = sorted(self.attributes.keys() - set(names))
        if unknown:
            raise self.error(f"has an unknown attribute {unknown[0]!r}")

    def get(self, name: str, default: A) -> A:
        """Return an attribute, or its default; raise OnnxError if it is of another type."""
        value = self.attributes.get(name, default)
        if not isinstance(value, type(default)):
            raise self.error(f"must have {name} like {default!r}, got {value!r}")
        return value

    def require(self, **fixed: object) -> None:
        """Raise OnnxError for other values of attributes: these are all that funnet computes."""
        for name, value in fixed.items():
            given = self.attributes.get(name, value)
            if given != value:
                raise self.error(f"has {name}={given!r}; funnet computes {name}={value!r} only")

    def constant(self, index: int, rank: int) -> Array:
        """Return a constant input of a given rank."""
        array = self.constants.get(index)
        if array is None or array.ndim != rank:
            got = "none" if array is None else f"shape {array.shape}"
            raise self.error(f"must have a constant input {index} of rank {rank}, got {got}")
        return array

    def error(self, message: str) -> OnnxError:
        """Return an error about this node."""
        return OnnxError(f"node {self.name!r} ({self.operator}) {message}")


def row_of(graph: Message) -> list[Node]:
    """Return the operators of a graph, in order.

    Raise OnnxError if they do not form a row, or a tensor or an attribute is not supported.
    """
    if len(graph.sparse_initializer):
        raise OnnxError("the model has sparse tensors, which are not supported")
    constants = {tensor.name: tensor for tensor in graph.initializer}
    inputs = [value.name for value in graph.input if value.name not in constants]
    outputs = [value.name for value in graph.output]
    if len(inputs) != 1 or len(outputs) != 1:
        raise OnnxError(
            f"the model must have one input and one output, got {len(inputs)} and {len(outputs)}"
        )
    uses = Counter(name for node in graph.node for name in node.input)
    current, row = inputs[0], []
    rows, rank = next(_rows_and_rank(value) for value in graph.input if value.name == current)
    for node in graph.node:
        if node.op_type == "Constant":
            constants |= dict.fromkeys(node.output, _value_of(node))
            continue
        made = _node(node, rows, rank, constants)
        variable = {
            i: name for i, name in enumerate(node.input) if name and i not in made.constants
        }
        if list(variable.values()) != [current] or uses[current] != 1:
            raise made.error(
                "must be applied to the output of the node before it and to constants, since only "
                "operators in a row can be read"
            )
        if 0 not in variable and made.operator != "Add":
            raise made.error("must have its input first")
        if not node.output or any(node.output[1:]):
            raise made.error("must have one output")
        row.append(made)
        current = node.output[0]
        if made.operator in _MAKES_ROWS:
            rank = 2
    if current != outputs[0]:
        raise OnnxError("the output of the model must be that of its last node")
    return row


def _rows_and_rank(value: Message) -> tuple[int | None, int | None]:
    """Return the number of rows and the rank of the input of a model, where it states them."""
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return None, None
    axes = tensor.shape.dim
    return (axes[0].dim_value or None) if axes else None, len(axes)


def _node(
    node: Message, rows: int | None, rank: int | None, constants: Mapping[str, Message]
) -> Node:
    name = node.name or node.op_type
    if node.domain not in {"", "ai.onnx"}:
        raise OnnxError(f"node {name!r} has an operator of the domain {node.domain!r}")
    arrays = {i: _array(constants[n]) for i, n in enumerate(node.input) if n in constants}
    attributes = {a.name: _attribute(a, name) for a in node.attribute}
    return Node(name, node.op_type, rows, rank, arrays, attributes)


def _value_of(constant: Message) -> Message:
    """Return the tensor of a Constant."""
    for attribute in constant.attribute:
        if attribute.name == "value" and attribute.HasField("t"):
            return attribute.t
    raise OnnxError(f"node {constant.name!r} (Constant) must have a tensor as its value")


def _array(tensor: Message) -> Array:
    types, name = onnx_package().TensorProto, tensor.name or "a constant"
    known = {getattr(types, kind): field for kind, field in _FIELDS.items()}
    if tensor.data_type not in known:
        raise OnnxError(f"tensor {name!r} must be of float32, float64, int64 or bool")
    if tensor.data_location == types.EXTERNAL or len(tensor.external_data):
        raise OnnxError(f"tensor {name!r} is stored in another file, which is not read")
    dtype, field = known[tensor.data_type]
    shape = tuple(tensor.dims)
    if len(shape) > MAX_RANK or any(size < 0 for size in shape):
        raise OnnxError(f"tensor {name!r} must have rank <= {MAX_RANK}, got shape {shape}")
    size, values, raw = math.prod(shape), getattr(tensor, field), tensor.raw_data
    found = len(values) + len(raw) / np.dtype(dtype).itemsize
    if found != size or (raw and len(values)):
        raise OnnxError(f"tensor {name!r} must have {size} values, got {found:g}")
    little = np.dtype(dtype).newbyteorder("<")
    array: Array = np.frombuffer(raw, little).astype(dtype) if raw else np.array(values, dtype)
    return array.reshape(shape)


def _attribute(attribute: Message, node: str) -> float | str | list[int]:
    """Return the value of an attribute: a number, text, or a list of integers."""
    kinds = onnx_package().AttributeProto
    if attribute.type == kinds.FLOAT:
        # ONNX stores 1e-5 in float32; the shortest decimal number that does so is the one meant.
        return float(str(np.float32(attribute.f)))
    if attribute.type == kinds.INT:
        return int(attribute.i)
    if attribute.type == kinds.STRING:
        return str(attribute.s, "ascii", "replace")
    if attribute.type == kinds.INTS:
        return list(attribute.ints)
    raise OnnxError(f"node {node!r} has an attribute {attribute.name!r} of an unsupported type")
