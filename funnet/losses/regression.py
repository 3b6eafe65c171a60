"""Losses on numbers: squared and absolute errors, and what is between them."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from funnet.core.arrays import Array, ArrayT, Float, Targets, as_ndarray, typed_like, wide
from funnet.core.checks import as_float, check_float, check_targets
from funnet.core.errors import ShapeError
from funnet.losses.rows import Shares, by_row, mean_over_rows


@np.errstate(over="ignore")
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
    loss = mean_over_rows(np.square(difference, dtype=np.float64), shares) / width
    return loss, _gradient(difference, scores, shares, 2, width)


@np.errstate(over="ignore")
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
    loss = mean_over_rows(np.square(difference, dtype=np.float64), shares) / 2
    return loss, _gradient(difference, scores, shares)


@np.errstate(over="ignore")
def mean_absolute_error(
    scores: ArrayT, t: Array | Targets, *, shares: Shares | None = None
) -> tuple[float, ArrayT]:
    """Return sum(|scores - t|) / M, the mean over all M entries of the batch.

    The gradient is sign(scores - t) / M, which is 0 where they are equal.

    Examples
    --------
    >>> from funnet import mean_absolute_error
    >>> mean_absolute_error(np.array([[1.0, 3.0]]), np.array([[1.0, 1.0]]))
    (1.0, array([[0. , 0.5]]))
    """
    scores, difference = _difference(scores, t)
    width = scores[0].size
    loss = mean_over_rows(np.abs(difference), shares) / width
    return loss, _gradient(np.sign(difference), scores, shares, 1, width)


@np.errstate(over="ignore")
def huber_loss(
    scores: ArrayT, t: Array | Targets, *, delta: float = 1.0, shares: Shares | None = None
) -> tuple[float, ArrayT]:
    """Return the mean of d² / 2 where |d| <= delta, else of delta (|d| - delta / 2).

    Here d = scores - t, and the mean is over all M entries of the batch (Huber, "Robust estimation
    of a location parameter", 1964). The gradient is d, clipped to [-delta, delta], over M.

    Parameters
    ----------
    delta
        Where the squared error goes over into the absolute one, finite and > 0. Default: 1.0.

    Examples
    --------
    >>> from funnet import huber_loss
    >>> huber_loss(np.array([[1.0, 3.0]]), np.array([[0.0, 0.0]]))
    (1.5, array([[0.5, 0.5]]))
    """
    limit = as_float(delta, "delta")
    if not 0 < limit < math.inf:
        raise ValueError(f"delta must be finite and > 0, got {delta}")
    scores, difference = _difference(scores, t)
    width = scores[0].size
    distance = np.abs(difference, dtype=np.float64)
    near = np.minimum(distance, limit)
    loss = mean_over_rows(near * (distance - near / 2), shares) / width
    return loss, _gradient(np.clip(difference, -limit, limit), scores, shares, 1, width)


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
    return scores, np.subtract(scores, t, dtype=wide(scores.dtype), order="C")


def _gradient(
    slope: npt.NDArray[Float],
    scores: ArrayT,
    shares: Shares | None,
    factor: float = 1,
    width: int = 1,
) -> ArrayT:
    """Return the mean over rows of `slope * factor / width`, which is overwritten."""
    if shares is None:
        slope *= factor / (len(slope) * width)
    else:
        slope *= by_row(shares * (factor / width), slope)
    return typed_like(scores, slope.astype(scores.dtype.type, copy=False))
