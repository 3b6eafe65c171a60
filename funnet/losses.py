"""Losses: functions `(scores, t) -> (loss, dscores)`, where dscores is dL/dscores.

Those for classification take raw scores: the softmax or the sigmoid is part of the loss, which
keeps value and gradient exact where the textbook's `log(softmax(x) + 1e-7)` is not. The loss is
summed in float64; dscores has the dtype of the scores. No finite scores give NaN or a warning: what
is beyond the range of a dtype is infinite, or its largest number.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt

from funnet.arrays import (
    Array,
    ArrayT,
    Classes,
    Float,
    Matrix,
    Targets,
    check_float,
    check_labels,
    check_targets,
    is_labels,
)
from funnet.errors import ShapeError
from funnet.functions import above_lowest, below_maximum, sigmoid, total


def softmax_cross_entropy(scores: Matrix, t: Classes | Targets) -> tuple[float, Matrix]:
    """Return the cross-entropy between softmax(scores) and the targets.

    Parameters
    ----------
    scores
        Raw scores (N, C), before any softmax; N and C at least 1.
    t
        Class numbers (N,) from 0 to C - 1, or probabilities (N, C), such as one-hot rows.

    Returns
    -------
    loss, dscores
        The mean over the batch of -sum(t log softmax(scores)), and (softmax(scores) - t) / N.

    Raises
    ------
    ShapeError
        If the shapes do not fit together, or the batch is empty.
    DTypeError
        If the scores are not floats, or class numbers not integers.
    ValueError
        If a class number is out of range, or a row of `t` holds no probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import softmax_cross_entropy
    >>> loss, dscores = softmax_cross_entropy(np.array([[0.0, 0.0]]), np.array([1]))
    >>> round(loss, 4), dscores
    (0.6931, array([[ 0.5, -0.5]]))
    """
    n, n_classes = _check_scores(scores)
    with np.errstate(over="ignore"):
        z = below_maximum(_by_class(scores))
        dscores = np.exp(z)
        sums = total(dscores)
        dscores /= sums
        if is_labels(t):
            check_labels(t, n, n_classes)
            of_class = np.arange(n), t
            log_p = above_lowest(z[of_class]) - np.log(sums[:, 0])
            loss = abs(_sum(log_p)) / n  # not minus, which makes -0.0 of a perfect 0
            dscores[of_class] = np.expm1(log_p)
        else:
            p = _distributions(t, scores)
            loss = abs(_sum(p * (above_lowest(z) - np.log(sums)))) / n
            dscores -= p
    return loss, np.multiply(dscores, 1 / n, order="C")


def sigmoid_cross_entropy(scores: Matrix, t: Classes | Targets) -> tuple[float, Matrix]:
    """Return the cross-entropy between sigmoid(scores) and the targets, each output by itself.

    Parameters
    ----------
    scores
        Raw scores (N, C), before any sigmoid; N and C at least 1.
    t
        Probabilities (N, C), such as zeros and ones; or, for C = 1, class numbers 0 and 1 (N,).

    Returns
    -------
    loss, dscores
        The mean over the batch of -sum(t log y + (1 - t) log(1 - y)) with y = sigmoid(scores),
        and (y - t) / N.

    Raises
    ------
    ShapeError
        If the shapes do not fit together, or the batch is empty.
    DTypeError
        If the scores are not floats, or class numbers not integers.
    ValueError
        If a class number is not 0 or 1, or a probability not from 0 to 1.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import sigmoid_cross_entropy
    >>> loss, dscores = sigmoid_cross_entropy(np.array([[0.0]]), np.array([1]))
    >>> round(loss, 4), dscores
    (0.6931, array([[-0.5]]))
    """
    n, n_classes = _check_scores(scores)
    if is_labels(t) and n_classes == 1:
        check_labels(t, n, 2)
        t = t[:, np.newaxis]
    with np.errstate(over="ignore"):
        p = _probabilities(t, scores, or_labels=n_classes == 1)
        # log(1 + exp(x)) - t x, with the exponential of -|x| only, so that it can't overflow.
        losses = np.maximum(scores, 0, order="C") - scores * p + np.log1p(np.exp(-np.abs(scores)))
        loss = _sum(losses) / n
    dscores = sigmoid(scores)
    dscores -= p
    dscores *= 1 / n
    return loss, dscores


def mean_squared_error(scores: ArrayT, t: Array | Targets) -> tuple[float, ArrayT]:
    """Return the mean of (scores - t)² over all numbers of the batch.

    Parameters
    ----------
    scores
        The network's output, one row a sample, with at least one number.
    t
        What it should be, of the same shape.

    Returns
    -------
    loss, dscores
        sum((scores - t)²) / M and 2 (scores - t) / M, where M is how many numbers there are.

    Raises
    ------
    ShapeError
        If the shapes differ, or the batch is empty.
    DTypeError
        If the scores are not floats, or the targets not numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import mean_squared_error
    >>> mean_squared_error(np.array([[1.0, 3.0]]), np.array([[1.0, 1.0]]))
    (2.0, array([[0., 2.]]))
    """
    loss, difference = _squared_error(scores, t)
    with np.errstate(over="ignore"):
        np.multiply(difference, 2 / scores.size, out=difference)
    return 2 * loss / scores.size, difference


def sum_squared_error(scores: ArrayT, t: Array | Targets) -> tuple[float, ArrayT]:
    """Return half the sum of (scores - t)², over the batch size: the textbook's squared error.

    Parameters
    ----------
    scores
        The network's output, one row a sample, with at least one number.
    t
        What it should be, of the same shape.

    Returns
    -------
    loss, dscores
        sum((scores - t)²) / 2 N and (scores - t) / N, where N is the number of rows.

    Raises
    ------
    ShapeError
        If the shapes differ, or the batch is empty.
    DTypeError
        If the scores are not floats, or the targets not numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import sum_squared_error
    >>> sum_squared_error(np.array([[1.0, 3.0]]), np.array([[1.0, 1.0]]))
    (2.0, array([[0., 2.]]))
    """
    loss, difference = _squared_error(scores, t)
    np.multiply(difference, 1 / len(scores), out=difference)
    return loss / len(scores), difference


def _squared_error(scores: ArrayT, t: Array | Targets) -> tuple[float, ArrayT]:
    """Return half the sum of (scores - t)², and scores - t."""
    check_float(scores, "scores")
    if scores.ndim == 0 or scores.size == 0:
        raise ShapeError(f"expected scores of at least one sample, got shape {scores.shape}")
    with np.errstate(over="ignore"):
        difference = cast(ArrayT, np.subtract(scores, _targets(t, scores), order="C"))
        return _sum(np.square(difference, dtype=np.float64)) / 2, difference


def _sum(values: npt.NDArray[Float]) -> float:
    return float(np.add.reduce(values, axis=None, dtype=np.float64))


def _check_scores(scores: Matrix) -> tuple[int, int]:
    """Return the batch size and the number of classes, each at least 1."""
    check_float(scores, "scores")
    if scores.ndim != 2 or scores.size == 0:
        raise ShapeError(
            "expected scores of shape (N, C) with at least one sample and one class, "
            f"got {scores.shape}"
        )
    return scores.shape


def _by_class(scores: Matrix) -> Matrix:
    """Return scores in the order in which NumPy reduces them fastest."""
    n, n_classes = scores.shape
    # Along a short last axis it takes five times as long as along the first.
    return np.asarray(scores, order="F" if n > 4 * n_classes else "C")


def _targets(
    t: npt.NDArray[np.generic], scores: npt.NDArray[Float], *, or_labels: bool = False
) -> npt.NDArray[Float]:
    """Return targets of the shape of the scores, in their dtype."""
    check_targets(t, scores, or_labels=or_labels)
    return t.astype(scores.dtype, copy=False)


def _probabilities(
    t: npt.NDArray[np.generic], scores: Matrix, *, or_labels: bool
) -> npt.NDArray[Float]:
    """Return targets from 0 to 1."""
    p = _targets(t, scores, or_labels=or_labels)
    if not (p.min() >= 0 and p.max() <= 1):
        raise ValueError(f"expected t from 0 to 1, got numbers from {p.min()} to {p.max()}")
    return p


def _distributions(t: npt.NDArray[np.generic], scores: Matrix) -> npt.NDArray[Float]:
    """Return targets from 0 to 1 of which each row sums to 1, up to rounding."""
    p = _probabilities(t, scores, or_labels=True)
    sums = p.sum(axis=1, dtype=np.float64)
    row = int(np.argmax(np.abs(sums - 1)))
    if abs(sums[row] - 1) > 1e-2:
        raise ValueError(f"expected rows of t that sum to 1, got {sums[row]:.6g} in row {row}")
    return p
