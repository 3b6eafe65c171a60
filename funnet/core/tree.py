"""Functions on trees of arrays, such as networks, gradients and optimizer states.

A tree is an array, or an attrs value, tuple, list or dict of trees. Any other value (a slope, a
name, a flag) is a constant, which is kept unchanged. The leaves are the arrays, in the order of the
fields. A path, such as "layers.0.W", consists of field names, keys and indices.

Buffers and contexts (see `funnet.core.context`) are not leaves: `tree_map` and `tree_like` keep
them unchanged. `astype`, `describe` and `replace_at` include them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar, cast

from numpy import ndarray

from funnet.core.arrays import Array, T, array_type, typed_like
from funnet.core.context import Context
from funnet.core.errors import LocatedError, ShapeError, StructureError, join
from funnet.core.locks import LAYOUT, LOCKED, lock
from funnet.core.nodes import PARAMETERS, Kind, is_branch, kind_of, named_children, parameters_of

Tree = TypeVar("Tree")


def _map(f: Callable[..., Array], unlike: list[Array], node: object, *others: object) -> object:
    """Map one node, and collect the results whose shape or dtype differs from the first tree's."""
    if isinstance(node, ndarray):
        for other in others:
            if not isinstance(other, ndarray) or other.shape != node.shape:
                raise _unlike(node, other)
        return _locked(f(node, *others), node, unlike)
    kind = parameters_of(type(node))
    for other in others:
        _check_structure(node, other, kind)
    children = kind.children(node)
    if not children:
        return node
    new: list[object] = []
    try:
        # Not `map`, in which a StopIteration of `f` would end the loop.
        for below in zip(children, *map(kind.children, others)):  # noqa: B905 (of one structure)
            new.append(_map(f, unlike, *below))  # noqa: PERF401 (its length locates an error)
    except LocatedError as error:
        error.locate(kind.names(node)[len(new)])
        raise
    return (kind.build if unlike else kind.refill)(node, new)


def _map_two(
    f: Callable[..., Array], unlike: list[Array] | None, node: object, other: object
) -> object:
    """Return `_map(f, unlike, node, other)`, in two thirds of its instructions.

    An update is such a walk. Arrays that are as usual are handled here, without a call. If `unlike`
    is None, results for classes that are refilled are known to be valid.
    """
    if isinstance(node, ndarray):
        return _map(f, [] if unlike is None else unlike, node, other)
    kind = PARAMETERS[type(node)]
    if type(other) is not type(node) or kind.entries is not None:
        _check_structure(node, other, kind)
    children = kind.children(node)
    if not children:
        return node
    checked = unlike is not None or kind.refill is kind.build
    others = kind.children(other)
    new: list[object] = []
    try:
        for a in children:
            b = others[len(new)]
            if type(a) is ndarray and type(b) is ndarray and (shape := a.shape) == b.shape:
                array: Array = f(a, b)
                if checked and (
                    type(array) is not ndarray
                    or array.dtype is not a.dtype
                    or array.flags.num & LAYOUT != LOCKED
                    or array.shape != shape
                ):
                    array = _locked(array, a, [] if unlike is None else unlike)
                new.append(array)
            else:
                new.append(_map_two(f, unlike, a, b))
    except LocatedError as error:
        error.locate(kind.names(node)[len(new)])
        raise
    return (kind.build if unlike else kind.refill)(node, new)


def _locked(array: Array, leaf: Array, unlike: list[Array]) -> Array:
    """Return an array locked, and append it to `unlike` if it differs from a leaf."""
    array = lock(array)
    if array.shape != leaf.shape or array.dtype != leaf.dtype:
        unlike.append(array)
    return array


def _check_structure(node: object, other: object, kind: Kind) -> None:
    if type(other) is not type(node):
        raise StructureError(f"expected {type(node).__name__}, got {array_type(other)}")
    if kind.entries is not None and kind.entries(other) != kind.entries(node):
        raise StructureError(f"expected {kind.names(node)}, got {kind.names(other)}")


