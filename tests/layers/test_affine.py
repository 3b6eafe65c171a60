"""Errors for invalid layers and networks, raised on construction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import attrs
import numpy as np
import pytest
from small_networks import (
    Wrong,
    affine,
    batch,
)

from funnet import (
    Affine,
    DTypeError,
    Initializer,
    LeakyReLU,
    Matrix,
    ReLU,
    ShapeError,
    Tanh,
    Vector,
    backward,
    check_gradients,
    forward,
    he,
    normal,
    sequential,
    sum_squared_error,
    tree_leaves,
)


def test_widths_that_do_not_fit_are_refused_when_the_network_is_made() -> None:
    with pytest.raises(ShapeError) as caught:
        sequential(affine(784, 80), ReLU(), affine(100, 10))

    message = "layer 2 (Affine) expects 100 input features, but layer 0 (Affine) outputs 80"
    assert str(caught.value) == message


def test_widths_of_nested_networks_are_checked_as_well() -> None:
    inner = sequential(affine(3, 4), ReLU())

    with pytest.raises(
        ShapeError, match=r"^layer 2 \(Sequential\) expects 3 input features, but layer 0"
    ):
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
        match=f"^layer 1 must be a value with the methods forward and pullback, got {shown}",
    ):
        sequential(affine(3, 4), layer)


@pytest.mark.parametrize(
    ("W", "b", "error", "message"),
    [
        (batch(3, 4), batch(5), ShapeError, r"b of Affine must have shape \(4,\), got \(5,\)$"),
        (batch(3, 4), batch(3), ShapeError, r"b of Affine must have shape \(4,\), got \(3,\)$"),
        (
            batch(3, 4),
            batch(1, 4),
            ShapeError,
            r"a parameter must have rank 1, got float32\[1, 4\]$",
        ),
        (batch(4), batch(4), ShapeError, r"a parameter must have rank 2, got float32\[4\]$"),
        (batch(4), batch(3, 4), ShapeError, r"a parameter must have rank 2, got float32\[4\]$"),
        (
            batch(3, 4),
            batch(4, dtype=np.float64),
            DTypeError,
            r"b of Affine must be float32, got float64; convert it with \.astype\(np\.float32\)",
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
    with pytest.raises(error, match=f"^.*{message}"):
        Affine(W, b)


@pytest.mark.parametrize("name", ["n_in", "n_out"])
@pytest.mark.parametrize(
    ("width", "error", "message"),
    [
        (0, ValueError, "must be >= 1, got 0"),
        (-3, ValueError, "must be >= 1, got -3"),
        (3.0, TypeError, r"must be an integer, got 3\.0"),
        (True, TypeError, "must be an integer, got True"),
        ("3", TypeError, "must be an integer, got '3'"),
        (None, TypeError, "must be an integer, got None"),
        ((3, 4), TypeError, r"must be an integer, got \(3, 4\)"),
    ],
)
def test_a_width_is_a_positive_integer(
    name: str, width: Wrong, error: type[Exception], message: str
) -> None:
    widths = {"n_in": 3, "n_out": 4} | {name: width}

    with pytest.raises(error, match=f"^{name} {message}$"):
        Affine.init(**widths, rng=0)  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", [np.int64, np.complex64, np.longdouble, int, float, "f4", None])
def test_the_dtype_of_a_layer_is_a_float_type(dtype: Wrong) -> None:
    with pytest.raises(
        TypeError, match=r"^dtype must be np\.float16, np\.float32 or np\.float64, got "
    ):
        Affine.init(3, 4, rng=0, dtype=dtype)


def test_random_weights_need_a_seed() -> None:
    with pytest.raises(TypeError, match=r"^rng must be a seed or a .*Generator, got None$"):
        Affine.init(3, 4, rng=None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'rng'"):
        Affine.init(3, 4)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("weights", "got"), [(0.01, "float"), (batch(3, 4), r"float32\[3, 4\]"), (None, "NoneType")]
)
def test_what_draws_weights_is_an_initializer(weights: Wrong, got: str) -> None:
    with pytest.raises(
        TypeError,
        match=rf"^weights must be an initializer, such as he or normal\(0\.01\), got {got}$",
    ):
        Affine.init(3, 4, rng=0, weights=weights)


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        (
            lambda rng, shape, fans, dtype: normal(1)(rng, shape[::-1], fans, dtype),
            ShapeError,
            r"the result of weights must have shape \(3, 4\), got \(4, 3\)$",
        ),
        (
            lambda rng, shape, fans, dtype: he(rng, shape, fans, np.float64),
            DTypeError,
            "the result of weights must be float32, got float64; convert it with",
        ),
        (
            lambda rng, shape, fans, dtype: [[0.0]],
            DTypeError,
            "the result of weights must be a NumPy array of floats, got list",
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
    with pytest.raises(ValueError, match=f"^slope must be finite, got {slope}$"):
        LeakyReLU(slope)


class Plain:
    """A layer that is no attrs class, so that nobody would find its parameters."""

    def __init__(self, gain: Vector) -> None:
        self.gain = gain

    def forward(self, x: Matrix, /) -> tuple[Matrix, Matrix]:
        return x * self.gain, x

    def pullback(self, x: Matrix, dout: Matrix, /) -> tuple[Plain, Callable[[], Matrix]]:
        return Plain((dout * x).sum(axis=0)), lambda: dout * self.gain


@dataclass(frozen=True)
class Data(Plain):
    gain: Vector


@pytest.mark.parametrize("cls", [Plain, Data])
def test_a_layer_whose_parameters_nobody_would_find_is_refused(cls: type[Plain]) -> None:
    layer = cls(np.ones(3))
    message = f"^the layer {cls.__name__} must be an attrs class"

    with pytest.raises(TypeError, match=message):
        sequential(affine(3, 3), layer)
    with pytest.raises(TypeError, match=message):
        tree_leaves(layer)
    with pytest.raises(TypeError, match=message):
        check_gradients(layer, np.ones((2, 3)), sum_squared_error, np.ones((2, 3)))


@attrs.frozen(eq=False)
class Faulty:
    """A layer with a mistake."""

    def forward(self, x: Matrix, /) -> tuple[Matrix, Matrix]:
        return x + np.ones(31), x

    def pullback(self, x: Matrix, dout: Matrix, /) -> tuple[Faulty, Matrix]:
        return self, dout


def test_an_error_in_a_layer_of_a_user_says_which_layer_it_is() -> None:
    layer: Any = Faulty()  # what it returns in place of a function, mypy reports
    net = sequential(ReLU(), sequential(Tanh(), layer))

    with pytest.raises(ValueError, match="broadcast") as caught:
        forward(net, np.ones((2, 3)))
    assert caught.value.__notes__ == ["in layers.1 (Faulty)", "in layers.1 (Sequential)"]

    _, cache = forward(net, np.ones((2, 31)))
    with pytest.raises(TypeError, match="not callable") as wrong:
        backward(net, cache, np.ones((2, 31)))
    assert wrong.value.__notes__ == ["in layers.1 (Faulty)", "in layers.1 (Sequential)"]
