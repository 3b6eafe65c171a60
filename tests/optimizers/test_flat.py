"""Small arrays of a network are updated as one vector, and nobody can tell from the results."""

import copy
import pickle
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from optimizer_cases import NET, OPTIMIZERS, content, every_optimizer, gradients_of, run

import funnet as fn

# Any: the type of a network depends on its widths.
Net = Any


def network(widths: Sequence[int], dtype: type[fn.Float] = np.float32) -> Net:
    rng = np.random.default_rng(0)
    layers = [
        layer
        for n_in, n_out in pairwise(widths)
        for layer in (fn.Affine.init(n_in, n_out, rng=rng), fn.ReLU())
    ]
    return fn.astype(fn.sequential(*layers), dtype)


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
@settings(max_examples=20, deadline=None)
@given(
    widths=st.lists(st.sampled_from([1, 2, 3, 130, 140]), min_size=2, max_size=5),
    dtype=st.sampled_from([np.float16, np.float32, np.float64]),
)
def test_a_network_is_updated_as_each_array_would_be(
    optimizer: fn.Optimizer, widths: list[int], dtype: type[fn.Float]
) -> None:
    """A dict is updated by array. Two layers of 130 and 140 are too large to be joined."""
    net = network([*widths, 4, 3, 2], dtype)
    alone = {"layers": {str(i): layer for i, layer in enumerate(net.layers)}}

    assert content(run(optimizer, net, 3)) == content(run(optimizer, alone, 3))


def test_a_rule_sees_the_small_arrays_of_one_dtype_as_one_vector() -> None:
    shapes: list[tuple[int, ...]] = []

    def rule(p: fn.Array, g: fn.Array, kept: fn.Array, /) -> tuple[fn.Array, fn.Array]:
        shapes.append(p.shape)
        return p - g, kept + g

    optimizer, net = fn.elementwise(rule, 0.1, flat=True), network([200, 100, 3])
    run(optimizer, net, 2)

    assert shapes == [(100 + 300 + 3,), (200, 100)] * 2


@every_optimizer
def test_slots_are_trees_with_the_structure_of_the_parameters(optimizer: fn.Optimizer) -> None:
    """In files, in pickles and for functions on trees as well."""
    net, state = run(optimizer, NET, 2)
    paths = [path for path, _ in fn.named_leaves(net)]

    assert (state.step, len(state.slots)) == (2, len(state.names))
    assert all(state[name] is slot for name, slot in zip(state.names, state.slots, strict=True))
    assert [path for path, _ in fn.named_leaves(state)] == [
        f"slots.{i}.{path}" for i in range(len(state.names)) for path in paths
    ]
    for same in (pickle.loads(pickle.dumps(state)), copy.deepcopy(state)):  # noqa: S301
        assert content(same) == content(state)
        assert repr(same) == repr(state)
        assert not any(array.flags.writeable for array in fn.tree_leaves(same))


def test_a_changed_network_continues_with_the_same_slots() -> None:
    """As after an update of the statistics of a batch norm."""
    optimizer = fn.adam(lr=0.1)
    net, state = run(optimizer, NET, 2)
    other = fn.replace_at(net, "layers.0.b", np.ones(5, np.float32))
    grads = gradients_of(net, 9)
    new, after = optimizer.update(other, grads, state)
    slots: Any = tuple({"net": slot} for slot in state.slots)
    its_state: Any = attrs.evolve(state, slots=slots)
    alone, _ = optimizer.update({"net": other}, {"net": grads}, its_state)

    assert content(new) == [(path.removeprefix("net."), *rest) for path, *rest in content(alone)]
    assert after.step == 3


@attrs.frozen(eq=False)
class Parts:
    """Parameters that their owner can change: the items of a list, the numbers of an array."""

    items: list[fn.Array] = attrs.field(factory=lambda: [np.zeros(1)])
    own: fn.Array = attrs.field(factory=lambda: np.zeros(1), converter=np.array)


@pytest.mark.parametrize("optimizer", [fn.sgd(), fn.momentum(), fn.adam(), fn.adagrad()], ids=repr)
def test_what_the_owner_of_parameters_changes_is_not_lost(optimizer: fn.Optimizer) -> None:
    """Also where it was zero before the update, and the gradients are zero."""
    net, state = optimizer.update(Parts(), Parts(), optimizer.init(Parts()))
    net.items[0], net.own[:] = np.full(1, 8.0), 8.0

    new, _ = optimizer.update(net, Parts(), state)

    assert (new.items[0] > 7).all()
    assert (new.own > 7).all()


