"""Figures of merit that are not differentiable."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from funnet.core.arrays import (
    LabelsLike,
    Matrix,
    Targets,
    as_float,
    as_ndarray,
    check_float,
    check_labels,
    is_labels,
)
from funnet.core.errors import ShapeError
from funnet.targets import distributions, probabilities


def accuracy(scores: Matrix, t: LabelsLike | Targets, *, threshold: float | None = None) -> float:
    """Return the share of samples that are assigned to their own class.

    A sample is assigned to the class of its highest score or, for one column of scores and a
    threshold, to class 1 if the score is above the threshold and to class 0 otherwise. A sample
    with a NaN among its scores is assigned to no class.

    Parameters
    ----------
    scores
        Scores or probabilities (N, C), with N at least 1 and C at least 2; with a threshold (N, 1).
    t
        Class numbers (N,), or rows like the scores: one-hot, or probabilities that sum to 1, of
        which the highest counts. With a threshold, class numbers 0 and 1, or a column of
        probabilities, of which those above 0.5 mean class 1.
    threshold
        For one column of scores: 0 for raw scores, 0.5 for probabilities.

    Returns
    -------
    accuracy
        A number from 0 to 1.

    Raises
    ------
    ShapeError
        If the shapes do not fit together, or the batch is empty; if there is one column and no
        threshold, or the other way round.
    DTypeError
        If the scores are not floats, class numbers not integers, or an array is masked.
    ValueError
        If a class number is out of range, a row of `t` does not hold probabilities, or the
        threshold is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import accuracy
    >>> accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
    0.5
    >>> accuracy(np.array([[-1.5], [2.0]]), np.array([0, 1]), threshold=0)
    1.0
    """
    scores, t = as_ndarray(scores, "scores"), as_ndarray(t, "t")
    check_float(scores, "scores")
    if threshold is not None:
        return _share(_above(scores, threshold) == _above_half(t, scores), scores)
    if scores.ndim != 2 or len(scores) == 0 or scores.shape[1] < 2:
        raise ShapeError(
            "expected scores of shape (N, 1) and threshold=0 (raw scores) or threshold=0.5 "
            "(probabilities), or scores of shape (N, C) with at least one sample and two classes, "
            f"got {scores.shape}"
        )
    if is_labels(t):
        check_labels(t, *scores.shape)
        classes = t
    else:
        classes = distributions(t, scores, "C")[0].argmax(axis=1)
    return _share(scores.argmax(axis=1) == classes, scores)


def _above(scores: Matrix, threshold: float) -> npt.NDArray[np.bool]:
    """Return which scores of a column are above the threshold."""
    if scores.ndim != 2 or len(scores) == 0 or scores.shape[1] != 1:
        raise ShapeError(
            "expected scores of shape (N, 1) with at least one sample, since a threshold is given, "
            f"got {scores.shape}"
        )
    number = as_float(threshold, "threshold")
    if not math.isfinite(number):
        raise ValueError(f"expected threshold to be finite, got {threshold}")
    return scores[:, 0] > number


def _above_half(t: LabelsLike | Targets, scores: Matrix) -> npt.NDArray[np.bool]:
    """Return which of the targets for a column of scores mean class 1."""
    if is_labels(t):
        check_labels(t, len(scores), 2)
        return np.equal(t, 1)
    return probabilities(t, scores, "C", or_labels=True)[:, 0] > 0.5


def _share(hits: npt.NDArray[np.bool], scores: Matrix) -> float:
    """Return the share of hits among the rows of scores, of which none with NaN is a hit."""
    return float(np.mean(hits & ~np.isnan(scores.max(axis=1))))
