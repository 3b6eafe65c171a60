"""Trees: one walk for networks, layers, and plain containers."""

from __future__ import annotations

from array import array as buffer
from typing import NamedTuple

import attrs
import numpy as np
import pytest
from zoo import Case, TwoLayerNet, every_case

from funnet import (
    Affine,
    DTypeError,
    LeakyReLU,
    Matrix,
    Network,
    ReLU,
    ShapeError,
    StructureError,
    Vector,
    astype,
    describe,
    lock,
    lock_matrix,
    named_leaves,
    parameter_count,
    replace_at,
    sequential,
    sgd_update,
    tree_leaves,
    tree_like,
    tree_map,
)


class Pair(NamedTuple):
    a: Vector
    b: Vector


@attrs.frozen(eq=False)
class Plain:
    """What a user writes who has never heard of locks: fields with an alias, by keyword only."""

    _W: Matrix
    name: str = attrs.field(kw_only=True)
    scale: Vector = attrs.field(kw_only=True)


def net(seed: int = 0) -> Network[int, int]:
    rng = np.random.default_rng(seed)
    return sequential(Affine.init(3, 4, rng=rng), ReLU(), Affine.init(4, 2, rng=rng))


@every_case
def test_mapping_the_identity_gives_the_same_arrays(case: Case) -> None:
    layer = case.layer(0)

    mapped = tree_map(lambda array: array, layer)

    assert all(a is b for a, b in zip(tree_leaves(mapped), tree_leaves(layer), strict=True))


@every_case
def test_mapping_twice_is_mapping_the_composition(case: Case) -> None:
    layer = case.layer(0)

    twice = tree_map(np.tanh, tree_map(np.negative, layer))
    once = tree_map(lambda array: np.tanh(np.negative(array)), layer)

    for a, b in zip(tree_leaves(twice), tree_leaves(once), strict=True):
        np.testing.assert_array_equal(a, b)


@every_case
def test_every_path_leads_to_its_array(case: Case) -> None:
    layer = case.layer(0)

    for path, array in named_leaves(layer):
        replaced = dict(named_leaves(replace_at(layer, path, array + 1)))
        for other, value in named_leaves(layer):
            np.testing.assert_array_equal(replaced[other], value + (other == path))


def test_paths_are_field_names_and_indices() -> None:
    nested = sequential(net(), ReLU())

    assert [path for path, _ in named_leaves(nested)] == [
        "layers.0.layers.0.W",
        "layers.0.layers.0.b",
        "layers.0.layers.2.W",
        "layers.0.layers.2.b",
    ]


def test_containers_of_arrays_are_trees() -> None:
    tree = {"pair": Pair(np.ones(1), np.ones(2)), "list": [np.ones(3), (np.ones(4), "constant")]}

    doubled = tree_map(lambda array: 2 * array, tree)

    assert repr(doubled) == repr(
        {
            "pair": Pair(2 * np.ones(1), 2 * np.ones(2)),
            "list": [2 * np.ones(3), (2 * np.ones(4), "constant")],
        }
    )
    assert [path for path, _ in named_leaves(tree)] == ["pair.a", "pair.b", "list.0", "list.1.0"]


def test_a_plain_attrs_class_is_a_tree_and_its_new_arrays_are_locked() -> None:
    plain = Plain(np.ones((2, 2)), name="mine", scale=np.ones(2))

    doubled = tree_map(lambda array: 2 * array, plain)

    assert doubled.name == "mine"
    np.testing.assert_array_equal(doubled.scale, [2, 2])
    assert not any(array.flags.writeable for array in tree_leaves(doubled))


# Those over bytes are read-only, as locked arrays are.
@pytest.mark.parametrize(
    "result",
    [1.0, np.float32(1), None, np.ones(2, np.int64)]
    + [np.frombuffer(bytes(16), dtype) for dtype in (np.int64, np.bool, np.longdouble)],
)
def test_a_function_that_returns_no_float_array_is_refused(result: object) -> None:
    with pytest.raises(DTypeError, match="a: a parameter must be"):
        tree_map(lambda _: result, {"a": np.ones(2)})  # type: ignore[arg-type, return-value]


def test_constants_ride_along() -> None:
    doubled = tree_map(lambda array: 2 * array, sequential(LeakyReLU(0.3), net()))

    assert repr(doubled.layers[0]) == "LeakyReLU(slope=0.3)"


def test_an_array_is_a_tree() -> None:
    assert [path for path, _ in named_leaves(np.ones(2))] == [""]
    np.testing.assert_array_equal(tree_map(lambda array: array + 1, np.ones(2)), [2, 2])


def test_a_function_that_returns_its_argument_leaves_the_callers_array_writeable() -> None:
    mine = np.ones(2)

    _ = tree_map(lambda array: array, [mine])

    assert mine.flags.writeable