def test_a_state_is_only_for_parameters_of_its_structure_and_dtypes() -> None:
    optimizer = fn.momentum()
    net, state = run(optimizer, NET, 2)
    wrong: Any = fn.sequential(fn.Affine.init(4, 5, rng=0), fn.Tanh(), fn.Affine.init(5, 3, rng=1))
    with pytest.raises(fn.StructureError, match=r"^layers\.1: expected Tanh, got ReLU"):
        optimizer.update(wrong, wrong, state)
    wide = fn.astype(net, np.float64)
    with pytest.raises(
        fn.DTypeError, match=r"^layers\.0\.W: velocity must be float64, got float32"
    ):
        optimizer.update(wide, wide, state)


def test_gradients_have_the_structure_of_the_parameters() -> None:
    """Even if all their arrays have the right shapes."""
    optimizer = fn.momentum()
    net, state = run(optimizer, NET, 2)
    wrong: Any = fn.sequential(fn.Affine.init(4, 5, rng=0), fn.Tanh(), fn.Affine.init(5, 3, rng=1))
    for some_state in (optimizer.init(NET), state):
        with pytest.raises(fn.StructureError, match=r"^layers\.1: expected ReLU, got Tanh"):
            optimizer.update(net, wrong, some_state)


def test_one_wrong_dtype_among_many_slots_is_found() -> None:
    optimizer = fn.momentum()
    state = optimizer.init(NET)
    mixed = fn.replace_at(state.slots[0], "layers.2", fn.Affine(np.zeros((5, 3)), np.zeros(3)))
    with pytest.raises(
        fn.DTypeError, match=r"^layers\.2\.W: velocity must be float32, got float64"
    ):
        optimizer.update(NET, NET, attrs.evolve(state, slots=(mixed,)))


def test_networks_of_several_dtypes_keep_them() -> None:
    @attrs.frozen(eq=False)
    class Pair:
        a: fn.Affine[int, int]
        b: fn.Affine[int, int]

    pair = Pair(fn.Affine.init(3, 2, rng=0), fn.astype(fn.Affine.init(2, 1, rng=1), np.float64))
    optimizer = fn.adam(lr=0.1)
    new, state = run(optimizer, pair, 3)
    apart, _ = run(optimizer, {"a": pair.a, "b": pair.b}, 3)

    assert content(new) == content(apart)
    assert [dtype for *_, dtype in content(state["m"])] == ["float32"] * 2 + ["float64"] * 2


def test_masked_gradients_are_refused() -> None:
    layer = fn.Affine.init(3, 2, rng=0)
    masked: Any = {"W": layer.W, "b": np.ma.masked_array(np.ones(2, np.float32), [True, False])}
    arrays = {"W": layer.W, "b": layer.b}
    optimizer = fn.momentum()
    with pytest.raises(fn.DTypeError, match=r"b: .* without a mask"):
        optimizer.update(arrays, masked, optimizer.init(arrays))


@pytest.mark.parametrize(
    "rule",
    [
        lambda p, g, m: (p[:1], m),
        lambda p, g, m: (p.astype(np.float64), m),
        lambda p, g, m: (p, m.reshape(-1)[:1]),
        lambda p, g, m: (p, m.astype(np.float64)),
        lambda p, g, m: (p[...], m),
        lambda p, g, m: (g, g),
    ],
)
def test_unusual_results_of_a_rule_are_treated_as_those_of_each_array(rule: Any) -> None:
    def outcome(*, is_flat: bool) -> object:
        optimizer = fn.elementwise(rule, 0.1, name="mine", flat=is_flat)
        try:
            return content(run(optimizer, NET, 2))
        except (fn.StructureError, fn.ShapeError, fn.DTypeError) as error:
            return type(error), str(error)

    assert outcome(is_flat=True) == outcome(is_flat=False)


def test_parameters_do_not_keep_the_memory_of_others() -> None:
    net, _ = run(fn.adam(), NET, 2)

    assert all(array.base is None for array in fn.tree_leaves(net))
