"""`residual` and `concatenate`; that their gradients are derivatives is a law for every layer."""

from __future__ import annotations

import copy
from collections.abc import Callable

import attrs
import numpy as np
import pytest
from hypothesis import given
from small_networks import Wrong, affine
from strategies import Floats, few, normal_array, seeds
from zoo import AnyLayer, Case, every_case

import funnet as fn

x4 = normal_array(0, 5, 4, dtype=np.float32)


def run(layer: AnyLayer, x: Floats) -> tuple[Floats, Floats, list[bytes]]:
    """Return y, dx and the bytes of the gradients, for a random dout."""
    y, cache = fn.forward(layer, x)
    dout = np.random.default_rng(1).standard_normal(y.shape).astype(y.dtype)
    grads = fn.backward(layer, cache, dout)
    dx = fn.input_gradient(layer, cache, dout)
    return y, dx, [array.tobytes() for array in fn.tree_leaves(grads)]


@every_case
@few
@given(seed=seeds)
def test_residual_adds_the_input(case: Case, seed: int) -> None:
    layer, x = case.layer(seed), case.x(seed)
    y, dx, grads = run(layer, x)
    if y.shape != x.shape:
        with pytest.raises(fn.ShapeError):
            fn.forward(fn.residual(layer), x)
        return
    dout = np.random.default_rng(1).standard_normal(y.shape)

    around_y, around_dx, around_grads = run(fn.residual(layer), x)

    assert (around_y == x + y).all()
    assert (around_dx == dout + dx).all()
    assert around_grads == grads


@every_case
@few
@given(seed=seeds)
def test_concatenate_of_one_layer_behaves_as_that_layer(case: Case, seed: int) -> None:
    layer, x = case.layer(seed), case.x(seed)
    y, dx, grads = run(layer, x)

    one_y, one_dx, one_grads = run(fn.concatenate(layer), x)

    assert (one_y.tobytes(), one_dx.tobytes(), one_grads) == (y.tobytes(), dx.tobytes(), grads)


@every_case
@few
@given(seed=seeds)
def test_outputs_are_side_by_side_and_input_gradients_are_added(case: Case, seed: int) -> None:
    a, b, x = case.layer(seed), case.layer(seed + 1), case.x(seed)
    (y_a, cache_a), (y_b, cache_b) = fn.forward(a, x), fn.forward(b, x)
    dout = np.random.default_rng(1).standard_normal((len(x), 2 * y_a.shape[1], *y_a.shape[2:]))
    parts = dout[:, : y_a.shape[1]], dout[:, y_a.shape[1] :]

    both = fn.concatenate(a, b)
    y, cache = fn.forward(both, x)

    assert (y == np.concatenate([y_a, y_b], axis=1)).all()
    dx = fn.input_gradient(a, cache_a, parts[0]) + fn.input_gradient(b, cache_b, parts[1])
    assert (fn.input_gradient(both, cache, dout) == dx).all()
    grads = fn.backward(a, cache_a, parts[0]), fn.backward(b, cache_b, parts[1])
    assert fn.fingerprint(fn.backward(both, cache, dout).layers) == fn.fingerprint(grads)


@every_case
@few
@given(seed=seeds)
def test_concatenating_first_layers_first_changes_no_bit(case: Case, seed: int) -> None:
    a, b, c = (case.layer(seed + i) for i in range(3))

    flat = run(fn.concatenate(a, b, c), case.x(seed))
    nested = run(fn.concatenate(fn.concatenate(a, b), c), case.x(seed))

    assert [part.tobytes() for part in flat[:2]] == [part.tobytes() for part in nested[:2]]
    assert flat[2] == nested[2]


# ---- what is refused


@pytest.mark.parametrize("thing", [fn.ReLU, 3, None, np.zeros(3), [fn.ReLU()]])
def test_what_is_not_a_layer_is_refused(thing: Wrong) -> None:
    with pytest.raises(TypeError, match=r"^layer must be a value with the methods forward"):
        fn.residual(thing)
    with pytest.raises(TypeError, match=r"^layer 1 must be a value with the methods forward"):
        fn.concatenate(fn.ReLU(), thing)


@pytest.mark.parametrize("make", [fn.concatenate, lambda: fn.Concatenate(())])
def test_concatenate_of_nothing_is_refused(make: Wrong) -> None:
    with pytest.raises(ValueError, match=r"^concatenate needs at least one layer, got none$"):
        make()


def test_however_a_combinator_is_made_its_layers_are_checked() -> None:
    with pytest.raises(fn.ShapeError, match="a residual layer needs as many output"):
        fn.replace_at(fn.residual(affine(4, 4)), "layer", affine(4, 5))
    with pytest.raises(fn.ShapeError, match=r"layer 1 \(Affine\) expects 5 input features"):
        attrs.evolve(
            fn.concatenate(affine(4, 4), affine(4, 4)), layers=(affine(4, 4), affine(5, 4))
        )
    with pytest.raises(TypeError, match="layers must be a tuple of layers, got ReLU"):
        fn.Concatenate(fn.ReLU())  # type: ignore[type-var]


