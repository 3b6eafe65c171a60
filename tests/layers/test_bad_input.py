"""Errors for invalid input to layers and networks, which say how to fix it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import numpy as np
import pytest
from small_networks import (
    Run,
    Wrong,
    batch,
    every_layer,
    every_run,
    network,
)
from strategies import AnyArray
from zoo import AnyLayer

from funnet import (
    DTypeError,
    Flatten,
    Float,
    ShapeError,
    backward,
    forward,
    input_gradient,
    mean_squared_error,
    predict,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
    sum_squared_error,
    tree_leaves,
)


@every_run
@pytest.mark.parametrize("shape", [(5, 4), (5, 2), (3, 5), (5, 0), (3,), (5, 3, 1), (2, 1, 3, 3)])
def test_an_input_of_wrong_width_or_rank_is_refused_by_the_layer(
    run: Run, shape: tuple[int, ...]
) -> None:
    with pytest.raises(ShapeError) as caught:
        run(network(), batch(*shape))

    assert str(caught.value) == f"layers.0: expected x of Affine of shape (N, 3), got {shape}"


@every_run
def test_an_array_of_rank_0_is_refused(run: Run) -> None:
    with pytest.raises(ShapeError, match=r"x .*one row .* sample, got a scalar$"):
        run(Flatten(), batch())


@every_run
@pytest.mark.parametrize("dtype", ["i8", "u1", "?", "c16", "O", "U1", "M8[s]"])
def test_the_error_for_an_input_without_floats_says_how_to_convert_it(run: Run, dtype: str) -> None:
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


@pytest.mark.parametrize("x", [[[1.0, 2.0, 3.0]], [[1.0], [1.0, 2.0]], "text", None, 3.0])
def test_predict_requires_an_array(x: Wrong) -> None:
    with pytest.raises(
        DTypeError,
        match=rf"^expected x to be a NumPy array with one row a sample, got {type(x).__name__};",
    ):
        predict(network(), x)


@every_layer
@pytest.mark.parametrize(
    ("x", "got"),
    [([[1.0, 2.0, 3.0]], "list"), (None, "NoneType"), (1.0, "float"), (np.float32(1), "float32")],
)
def test_forward_requires_an_array(layer: AnyLayer, x: Wrong, got: str) -> None:
    with pytest.raises(DTypeError, match=rf"floats, got {got}; convert it with np\.asarray\("):
        forward(layer, x)


@pytest.mark.parametrize("batch_size", [0, -1])
def test_a_batch_size_below_1_is_refused(batch_size: int) -> None:
    with pytest.raises(
        ValueError, match=f"^expected batch_size to be at least 1, got {batch_size}$"
    ):
        predict(network(), batch(5, 3), batch_size)


@pytest.mark.parametrize("batch_size", [1.5, 2.0, True, "2"])
def test_a_batch_size_that_is_not_an_integer_is_refused(batch_size: Wrong) -> None:
    with pytest.raises(TypeError, match=r"^expected batch_size to be an integer, got"):
        predict(network(), batch(5, 3), batch_size)


def test_nan_passes_through_forward_in_its_own_row_only() -> None:
    x = batch(5, 3)
    x[3, 1] = np.nan

    y, _ = forward(network(), x)

    assert np.isnan(y).all(axis=1).tolist() == np.isnan(y).any(axis=1).tolist()
    assert np.isnan(y).any(axis=1).tolist() == [False, False, False, True, False]


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
