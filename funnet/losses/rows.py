"""Means over the rows of a batch, equal or weighted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from funnet.core.arrays import Float

Shares = np.ndarray[tuple[int], np.dtype[np.float64]]
"""What each row of a batch contributes to the loss."""


def mean_over_rows(values: npt.NDArray[Float], shares: Shares | None) -> float:
    """Return the mean over rows (axis 0) of the sum of each, in float64."""
    if shares is None:
        return float(np.add.reduce(values, None, np.float64)) / len(values)
    return float(shares.dot(values.reshape(len(values), -1).sum(axis=1, dtype=np.float64)))


def by_row(shares: Shares, like: npt.NDArray[Float]) -> npt.NDArray[Float]:
    """Return the shares in the dtype of an array, as factors of its rows."""
    factors: npt.NDArray[Float] = shares.astype(like.dtype)
    return factors.reshape(-1, *(1,) * (like.ndim - 1))