UNLIKE = "expected the shape of the output of layer 0,"


@attrs.frozen
class Returns:
    """A user's layer that returns an array of a fixed shape and dtype."""

    shape: tuple[int, ...]
    dtype: type[fn.Float] = np.float32

    def forward(self, x: fn.Matrix) -> tuple[Floats, None]:
        return np.zeros(self.shape, self.dtype), None

    def pullback(self, cache: None, dout: Floats) -> tuple[Returns, Callable[[], Floats]]:
        raise RuntimeError("from a user's layer")


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (
            fn.sequential(fn.ReLU(), fn.residual(fn.sequential(fn.Tanh(), affine(5, 5)))),
            "layers.1.layer.layers.1: x of Affine must have shape (N, 5), got (5, 4)",
        ),
        (
            fn.sequential(fn.ReLU(), fn.concatenate(fn.Tanh(), fn.residual(affine(3, 3)))),
            "layers.1.layers.1.layer: x of Affine must have shape (N, 3), got (5, 4)",
        ),
        (
            fn.residual(Returns((5, 1))),
            "layer: the output of a residual layer must have shape (5, 4), got (5, 1)",
        ),
        (
            fn.residual(Returns((5, 4), np.float64)),
            "layer: the output of a residual layer must be float32, got float64",
        ),
        (
            fn.concatenate(fn.ReLU(), Returns((1, 4))),
            f"layers.1: {UNLIKE} (5, 4), except on axis 1, got (1, 4)",
        ),
        (
            fn.concatenate(Returns((5, 3, 2, 2)), Returns((5, 4, 2, 2)), Returns((5, 3, 1, 2))),
            f"layers.2: {UNLIKE} (5, 3, 2, 2), except on axis 1, got (5, 3, 1, 2)",
        ),
        (
            fn.concatenate(fn.ReLU(), Returns((5, 4, 1, 1))),
            f"layers.1: {UNLIKE} (5, 4), except on axis 1, got (5, 4, 1, 1)",
        ),
        (
            fn.concatenate(Returns((5,))),
            "layers.0: expected an output of rank 2 or more, got shape (5,)",
        ),
        (
            fn.concatenate(fn.ReLU(), Returns((5, 4), np.float16)),
            "layers.1: the output of a concatenated layer must be float32, got float16",
        ),
    ],
)
def test_an_error_in_forward_starts_with_the_path_of_the_layer(net: AnyLayer, message: str) -> None:
    with pytest.raises((fn.ShapeError, fn.DTypeError)) as caught:
        fn.forward(net, x4)

    assert str(caught.value).partition("; convert it")[0] == message


@pytest.mark.parametrize(
    "net", [fn.residual(Returns((5, 4))), fn.concatenate(fn.ReLU(), Returns((5, 4)))]
)
def test_an_error_of_a_users_layer_has_a_note_with_its_path(net: Wrong) -> None:
    y, cache = fn.forward(net, x4)

    with pytest.raises(RuntimeError) as caught:
        fn.backward(net, cache, y)

    name = "layer" if isinstance(net, fn.Residual) else "layers.1"
    assert caught.value.__notes__ == [f"in {name} (Returns)"]


@pytest.mark.parametrize(
    "net", [fn.residual(affine(4, 4)), fn.concatenate(affine(4, 2), affine(4, 2))], ids=repr
)
@pytest.mark.parametrize("pull", [fn.backward, fn.input_gradient])
def test_a_cache_knows_its_network(net: Wrong, pull: Wrong) -> None:
    y, cache = fn.forward(net, x4)

    with pytest.raises(fn.StructureError, match="got the cache of another network"):
        pull(copy.deepcopy(net), cache, y)


@pytest.mark.parametrize("net", [fn.residual(fn.Identity()), fn.concatenate(fn.Identity())])
def test_integers_are_refused(net: AnyLayer) -> None:
    with pytest.raises(fn.DTypeError, match=r"^x of \w+ must be float16, float32 .*, got int64"):
        fn.forward(net, np.ones((2, 3), np.int64))


def test_sums_outside_the_range_of_the_dtype_are_infinite_without_a_warning() -> None:
    x = np.full((1, 2), 6e4, np.float16)

    for net in (fn.residual(fn.Identity()), fn.concatenate(fn.Identity(), fn.Identity())):
        y, cache = fn.forward(net, x)
        dx = fn.input_gradient(net, cache, np.full_like(y, 6e4))
        assert np.isinf(dx).all()
    assert np.isinf(fn.predict(fn.residual(fn.Identity()), x)).all()