@pytest.mark.parametrize(
    ("other", "error", "message"),
    [
        (sequential(Affine.init(3, 4, rng=0), ReLU()), StructureError, "layers: expected"),
        (sequential(net(), ReLU(), ReLU()), StructureError, r"layers\.0: expected Affine, got"),
        (Affine.init(3, 4, rng=0), StructureError, "expected Sequential, got Affine"),
        (
            sequential(Affine.init(3, 5, rng=0), ReLU(), Affine.init(5, 2, rng=0)),
            ShapeError,
            r"layers\.0\.W: expected shape \(3, 4\), got \(3, 5\)",
        ),
        (
            sequential(Affine.init(3, 4, rng=0), ReLU(), Affine.init(4, 7, rng=0)),
            ShapeError,
            r"layers\.2\.W: expected shape \(4, 2\), got \(4, 7\)",
        ),
        (
            replace_at(net(), "layers.2", Affine.init(4, 2, rng=0, dtype=np.float64)),
            DTypeError,
            r"layers\.2\.W: the gradient must be float32, got float64",
        ),
    ],
)
def test_an_update_with_other_gradients_names_the_first_path_that_differs(
    other: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{message}"):
        sgd_update(net(), other, 0.1)  # type: ignore[call-overload]


def test_dicts_with_other_keys_are_refused() -> None:
    with pytest.raises(StructureError, match=r"expected \['a'\], got \['b'\]"):
        tree_map(np.add, {"a": np.ones(1)}, {"b": np.ones(1)})


def test_what_is_no_array_where_one_belongs_is_refused() -> None:
    with pytest.raises(StructureError, match="0: expected an array, got float"):
        tree_map(np.add, [np.ones(1)], [1.0])


def test_replacing_a_layer_or_a_constant() -> None:
    changed = replace_at(sequential(net(), LeakyReLU(0.1)), "layers.1.slope", 0.5)

    assert repr(replace_at(changed, "layers.0", ReLU())) == (
        "Sequential(\n  layers.0: ReLU()\n  layers.1: LeakyReLU(slope=0.5)\n)"
    )


@pytest.mark.parametrize(
    "path", ["layers.3.W", "layers.0.V", "layer.0.W", "layers.0.W.x", ".", "layers."]
)
def test_replacing_at_a_path_that_is_not_there_is_refused(path: str) -> None:
    with pytest.raises(KeyError, match="has no entry '"):
        replace_at(net(), path, np.ones(1))


def test_replacing_by_an_array_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"^layers\.0: b of Affine must have shape \(4,\), got"):
        replace_at(net(), "layers.0.b", np.zeros(5, np.float32))


def test_keys_with_dots_have_paths() -> None:
    tree: dict[str, object] = {"a.b": {"c": np.zeros(1)}, "d": {"e.f": np.zeros(2)}}
    paths = {path for path, _ in named_leaves(tree)}

    for path in paths:
        left = {other for other, _ in named_leaves(replace_at(tree, path, None))}
        assert left == paths - {path}


def test_a_path_of_several_values_is_refused() -> None:
    tree: dict[str, object] = {"a.b": np.zeros(1), "a": {"b": np.zeros(1)}}

    with pytest.raises(KeyError, match=r"dict has several entries 'a.b'; its entries are a\.b, a"):
        replace_at(tree, "a.b", np.ones(1))


@every_case
def test_parameter_count_is_the_sum_of_sizes(case: Case) -> None:
    layer = case.layer(0)

    assert parameter_count(layer) == sum(array.size for _, array in named_leaves(layer))


@pytest.mark.parametrize("dtype", [np.int64, float, "float32", np.longdouble])
def test_astype_takes_float_types_only(dtype: object) -> None:
    with pytest.raises(TypeError, match=r"dtype must be np\.float16, np\.float32 or np\.float64"):
        astype(net(), dtype)  # type: ignore[arg-type]


def test_astype_refuses_numbers_that_the_other_type_cannot_hold() -> None:
    tree = {"W": np.array([1.0, np.nan, np.inf, 65504.0])}

    converted = astype(tree, np.float16)["W"]

    assert converted.tolist() == pytest.approx(tree["W"].tolist(), nan_ok=True)
    for number in (7e4, -7e4, 1e300):
        with pytest.raises(DTypeError, match=r"^W: values must be between -65504\.0 and 65504\.0"):
            astype({"W": np.array([1.0, number])}, np.float16)


