"""Means over the rows of a batch, equal or weighted."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from funnet.core.arrays import Float

Shares = np.ndarray[tuple[int], np.dtype[np.float64]]
"""What each row of a batch contributes to the loss."""

FEW = 64


def mean_over_rows(values: npt.NDArray[Float], shares: Shares | None) -> float:
    """Return the mean over rows (axis 0) of the sum of each, in float64."""
    if shares is None:
        return _total(values) / len(values)
    if values.ndim > 1:
        values = np.add.reduce(values.reshape(len(values), -1), 1, np.float64)
    return float(shares.dot(values))


def _total(values: npt.NDArray[Float]) -> float:
    """Return the sum in float64; of few numbers exactly, in a quarter of the time."""
    if values.size <= FEW:
        try:
            return math.fsum((values if values.ndim == 1 else values.ravel()).tolist())
        except (OverflowError, ValueError):  # beyond float64; infinities of both signs
            return float(np.add.reduce(values, None, np.float64))
    return float(np.add.reduce(values, None, np.float64))


def by_row(shares: Shares, like: npt.NDArray[Float]) -> npt.NDArray[Float]:
    """Return the shares in the dtype of an array, as factors of its rows."""
    factors: npt.NDArray[Float] = shares.astype(like.dtype)
    return factors.reshape(-1, *(1,) * (like.ndim - 1))
