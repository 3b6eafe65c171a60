"""ELU with scales of any size."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, strategies as st
from strategies import AnyArray, float_arrays

import funnet as fn


@given(x=float_arrays(), alpha=st.floats(0.01, 100))
def test_a_finite_input_gives_the_formula_and_no_warning(x: AnyArray, alpha: float) -> None:
    layer = fn.ELU(alpha)

    y, cache = fn.forward(layer, x)
    dx = fn.input_gradient(layer, cache, np.ones_like(x))

    below = np.minimum(x.astype(np.float64), 0)
    expected = np.where(x > 0, x, alpha * np.expm1(below))
    tolerance = 4 * float(np.finfo(x.dtype).eps)
    np.testing.assert_allclose(y, expected, tolerance, tolerance * alpha)
    derivative = np.where(x > 0, 1, alpha * np.exp(below))
    np.testing.assert_allclose(dx, derivative, tolerance, tolerance * alpha)


def test_an_infinite_or_missing_input_is_not_hidden() -> None:
    y = fn.predict(fn.ELU(2.0), np.array([[-np.inf, np.inf, np.nan]]))

    np.testing.assert_array_equal(y, [[-2.0, np.inf, np.nan]])


def test_an_alpha_outside_the_range_of_the_input_is_refused() -> None:
    message = "alpha of ELU must be in the range of float16, got 100000.0"

    with pytest.raises(ValueError, match=re.escape(message)):
        fn.forward(fn.ELU(1e5), np.zeros((1, 1), np.float16))
