"""What layers that normalize share: their eps, their parameters at the start, and their dtype."""

from __future__ import annotations

import numpy as np

from funnet.core.arrays import Float, Vector
from funnet.core.checks import check_count, check_float_type, check_number

MANY = 2**40
"""The count of running statistics from elsewhere, which do not say how many values they come from:
from so many on, any batch has the weight `momentum`."""


def as_eps(eps: float) -> float:
    """Return `eps` as a float: the converter of the field."""
    return check_number(eps, "eps", 1e-37)  # the smallest normal number in float32 is near 1e-38


def unit_scale_and_shift(n_features: int, dtype: type[Float]) -> tuple[Vector, Vector]:
    """Return gamma 1 and beta 0 of shape (n_features,)."""
    check_count(n_features, "n_features")
    check_float_type(dtype)
    return np.ones(n_features, dtype), np.zeros(n_features, dtype)
