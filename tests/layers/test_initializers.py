"""How weights begin."""

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

from funnet import (
    Array,
    Float,
    Initializer,
    he,
    he_uniform,
    normal,
    xavier,
    xavier_uniform,
    zeros_init,
)

NORMAL: dict[str, tuple[Initializer, Callable[[int, int], float]]] = {
    "normal": (normal(0.01), lambda n_in, n_out: 0.01),
    "xavier": (xavier, lambda n_in, n_out: math.sqrt(2 / (n_in + n_out))),
    "he": (he, lambda n_in, n_out: math.sqrt(2 / n_in)),
}
UNIFORM: dict[str, tuple[Initializer, Callable[[int, int], float]]] = {
    "xavier_uniform": (xavier_uniform, lambda n_in, n_out: math.sqrt(6 / (n_in + n_out))),
    "he_uniform": (he_uniform, lambda n_in, n_out: math.sqrt(6 / n_in)),
}
RANDOM: dict[str, Initializer] = {name: f for name, (f, _) in (NORMAL | UNIFORM).items()}
ALL = RANDOM | {"zeros": zeros_init}

every_random = pytest.mark.parametrize("initializer", RANDOM.values(), ids=RANDOM.keys())
every_initializer = pytest.mark.parametrize("initializer", ALL.values(), ids=ALL.keys())
every_size = pytest.mark.parametrize(("n_in", "n_out"), [(500, 200), (100, 1000)])
widths = st.integers(1, 9)


def draw(
    initializer: Initializer,
    n_in: int,
    n_out: int,
    *,
    seed: int = 0,
    dtype: type[Float] = np.float64,
) -> Array:
    return initializer(np.random.default_rng(seed), (n_in, n_out), (n_in, n_out), dtype)


# Any: a distribution of SciPy's, whose type its stubs keep to themselves.
def assert_drawn_from(distribution: Any, weights: Array) -> None:
    """Compare with a distribution: its shape, its mean, its standard deviation, and its limits."""
    low, high = distribution.support()
    standard_error = distribution.std() / math.sqrt(weights.size)

    assert scipy.stats.kstest(weights.ravel(), distribution.cdf).pvalue > 0.01
    assert abs(weights.mean()) < 4 * standard_error
    assert weights.std() == pytest.approx(distribution.std(), rel=0.01)
    assert low <= weights.min() <= weights.max() <= high


@every_size
@pytest.mark.parametrize(("initializer", "std"), NORMAL.values(), ids=NORMAL.keys())
def test_the_weights_are_normal_with_the_standard_deviation_of_the_paper(
    initializer: Initializer, std: Callable[[int, int], float], n_in: int, n_out: int
) -> None:
    weights = draw(initializer, n_in, n_out)

    assert_drawn_from(scipy.stats.norm(0, std(n_in, n_out)), weights)


@every_size
@pytest.mark.parametrize(("initializer", "limit"), UNIFORM.values(), ids=UNIFORM.keys())
def test_the_weights_are_uniform_within_the_limits_of_the_paper(
    initializer: Initializer, limit: Callable[[int, int], float], n_in: int, n_out: int
) -> None:
    weights = draw(initializer, n_in, n_out)

    end = limit(n_in, n_out)
    assert_drawn_from(scipy.stats.uniform(-end, 2 * end), weights)


@every_size
@pytest.mark.parametrize(("a", "b"), [(xavier, xavier_uniform), (he, he_uniform)])
def test_both_forms_have_the_same_variance(
    a: Initializer, b: Initializer, n_in: int, n_out: int
) -> None:
    assert draw(a, n_in, n_out).std() == pytest.approx(draw(b, n_in, n_out).std(), rel=0.01)


@every_initializer
@given(seed=seeds, n_in=widths, n_out=widths)
def test_a_network_of_another_dtype_starts_from_the_same_numbers_rounded(
    initializer: Initializer, seed: int, n_in: int, n_out: int
) -> None:
    exact = draw(initializer, n_in, n_out, seed=seed)

    assert exact.shape == (n_in, n_out)
    for dtype in (np.float16, np.float32, np.float64):
        weights = draw(initializer, n_in, n_out, seed=seed, dtype=dtype)

        assert weights.dtype == dtype
        assert (weights == exact.astype(dtype)).all()


def test_the_numbers_are_those_of_the_generator_row_by_row() -> None:
    drawn = np.random.default_rng(0).standard_normal(6).reshape(3, 2)

    assert (draw(normal(0.5), 3, 2) == 0.5 * drawn).all()
    assert (draw(he, 3, 2) == math.sqrt(2 / 3) * drawn).all()


@every_initializer
def test_weights_may_have_any_shape_and_any_number_of_inputs(initializer: Initializer) -> None:
    of_matrix, of_images = (
        initializer(np.random.default_rng(0), shape, (75, 50), np.float64)
        for shape in ((6, 25), (2, 3, 5, 5))
    )

    assert (of_images == of_matrix.reshape(2, 3, 5, 5)).all()


@every_random
def test_the_generator_is_advanced(initializer: Initializer) -> None:
    rng = np.random.default_rng(0)

    first, second = (initializer(rng, (3, 2), (3, 2), np.float64) for _ in range(2))

    assert (first != second).all()


def test_zeros_are_zeros_and_draw_nothing() -> None:
    rng, untouched = np.random.default_rng(0), np.random.default_rng(0)

    assert not zeros_init(rng, (3, 2), (3, 2), np.float32).any()
    assert rng.random() == untouched.random()


def test_normal_of_standard_deviation_0_is_zeros() -> None:
    assert not draw(normal(0), 3, 2).any()


@pytest.mark.parametrize("std", [np.float32(0.5), np.float64(0.5), np.float16(0.5)])
def test_a_numpy_number_as_standard_deviation_changes_no_bit(std: float) -> None:
    assert (draw(normal(std), 3, 2) == draw(normal(0.5), 3, 2)).all()


@pytest.mark.parametrize("std", [-1, -1e-300, math.nan, math.inf, -math.inf])
def test_a_standard_deviation_that_is_negative_or_not_finite_is_refused(std: float) -> None:
    with pytest.raises(ValueError, match=f"^std must be finite and >= 0, got {std}$"):
        normal(std)


def test_initializers_are_values_that_can_be_sent_to_another_process() -> None:
    for initializer in ALL.values():
        copied = pickle.loads(pickle.dumps(initializer))  # noqa: S301

        assert copied == initializer
        assert (draw(copied, 3, 2) == draw(initializer, 3, 2)).all()

    assert normal(0.5) == normal(np.float64(0.5))
    assert normal(0.5) != normal(0.25)
    assert hash(normal(0.5)) == hash(normal(0.5))
    assert "0.5" in repr(normal(0.5))


@pytest.mark.parametrize(("std", "dtype"), [(1e6, np.float16), (1e300, np.float32)])
def test_a_standard_deviation_beyond_the_dtype_is_refused(std: float, dtype: type[Float]) -> None:
    with pytest.raises(ValueError, match=f"std must be in the range of {dtype.__name__}, got"):
        draw(normal(std), 3, 2, dtype=dtype)


def test_a_standard_deviation_is_a_number() -> None:
    with pytest.raises(TypeError, match="std must be a number, got '1'"):
        normal("1")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="std must be finite, got a number outside"):
        normal(10**400)
