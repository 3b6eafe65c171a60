"""LeakyReLU with slopes of any size."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, strategies as st
from strategies import AnyArray, float_arrays

import funnet as fn

slopes = st.floats(-65504, 65504) | st.sampled_from([-2.0, -1.0, 0.0, 1.0, 2.0, 100.0])


@given(x=float_arrays(), slope=slopes)
def test_a_finite_input_gives_the_rounded_product_and_no_warning(x: AnyArray, slope: float) -> None:
    layer = fn.LeakyReLU(slope)

    y, cache = fn.forward(layer, x)
    dx = fn.input_gradient(layer, cache, x)

    with np.errstate(over="ignore"):
        expected = np.where(x > 0, x, x * x.dtype.type(slope))
    assert (y == expected).all()
    assert (dx == expected).all()


@pytest.mark.parametrize(
    ("slope", "dtype"), [(1e5, np.float16), (-1e5, np.float16), (1e39, np.float32)]
)
def test_a_slope_outside_the_range_of_the_input_is_refused(
    slope: float, dtype: type[fn.Float]
) -> None:
    message = f"slope of LeakyReLU must be in the range of {np.dtype(dtype)}, got {slope}"

    with pytest.raises(ValueError, match=re.escape(message)):
        fn.forward(fn.LeakyReLU(slope), np.zeros((1, 1), dtype))
