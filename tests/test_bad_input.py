"""Bad input to layers and networks: each kind is an error that says what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from strategies import AnyArray
from zoo import AnyLayer

from funnet import (
    Affine,
    DTypeError,
    Flatten,
    Float,
    Identity,
    Initializer,
    LeakyReLU,
    ReLU,
    ShapeError,
    Sigmoid,
    Softmax,
    Step,
    StructureError,
    Tanh,
    backward,
    forward,
    he,
    input_gradient,
    mean_squared_error,
    normal,
    predict,
    sequential,
    sgd_update,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
    sum_squared_error,
    tree_leaves,
)

Run = Callable[[AnyLayer, AnyArray], object]
Pull = Callable[[AnyLayer, object, AnyArray], object]
Wrong = Any  # an argument of whatever type

every_run = pytest.mark.parametrize("run", [forward, predict])
every_pull = pytest.mark.parametrize("pull", [backward, input_gradient])


def affine(n_in: int, n_out: int, dtype: type[Float] = np.float32) -> Affine:
    return Affine.init(n_in, n_out, rng=0, dtype=dtype)


def network(dtype: type[Float] = np.float32) -> AnyLayer:
    return sequential(affine(3, 4, dtype), ReLU(), affine(4, 2, dtype))


def batch(*shape: int, dtype: type[Float] = np.float32) -> AnyArray:
    return np.ones(shape, dtype)


LAYERS: dict[str, AnyLayer] = {
    type(layer).__name__: layer
    for layer in (
        affine(3, 3),
        Flatten(),
        Identity(),
        LeakyReLU(),
        ReLU(),
        Sigmoid(),
        Softmax(),
        Step(),
        Tanh(),
    )
}

every_layer = pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS.keys())


# Wrong networks


def test_widths_that_do_not_fit_are_refused_when_the_network_is_made() -> None:
    with pytest.raises(ShapeError) as caught:
        sequential(affine(784, 80), ReLU(), affine(100, 10))

    assert str(caught.value) == "layer 2 (Affine) takes 100 features, but layer 0 (Affine) gives 80"


def test_widths_of_nested_networks_are_checked_as_well() -> None:
    inner = sequential(affine(3, 4), ReLU())

    with pytest.raises(ShapeError, match=r"^layer 2 \(Sequential\) takes 3 features, but layer 0"):
        sequential(affine(2, 5), Tanh(), inner)


@pytest.mark.parametrize(
    ("layer", "shown"),
    [
        (ReLU, r"<class 'funnet\.layers\.relu\.ReLU'>"),
        (Affine.init, "<function Affine.init"),
        (np.tanh, "<ufunc 'tanh'>"),
        ("relu", "'relu'"),
        (None, "None"),
        ([ReLU()], r"\[ReLU\(\)\]"),
    ],
)
def test_a_network_is_made_of_layers_only(layer: Wrong, shown: str) -> None:
    with pytest.raises(
        TypeError,
        match=f"^expected layer 1 to be a value with the methods forward and pullback, got {shown}",
    ):
        sequential(affine(3, 4), layer)


@pytest.mark.parametrize(
    ("W", "b", "error", "message"),
    [
        (batch(3, 4), batch(5), ShapeError, r"b of Affine of shape \(4,\), got \(5,\)$"),
        (batch(3, 4), batch(3), ShapeError, r"b of Affine of shape \(4,\), got \(3,\)$"),
        (batch(3, 4), batch(1, 4), ShapeError, r"a vector, got float32\[1, 4\]$"),
        (batch(4), batch(4), ShapeError, r"a matrix, got float32\[4\]$"),
        (batch(4), batch(3, 4), ShapeError, r"a matrix, got float32\[4\]$"),
        (
            batch(3, 4),
            batch(4, dtype=np.float64),
            DTypeError,
            r"b of Affine to be float32, got float64; convert it with \.astype\(np\.float32\)",
        ),
        (np.ones((3, 4), int), batch(4), DTypeError, "got int64; convert it with"),
        (batch(3, 4), np.ones(4, int), DTypeError, "got int64; convert it with"),
        ([[1.0]], batch(1), DTypeError, r"got list; convert it with np\.asarray"),
        (batch(1, 1), [1.0], DTypeError, r"got list; convert it with np\.asarray"),
        (batch(1, 1), 0.0, DTypeError, "got float; convert it with"),
        (batch(1, 1), None, DTypeError, "got NoneType; convert it with"),
    ],
)
def test_weights_and_bias_that_do_not_fit_are_refused(
    W: Wrong, b: Wrong, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^expected .*{message}"):
        Affine(W, b)


@pytest.mark.parametrize("name", ["n_in", "n_out"])
@pytest.mark.parametrize(
    ("width", "error", "message"),
    [
        (0, ValueError, "to be at least 1, got 0"),
        (-3, ValueError, "to be at least 1, got -3"),
        (3.0, TypeError, r"to be an integer, got 3\.0"),
        (True, TypeError, "to be an integer, got True"),
        ("3", TypeError, "to be an integer, got '3'"),
        (None, TypeError, "to be an integer, got None"),
        ((3, 4), TypeError, r"to be an integer, got \(3, 4\)"),
    ],
)
def test_a_width_is_a_positive_integer(
    name: str, width: Wrong, error: type[Exception], message: str
) -> None:
    widths = {"n_in": 3, "n_out": 4} | {name: width}

    with pytest.raises(error, match=f"^expected {name} {message}$"):
        Affine.init(**widths, rng=0)  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", [np.int64, np.complex64, np.longdouble, int, float, "f4", None])
def test_the_dtype_of_a_layer_is_a_float_type(dtype: Wrong) -> None:
    with pytest.raises(
        TypeError, match=r"^expected dtype np\.float16, np\.float32 or np\.float64, got "
    ):
        Affine.init(3, 4, rng=0, dtype=dtype)


def test_random_weights_need_a_seed() -> None:
    with pytest.raises(TypeError, match=r"^expected rng to be a seed or a .*Generator, got None$"):
        Affine.init(3, 4, rng=None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'rng'"):
        Affine.init(3, 4)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("weights", "got"), [(0.01, "float"), (batch(3, 4), r"float32\[3, 4\]"), (None, "NoneType")]
)
def test_what_draws_weights_is_an_initializer(weights: Wrong, got: str) -> None:
    with pytest.raises(
        TypeError,
        match=rf"^expected weights to be an initializer, such as he or normal\(0\.01\), got {got}$",
    ):
        Affine.init(3, 4, rng=0, weights=weights)


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        (
            lambda rng, n_in, n_out, dtype: normal(1)(rng, n_out, n_in, dtype),
            ShapeError,
            r"expected what weights returns of shape \(3, 4\), got \(4, 3\)$",
        ),
        (
            lambda rng, n_in, n_out, dtype: he(rng, n_in, n_out, np.float64),
            DTypeError,
            "expected what weights returns to be float32, got float64; convert it with",
        ),
        (
            lambda rng, n_in, n_out, dtype: [[0.0]],
            DTypeError,
            "expected what weights returns to be a NumPy array of floats, got list",
        ),
    ],
)
def test_an_initializer_returns_weights_of_the_shape_and_dtype_it_is_asked_for(
    weights: Initializer, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Affine.init(3, 4, rng=0, weights=weights)


@pytest.mark.parametrize("slope", [np.nan, np.inf, -np.inf])
def test_a_slope_is_finite(slope: float) -> None:
    with pytest.raises(ValueError, match=f"^expected slope to be finite, got {slope}$"):
        LeakyReLU(slope)


# Wrong inputs


@every_run
@pytest.mark.parametrize("shape", [(5, 4), (5, 2), (3, 5), (5, 0)])
def test_an_input_of_the_wrong_width_is_refused_by_the_layer(
    run: Run, shape: tuple[int, ...]
) -> None:
    with pytest.raises(ShapeError) as caught:
        run(network(), batch(*shape))

    assert str(caught.value) == f"layers.0: expected x of Affine of shape (N, 3), got {shape}"


@every_run
@pytest.mark.parametrize("shape", [(3,), (5, 3, 1), (2, 1, 3, 3)])
def test_an_input_of_the_wrong_rank_is_refused_by_the_layer(
    run: Run, shape: tuple[int, ...]
) -> None:
    with pytest.raises(ShapeError) as caught:
        run(network(), batch(*shape))

    assert str(caught.value) == f"layers.0: expected x of Affine of shape (N, 3), got {shape}"


@every_run
def test_an_array_of_rank_0_has_no_samples(run: Run) -> None:
    with pytest.raises(ShapeError, match=r"^expected x to have one row a sample, got a scalar$"):
        run(Flatten(), batch())


@every_run
@pytest.mark.parametrize("dtype", ["i8", "u1", "?", "c16", "O", "U1", "M8[s]"])
def test_an_input_that_is_not_of_floats_is_told_how_to_become_so(run: Run, dtype: str) -> None:
    x = np.zeros((5, 3), dtype)

    with pytest.raises(DTypeError) as caught:
        run(network(np.float64), x)

    assert str(caught.value) == (
        f"layers.0: expected x of Affine to be float16, float32 or float64, got {x.dtype}; "
        "convert it with .astype(np.float64)"
    )


@every_run
@pytest.mark.parametrize(
    ("of_net", "of_x"), list(permutations([np.float16, np.float32, np.float64], 2))
)
def test_float_types_are_not_mixed(run: Run, of_net: type[Float], of_x: type[Float]) -> None:
    with pytest.raises(DTypeError) as caught:
        run(network(of_net), batch(5, 3, dtype=of_x))

    net_type, x_type = of_net.__name__, of_x.__name__
    assert str(caught.value) == (
        f"layers.0: expected x of Affine to be {net_type}, got {x_type}; convert it with "
        f".astype(np.{net_type}), or the network with astype(net, np.{x_type})"
    )


def test_a_list_to_predict_for_is_told_how_to_become_an_array() -> None:
    with pytest.raises(
        DTypeError, match=r"^layers\.0: .* floats, got list; convert it with np\.asa"
    ):
        predict(network(), [[1.0, 2.0, 3.0]])


@every_layer
@pytest.mark.parametrize(
    ("x", "got"),
    [([[1.0, 2.0, 3.0]], "list"), (None, "NoneType"), (1.0, "float"), (np.float32(1), "float32")],
)
def test_an_input_that_is_no_array_is_told_how_to_become_one(
    layer: AnyLayer, x: Wrong, got: str
) -> None:
    with pytest.raises(DTypeError, match=rf"floats, got {got}; convert it with np\.asarray\("):
        forward(layer, x)


@pytest.mark.parametrize("batch_size", [0, -1])
def test_a_batch_size_below_1_is_refused(batch_size: int) -> None:
    with pytest.raises(
        ValueError, match=f"^expected batch_size to be at least 1, got {batch_size}$"
    ):
        predict(network(), batch(5, 3), batch_size)


@pytest.mark.parametrize("batch_size", [1.5, 2.0, True, "2"])
def test_a_batch_size_that_is_no_integer_is_refused(batch_size: Wrong) -> None:
    with pytest.raises(TypeError, match=r"^expected batch_size to be an integer, got"):
        predict(network(), batch(5, 3), batch_size)


def test_nan_passes_through_forward_in_its_own_row_only() -> None:
    x = batch(5, 3)
    x[3, 1] = np.nan

    y, _ = forward(network(), x)

    assert np.isnan(y).all(axis=1).tolist() == np.isnan(y).any(axis=1).tolist()
    assert np.isnan(y).any(axis=1).tolist() == [False, False, False, True, False]


# Wrong gradients and caches


HINT = "; hand over the cache that forward returned for this network"


@every_pull
@pytest.mark.parametrize(("name", "other"), list(permutations(LAYERS, 2)))
def test_the_cache_of_another_layer_is_refused(pull: Pull, name: str, other: str) -> None:
    y, cache = forward(LAYERS[other], batch(5, 3))

    with pytest.raises(StructureError) as caught:
        pull(LAYERS[name], cache, y)

    assert str(caught.value) == f"expected a {name}Cache, got {other}Cache{HINT}"


@every_pull
def test_the_cache_of_another_network_is_refused_by_the_layer_that_it_does_not_fit(
    pull: Pull,
) -> None:
    y, cache = forward(sequential(affine(3, 4), Tanh(), affine(4, 2)), batch(5, 3))

    with pytest.raises(StructureError) as caught:
        pull(network(), cache, y)

    assert str(caught.value) == f"layers.1: expected a ReLUCache, got TanhCache{HINT}"


@every_pull
def test_the_cache_of_a_network_of_other_widths_is_refused(
    pull: Pull,
) -> None:
    y, cache = forward(sequential(affine(3, 5), ReLU(), affine(5, 2)), batch(5, 3))

    with pytest.raises(ShapeError) as caught:
        pull(network(), cache, y)

    message = "layers.2: expected the cached x of Affine of shape (N, 4), got (5, 5)"
    assert str(caught.value) == message


@every_pull
def test_the_cache_of_a_network_of_another_dtype_is_refused(
    pull: Pull,
) -> None:
    y, cache = forward(network(np.float64), batch(5, 3, dtype=np.float64))

    with pytest.raises(
        DTypeError, match=r"^layers\.2: expected the cached x of Affine to be float32"
    ):
        pull(network(), cache, y.astype(np.float32))


@every_pull
def test_the_cache_of_a_shorter_network_is_refused(
    pull: Pull,
) -> None:
    y, cache = forward(sequential(affine(3, 2), ReLU()), batch(5, 3))

    with pytest.raises(StructureError, match=r"^expected the cache of 3 layers, got one of 2$"):
        pull(network(), cache, y)


@every_pull
@every_layer
@pytest.mark.parametrize("cache", [None, batch(5, 3), (), 1.5])
def test_what_is_no_cache_is_refused(pull: Pull, layer: AnyLayer, cache: Wrong) -> None:
    with pytest.raises(StructureError, match=f"^expected a {type(layer).__name__}Cache, got "):
        pull(layer, cache, batch(5, 3))


@every_pull
@pytest.mark.parametrize(
    ("cache", "got"),
    [
        (forward(ReLU(), batch(5, 3))[1], "ReLUCache"),
        (batch(5, 2), r"float32\[5, 2\]"),
        ((), "tuple"),
        (None, "NoneType"),
    ],
)
def test_what_is_no_cache_of_a_network_is_refused(pull: Pull, cache: Wrong, got: str) -> None:
    with pytest.raises(StructureError, match=f"^expected a SequentialCache, got {got}{HINT}$"):
        pull(network(), cache, batch(5, 2))


@every_pull
@every_layer
@pytest.mark.parametrize("shape", [(4, 3), (5, 2), (5,), (5, 3, 1), ()])
def test_dout_is_of_the_shape_of_the_output(
    pull: Pull, layer: AnyLayer, shape: tuple[int, ...]
) -> None:
    _, cache = forward(layer, batch(5, 3))

    with pytest.raises(ShapeError) as caught:
        pull(layer, cache, batch(*shape))

    name = type(layer).__name__
    assert str(caught.value) == f"expected dout of {name} of shape (5, 3), got {shape}"


@every_pull
@every_layer
@pytest.mark.parametrize(
    ("dout", "message"),
    [
        (batch(5, 3, dtype=np.float64), "to be float32, got float64; convert it with"),
        (np.ones((5, 3), int), r"got int64; convert it with \.astype\(np\.float32\)"),
        ([[1.0]], r"got list; convert it with np\.asarray\(\.\.\., dtype=np\.float32\)"),
        ((0.5, batch(5, 3)), "got tuple; convert it with"),
        (None, "got NoneType; convert it with"),
    ],
)
def test_dout_is_of_the_dtype_of_the_output(
    pull: Pull,
    layer: AnyLayer,
    dout: Wrong,
    message: str,
) -> None:
    _, cache = forward(layer, batch(5, 3))

    with pytest.raises(DTypeError, match=f"^expected dout of {type(layer).__name__} .*{message}"):
        pull(layer, cache, dout)


def test_a_wrong_dout_is_located_at_the_last_layer() -> None:
    _, cache = forward(network(), batch(5, 3))

    with pytest.raises(ShapeError) as caught:
        backward(network(), cache, batch(4, 2))

    assert str(caught.value) == "layers.2: expected dout of Affine of shape (5, 2), got (4, 2)"


@pytest.mark.parametrize("lr", [np.nan, np.inf, -np.inf])
def test_a_learning_rate_that_is_not_finite_is_refused(lr: float) -> None:
    with pytest.raises(ValueError, match=f"^expected lr to be finite, got {lr}$"):
        sgd_update(network(), network(), lr)


# Empty batches


def test_an_empty_batch_gives_an_empty_output() -> None:
    y, _ = forward(network(), batch(0, 3))

    assert (y.shape, y.dtype) == ((0, 2), np.float32)
    assert predict(network(), batch(0, 3)).shape == (0, 2)


def test_an_empty_batch_gives_gradients_of_zero() -> None:
    net = network()
    y, cache = forward(net, batch(0, 3))

    grads = backward(net, cache, y)

    assert input_gradient(net, cache, y).shape == (0, 3)
    for grad, param in zip(tree_leaves(grads), tree_leaves(net), strict=True):
        assert (grad.shape, grad.dtype) == (param.shape, param.dtype)
        assert not grad.any()


@pytest.mark.parametrize(
    "loss", [softmax_cross_entropy, sigmoid_cross_entropy, mean_squared_error, sum_squared_error]
)
def test_an_empty_batch_has_no_loss(loss: Callable[[AnyArray, AnyArray], object]) -> None:
    y, _ = forward(network(), batch(0, 3))

    with pytest.raises(ShapeError, match=r"^expected scores .*at least one sample.*\(0, 2\)$"):
        loss(y, batch(0, 2))
