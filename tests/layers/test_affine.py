"""Errors for invalid parameters of `Affine`, raised on construction."""

from __future__ import annotations

import numpy as np
import pytest
from small_networks import Wrong, batch

import funnet as fn


@pytest.mark.parametrize(
    ("W", "b", "error", "message"),
    [
        (batch(3, 4), batch(5), fn.ShapeError, r"b of Affine .*shape \(4,\), got \(5,\)$"),
        (batch(3, 4), batch(3), fn.ShapeError, r"b of Affine .*shape \(4,\), got \(3,\)$"),
        (batch(3, 4), batch(1, 4), fn.ShapeError, r", got float32\[1, 4\]$"),
        (batch(4), batch(4), fn.ShapeError, r", got float32\[4\]$"),
        (batch(4), batch(3, 4), fn.ShapeError, r", got float32\[4\]$"),
        (
            batch(3, 4),
            batch(4, dtype=np.float64),
            fn.DTypeError,
            r"b of Affine .* float32, got float64; convert it with \.astype\(np\.float32\)",
        ),
        (np.ones((3, 4), int), batch(4), fn.DTypeError, "got int64; convert it with"),
        (batch(3, 4), np.ones(4, int), fn.DTypeError, "got int64; convert it with"),
        ([[1.0]], batch(1), fn.DTypeError, r"got list; convert it with np\.asarray"),
        (batch(1, 1), [1.0], fn.DTypeError, r"got list; convert it with np\.asarray"),
        (batch(1, 1), 0.0, fn.DTypeError, "got float; convert it with"),
        (batch(1, 1), None, fn.DTypeError, "got NoneType; convert it with"),
    ],
)
def test_weights_and_bias_that_do_not_match_are_refused(
    W: Wrong, b: Wrong, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        fn.Affine(W, b)


@pytest.mark.parametrize("dtype", [np.int64, np.complex64, np.longdouble, int, float, "f4", None])
def test_the_dtype_of_a_layer_is_a_float_type(dtype: Wrong) -> None:
    with pytest.raises(
        TypeError, match=r"^dtype must be np\.float16, np\.float32 or np\.float64, got "
    ):
        fn.Affine.init(3, 4, rng=0, dtype=dtype)


def test_random_weights_require_a_seed() -> None:
    with pytest.raises(TypeError, match=r"^rng must be a seed or a .*Generator, got None$"):
        fn.Affine.init(3, 4, rng=None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'rng'"):
        fn.Affine.init(3, 4)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("weights", "got"), [(0.01, "float"), (batch(3, 4), r"float32\[3, 4\]"), (None, "NoneType")]
)
def test_weights_are_drawn_by_an_initializer(weights: Wrong, got: str) -> None:
    message = rf"^weights must be an initializer, such as he or normal\(0\.01\), got {got}$"
    with pytest.raises(TypeError, match=message):
        fn.Affine.init(3, 4, rng=0, weights=weights)


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        (
            lambda rng, shape, fans, dtype: fn.normal(1)(rng, shape[::-1], fans, dtype),
            fn.ShapeError,
            r"shape \(3, 4\), got \(4, 3\)$",
        ),
        (
            lambda rng, shape, fans, dtype: fn.he(rng, shape, fans, np.float64),
            fn.DTypeError,
            "float32, got float64; convert it with",
        ),
        (
            lambda rng, shape, fans, dtype: [[0.0]],
            fn.DTypeError,
            "a NumPy array of floats, got list",
        ),
    ],
)
def test_an_initializer_must_return_the_requested_shape_and_dtype(
    weights: fn.Initializer, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"the result of weights .*{message}"):
        fn.Affine.init(3, 4, rng=0, weights=weights)
