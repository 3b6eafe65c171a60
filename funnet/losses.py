"""Losses: functions `(scores, t) -> (loss, dscores)`, where `dscores` is dL/dscores.

Cross-entropies take raw scores: the softmax or sigmoid is part of the loss. Value and gradient are
thus accurate to a few units in the last place, even where the probability of the right class rounds
to 1 and the textbook's `log(softmax(x) + 1e-7)` loses all digits.

Parameters
----------
scores
    The network's output, a float array with one row per sample: (N, C) for cross-entropies, any
    rank >= 2 for squared errors, with at least one sample and one output.
t
    Targets with the shape of the scores and any numeric dtype, or class numbers (N,) of any integer
    dtype where a loss accepts them.

Returns
-------
loss
    A float, summed in float64.
dscores
    The gradient, with the shape and dtype of the scores. float16 is computed in float32. Finite
    scores never give NaN or a warning; what is beyond the range of a dtype is infinite.

Raises
------
ShapeError
    If the shapes do not match or the batch is empty.
DTypeError
    If the scores are not floats, the targets have the wrong dtype, or an array is masked.
ValueError
    If a class number is out of range, or the targets of a cross-entropy are not probabilities.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from funnet.core.arrays import (
    Array,
    ArrayT,
    Float,
    LabelsLike,
    Matrix,
    Targets,
    as_ndarray,
    typed_like,
)
from funnet.core.checks import check_float, check_labels, check_targets, is_labels
from funnet.core.errors import ShapeError
from funnet.core.kernels import one_per_row
from funnet.functions import WIDENED, Order, below_maximum, widened
from funnet.targets import distributions, probabilities


@np.errstate(over="ignore")
def softmax_cross_entropy(scores: Matrix, t: LabelsLike | Targets) -> tuple[float, Matrix]:
    """Return the mean over the batch of -sum(t log softmax(scores)).

    `t` holds class numbers (N,) from 0 to C - 1, or rows of probabilities (N, C) that sum to 1 up
    to rounding, such as one-hot rows. The gradient is (sum(t) softmax(scores) - t) / N, with the
    sum of each row.

    Examples
    --------
    >>> from funnet import softmax_cross_entropy
    >>> loss, dscores = softmax_cross_entropy(np.array([[0.0, 0.0]]), np.array([1]))
    >>> round(loss, 4), dscores
    (0.6931, array([[ 0.5, -0.5]]))
    """
    scores, t = as_ndarray(scores, "scores"), as_ndarray(t, "t")
    n, n_classes = _check_scores(scores)
    # Along a short last axis, NumPy reduces five times as fast in Fortran order.
    order: Order = "F" if n > 4 * n_classes else "C"
    x = widened(scores, order)
    z = below_maximum(x)
    dscores = np.exp(z)
    entries = dscores.ravel("K")  # a view: one index per row is faster than two
    if is_labels(t):
        check_labels(t, n, n_classes)
        # Summing the other classes avoids 1 - p and log(p), which lose digits for p near 1.
        own = one_per_row(np.asarray(t, np.intp), n, n_classes, order)
        z_own, e_own = z.ravel("K")[own], entries[own]
        entries[own] = 0
        others = np.add.reduce(dscores, 1)
        entries[own] = -others
        # log(others + e_own) - z_own by log1p; z_own is 0 where the own class is the highest.
        loss = _sum(np.log1p(others + np.expm1(z_own)) - z_own) / n
        e_own += others
        e_own *= n
        dscores /= e_own[:, np.newaxis]
    else:
        p, p_sums = distributions(t, x, order)
        highest = one_per_row(scores.argmax(axis=1), n, n_classes, order)
        entries[highest] = 0
        others = np.add.reduce(dscores, 1)
        with np.errstate(invalid="ignore"):
            z *= p
        np.fmin(z, 0, out=z)  # 0 times -inf is NaN, but has to be 0
        loss = (_sum(p_sums * np.log1p(others)) - _sum(z)) / n
        others += 1
        dscores *= (p_sums / others).astype(x.dtype, copy=False)[:, np.newaxis]
        dscores -= p
        # A row of the gradient sums to 0, which gives its largest entry without cancellation.
        entries[highest] = 0
        entries[highest] = -np.add.reduce(dscores, 1)
        dscores *= 1 / n
    return loss, np.asarray(dscores, scores.dtype.type, "C")


def sigmoid_cross_entropy(scores: Matrix, t: LabelsLike | Targets) -> tuple[float, Matrix]:
    """Return the mean over the batch of -sum(t log y + (1 - t) log(1 - y)) for y = sigmoid(scores).

    Each output is a binary classification. `t` holds probabilities (N, C), such as zeros and ones,
    or for C = 1 also class numbers 0 and 1 (N,). The gradient is (y - t) / N.

    Examples
    --------
    >>> from funnet import sigmoid_cross_entropy
    >>> loss, dscores = sigmoid_cross_entropy(np.array([[0.0]]), np.array([1]))
    >>> round(loss, 4), dscores
    (0.6931, array([[-0.5]]))
    """
    scores, t = as_ndarray(scores, "scores"), as_ndarray(t, "t")
    n, n_classes = _check_scores(scores)
    if is_labels(t) and n_classes == 1:
        check_labels(t, n, 2)
        t = t[:, np.newaxis]
    x = widened(scores, "C")
    e = np.exp(-np.abs(x))  # cannot overflow
    sign = np.sign(x)
    dscores = 0.5 + 0.5 * sign
    with np.errstate(over="ignore"):
        dscores -= probabilities(t, x, "C", or_labels=n_classes == 1)
        # log(1 + exp(x)) - t x = x ([x > 0] - t) + log(1 + exp(-|x|)), where nothing cancels.
        loss = _sum(x * dscores + np.log1p(e)) / n
    # Likewise, sigmoid(x) - t = ([x > 0] - t) - sign(x) sigmoid(-|x|).
    e /= 1 + e
    e *= sign
    dscores -= e
    dscores *= 1 / n
    return loss, np.asarray(dscores, scores.dtype.type, "C")


def mean_squared_error(scores: ArrayT, t: Array | Targets) -> tuple[float, ArrayT]:
    """Return sum((scores - t)²) / M, the mean over all M entries of the batch.

    The gradient is 2 (scores - t) / M.

    Examples
    --------
    >>> from funnet import mean_squared_error
    >>> mean_squared_error(np.array([[1.0, 3.0]]), np.array([[1.0, 1.0]]))
    (2.0, array([[0., 2.]]))
    """
    loss, difference = _squared_error(scores, t)
    return 2 * loss / scores.size, _scaled(difference, 2 / scores.size, scores)


def sum_squared_error(scores: ArrayT, t: Array | Targets) -> tuple[float, ArrayT]:
    """Return sum((scores - t)²) / (2 N), the textbook's squared error, averaged over N samples.

    The gradient is (scores - t) / N.

    Examples
    --------
    >>> from funnet import sum_squared_error
    >>> sum_squared_error(np.array([[1.0, 3.0]]), np.array([[1.0, 1.0]]))
    (2.0, array([[0., 2.]]))
    """
    loss, difference = _squared_error(scores, t)
    return loss / len(scores), _scaled(difference, 1 / len(scores), scores)


def _squared_error(
    scores: npt.NDArray[Float], t: Array | Targets
) -> tuple[float, npt.NDArray[Float]]:
    """Return half the sum of (scores - t)², and scores - t in float32 or float64."""
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
        difference = np.subtract(scores, t, dtype=WIDENED[scores.dtype.type], order="C")
        return _sum(np.square(difference, dtype=np.float64)) / 2, difference


def _scaled(difference: npt.NDArray[Float], by: float, scores: ArrayT) -> ArrayT:
    """Return a multiple of the difference, in the dtype of the scores."""
    with np.errstate(over="ignore"):
        difference *= by
        return typed_like(scores, difference.astype(scores.dtype.type, copy=False))


def _sum(values: npt.NDArray[Float]) -> float:
    """Return the sum in float64; of few numbers exactly, in a quarter of the time."""
    if values.size <= 64:
        try:
            return math.fsum(values.ravel().tolist())
        except (OverflowError, ValueError):  # beyond float64; infinities of both signs
            pass
    return float(np.add.reduce(values, None, np.float64))


def _check_scores(scores: Matrix) -> tuple[int, int]:
    """Return the batch size and the number of classes, each at least 1."""
    check_float(scores, "scores")
    if scores.ndim != 2 or scores.size == 0:
        raise ShapeError(
            "expected scores of shape (N, C) with at least one sample and one class, "
            f"got {scores.shape}"
        )
    return scores.shape
