"""LeakyReLU: slopes of any size."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, strategies as st
from strategies import AnyArray, float_arrays

from funnet import Float, LeakyReLU, forward, input_gradient

slopes = st.floats(-65504, 65504) | st.sampled_from([-2.0, -1.0, 0.0, 1.0, 2.0, 100.0])


@given(x=float_arrays(), slope=slopes)
def test_a_finite_input_gives_the_rounded_product_and_no_warning(x: AnyArray, slope: float) -> None:
    factor = x.dtype.type(slope)

    y, cache = forward(LeakyReLU(slope), x)
    dx = input_gradient(LeakyReLU(slope), cache, x)

    with np.errstate(over="ignore"):
        assert (y == np.where(x > 0, x, x * factor)).all()
        assert (dx == np.where(x > 0, x, x * factor)).all()


@pytest.mark.parametrize(
    ("slope", "dtype"), [(1e5, np.float16), (-1e5, np.float16), (1e39, np.float32)]
)
def test_a_slope_beyond_the_dtype_of_the_input_is_refused(slope: float, dtype: type[Float]) -> None:
    message = f"slope of LeakyReLU must be in the range of {np.dtype(dtype)}, got {slope}"

    with pytest.raises(ValueError, match=re.escape(message)):
        forward(LeakyReLU(slope), np.zeros((1, 1), dtype))


@pytest.mark.parametrize("slope", ["0.1", None, True, [0.1], np.array([0.1]), 1j])
def test_a_slope_must_be_a_number(slope: float) -> None:
    with pytest.raises(TypeError, match="slope must be a number, got"):
        LeakyReLU(slope)


def test_a_slope_beyond_all_floats_is_refused() -> None:
    with pytest.raises(ValueError, match="slope must be finite, got a number outside"):
        LeakyReLU(10**400)
