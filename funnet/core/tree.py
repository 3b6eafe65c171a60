"""Trees of arrays: the one place that walks through the fields of a network.

A tree is an array, or an attrs value, tuple, list or dict of trees. Every other value (a slope, a
name, a flag) is a constant: it rides along untouched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import repeat
from typing import TypeVar, cast

import attrs
import numpy as np

from funnet.core.arrays import (
    Array,
    Float,
    T,
    array_type,
    as_ndarray,
    check_float_type,
    lock,
    lock_in_place,
)
from funnet.core.errors import DTypeError, LocatedError, ShapeError, StructureError
from funnet.core.nodes import Kind, kind_of

Tree = TypeVar("Tree")


def _map(f: Callable[..., Array], unlike: list[Array], node: object, *others: object) -> object:
    """Map one node, and note the arrays that are of another shape or dtype than before."""
    if isinstance(node, np.ndarray):
        for other in others:
            if not isinstance(other, np.ndarray) or other.shape != node.shape:
                raise _unlike(node, other)
        array = lock(f(node, *others))
        if array.shape != node.shape or array.dtype != node.dtype:
            unlike.append(array)
        return array
    kind = kind_of(type(node))
    for other in others:
        _check_structure(node, other, kind)
    children = kind.children(node)
    if not children:
        return node
    new: list[object] = []
    try:
        for child in map(_map, repeat(f), repeat(unlike), children, *map(kind.children, others)):
            new.append(child)  # noqa: PERF402 (how far it got says where it failed)
    except LocatedError as error:
        error.locate(kind.names(node)[len(new)])
        raise
    return (kind.build if unlike else kind.refill)(node, new)


def _check_structure(node: object, other: object, kind: Kind) -> None:
    if type(other) is not type(node):
        raise StructureError(f"expected {type(node).__name__}, got {array_type(other)}")
    if kind.entries is not None and kind.entries(other) != kind.entries(node):
        raise StructureError(f"expected {kind.names(node)}, got {kind.names(other)}")


def _unlike(array: Array, other: object) -> LocatedError:
    if isinstance(other, np.ndarray):
        return ShapeError(f"expected shape {array.shape}, got {other.shape}")
    return StructureError(f"expected an array, got {type(other).__name__}")


def tree_map(f: Callable[..., Array], tree: Tree, *rest: Tree) -> Tree:
    """Return a tree of the same structure, with `f` applied to every array.

    Parameters
    ----------
    f
        A function of one array, or of as many as there are trees, that returns a float array.
    tree
        A network, a layer, an array, or a tuple, list or dict of such.
    *rest
        More trees of the same structure and shapes.

    Returns
    -------
    tree
        A new tree with locked arrays. Constants are those of the first tree.

    Raises
    ------
    StructureError, ShapeError
        If the trees differ; the message starts with the first path that does.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import Affine, tree_map
    >>> layer = Affine(np.ones((2, 1)), np.ones(1))
    >>> tree_map(lambda a, b: a + 10 * b, layer, layer).b
    array([11.])
    """
    return cast(Tree, _map(f, [], tree, *rest))


def tree_like(tree: Tree, arrays: Iterable[Array]) -> Tree:
    """Return a tree of the same structure with other arrays, in the order of `tree_leaves`.

    Parameters
    ----------
    tree
        A network, a layer, an array, or a tuple, list or dict of such.
    arrays
        As many float arrays as the tree has.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import tree_like
    >>> tree_like({"a": np.zeros(1), "b": np.zeros(2)}, [np.ones(1), np.ones(2)])
    {'a': array([1.]), 'b': array([1., 1.])}
    """
    following = iter(arrays)
    return tree_map(lambda _: next(following), tree)


def named_leaves(tree: object) -> Iterator[tuple[str, Array]]:
    """Iterate over the arrays of a tree with their paths, in the order of the fields.

    Parameters
    ----------
    tree
        A network, a layer, an array, or a tuple, list or dict of such.

    Yields
    ------
    path, array
        The path as `replace_at` and error messages write it; empty if the tree is an array.

    Examples
    --------
    >>> from funnet import Affine, ReLU, named_leaves, sequential
    >>> net = sequential(Affine.init(3, 2, rng=0), ReLU())
    >>> [(path, array.shape) for path, array in named_leaves(net)]
    [('layers.0.W', (3, 2)), ('layers.0.b', (2,))]
    """
    if isinstance(tree, np.ndarray):
        yield "", tree
    kind = kind_of(type(tree))
    for name, child in zip(kind.names(tree), kind.children(tree), strict=True):
        for path, array in named_leaves(child):
            yield (f"{name}.{path}" if path else name), array


def tree_leaves(tree: object) -> list[Array]:
    """Return the arrays of a tree, in the order of the fields.

    Parameters
    ----------
    tree
        A network, a layer, an array, or a tuple, list or dict of such.

    Examples
    --------
    >>> from funnet import Affine, tree_leaves
    >>> [array.shape for array in tree_leaves(Affine.init(3, 2, rng=0))]
    [(3, 2), (2,)]
    """
    leaves: list[Array] = []
    _collect((tree,), leaves)
    return leaves


def _collect(children: Iterable[object], leaves: list[Array]) -> None:
    for child in children:
        if isinstance(child, np.ndarray):
            leaves.append(child)
        else:
            _collect(kind_of(type(child)).children(child), leaves)


def replace_at(params: Tree, path: str, value: object) -> Tree:
    """Return a tree in which the array, layer or constant at one path is another.

    Parameters
    ----------
    params
        A network, a layer, or a tuple, list or dict of such.
    path
        Where it stands, such as "layers.0.W" or "layers.0"; empty for the whole.
    value
        What shall stand there.

    Raises
    ------
    KeyError
        If there is no such path; the message names the entries that there are.
    ShapeError, DTypeError
        If the value does not fit there.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import Affine, replace_at
    >>> layer = replace_at(Affine.init(3, 2, rng=0), "b", np.array([1.0, 2.0], np.float32))
    >>> layer.b
    array([1., 2.], dtype=float32)
    """
    if not path:
        return cast(Tree, value)
    name, _, below = path.partition(".")
    kind = kind_of(type(params))
    names, children = kind.names(params), list(kind.children(params))
    if name not in names:
        raise KeyError(
            f"no {name!r} in {type(params).__name__}, which has {', '.join(names) or 'nothing'}"
        )
    i = names.index(name)
    try:
        children[i] = replace_at(children[i], below, value)
    except LocatedError as error:
        error.locate(name)
        raise
    return cast(Tree, kind.build(params, children))


def astype(params: Tree, dtype: type[Float]) -> Tree:
    """Return a tree with all its arrays converted to one float type.

    Parameters
    ----------
    params
        A network, a layer, an array, or a tuple, list or dict of such.
    dtype
        `np.float16`, `np.float32` or `np.float64`.

    Raises
    ------
    TypeError
        If `dtype` is another type.
    DTypeError
        If a finite number is beyond the range of `dtype`; the message starts with its path.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import Affine, astype
    >>> astype(Affine.init(3, 2, rng=0), np.float64)
    Affine(W=float64[3, 2], b=float64[2])
    """
    check_float_type(dtype)

    def convert(array: Array) -> Array:
        array = as_ndarray(array, "a parameter")
        with np.errstate(over="ignore"):
            converted: Array = array.astype(dtype)
        if (np.isinf(converted) > np.isinf(array)).any():
            limit = np.finfo(dtype)
            raise DTypeError(
                f"expected numbers from {limit.min} to {limit.max}, which {limit.dtype} can hold, "
                f"got numbers from {np.nanmin(array)} to {np.nanmax(array)}"
            )
        return lock_in_place(converted)

    return tree_map(convert, params)


def parameter_count(params: object) -> int:
    """Return how many numbers the arrays of a tree hold.

    Parameters
    ----------
    params
        A network, a layer, an array, or a tuple, list or dict of such.

    Examples
    --------
    >>> from funnet import Affine, parameter_count
    >>> parameter_count(Affine.init(784, 80, rng=0))
    62800
    """
    return sum(array.size for array in tree_leaves(params))


def describe(self: object) -> str:
    """Return the architecture of a layer or network: classes, shapes and dtypes, no numbers.

    Meant as the `__repr__` of a layer: `__repr__ = describe` in the body of its class.

    Parameters
    ----------
    self
        A network, a layer, an array, or a constant. What holds layers is drawn with one line for
        each of them, behind its path.

    Examples
    --------
    >>> from funnet import Affine, ReLU, sequential
    >>> sequential(Affine.init(3, 2, rng=0), ReLU())
    Sequential(
      layers.0: Affine(W=float32[3, 2], b=float32[2])
      layers.1: ReLU()
    )
    """
    if isinstance(self, np.ndarray):
        return array_type(self)
    if _is_constant(self):
        return repr(self)
    parts = list(_parts(self))
    if any(attrs.has(type(part)) for _, part in parts):
        lines = (f"\n{name}: {describe(part)}".replace("\n", "\n  ") for name, part in parts)
        return f"{type(self).__name__}({''.join(lines)}\n)"
    fields = (f"{name}={describe(part)}" for name, part in parts)
    return f"{type(self).__name__}({', '.join(fields)})"


def _parts(tree: object) -> Iterator[tuple[str, object]]:
    """Iterate over what a value is drawn with: its fields, and the items of its containers."""
    kind = kind_of(type(tree))
    for name, child in zip(kind.names(tree), kind.children(tree), strict=True):
        if isinstance(child, (tuple, list, dict)) and not _is_constant(child):
            yield from ((f"{name}.{below}", part) for below, part in _parts(child))
        else:
            yield name, child


def _is_constant(value: object) -> bool:
    """Return whether a value is neither an array nor of an attrs class, nor contains one."""
    cls = type(value)
    if isinstance(value, np.ndarray) or attrs.has(cls):
        return False
    return all(map(_is_constant, kind_of(cls).children(value)))


def reduce_to_constructor(
    self: object,
) -> tuple[Callable[..., object], tuple[type[object], Sequence[object]]]:
    """Return how to make a value again through its constructor, which locks its arrays.

    Use it as the `__reduce__` of a layer: `__reduce__ = reduce_to_constructor` in the body of its
    class. NumPy returns writeable arrays from pickle and from `copy.deepcopy`; with this, they are
    locked.

    Parameters
    ----------
    self
        A layer, or any other attrs value with locked arrays.
    """
    kind = kind_of(type(self))
    return _construct, (type(self), kind.children(self))


def refill(cls: type[T], fields: Sequence[object]) -> T:
    """Return a value of a class from fields that the class is known to accept.

    The constructor is not called if the class says that it only checks, by
    `constructor_only_checks = True` in its body: that of `Affine` takes four times as long as this.

    Parameters
    ----------
    cls
        An attrs class.
    fields
        The values of its fields, in their order, as its constructor would leave them: locked
        arrays, of the right shapes and dtypes.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import Affine, lock_in_place
    >>> from funnet.core.tree import refill
    >>> refill(Affine, (lock_in_place(np.ones((3, 2))), lock_in_place(np.ones(2))))
    Affine(W=float64[3, 2], b=float64[2])
    """
    return cast(T, kind_of(cls).refill(None, fields))


def _construct(cls: type[object], children: Sequence[object]) -> object:
    return kind_of(cls).build(None, children)
