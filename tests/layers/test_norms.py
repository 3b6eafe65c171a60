"""LayerNorm and Standardize; that their gradients are derivatives is a law for every layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from strategies import LAYOUTS, few, normal_array

import funnet as fn
from funnet import LayerNorm, Standardize

Wrong = Any  # an argument of whatever type
INTEGER: Wrong = int


@pytest.mark.parametrize("seed", range(300))
def test_layer_norm_and_its_gradients_are_those_of_pytorch(torch: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, c = int(rng.integers(0, 9)), int(rng.choice([1, 2, 3, int(rng.integers(4, 60))]))
    eps = float(10 ** rng.uniform(-6, 0))
    gamma, beta = rng.standard_normal((2, c))
    x = rng.normal(rng.normal(scale=10), 10 ** rng.uniform(-2, 2), (n, c))
    dout = rng.standard_normal((n, c))

    norm = LayerNorm(gamma, beta, eps)
    y, cache = fn.forward(norm, x)
    grads = fn.backward(norm, cache, dout)
    inputs = [torch.tensor(array, requires_grad=True) for array in (x, gamma, beta)]
    theirs = torch.nn.functional.layer_norm(inputs[0], (c,), *inputs[1:], eps)
    theirs.backward(torch.tensor(dout))

    ours = [y, fn.input_gradient(norm, cache, dout), grads.gamma, grads.beta]
    wanted = [theirs.detach().numpy(), *(each.grad.numpy() for each in inputs)]
    # Of two features, dx is a small difference of large terms; of one, it and dgamma are 0.
    terms = np.abs(gamma * dout * cache.scale).max(initial=0)
    sizes = [0, terms, 0.1 if c == 1 else 0, 0]
    for our, want, size in zip(ours, wanted, sizes, strict=True):
        assert np.abs(our - want).max(initial=0) <= 1e-10 * np.abs(want).max(initial=size)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("value", [0, 0.1, -3, 1e4 / 3])
@pytest.mark.parametrize("c", [1, 3, 784])
def test_a_constant_row_becomes_beta(dtype: type[fn.Float], value: float, c: int) -> None:
    norm = LayerNorm(np.ones(c, dtype), normal_array(0, c, dtype=dtype))

    y = fn.predict(norm, np.full((2, c), value, dtype))

    assert (y == norm.beta).all()


def test_rows_do_not_depend_on_each_other() -> None:
    norm, x = LayerNorm.init(7), normal_array(0, 5, 7, dtype=np.float32)

    assert (fn.predict(norm, x)[2:3] == fn.predict(norm, x[2:3])).all()
    assert fn.training_mode(norm, seed=0, step=3) is norm


def test_in_float16_statistics_neither_overflow_nor_are_rounded() -> None:
    x = normal_array(0, 3, 500, dtype=np.float16, scale=1e4)
    norm = LayerNorm.init(500, dtype=np.float16)

    exact = fn.predict(LayerNorm.init(500, dtype=np.float64), x.astype(np.float64))

    assert np.abs(fn.predict(norm, x) - exact).max() < 2e-3


@pytest.mark.parametrize("init", [LayerNorm.init, fn.BatchNorm.init])
def test_the_default_of_eps_is_that_of_pytorch(init: Wrong) -> None:
    assert init(3).eps == 1e-5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LayerNorm.init(3, dtype=INTEGER), "^dtype must be np.float16"),
        (lambda: LayerNorm(np.ones(3), np.ones(2)), r"beta of LayerNorm must have shape \(3,\)"),
        (
            lambda: LayerNorm(np.ones(3), np.ones(3, np.float32)),
            "beta of LayerNorm must be float64",
        ),
        (
            lambda: fn.forward(LayerNorm.init(3), np.ones((2, 4), np.float32)),
            r"x of LayerNorm must have shape \(N, 3\), got \(2, 4\)",
        ),
        (
            lambda: fn.forward(LayerNorm.init(3), np.ones((2, 3))),
            "x of LayerNorm must be float32, got float64",
        ),
        (
            lambda: fn.forward(Standardize.fit(np.ones((2, 3))), np.ones((2, 4))),
            r"x of Standardize must have shape \(N, 3\), got \(2, 4\)",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call: Wrong, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        call()


@few
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 50), c=st.integers(1, 5))
def test_the_fitted_columns_have_mean_0_and_standard_deviation_1(seed: int, n: int, c: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(rng.normal(scale=100, size=c), 10 ** rng.uniform(-3, 3, c), (n, c))

    y = fn.predict(Standardize.fit(x), x)

    assert np.abs(y.mean(axis=0)).max() < 1e-9
    assert np.abs(y.std(axis=0) - 1).max() < 1e-9


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("value", [0, 0.1, -1e4 / 3])
@pytest.mark.parametrize("n", [1, 3, 1001])
def test_a_constant_column_becomes_0(dtype: type[fn.Float], value: float, n: int) -> None:
    x = np.full((n, 2), value, dtype)
    x[:, 1] = np.arange(n)

    layer = Standardize.fit(x)

    assert (layer.std[0], layer.mean[0]) == (1, dtype(value))
    assert (fn.predict(layer, x)[:, 0] == 0).all()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("limit", ["max", "tiny", "smallest_subnormal"])
def test_the_largest_and_the_smallest_numbers_are_standardized(
    dtype: type[fn.Float], limit: str
) -> None:
    extreme = getattr(np.finfo(dtype), limit)

    y = fn.predict(Standardize.fit(x := np.array([[-extreme], [extreme]])), x)

    assert y.tolist() == [[-1], [1]]


def test_a_column_whose_deviation_is_0_in_its_dtype_stays_finite() -> None:
    x = np.zeros((10_000, 1), np.float16)
    x[0] = np.finfo(np.float16).smallest_subnormal

    layer = Standardize.fit(x)

    assert layer.std == 1
    assert np.isfinite(fn.predict(layer, x)).all()


def test_mean_and_deviation_are_computed_in_float64() -> None:
    x = normal_array(0, 100_000, 1, dtype=np.float32) + np.float32(1000)
    exact = x.astype(np.float64)

    layer = Standardize.fit(x)

    assert layer.mean == np.float32(exact.mean())
    assert layer.std == np.float32(exact.std())
    assert layer.std.dtype == np.float32


def test_the_layout_of_a_data_set_changes_no_bit() -> None:
    x = normal_array(0, 9, 4)
    wanted = fn.fingerprint(Standardize.fit(x))

    for layout in LAYOUTS.values():
        assert fn.fingerprint(Standardize.fit(layout(x))) == wanted


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (
            np.ones((3, 2), int),
            r"x of Standardize.fit must be float16, float32 or float64, got int",
        ),
        ([[1.0]], "x of Standardize.fit must be a NumPy array of floats, got list"),
        (np.ma.masked_array(np.ones((3, 2))), "must be an array without a mask"),
        (np.ones(3), r"must have shape \(N, C\) with N >= 1, got \(3,\)"),
        (np.ones((3, 2, 2, 2)), r"must have shape \(N, C\) with N >= 1, got \(3, 2, 2, 2\)"),
        (np.ones((0, 2)), r"must have shape \(N, C\) with N >= 1, got \(0, 2\)"),
        (np.array([[1.0, 2.0], [1.0, np.nan]]), "must be finite, but column 1 is not"),
        (np.array([[-np.inf, 2.0]]), "must be finite, but column 0 is not"),
    ],
)
def test_a_data_set_that_cannot_be_fitted_is_refused(x: Wrong, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        Standardize.fit(x)


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [
        ([0.0], [0.0], "std of Standardize must be finite and > 0, got 0.0"),
        ([0.0], [-1.0], "std of Standardize must be finite and > 0, got -1.0"),
        ([0.0], [np.inf], "std of Standardize must be finite and > 0, got inf"),
        ([np.nan], [1.0], "mean of Standardize must be finite"),
        ([0.0], [1.0, 1.0], r"std of Standardize must have shape \(1,\), got \(2,\)"),
    ],
)
def test_buffers_that_cannot_be_used_are_refused(
    mean: list[float], std: list[float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Standardize(np.array(mean), np.array(std))


def test_training_leaves_what_was_fitted_unchanged() -> None:
    x = normal_array(0, 6, 3)
    first = Standardize.fit(x)
    net = fn.sequential(first, fn.Affine.init(3, 2, rng=0, dtype=np.float64))
    y, cache = fn.forward(net, x)

    grads = fn.backward(net, cache, y)
    optimizer = fn.weight_decay(fn.sgd(lr=0.1), 0.5)
    new, _ = optimizer.update(net, grads, optimizer.init(net))

    assert fn.parameter_count(first) == 0
    for layer in (grads.layers[0], new.layers[0]):
        assert (layer.mean.tobytes(), layer.std.tobytes()) == (
            first.mean.tobytes(),
            first.std.tobytes(),
        )


def test_astype_converts_what_was_fitted() -> None:
    layer = fn.astype(Standardize.fit(normal_array(0, 6, 3)), np.float32)

    assert repr(layer) == "Standardize(mean=float32[3], std=float32[3])"
    with pytest.raises(ValueError, match=r"std of Standardize must be finite and > 0, got 0\.0"):
        fn.astype(Standardize(np.zeros(1), np.full(1, 1e-9)), np.float16)
