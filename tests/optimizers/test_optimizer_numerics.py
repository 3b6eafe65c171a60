"""Optimizers in float16, and for numbers near the ends of a float type."""

import math

import numpy as np
import pytest
from optimizer_cases import NET, content, gradients

import funnet as fn


def test_gradients_within_the_norm_are_not_changed() -> None:
    grads = gradients(0)
    optimizer = fn.clip_by_global_norm(fn.sgd(lr=0.1), 1e3)
    new, _ = optimizer.update(NET, grads, optimizer.init(NET))

    assert content(new) == content(fn.sgd_update(NET, grads, lr=0.1))


def test_the_norm_of_gradients_whose_squares_overflow_float32_is_right() -> None:
    optimizer = fn.clip_by_global_norm(fn.sgd(lr=1.0), 1.0)
    x = np.zeros(2, np.float32)
    new, state = optimizer.update(x, np.array([3e30, 4e30], np.float32), optimizer.init(x))

    assert dict(state.metrics)["gradient_norm"] == pytest.approx(5e30)
    assert new == pytest.approx([-0.6, -0.8])


def test_the_norm_is_of_the_gradients_that_reach_the_clipping() -> None:
    grads = fn.tree_map(np.ones_like, NET)
    inner = fn.freeze(fn.clip_by_global_norm(fn.sgd(), 1.0), "layers.0")
    outer = fn.clip_by_global_norm(fn.freeze(fn.sgd(), "layers.0"), 1.0)
    _, seen_inside = inner.update(NET, grads, inner.init(NET))
    _, seen_outside = outer.update(NET, grads, outer.init(NET))

    assert dict(seen_inside.metrics)["gradient_norm"] == pytest.approx(math.sqrt(18))
    assert dict(seen_outside.metrics)["gradient_norm"] == pytest.approx(math.sqrt(43))


REFERENCES = {
    "adagrad": fn.adagrad(0.01),
    "rmsprop": fn.rmsprop(0.01),
    "adam": fn.adam(0.01),
    "adamw": fn.adamw(0.01, weight_decay=0.1),
    "frozen": fn.freeze(fn.adam(0.01), "b"),
}


@pytest.mark.parametrize("optimizer", REFERENCES.values(), ids=REFERENCES)
@pytest.mark.parametrize("scale", [1e-6, 5e-3, 1.0, 300.0, 6e4])
def test_float16_follows_float64_for_gradients_of_any_size(
    optimizer: fn.Optimizer, scale: float
) -> None:
    """Each update is that of float64 from the same parameters, rounded to float16."""
    rng = np.random.default_rng(0)
    params = {"W": rng.normal(size=(4, 3)).astype(np.float16), "b": np.zeros(3, np.float16)}
    state, reference = optimizer.init(params), optimizer.init(fn.astype(params, np.float64))
    for _ in range(5):
        grads = fn.tree_map(
            lambda a: (rng.uniform(-1, 1, a.shape) * scale).astype(np.float16), params
        )
        exact, reference = optimizer.update(
            fn.astype(params, np.float64), fn.astype(grads, np.float64), reference
        )
        params, state = optimizer.update(params, grads, state)
        for ours, expected in zip(fn.tree_leaves(params), fn.tree_leaves(exact), strict=True):
            assert ours.dtype == np.float16
            np.testing.assert_allclose(
                ours.astype(np.float64), expected, rtol=2.0**-11 * 1.01, atol=2.0**-25 * 1.01
            )


def test_rules_that_widen_keep_float32_state_for_float16() -> None:
    def mean_square(
        p: fn.Array, g: fn.Array, h: fn.Array, /, *, lr: float
    ) -> tuple[fn.Array, fn.Array]:
        assert p.dtype == g.dtype == h.dtype
        h = h + g * g
        return p - lr * g / np.sqrt(h), h

    users = fn.elementwise(mean_square, 0.1, widen=True)
    for optimizer in (fn.adagrad(), fn.rmsprop(), fn.adam(), fn.adamw(), users):
        for dtype, wide in ((np.float16, np.float32), (np.float32,) * 2, (np.float64,) * 2):
            x = np.ones(2, dtype)
            new, state = optimizer.update(x, x * 255, optimizer.init(x))
            assert new.dtype == dtype
            assert {slot.dtype for slot in state.slots} == {np.dtype(wide)}
            assert np.isfinite(new).all()
    for optimizer in (fn.momentum(), fn.nesterov()):
        assert optimizer.init(np.ones(2, np.float16)).slots[0].dtype == np.float16


SIZES: list[tuple[type[fn.Float], int]] = [
    *((np.float16, power) for power in (-4, 0, 4)),
    *((np.float32, power) for power in (-37, 0, 30, 37)),
    *((np.float64, power) for power in (-300, -200, 0, 200, 307)),
]


@pytest.mark.parametrize(("dtype", "power"), SIZES)
@pytest.mark.parametrize("shorter", [0, 2, 7])
def test_clipped_gradients_have_the_norm_allowed(
    dtype: type[fn.Float], power: int, shorter: int
) -> None:
    """Whatever their size: squares may overflow, and underflow, and so may the factor."""
    max_norm = 10.0 ** (power - shorter)
    x: fn.Array = np.zeros(2, dtype)
    grads: fn.Array = (np.array([3.0, -4.0]) * 10.0**power).astype(dtype)
    optimizer = fn.clip_by_global_norm(fn.sgd(1.0), max_norm)
    new, state = optimizer.update(x, grads, optimizer.init(x))

    limits = np.finfo(dtype)
    np.testing.assert_allclose(
        new.astype(np.float64),
        np.array([-0.6, 0.8]) * max_norm,
        rtol=4 * float(limits.eps),
        atol=float(limits.smallest_subnormal),
    )
    assert dict(state.metrics)["gradient_norm"] == pytest.approx(5 * 10.0**power, rel=1e-3, abs=0)


def test_gradients_whose_norm_overflows_float64_are_clipped() -> None:
    optimizer = fn.clip_by_global_norm(fn.sgd(1.0), 2.0)
    x = np.zeros(4)
    new, state = optimizer.update(x, np.full(4, 1.7e308), optimizer.init(x))

    assert new.tolist() == pytest.approx([-1.0] * 4)
    assert dict(state.metrics)["gradient_norm"] == math.inf


def test_a_small_factor_does_not_underflow_in_float16() -> None:
    """The gradients are 6e4, their norm is 6e7, and the factor 1.7e-8 is 0 in float16."""
    x = np.zeros(10**6, np.float16)
    optimizer = fn.clip_by_global_norm(fn.sgd(1.0), 1.0)
    new, _ = optimizer.update(x, np.full_like(x, 6e4), optimizer.init(x))

    assert np.unique(new).tolist() == [-np.float16(1e-3)]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_clipping_does_not_hide_infinities_and_nan(bad: float) -> None:
    optimizer = fn.clip_by_global_norm(fn.sgd(1.0), 1.0)
    x = np.zeros(3)
    new, state = optimizer.update(x, np.array([2.0, bad, 0.0]), optimizer.init(x))

    np.testing.assert_array_equal(new, [-2.0, -bad, 0.0])
    assert not math.isfinite(dict(state.metrics)["gradient_norm"])
