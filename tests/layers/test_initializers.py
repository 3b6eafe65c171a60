"""Initializers draw from their distributions."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, strategies as st
from strategies import seeds

import funnet as fn

NORMAL: dict[str, tuple[fn.Initializer, Callable[[int, int], float]]] = {
    "normal": (fn.normal(0.01), lambda n_in, n_out: 0.01),
    "xavier": (fn.xavier, lambda n_in, n_out: math.sqrt(2 / (n_in + n_out))),
    "he": (fn.he, lambda n_in, n_out: math.sqrt(2 / n_in)),
}
UNIFORM: dict[str, tuple[fn.Initializer, Callable[[int, int], float]]] = {
    "xavier_uniform": (fn.xavier_uniform, lambda n_in, n_out: math.sqrt(6 / (n_in + n_out))),
    "he_uniform": (fn.he_uniform, lambda n_in, n_out: math.sqrt(6 / n_in)),
}
RANDOM: dict[str, fn.Initializer] = {name: f for name, (f, _) in (NORMAL | UNIFORM).items()}
ALL = RANDOM | {"zeros": fn.zeros_init}

every_random = pytest.mark.parametrize("initializer", RANDOM.values(), ids=RANDOM.keys())
every_initializer = pytest.mark.parametrize("initializer", ALL.values(), ids=ALL.keys())
every_size = pytest.mark.parametrize(("n_in", "n_out"), [(500, 200), (100, 1000)])
widths = st.integers(1, 9)


def draw(
    initializer: fn.Initializer,
    n_in: int,
    n_out: int,
    *,
    seed: int = 0,
    dtype: type[fn.Float] = np.float64,
) -> fn.Array:
    return initializer(np.random.default_rng(seed), (n_in, n_out), (n_in, n_out), dtype)


# Any: the type of a SciPy distribution is not public.
def assert_drawn_from(distribution: Any, weights: fn.Array) -> None:
    """Compare shape, mean, standard deviation and limits with those of a distribution."""
    low, high = distribution.support()
    standard_error = distribution.std() / math.sqrt(weights.size)

    assert scipy.stats.kstest(weights.ravel(), distribution.cdf).pvalue > 0.01
    assert abs(weights.mean()) < 4 * standard_error
    assert weights.std() == pytest.approx(distribution.std(), rel=0.01)
    assert low <= weights.min() <= weights.max() <= high


@every_size
@pytest.mark.parametrize(("initializer", "std"), NORMAL.values(), ids=NORMAL.keys())
def test_weights_are_normal_with_the_standard_deviation_of_the_paper(
    initializer: fn.Initializer, std: Callable[[int, int], float], n_in: int, n_out: int
) -> None:
    weights = draw(initializer, n_in, n_out)

    assert_drawn_from(scipy.stats.norm(0, std(n_in, n_out)), weights)


@every_size
@pytest.mark.parametrize(("initializer", "limit"), UNIFORM.values(), ids=UNIFORM.keys())
def test_weights_are_uniform_within_the_limits_of_the_paper(
    initializer: fn.Initializer, limit: Callable[[int, int], float], n_in: int, n_out: int
) -> None:
    weights = draw(initializer, n_in, n_out)

    end = limit(n_in, n_out)
    assert_drawn_from(scipy.stats.uniform(-end, 2 * end), weights)


@every_initializer
@given(seed=seeds, n_in=widths, n_out=widths)
def test_weights_of_another_dtype_are_the_same_numbers_rounded(
    initializer: fn.Initializer, seed: int, n_in: int, n_out: int
) -> None:
    exact = draw(initializer, n_in, n_out, seed=seed)

    assert exact.shape == (n_in, n_out)
    for dtype in (np.float16, np.float32, np.float64):
        weights = draw(initializer, n_in, n_out, seed=seed, dtype=dtype)

        assert weights.dtype == dtype
        assert (weights == exact.astype(dtype)).all()


def test_the_numbers_are_drawn_row_by_row() -> None:
    drawn = np.random.default_rng(0).standard_normal(6).reshape(3, 2)

    assert (draw(fn.normal(0.5), 3, 2) == 0.5 * drawn).all()
    assert (draw(fn.he, 3, 2) == math.sqrt(2 / 3) * drawn).all()


@every_initializer
def test_weights_may_have_any_shape_and_any_number_of_inputs(initializer: fn.Initializer) -> None:
    of_matrix, of_images = (
        initializer(np.random.default_rng(0), shape, (75, 50), np.float64)
        for shape in ((6, 25), (2, 3, 5, 5))
    )

    assert (of_images == of_matrix.reshape(2, 3, 5, 5)).all()


@every_random
def test_the_generator_is_advanced(initializer: fn.Initializer) -> None:
    rng = np.random.default_rng(0)

    first, second = (initializer(rng, (3, 2), (3, 2), np.float64) for _ in range(2))

    assert (first != second).all()


def test_zeros_do_not_advance_the_generator() -> None:
    rng, untouched = np.random.default_rng(0), np.random.default_rng(0)

    assert not fn.zeros_init(rng, (3, 2), (3, 2), np.float32).any()
    assert rng.random() == untouched.random()


def test_a_standard_deviation_of_0_gives_zeros() -> None:
    assert not draw(fn.normal(0), 3, 2).any()


@pytest.mark.parametrize("std", [np.float32(0.5), np.float64(0.5), np.float16(0.5)])
def test_the_standard_deviation_may_be_a_numpy_scalar(std: float) -> None:
    assert (draw(fn.normal(std), 3, 2) == draw(fn.normal(0.5), 3, 2)).all()


def test_initializers_can_be_pickled_and_compared() -> None:
    for initializer in ALL.values():
        copied = pickle.loads(pickle.dumps(initializer))  # noqa: S301

        assert copied == initializer
        assert (draw(copied, 3, 2) == draw(initializer, 3, 2)).all()

    assert fn.normal(0.5) == fn.normal(np.float64(0.5))
    assert fn.normal(0.5) != fn.normal(0.25)
    assert hash(fn.normal(0.5)) == hash(fn.normal(0.5))
    assert "0.5" in repr(fn.normal(0.5))


@pytest.mark.parametrize(("std", "dtype"), [(1e6, np.float16), (1e300, np.float32)])
def test_a_standard_deviation_outside_the_range_of_the_dtype_is_refused(
    std: float, dtype: type[fn.Float]
) -> None:
    with pytest.raises(ValueError, match=f"std must be in the range of {dtype.__name__}, got"):
        draw(fn.normal(std), 3, 2, dtype=dtype)
