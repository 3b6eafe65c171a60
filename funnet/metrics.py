"""Figures of merit that are not differentiable."""

from __future__ import annotations

import numpy as np

from funnet.arrays import (
    Classes,
    Matrix,
    Targets,
    check_float,
    check_labels,
    check_targets,
    is_labels,
)
from funnet.errors import ShapeError


def accuracy(scores: Matrix, t: Classes | Targets) -> float:
    """Return the share of samples whose highest score is that of their class.

    Where a score is NaN, none is the highest.

    Parameters
    ----------
    scores
        Scores or probabilities (N, C), with N at least 1 and C at least 2.
    t
        Class numbers (N,), or one-hot rows (N, C), of which the highest entry counts.

    Returns
    -------
    accuracy
        A number from 0 to 1.

    Raises
    ------
    ShapeError
        If the shapes do not fit together, the batch is empty, or there is one column only.
    DTypeError
        If the scores are not floats, or class numbers not integers.
    ValueError
        If a class number is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import accuracy
    >>> accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
    0.5
    """
    check_float(scores, "scores")
    if scores.ndim != 2 or len(scores) == 0 or scores.shape[1] < 2:
        raise ShapeError(
            "expected scores of shape (N, C) with at least one sample and two classes, "
            f"got {scores.shape}"
        )
    if is_labels(t):
        check_labels(t, *scores.shape)
        classes = t
    else:
        check_targets(t, scores, or_labels=True)
        classes = t.argmax(axis=1)
    hits = scores.argmax(axis=1) == classes
    return float(np.mean(hits & ~np.isnan(scores.max(axis=1))))