def _unlike(array: Array, other: object) -> LocatedError:
    if isinstance(other, ndarray):
        return ShapeError(f"expected shape {array.shape}, got {other.shape}")
    return StructureError(f"expected an array, got {type(other).__name__}")


def tree_map(f: Callable[..., Array], tree: Tree, *rest: Tree) -> Tree:
    """Return a tree of the same structure with `f` applied to each array.

    Parameters
    ----------
    f
        Function of one array per tree that returns a float array.
    tree, *rest
        Trees of the same structure and shapes. Constants are taken from the first.

    Raises
    ------
    StructureError, ShapeError
        If the trees differ; the message starts with the path of the first difference.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import Affine, tree_map
    >>> layer = Affine(np.ones((2, 1)), np.ones(1))
    >>> tree_map(lambda a, b: a + 10 * b, layer, layer).b
    array([11.])
    """
    new = _map_two(f, [], tree, rest[0]) if len(rest) == 1 else _map(f, [], tree, *rest)
    return typed_like(tree, new)


def updated(f: Callable[[Array, Array], Array], params: Tree, grads: Tree) -> Tree:
    """Return `tree_map(f, params, grads)`, without a check of what `f` returns.

    These must be locked arrays with the shapes and dtypes of the parameters. Those of containers,
    and of classes whose constructor does more than check, are checked: their layout is not known.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import Affine, lock_in_place
    >>> from funnet.core.tree import updated
    >>> layer = Affine(np.ones((2, 1)), np.ones(1))
    >>> updated(lambda p, g: lock_in_place(p - g), layer, layer).b
    array([0.])
    """
    return typed_like(params, _map_two(f, None, params, grads))


def tree_like(tree: Tree, arrays: Iterable[Array]) -> Tree:
    """Return a tree of the same structure with other float arrays, in the order of the leaves.

    Raise StructureError if there are more or fewer arrays than leaves.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import tree_like
    >>> tree_like({"a": np.zeros(1), "b": np.zeros(2)}, [np.ones(1), np.ones(2)])
    {'a': array([1.]), 'b': array([1., 1.])}
    """
    given, count = list(arrays), len(tree_leaves(tree))
    if len(given) != count:
        raise StructureError(f"expected {count} arrays, got {len(given)}")
    following = iter(given)
    return tree_map(lambda _: next(following), tree)


def named_leaves(tree: object) -> Iterator[tuple[str, Array]]:
    """Iterate over the paths and arrays of the leaves; the path of a bare array is "".

    Examples
    --------
    >>> from funnet import Affine, ReLU, named_leaves, sequential
    >>> net = sequential(Affine.init(3, 2, rng=0), ReLU())
    >>> [(path, array.shape) for path, array in named_leaves(net)]
    [('layers.0.W', (3, 2)), ('layers.0.b', (2,))]
    """
    if isinstance(tree, ndarray):
        yield "", tree
    for name, child in parameters_of(type(tree)).named_children(tree):
        for path, array in named_leaves(child):
            yield join(name, path), array