def test_the_repr_draws_one_layer_a_line_with_its_path() -> None:
    two_layer_net = TwoLayerNet(np.ones((2, 3)), np.ones(3), np.ones((3, 1)), np.ones(1))

    assert repr(sequential(net(), two_layer_net)) == (
        "Sequential(\n"
        "  layers.0: Sequential(\n"
        "    layers.0: Affine(W=float32[3, 4], b=float32[4])\n"
        "    layers.1: ReLU()\n"
        "    layers.2: Affine(W=float32[4, 2], b=float32[2])\n"
        "  )\n"
        "  layers.1: TwoLayerNet(W1=float64[2, 3], b1=float64[3], W2=float64[3, 1], "
        "b2=float64[1])\n"
        ")"
    )


def test_describe_shows_no_numbers_of_a_class_with_another_repr() -> None:
    plain = Plain(lock_matrix(np.ones((2, 2))), name="mine", scale=np.ones(2))

    assert describe(plain) == "Plain(_W=float64[2, 2], name='mine', scale=float64[2])"
    assert describe({"W": np.ones(3)}) == "dict(W=float64[3])"


def test_describe_shows_containers_of_constants_as_they_are() -> None:
    assert describe({"stride": (2, 1), "parts": [(1, np.ones(3))]}) == (
        "dict(stride=(2, 1), parts.0.0=1, parts.0.1=float64[3])"
    )


def test_an_array_that_others_can_write_to_is_copied_by_tree_map() -> None:
    owner, memory = np.ones(4), buffer("d", [1, 1, 1, 1])
    over_memory = np.frombuffer(memory)
    for shared in (owner[:], np.broadcast_to(owner[:1], (4,)), over_memory, over_memory[:]):
        shared.setflags(write=False)

        (mapped,) = tree_map(lambda _, shared=shared: shared, [np.zeros(4)])
        owner[:], memory[0] = 7, 7

        np.testing.assert_array_equal(mapped, np.ones(4))
        owner[:], memory[0] = 1, 1


@pytest.mark.parametrize("shape", [(4,), (3, 4, 1)])
@pytest.mark.parametrize("rest", [(), (net(),)], ids=["one tree", "two trees"])
def test_arrays_of_other_shapes_go_through_the_constructor(
    shape: tuple[int, ...], rest: tuple[Network[int, int], ...]
) -> None:
    with pytest.raises(ShapeError, match="a parameter must have rank 2, got float64"):
        tree_map(lambda *_: lock(np.ones(shape)), net(), *rest)
    with pytest.raises(
        ShapeError, match=r"^layer 2 \(Affine\) expects 4 input features, but layer 0"
    ):
        tree_map(lambda a, *_: lock(np.ones((4, 2)[-a.ndim :], np.float32)), net(), *rest)
    with pytest.raises(DTypeError, match="b of Affine must be float64, got float32"):
        tree_map(lambda a, *_: lock(a.astype(np.float64)) if a.ndim == 2 else a, net(), *rest)


def test_a_subclass_does_not_inherit_that_the_constructor_only_checks() -> None:
    @attrs.frozen(eq=False)
    class Counted(Affine[int, int]):
        total: float = 0

        def __attrs_post_init__(self) -> None:
            object.__setattr__(self, "total", float(self.W.sum()))

    layer = Counted(np.ones((3, 2)), np.ones(2))

    assert tree_map(lambda array: 2 * array, layer).total == 12


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("layers.0", Affine.init(3, 5, rng=0), "layer 2 .* expects 4 input features, but layer 0"),
        ("layers.2", Affine.init(5, 2, rng=0), "layer 2 .* expects 5 input features, but layer 0"),
        ("layers", (Affine.init(3, 4, rng=0), Affine.init(3, 4, rng=0)), "layer 1 .* expects 3"),
    ],
)
def test_replacing_by_a_layer_that_does_not_fit_is_refused(
    path: str, value: object, message: str
) -> None:
    with pytest.raises(ShapeError, match=f"^{message}"):
        replace_at(net(), path, value)
    with pytest.raises(ShapeError, match=rf"^layers\.1: {message}"):
        replace_at(sequential(ReLU(), net()), f"layers.1.{path}", value)


@pytest.mark.parametrize("n", [0, 2, 4])
def test_tree_like_needs_an_array_for_each_leaf(n: int) -> None:
    tree = [np.zeros(1), (np.zeros(1), np.zeros(1))]

    with pytest.raises(StructureError, match=f"expected 3 arrays, got {n}"):
        tree_like(tree, [np.ones(1)] * n)


def test_an_iterator_that_ends_does_not_shorten_a_tree() -> None:
    """A StopIteration would end the loops that take iterators."""
    few = iter([np.ones(1)])

    for rest in ([], [[np.zeros(1)] * 3], [[np.zeros(1)] * 3] * 2):
        with pytest.raises(StopIteration):
            tree_map(lambda *_: next(few), [np.zeros(1)] * 3, *rest)
