"""Evaluation metrics."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from funnet.core.arrays import LabelsLike, Matrix, Targets, array_type, as_ndarray
from funnet.core.checks import check_float, check_labels, check_number, is_labels
from funnet.core.errors import DTypeError, ShapeError
from funnet.targets import distributions, probabilities


def accuracy(scores: Matrix, t: LabelsLike | Targets, *, threshold: float | None = None) -> float:
    """Return the fraction of samples whose predicted class is right.

    The predicted class is that of the highest score or, with a threshold, 1 if the only score is
    above the threshold, else 0. A sample with NaN among its scores counts as wrong.

    Parameters
    ----------
    scores
        Scores or probabilities (N, C), with N >= 1 and C >= 2; with a threshold (N, 1).
    t
        Class numbers (N,), or probabilities with the shape of the scores, whose highest entry
        counts (with a threshold: class 1 if above 0.5). One-hot rows are probabilities.
    threshold
        For one column of scores: 0 for raw scores, 0.5 for probabilities. Default: None.

    Raises
    ------
    ShapeError
        If the shapes do not match, the batch is empty, or one column of scores comes without a
        threshold (or several with one).
    DTypeError
        If the scores are not floats, the class numbers not integers, or an array is masked.
    ValueError
        If a class number is out of range, a row of `t` is not a probability distribution, or the
        threshold is not finite.

    Examples
    --------
    >>> from funnet import accuracy
    >>> accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
    0.5
    >>> accuracy(np.array([[-1.5], [2.0]]), np.array([0, 1]), threshold=0)
    1.0
    """
    scores, t = as_ndarray(scores, "scores"), as_ndarray(t, "t")
    if isinstance(scores, np.ndarray) and scores.dtype.kind in "iu" and scores.ndim == 1:
        raise DTypeError(
            "scores must be an array of floats, such as the output of predict, got "
            f"{array_type(scores)}; for predicted class numbers, use np.mean(classes == t)"
        )
    check_float(scores, "scores")
    if threshold is not None:
        return _share(_above(scores, threshold) == _above_half(t, scores), scores)
    if scores.ndim == 2 and scores.shape[1] == 1:
        raise ShapeError(
            "one column of scores needs a threshold: pass threshold=0 for raw scores, or "
            "threshold=0.5 for probabilities, such as the output of Sigmoid; got scores of shape "
            f"{scores.shape}"
        )
    if scores.ndim != 2 or scores.size == 0:
        raise ShapeError(
            "expected scores of shape (N, C) with at least one sample and two classes, "
            f"got {scores.shape}"
        )
    if is_labels(t):
        check_labels(t, *scores.shape)
        classes = t
    else:
        classes = distributions(t, scores, "C")[0].argmax(axis=1)
    return _share(scores.argmax(axis=1) == classes, scores)


def _above(scores: Matrix, threshold: float) -> npt.NDArray[np.bool]:
    """Return a mask of the scores (N, 1) above the threshold."""
    if scores.ndim != 2 or len(scores) == 0 or scores.shape[1] != 1:
        raise ShapeError(
            "expected scores of shape (N, 1) with at least one sample, as threshold is given, "
            f"got {scores.shape}"
        )
    return scores[:, 0] > check_number(threshold, "threshold")


def _above_half(t: LabelsLike | Targets, scores: Matrix) -> npt.NDArray[np.bool]:
    """Return a mask of the targets that mean class 1."""
    if is_labels(t):
        check_labels(t, len(scores), 2)
        return np.equal(t, 1)
    return probabilities(t, scores, "C", or_labels=True)[:, 0] > 0.5


def _share(hits: npt.NDArray[np.bool], scores: Matrix) -> float:
    """Return the fraction of hits, where a row of scores with NaN never counts as one."""
    return float(np.mean(hits & ~np.isnan(scores.max(axis=1))))