def tree_leaves(tree: object) -> list[Array]:
    """Return the arrays of a tree.

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
        if type(child) is ndarray:
            leaves.append(child)
        elif below := PARAMETERS[type(child)].children(child):
            _collect(below, leaves)
        elif isinstance(child, ndarray):
            leaves.append(child)


def leaves_like(tree: Tree, other: Tree) -> list[Array]:
    """Return the arrays of the other tree; raise as `tree_map` if it is unlike the first.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet.core.tree import leaves_like
    >>> leaves_like((np.zeros(1), np.zeros(2)), (np.ones(1), np.ones(2)))
    [array([1.]), array([1., 1.])]
    """
    tree_map(lambda array, _: array, tree, other)  # compares them
    return tree_leaves(other)


def value_at(tree: object, path: str) -> object:
    """Return the value at a path; raise KeyError if the path does not exist."""
    names = path.split(".") if path else []
    while names:
        try:
            i, names = _first(tree, names)
        except KeyError as error:
            raise KeyError(f"nothing at {path!r}: {error.args[0]}") from None
        tree = kind_of(type(tree)).children(tree)[i]
    return tree


def _first(tree: object, names: list[str]) -> tuple[int, list[str]]:
    """Return the index of the child that a path begins with, and the rest of the path."""
    entries = list(kind_of(type(tree)).names(tree))
    split = [entry.split(".") for entry in entries]  # of a key of a dict, which may have dots
    found = [i for i, entry in enumerate(split) if names[: len(entry)] == entry]
    if len(found) == 1:
        return found[0], names[len(split[found[0]]) :]
    count, name = ("several entries", ".".join(names)) if found else ("no entry", names[0])
    others = ", ".join(entries) or "none"
    raise KeyError(f"{type(tree).__name__} has {count} {name!r}; its entries are {others}")


def replace_at(params: Tree, path: str, value: object) -> Tree:
    """Return a tree in which the array, layer or constant at one path is replaced.

    Parameters
    ----------
    path
        Path such as "layers.0.W" or "layers.0"; "" is the whole tree.

    Raises
    ------
    KeyError
        If the path does not exist, or is that of several values, as "a.b" may be in a dict; the
        message lists the entries.
    ShapeError, DTypeError
        If the value does not fit its layer.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import Affine, replace_at
    >>> layer = replace_at(Affine.init(3, 2, rng=0), "b", np.array([1.0, 2.0], np.float32))
    >>> layer.b
    array([1., 2.], dtype=float32)
    """
    return typed_like(params, _replace(params, path.split(".") if path else [], value))


def _replace(node: object, names: list[str], value: object) -> object:
    if not names:
        return value
    kind, (i, below) = kind_of(type(node)), _first(node, names)
    children = list(kind.children(node))
    try:
        children[i] = _replace(children[i], below, value)
    except LocatedError as error:
        error.locate(kind.names(node)[i])
        raise
    return kind.build(node, children)


def named_branches(tree: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Iterate over the paths and values of a tree that have children: layers and containers."""
    if isinstance(tree, ndarray | Context) or not is_branch(tree):
        return
    yield path, tree
    for name, child in named_children(tree):
        yield from named_branches(child, join(path, name))


def named_arrays(tree: object) -> Iterator[tuple[str, Array]]:
    """Iterate over the paths and values of all arrays in a tree, buffers included."""
    for path, branch in named_branches(tree):
        for name, child in named_children(branch):
            if isinstance(child, ndarray):
                yield join(path, name), child


def parameter_count(params: object) -> int:
    """Return the total size of the arrays of a tree.

    Examples
    --------
    >>> from funnet import Affine, parameter_count
    >>> parameter_count(Affine.init(784, 80, rng=0))
    62800
    """
    return sum(array.size for array in tree_leaves(params))


def reduce_to_constructor(
    self: object,
) -> tuple[Callable[..., object], tuple[type[object], Sequence[object]]]:
    """Return a reduced value for pickle that is rebuilt by its constructor, which locks its arrays.

    Use it as the `__reduce__` of a layer: `__reduce__ = reduce_to_constructor` in the body of its
    class. Otherwise its arrays are writeable after pickle and `copy.deepcopy`.
    """
    kind = kind_of(type(self))
    return _construct, (type(self), kind.children(self))


def refill(cls: type[T], fields: Sequence[object]) -> T:
    """Return a value of an attrs class with fields that are known to be valid.

    The constructor is skipped if the class states `constructor_only_checks = True` in its body.

    Parameters
    ----------
    fields
        The values of the fields, in order, as the constructor would set them: locked arrays of the
        right shapes and dtypes.

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
