"""Values as a structure and arrays, and back: the basis of checkpoints and fingerprints.

A structure has three types of node: the description of an array, a constant, and a branch, which
describes a tuple, list, dict or attrs value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import cast

import attrs
import numpy as np

from funnet.core.arrays import AnyArray
from funnet.core.errors import LocatedError, StructureError, join
from funnet.core.nodes import dict_of, is_branch, kind_of, named_children

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
"""A value that the json module writes and reads."""

Scalar = None | bool | int | float | str
"""A constant that can be encoded."""

DTYPES: Mapping[str, np.dtype[np.generic]] = {
    np.dtype(scalar).name: np.dtype(scalar)
    for scalar in (
        np.float16, np.float32, np.float64, np.bool,
        np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64,
    )
}  # fmt: skip
"""The supported dtypes of arrays, by name."""

SEQUENCES: Mapping[str, Callable[[list[object]], object]] = {"tuple": tuple, "list": list}

CONTAINERS = {*SEQUENCES, "dict"}
"""The types of branches that are not classes; no class may have their names."""

MAX_BITS = 2048
"""The largest int in bits, which Python converts to decimal and back under any of its limits."""

MAX_DEPTH = 200
"""The deepest nesting: decoding takes three Python calls per level, of 1,000."""

MAX_PATH = 10_000
"""The longest path, which is a name in a file of at most 65,535 bytes."""


class DecodeError(LocatedError, ValueError):
    """A structure does not describe a value."""


@attrs.frozen
class ArraySpec:
    """A node: an array of this dtype and shape; its path, "layers.0.W", is its name in a file."""

    path: str
    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Size of the array in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


@attrs.frozen
class Constant:
    """A node: a value without arrays."""

    value: Scalar

    def __str__(self) -> str:
        return type(self.value).__name__


@attrs.frozen
class Branch:
    """A node: "tuple", "list", "dict" or the name of a class, and its items."""

    type: str
    items: Mapping[str, Node]

    def __str__(self) -> str:
        if self.type in SEQUENCES:
            return f"{self.type} of {len(self.items)}"
        return f"{self.type} with {', '.join(self.items)}" if self.items else self.type


Node = ArraySpec | Constant | Branch


def encode(
    value: object, arrays: dict[str, AnyArray], path: str = "", *, numpy_scalars: bool = False
) -> Node:
    """Return the structure of the value at a path, and store its arrays in a dict, by path.

    A value is an array, None, a bool, int, float or str, an attrs value, or a tuple, list or dict
    with names as keys. NumPy scalars are converted to Python's if `numpy_scalars` is true.

    Raises
    ------
    StructureError
        If the value contains anything else, a masked array, an int of more than 2,048 bits, a
        string with surrogates, or values nested more than 200 deep; the message starts with the
        path.

    Examples
    --------
    >>> from funnet import Affine
    >>> from funnet.core.encoding import encode
    >>> arrays = {}
    >>> print(encode(Affine.init(3, 2, rng=0), arrays))
    Affine with W, b
    >>> list(arrays)
    ['W', 'b']
    """
    if path.count(".") >= MAX_DEPTH or len(path) > MAX_PATH:
        raise StructureError(
            f"values nested more than {MAX_DEPTH} deep, or with paths longer than {MAX_PATH} "
            "characters, are not supported",
            f"{path[:80]}...",
        )
    if isinstance(value, np.ndarray):
        arrays[path] = array = _plain(value, path)
        return ArraySpec(path, DTYPES[array.dtype.name], array.shape)
    if numpy_scalars and isinstance(value, np.bool | np.number | np.str_):
        value = value.item()
    if value is None or type(value) in (bool, int, float, str):
        _check_constant(value, path)
        return Constant(cast(Scalar, value))
    children = _children(value, path)
    items = {
        name: encode(child, arrays, join(path, name), numpy_scalars=numpy_scalars)
        for name, child in children.items()
    }
    return Branch(type(value).__name__, items)


def _plain(array: AnyArray, path: str) -> AnyArray:
    """Return an array as a plain np.ndarray, if that loses nothing."""
    if isinstance(array, np.ma.MaskedArray):
        raise StructureError(
            "masked arrays are not supported; fill the masked entries with .filled(value)", path
        )
    if type(array) not in (np.ndarray, np.matrix, np.memmap):
        raise StructureError(
            f"arrays of class {type(array).__name__} are not supported; "
            "convert it to an np.ndarray",
            path,
        )
    if array.dtype.name not in DTYPES:
        hint = "; convert it to a list of strings with .tolist()" if array.dtype.kind == "U" else ""
        raise StructureError(f"arrays of dtype {array.dtype} are not supported{hint}", path)
    return np.asarray(array)


def _check_constant(value: object, path: str) -> None:
    """Raise StructureError for a constant that would not be read as it was written."""
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise StructureError(f"integers of more than {MAX_BITS} bits are not supported", path)
    if isinstance(value, str) and re.search("[\ud800-\udfff]", value):
        raise StructureError(f"strings with surrogates are not supported, got {value[:80]!a}", path)


def _children(value: object, path: str) -> dict[str, object]:
    if isinstance(value, type):
        raise StructureError(f"classes are not supported, got {value.__name__}", path)
    if isinstance(value, np.generic):
        raise StructureError(
            f"NumPy scalars are not supported, got {value!r}; convert it with .item()", path
        )
    if not is_branch(value) or (
        type(value).__name__ in CONTAINERS and type(value) not in (tuple, list, dict)
    ):
        raise StructureError(f"values of type {type(value).__name__} are not supported", path)
    for key in value if isinstance(value, dict) else ():
        if type(key) is not str:
            raise StructureError(f"keys must be valid names, got {key!r}", path)
    children = dict(named_children(value))
    for name in children:
        if not _is_name(name):
            raise StructureError(f"keys must be valid names, got {name!r}", path)
    return children


def classes_in(value: object) -> Iterator[type[object]]:
    """Iterate over the classes of a value and of its parts that a file must name."""
    if isinstance(value, np.ndarray | None | bool | int | float | str):
        return
    if type(value) not in (tuple, list, dict):
        yield type(value)
    for child in _children(value, "").values():
        yield from classes_in(child)


def specs(node: Node) -> Iterator[ArraySpec]:
    """Iterate over the arrays of a structure."""
    if isinstance(node, ArraySpec):
        yield node
    elif isinstance(node, Branch):
        for child in node.items.values():
            yield from specs(child)


def decode(
    node: Node,
    arrays: Callable[[ArraySpec], AnyArray],
    build: Callable[[str, dict[str, object]], object],
    path: str = "",
) -> object:
    """Return the value that a structure describes.

    `arrays` returns the array of a spec, and `build` the value of a class, given its name and the
    values of its fields. An error of `build` becomes a DecodeError that starts with the path.
    """
    if isinstance(node, ArraySpec):
        return arrays(node)
    if isinstance(node, Constant):
        return node.value
    items = {
        name: decode(child, arrays, build, join(path, name)) for name, child in node.items.items()
    }
    if node.type in SEQUENCES:
        return SEQUENCES[node.type](list(items.values()))
    if node.type == "dict":
        return items
    try:
        return build(node.type, items)
    except Exception as error:  # a user's constructor may raise anything
        raise DecodeError(str(error), path) from error


def construct(cls: type[object], items: Mapping[str, object]) -> object:
    """Return the value of an attrs class, or of a subclass of tuple, list or dict.

    Raise ValueError if the class has other fields. Errors of its constructor are not caught.
    """
    if not (attrs.has(cls) or issubclass(cls, tuple | list | dict)):
        raise ValueError(f"{cls.__name__} must be an attrs class or a container")
    if issubclass(cls, dict):
        return dict_of(cls, items)
    kind = kind_of(cls)
    names = kind.names(items)
    if set(names) != items.keys():
        raise ValueError(
            f"expected {cls.__name__} with {', '.join(names) or 'no fields'}, "
            f"got {', '.join(items) or 'none'}"
        )
    return kind.build(items, [items[name] for name in names])


def difference(expected: Node, found: Node, path: str = "") -> StructureError | None:
    """Return the first difference between two structures as an error, or None.

    Classes, entries, shapes and dtypes are compared. Constants, and tuples, lists and dicts that
    contain only constants, are not.
    """
    if _is_constant(expected) and _is_constant(found):
        return None
    if isinstance(expected, Branch) and isinstance(found, Branch):
        if expected.type == found.type and expected.items.keys() == found.items.keys():
            below = (
                difference(child, found.items[name], join(path, name))
                for name, child in expected.items.items()
            )
            return next(filter(None, below), None)
    elif expected == found:
        return None
    return StructureError(f"expected {expected}, the file has {found}", path)


def _is_constant(node: Node) -> bool:
    if not isinstance(node, Branch):
        return isinstance(node, Constant)
    return node.type in CONTAINERS and all(map(_is_constant, node.items.values()))


def to_json(node: Node) -> Json:
    """Return a structure as a JSON value. Constants other than inf and nan are unchanged."""
    if isinstance(node, ArraySpec):
        return {"array": node.dtype.name, "shape": list(node.shape)}
    if isinstance(node, Branch):
        return {
            "type": node.type,
            "items": {name: to_json(child) for name, child in node.items.items()},
        }
    if isinstance(node.value, float) and not math.isfinite(node.value):
        return {"float": str(node.value)}
    return node.value


def from_json(json: Json, path: str = "") -> Node:
    """Return the structure that `to_json` wrote.

    The JSON value is not trusted: DecodeError names the path of the first invalid part.
    """
    match json:
        case {"array": str(dtype), "shape": list(shape), **rest} if not rest and dtype in DTYPES:
            sizes = tuple(size for size in shape if type(size) is int and size >= 0)
            if len(sizes) == len(shape) <= 64:
                return ArraySpec(path, DTYPES[dtype], sizes)
        case {"type": str(name), "items": dict(items), **rest} if not rest:
            numbered = name not in SEQUENCES or list(items) == list(map(str, range(len(items))))
            if numbered and all(map(_is_name, items)):
                nodes = {key: from_json(item, join(path, key)) for key, item in items.items()}
                return Branch(name, nodes)
        case {"float": "nan" | "inf" | "-inf" as number, **rest} if not rest:
            return Constant(float(number))
        case None | bool() | int() | float() | str():
            return Constant(json)
        case _:
            pass
    raise DecodeError(f"expected a value, got {str(json)[:80]}", path)


def _is_name(key: str) -> bool:
    # Paths become the names of members and files, and must stay distinct on any system.
    return key.isprintable() and not set(key) & set("./\\:") and 0 < len(key) <= 200
