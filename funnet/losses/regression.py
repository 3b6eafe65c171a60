"""Losses on numbers: squared errors."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from funnet.core.arrays import Array, ArrayT, Float, Targets, as_ndarray, typed_like
from funnet.core.checks import check_float, check_targets
from funnet.core.errors import ShapeError
from funnet.functions import WIDENED
from funnet.losses.rows import Shares, by_row, mean_over_rows


def mean_squared_error(
    scores: ArrayT, t: Array | Targets, *, shares: Shares | None = None
) -> tuple[float, ArrayT]:
    """Return sum((scores - t)²) / M, the mean over all M entries of the batch.

    The gradient is 2 (scores - t) / M.

    Examples
    --------
    >>> from funnet import mean_squared_error
    >>> mean_squared_error(np.array([[1.0, 3.0]]), np.array([[1.0, 1.0]]))
    (2.0, array([[0., 2.]]))
    """
    scores, difference = _difference(scores, t)
    width = scores[0].size
    loss = mean_over_rows(_square(difference), shares) / width
    return loss, _gradient(difference, scores, shares, 2, width)


def sum_squared_error(
    scores: ArrayT, t: Array | Targets, *, shares: Shares | None = None
) -> tuple[float, ArrayT]:
    """Return sum((scores - t)²) / (2 N), the textbook's squared error, averaged over N samples.

    The gradient is (scores - t) / N.

    Examples
    --------
    >>> from funnet import sum_squared_error
    >>> sum_squared_error(np.array([[1.0, 3.0]]), np.array([[1.0, 1.0]]))
    (2.0, array([[0., 2.]]))
    """
    scores, difference = _difference(scores, t)
    loss = mean_over_rows(_square(difference), shares) / 2
    return loss, _gradient(difference, scores, shares)


def _difference(scores: ArrayT, t: Array | Targets) -> tuple[ArrayT, npt.NDArray[Float]]:
    """Return the scores, checked, and scores - t in float32 or float64."""
    scores, t = as_ndarray(scores, "scores"), as_ndarray(t, "t")
    check_float(scores, "scores")
    if scores.ndim < 2 or scores.size == 0:
        hint = (
            "; for one sample, pass y[np.newaxis] and t[np.newaxis]; for N samples of one output, "
            "y[:, np.newaxis] and t[:, np.newaxis]"
        )
        raise ShapeError(
            "expected scores with one row per sample, of shape (N, ...) with at least one sample "
            f"and one output, got shape {scores.shape}{hint if scores.ndim == 1 else ''}"
        )
    check_targets(t, scores)
    with np.errstate(over="ignore"):
        return scores, np.subtract(scores, t, dtype=WIDENED[scores.dtype.type], order="C")


def _square(difference: npt.NDArray[Float]) -> npt.NDArray[np.float64]:
    with np.errstate(over="ignore"):
        return np.square(difference, dtype=np.float64)


def _gradient(
    slope: npt.NDArray[Float],
    scores: ArrayT,
    shares: Shares | None,
    factor: float = 1,
    width: int = 1,
) -> ArrayT:
    """Return the mean over rows of `slope * factor / width`, which is overwritten."""
    with np.errstate(over="ignore"):
        if shares is None:
            slope *= factor / (len(slope) * width)
        else:
            slope *= by_row(shares * (factor / width), slope)
        return typed_like(scores, slope.astype(scores.dtype.type, copy=False))
