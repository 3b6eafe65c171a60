"""Numbers beyond the range of a dtype are infinite or NaN, without a warning."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from strategies import dtypes, normal_array, seeds
from zoo import OURS, Case

import funnet as fn
from funnet.core.tree import named_branches

# An Affine is NumPy's dot, which warns.
QUIET = {
    name: case
    for name, case in OURS.items()
    if not any(isinstance(layer, fn.Affine) for _, layer in named_branches(case.layer(0)))
}


@pytest.mark.parametrize("case", QUIET.values(), ids=QUIET)
@given(seed=seeds, dtype=dtypes)
def test_the_largest_numbers_cause_no_warning(case: Case, seed: int, dtype: type[fn.Float]) -> None:
    """The suite turns warnings into errors."""
    layer, largest = case.layer(seed, dtype), np.finfo(dtype).max

    y, cache = fn.forward(layer, np.copysign(largest, case.x(seed, dtype)))
    dout = np.copysign(largest, normal_array(seed, *y.shape, dtype=dtype))

    _ = fn.backward(layer, cache, dout), fn.input_gradient(layer, cache, dout)
