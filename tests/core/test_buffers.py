"""Buffers: which functions on trees leave them and contexts alone, and which include them."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pytest
from optimizer_cases import OPTIMIZERS
from zoo import CASES, all_arrays

import funnet as fn
from funnet.core.context import WIDE_BUFFER
from funnet.core.live import contexts


def lock_pair(pair: tuple[npt.NDArray[Any], ...]) -> tuple[npt.NDArray[Any], ...]:
    return tuple(map(fn.lock_buffer, pair))


@attrs.frozen(eq=False)
class Positions:
    """A class with only buffers: integers, floats under an alias, and a tuple of both."""

    order: npt.NDArray[np.int32] = attrs.field(converter=fn.lock_buffer, metadata=fn.BUFFER)
    _codes: fn.Matrix = attrs.field(converter=fn.lock_matrix, metadata=fn.BUFFER, kw_only=True)
    pair: tuple[npt.NDArray[Any], ...] = attrs.field(
        converter=lock_pair, metadata=fn.BUFFER, kw_only=True
    )

    __repr__ = fn.describe
    __reduce__ = fn.reduce_to_constructor


@attrs.frozen(eq=False)
class Everything:
    """Parameters before and between buffers, a context in the middle, and a buffer with buffers."""

    mask: npt.NDArray[np.bool] = attrs.field(converter=fn.lock_buffer, metadata=fn.BUFFER)
    W: fn.Matrix = attrs.field(converter=fn.lock_matrix)
    context: fn.Context | None = None
    variance: fn.Vector = attrs.field(
        default=np.array([1e6, 1 / 3]), converter=fn.lock_vector, metadata=WIDE_BUFFER
    )
    positions: Positions | None = attrs.field(default=None, metadata=fn.BUFFER, kw_only=True)
    b: fn.Vector = attrs.field(converter=fn.lock_vector, kw_only=True)

    __repr__ = fn.describe
    __reduce__ = fn.reduce_to_constructor


def positions() -> Positions:
    pair = np.ones(2), np.arange(2, dtype=np.uint8)
    return Positions(np.arange(3, dtype=np.int32), codes=np.ones((3, 2)), pair=pair)


def everything() -> Everything:
    rng = np.random.default_rng(0)
    W, b = rng.standard_normal((4, 3)), rng.standard_normal(3)
    return Everything(rng.random((4, 3)) < 0.5, W, positions=positions(), b=b)


LAYERS = {
    "norm": "BatchNorm",
    "center": "a user's layer with statistics",
    "net": "a user's network with a batch norm",
    "pruned": "a user's pruning mask",
}


def tree() -> dict[str, Any]:
    """Return a tree with buffers and contexts of all kinds."""
    layers = {name: CASES[case].layer(0) for name, case in LAYERS.items()}
    return {**layers, "all": everything(), "only": [positions()]}


TREES: dict[str, Callable[[], Any]] = {
    "at rest": tree,
    "live": lambda: fn.training_mode(tree(), seed=1, step=2),
}
every_tree = pytest.mark.parametrize("make", TREES.values(), ids=TREES)

PARAMETERS = [
    "norm.gamma", "norm.beta", "center.gain", "net.W1", "net.norm.gamma", "net.norm.beta",
    "net.W2", "pruned.W", "all.W", "all.b",
]  # fmt: skip


def kept(tree: object) -> dict[str, object]:
    """Return the contexts of a tree, and the dtypes, shapes and bytes of its buffers, by path."""
    leaves = {path for path, _ in fn.named_leaves(tree)}
    buffers: dict[str, object] = {
        path: (array.dtype, array.shape, array.tobytes())
        for path, array in all_arrays(tree).items()
        if path not in leaves
    }
    return buffers | {f"context of {path}": context for path, _, context in contexts(tree)}


def negative(net: Any) -> Any:
    return fn.tree_map(np.negative, net)


def updated(optimizer: fn.Optimizer, params: Any) -> Any:
    state = optimizer.init(params)
    for _ in range(2):
        params, state = optimizer.update(params, negative(params), state)
    return params


# The paths of optimizer_cases are those of its own network.
WRAPPED = {name: o for name, o in OPTIMIZERS.items() if name not in {"frozen", "all"}} | {
    "decayed, biases too": fn.weight_decay(fn.sgd(lr=0.1), 0.1, biases=True),
    "frozen": fn.freeze(fn.adam(lr=0.1), "norm", "net.norm.beta"),
    "all": fn.clip_by_global_norm(
        fn.freeze(fn.weight_decay(fn.adam(lr=0.1), 0.1, biases=True), "center"), 1e-3
    ),
}
CHANGE_PARAMETERS: dict[str, Callable[[Any], Any]] = {
    "tree_map": negative,
    "tree_map of two trees": lambda net: fn.tree_map(lambda a, b: 2 * a + b, net, net),
    "tree_map to another shape": lambda net: (
        net | {"all": fn.tree_map(lambda array: array[:1], net["all"])}
    ),
    "tree_like": lambda net: fn.tree_like(net, [2 * array for array in fn.tree_leaves(net)]),
    "numerical_gradient": lambda net: fn.numerical_gradient(
        lambda tree: float(sum((array**2).sum() for array in fn.tree_leaves(tree))), net
    ),
    "sgd_update": lambda net: fn.sgd_update(net, negative(net), 0.1),
    **{name: partial(updated, optimizer) for name, optimizer in WRAPPED.items()},
}


@every_tree
@pytest.mark.parametrize("change", CHANGE_PARAMETERS.values(), ids=CHANGE_PARAMETERS)
def test_what_changes_parameters_leaves_buffers_and_contexts_alone(
    change: Callable[[Any], Any], make: Callable[[], Any]
) -> None:
    before = make()

    after = change(before)

    assert kept(after) == kept(before)
    assert [path for path, _ in fn.named_leaves(after)] == PARAMETERS
    assert not np.array_equal(after["all"].W, before["all"].W)


@every_tree
def test_parameters_are_all_arrays_but_buffers(make: Callable[[], Any]) -> None:
    net = make()

    assert [path for path, _ in fn.named_leaves(net)] == PARAMETERS
    assert [array.shape for array in fn.tree_leaves(net)] == [
        all_arrays(net)[path].shape for path in PARAMETERS
    ]
    assert fn.parameter_count(net) == sum(all_arrays(net)[path].size for path in PARAMETERS)


COPIES: dict[str, Callable[[Any], Any]] = {
    "pickle": lambda net: pickle.loads(pickle.dumps(net)),  # noqa: S301 (our own bytes)
    "deepcopy": copy.deepcopy,
    "evolve": lambda net: {
        name: attrs.evolve(layer) if attrs.has(type(layer)) else layer
        for name, layer in net.items()
    },
    "astype": lambda net: fn.astype(net, np.float64),
    "replace_at": lambda net: fn.replace_at(net, "all.positions._codes", np.ones((3, 2))),
    "tree_map": lambda net: fn.tree_map(np.copy, net),
    "tree_map without the constructor": lambda net: fn.tree_map(lambda array: array, net),
}


@every_tree
@pytest.mark.parametrize("make_copy", COPIES.values(), ids=COPIES)
def test_a_copy_has_the_same_buffers_contexts_and_locks(
    make_copy: Callable[[Any], Any], make: Callable[[], Any]
) -> None:
    net = make()

    copied = make_copy(net)

    assert fn.fingerprint(copied) == fn.fingerprint(net)
    assert kept(copied) == kept(net)
    assert not any(array.flags.writeable for array in all_arrays(copied).values())


@every_tree
def test_every_buffer_is_part_of_the_fingerprint(make: Callable[[], Any]) -> None:
    net = make()
    arrays = all_arrays(net)

    changed = [
        fn.fingerprint(fn.replace_at(net, path, (array == 0).astype(array.dtype)))
        for path, array in arrays.items()
    ]

    assert len({fn.fingerprint(net), *changed}) == 1 + len(arrays)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_astype_converts_float_buffers_and_keeps_integers(dtype: type[fn.Float]) -> None:
    before = all_arrays(tree())

    after = all_arrays(fn.astype(tree(), dtype))

    wide = {"norm.mean", "norm.var", "net.norm.mean", "net.norm.var", "all.variance"}
    for path, array in before.items():
        if array.dtype.kind != "f":
            assert after[path].dtype == array.dtype
        elif path in wide and dtype == np.float16:
            assert after[path].dtype == np.float32
        else:
            assert after[path].dtype == dtype


def test_a_float16_network_keeps_its_float32_statistics_bit_for_bit() -> None:
    mean, var = np.array([[1e5, 1 / 3], [1e9, 1 / 3]], np.float32)
    norm = attrs.evolve(fn.BatchNorm.init(2), mean=mean, var=var)

    half = fn.astype(norm, np.float16)

    assert half.gamma.dtype == np.float16
    np.testing.assert_array_equal(half.mean, norm.mean, strict=True)
    np.testing.assert_array_equal(half.var, norm.var, strict=True)
    np.testing.assert_array_equal(fn.astype(half, np.float32).var, norm.var, strict=True)
    np.testing.assert_array_equal(fn.tree_map(np.negative, half).var, norm.var, strict=True)


def test_a_class_with_only_buffers_has_no_parameters() -> None:
    only = positions()

    assert fn.tree_map(np.negative, only) is only
    assert list(fn.named_leaves(only)) == []
    assert fn.tree_like(only, []) is only


def test_trees_of_different_buffers_and_contexts_have_one_structure() -> None:
    """An update takes gradients at rest for a network whose statistics have changed since."""
    live = TREES["live"]()
    other = fn.replace_at(tree(), "all.mask", np.zeros((1, 7), bool))

    added = fn.tree_map(np.add, live, other)

    assert kept(added) == kept(live)


def test_buffers_and_contexts_are_shown() -> None:
    norm = fn.BatchNorm.init(3)

    assert repr(norm) == (
        "BatchNorm(gamma=float32[3], beta=float32[3], mean=float32[3], var=float32[3], "
        "count=int64[], eps=1e-05, momentum=0.1)"
    )
    assert repr(fn.training_mode(fn.sequential(fn.Dropout(0.5)), seed=7, step=2)) == (
        "Sequential(\n  layers.0: Dropout(rate=0.5, "
        "context=Context(seed=7, step=2, path='layers.0', shard=0))\n)"
    )


def test_a_buffer_is_replaced_by_its_path() -> None:
    net: Any = fn.sequential(fn.BatchNorm.init(2))

    changed = fn.replace_at(net, "layers.0.mean", np.ones(2, np.float32))

    assert changed.layers[0].mean.tolist() == [1, 1]
    with pytest.raises(
        fn.ShapeError, match=r"^layers\.0: mean of BatchNorm must have shape \(2,\)"
    ):
        fn.replace_at(net, "layers.0.mean", np.ones(3, np.float32))


# ---- the lock of buffers


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint64, np.float16, np.float64])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3)])
def test_a_buffer_is_locked_once_and_keeps_its_dtype(dtype: type, shape: tuple[int, ...]) -> None:
    mine: npt.NDArray[Any] = np.ones(shape, dtype)

    locked = fn.lock_buffer(mine)

    assert mine.flags.writeable
    assert not locked.flags.writeable
    assert fn.lock_buffer(locked) is locked
    np.testing.assert_array_equal(locked, mine, strict=True)


def test_a_scalar_of_numpy_is_a_buffer_of_rank_0() -> None:
    assert fn.lock_buffer(np.array(3) + 1).shape == ()


@pytest.mark.parametrize("value", [0, None, [1, 2], np.array(["a"]), np.array([1j]), np.ma.ones(2)])
def test_what_is_no_array_of_numbers_is_not_a_buffer(value: Any) -> None:
    with pytest.raises(fn.DTypeError, match=r"^a buffer must be"):
        fn.lock_buffer(value)
