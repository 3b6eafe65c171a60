"""Sums of columns: accurate for any number of rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from strategies import AnyArray, dtypes, few, normal_array, seeds

from funnet import Affine, Float, backward, forward
from funnet.core.kernels import all_finite, column_sums

ROWS = [0, 1, 2, 255, 256, 257, 320, 1000, 16_384, 16_385, 100_001]


def error(a: AnyArray) -> float:
    """Return the largest error of a sum, relative to the sum of the absolute values."""
    sums = zip(column_sums(a).tolist(), a.T.tolist(), strict=True)
    errors = (abs(s - math.fsum(column)) / math.fsum(map(abs, column)) for s, column in sums)
    return max(errors)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("rows", ROWS[1:])
def test_columns_of_equal_numbers_are_summed_to_a_few_roundings(
    rows: int, dtype: type[Float]
) -> None:
    """One chain of additions rounds equal numbers to one side each time."""
    number = 0.1 if dtype is not np.float16 else 0.1 / rows  # float16 ends at 65504
    assert error(np.full((rows, 3), number, dtype)) < 32 * np.finfo(dtype).eps


def test_a_bias_gradient_over_a_million_rows_is_exact_in_float32() -> None:
    layer = Affine.init(1, 3, rng=0)
    x = np.ones((1_000_000, 1), np.float32)
    dout = np.random.default_rng(0).random((1_000_000, 3), np.float32)
    _, cache = forward(layer, x)

    db = backward(layer, cache, dout).b

    assert db.tolist() == pytest.approx(dout.sum(axis=0, dtype=np.float64).tolist(), rel=1e-6)


@few
@given(seed=seeds, rows=st.sampled_from(ROWS[1:-2]), columns=st.integers(1, 4), dtype=dtypes)
def test_the_error_of_random_numbers_is_that_of_a_few_roundings(
    seed: int, rows: int, columns: int, dtype: type[Float]
) -> None:
    a = normal_array(seed, rows, columns, dtype=dtype)

    assert error(a) < 4 * np.finfo(dtype).eps
    assert error(np.asfortranarray(a)) < 4 * np.finfo(dtype).eps


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (5, 0), (1000, 0)])
def test_an_empty_matrix_has_sums_of_0(shape: tuple[int, int]) -> None:
    for dtype in (np.float16, np.float32, np.float64):
        sums = column_sums(np.ones(shape, dtype))

        np.testing.assert_array_equal(sums, np.zeros(shape[1], dtype), strict=True)


def test_a_sum_of_float16_may_pass_through_numbers_that_are_out_of_range() -> None:
    a = np.full((2000, 1), 100, np.float16)
    a[1000:] = -100

    assert column_sums(a).tolist() == [0]


def test_infinite_and_missing_numbers_stay_in_their_column() -> None:
    a = np.ones((1000, 4), np.float32)
    a[500, 1], a[600, 2], a[700, 3] = np.nan, np.inf, -np.inf

    np.testing.assert_array_equal(column_sums(a), [1000, np.nan, np.inf, -np.inf])


@given(seed=seeds, dtype=dtypes, sizes=st.lists(st.integers(0, 40), max_size=4))
def test_arrays_of_ordinary_numbers_are_all_finite(
    seed: int, dtype: type[Float], sizes: list[int]
) -> None:
    assert all_finite([normal_array(seed, n, 3, dtype=dtype) for n in sizes])


@given(seed=seeds, dtype=dtypes, number=st.sampled_from([np.nan, np.inf, -np.inf]), data=st.data())
def test_a_single_number_that_is_not_finite_is_found(
    seed: int, dtype: type[Float], number: float, data: st.DataObject
) -> None:
    arrays = [normal_array(seed, *shape, dtype=dtype) for shape in [(7,), (300, 3), (2, 2, 5)]]
    array = arrays[data.draw(st.integers(0, 2))].reshape(-1)
    array[data.draw(st.integers(0, array.size - 1))] = number

    with np.errstate(invalid="ignore", over="ignore"):
        assert not all_finite(arrays)
