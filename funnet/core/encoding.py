"""Values as plain structure and arrays, and back: what checkpoints and fingerprints are made of.

A structure is a tree of three kinds of node: what is known of an array, a constant, and a branch,
which stands for a tuple, a list, a dict, or a value of an attrs class or NamedTuple.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, cast

import attrs
import numpy as np
import numpy.typing as npt

from funnet.core.errors import LocatedError, StructureError

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
"""A value as the json module takes and gives it."""

AnyArray = npt.NDArray[np.generic]
"""An array of any type."""

Scalar = None | bool | int | float | str
"""A constant that can be written."""

DTYPES: Mapping[str, np.dtype[np.generic]] = {
    np.dtype(scalar).name: np.dtype(scalar)
    for scalar in (
        np.float16, np.float32, np.float64, np.bool,
        np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64,
    )
}  # fmt: skip
"""The types of number that an array can be written with, by name."""

SEQUENCES: Mapping[str, Callable[[list[object]], object]] = {"tuple": tuple, "list": list}

CONTAINERS = {*SEQUENCES, "dict"}
"""The types of branch that no class may have as its name."""

MAX_BITS = 2048
"""The bits of the largest int: Python reads and writes it in decimal under any of its limits."""

MAX_DEPTH = 200
"""How deep values may be nested: to read them takes Python three calls a level, of 1,000."""

MAX_PATH = 10_000
"""The length of the longest path, which is a name in a file of at most 65,535 bytes."""


class DecodeError(LocatedError, ValueError):
    """A structure does not describe a value."""


@attrs.frozen
class ArraySpec:
    """A node: what is known of an array.

    Parameters
    ----------
    path
        Where it stands, such as "params.layers.0.W"; the name of the array in a file.
    dtype
        Its type of number.
    shape
        Its shape.
    """

    path: str
    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """How many bytes its numbers take."""
        return math.prod(self.shape) * self.dtype.itemsize

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


@attrs.frozen
class Constant:
    """A node: a value that is no array and has none in it."""

    value: Scalar

    def __str__(self) -> str:
        return type(self.value).__name__


@attrs.frozen
class Branch:
    """A node: "tuple", "list", "dict" or a class by its name, and what is in it."""

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
    """Return the structure of a value, and put its arrays into a dict, by path.

    Parameters
    ----------
    value
        An array, an attrs value, a tuple, NamedTuple, list, or dict with names as keys, of such;
        or None, a bool, int, float or str.
    arrays
        Where the arrays go.
    path
        Where the value stands.
    numpy_scalars
        Whether NumPy's numbers and strings may stand for Python's.

    Raises
    ------
    StructureError
        If something else is in it, a masked array, an int of more than 2,048 bits, a string with
        surrogates, or values nested more than 200 deep; the message starts with its path.

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
            f"values nested more than {MAX_DEPTH} deep, or with paths of more than {MAX_PATH} "
            "characters, can't be written",
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
    """Return an array as an np.ndarray, if nothing is lost by that."""
    if isinstance(array, np.ma.MaskedArray):
        raise StructureError(
            "a masked array can't be written; replace the masked entries by .filled(value)", path
        )
    if type(array) not in (np.ndarray, np.matrix, np.memmap):
        raise StructureError(
            f"an array of the class {type(array).__name__} can't be written; "
            "convert it to an np.ndarray",
            path,
        )
    if array.dtype.name not in DTYPES:
        raise StructureError(f"an array of {array.dtype} can't be written", path)
    return np.asarray(array)


def _check_constant(value: object, path: str) -> None:
    """Refuse constants that would not be read as they were written."""
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise StructureError(f"an int of more than {MAX_BITS} bits can't be written", path)
    if isinstance(value, str) and not _is_unicode(value):
        raise StructureError(f"a string with surrogates can't be written: {value[:80]!a}", path)


def _children(value: object, path: str) -> Mapping[str, object]:
    if type(value) in (tuple, list):
        return {str(i): item for i, item in enumerate(cast("tuple[object, ...]", value))}
    if type(value) is dict:
        children = value
    elif _has_fields(type(value)) and type(value).__name__ not in CONTAINERS:
        children = {name: getattr(value, name) for name in _aliases(type(value))}
    else:
        raise StructureError(f"a value of {type(value).__name__} can't be written", path)
    for key in children:
        if type(key) is not str or not _is_name(key):
            raise StructureError(f"expected keys to be names, got {key!r}", path)
    return children


def classes_in(value: object) -> Iterator[type[object]]:
    """Iterate over the attrs classes and NamedTuples of the values in a value."""
    if isinstance(value, np.ndarray | None | bool | int | float | str):
        return
    if _has_fields(type(value)):
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

    Parameters
    ----------
    node
        The structure.
    arrays
        A function that returns the array of a spec.
    build
        A function that returns the value of a class, by its name and the values of its fields.
    path
        Where the value stands.

    Raises
    ------
    DecodeError
        If `build` raises anything; the message starts with the path.
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
    except Exception as error:  # a constructor of the caller's may raise anything
        raise DecodeError(str(error), path) from error


def construct(cls: type[object], fields: Mapping[str, object]) -> object:
    """Return the value of an attrs class or a NamedTuple with the given fields.

    Raises
    ------
    ValueError
        If the class has other fields. What its constructor raises comes through.
    """
    aliases = _aliases(cls)
    if aliases.keys() != fields.keys():
        raise ValueError(
            f"expected {cls.__name__} with {', '.join(aliases) or 'nothing'}, "
            f"got {', '.join(fields) or 'nothing'}"
        )
    return cls(**{aliases[name]: value for name, value in fields.items()})


def difference(expected: Node, found: Node, path: str = "") -> StructureError | None:
    """Return the first difference between two structures as an error, or None.

    Classes, entries, shapes and types of number count. Constants do not, nor do tuples, lists and
    dicts of nothing but constants.

    Parameters
    ----------
    expected, found
        Two structures.
    path
        Where they stand.
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
    """Return a structure in the form that the json module writes.

    Finite numbers, strings, booleans and null stand for themselves.
    """
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
    """Return a structure from the form that `to_json` gives it. Nothing in it is trusted.

    Raises
    ------
    DecodeError
        If it is no structure; the message starts with the path to the wrong part.
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


def join(path: str, name: str) -> str:
    """Return the path of what is called `name` inside what stands at a path."""
    return f"{path}.{name}" if path else name


def _is_name(key: str) -> bool:
    # Paths become the names of members and files: no two may be the same on any system.
    return key.isprintable() and not set(key) & set("./\\:") and 0 < len(key) <= 200


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _has_fields(cls: type[object]) -> bool:
    return attrs.has(cls) or (issubclass(cls, tuple) and hasattr(cls, "_fields"))


def _aliases(cls: type[object]) -> dict[str, str]:
    """Return the fields that a value's constructor takes, each with the name of its argument."""
    if attrs.has(cls):
        return {field.name: str(field.alias) for field in attrs.fields(cls) if field.init}
    if _has_fields(cls):
        return {name: name for name in cast("type[NamedTuple]", cls)._fields}
    raise ValueError(f"expected an attrs class or a NamedTuple, got {cls.__name__}")
