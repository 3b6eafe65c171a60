"""Cross-entropies of raw scores, with the softmax or sigmoid as part of the loss."""

from __future__ import annotations

from numpy import absolute, add, asarray, errstate, exp, expm1, fmin, intp, log1p, newaxis, sign

from funnet.core.arrays import LabelsLike, Matrix, Targets, as_ndarray
from funnet.core.checks import check_labels, is_labels
from funnet.core.errors import ShapeError
from funnet.core.kernels import one_per_row, scalar
from funnet.functions import Order, below_maximum, floats, widened
from funnet.losses.rows import Shares, by_row, mean_over_rows
from funnet.targets import distributions, probabilities, smoothed

NONE = 0.0
"""No label smoothing, the default."""

_ONE_COLUMN = "; for two classes and one column of scores, use sigmoid_cross_entropy"


@errstate(over="ignore", under="ignore")
def softmax_cross_entropy(
    scores: Matrix,
    t: LabelsLike | Targets,
    *,
    label_smoothing: float = NONE,
    shares: Shares | None = None,
) -> tuple[float, Matrix]:
    """Return the mean over the batch of -sum(t log softmax(scores)).

    `t` holds class numbers (N,) from 0 to C - 1, or rows of probabilities (N, C) that sum to 1 up
    to rounding, such as one-hot rows. The gradient is (sum(t) softmax(scores) - t) / N, with the
    sum of each row.

    Parameters
    ----------
    label_smoothing
        What the targets give away to all classes in equal parts, from 0 to 1: t is replaced by
        (1 - label_smoothing) t + label_smoothing / C (Szegedy et al., "Rethinking the Inception
        architecture for computer vision", 2016, section 7). For training, bind it with
        `functools.partial`. Default: 0.0.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import softmax_cross_entropy
    >>> loss, dscores = softmax_cross_entropy(np.array([[0.0, 0.0]]), np.array([1]))
    >>> round(loss, 4), dscores
    (0.6931, array([[ 0.5, -0.5]]))
    """
    scores, t = floats(scores, "scores"), as_ndarray(t, "t")
    n, n_classes = _check_scores(scores)
    if label_smoothing is not NONE:  # an array has no truth value
        t = smoothed(t, scores, label_smoothing)
    # Along a short last axis, NumPy reduces five times as fast in Fortran order.
    order: Order = "F" if n > 4 * n_classes else "C"
    x = widened(scores, order)
    z = below_maximum(x)
    dscores = exp(z)
    entries = dscores.ravel("K")  # a view: one index per row is faster than two
    if is_labels(t):
        check_labels(t, n, n_classes, _ONE_COLUMN if n_classes == 1 else "")
        # Summing the other classes avoids 1 - p and log(p), which lose digits for p near 1.
        own = one_per_row(asarray(t, intp), n, n_classes, order)
        z_own, e_own = z.ravel("K")[own], entries[own]
        entries[own] = 0
        others = add.reduce(dscores, 1)
        entries[own] = -others
        # log(others + e_own) - z_own by log1p; z_own is 0 where the own class is the highest.
        loss = mean_over_rows(log1p(others + expm1(z_own)) - z_own, shares)
        e_own += others
        if shares is None:
            e_own *= scalar(n, e_own.dtype)
        else:
            e_own /= shares
        dscores /= e_own[:, newaxis]
    else:
        p, p_sums = distributions(t, x, order)
        highest = one_per_row(scores.argmax(axis=1), n, n_classes, order)
        entries[highest] = 0
        others = add.reduce(dscores, 1)
        with errstate(invalid="ignore"):
            z *= p
        fmin(z, 0, out=z)  # 0 times -inf is NaN, but has to be 0
        loss = mean_over_rows(p_sums * log1p(others), shares) - mean_over_rows(z, shares)
        others += 1
        dscores *= (p_sums / others).astype(x.dtype, copy=False)[:, newaxis]
        dscores -= p
        # A row of the gradient sums to 0, which gives its largest entry without cancellation.
        entries[highest] = 0
        entries[highest] = -add.reduce(dscores, 1)
        dscores *= 1 / n if shares is None else by_row(shares, dscores)
    return loss, asarray(dscores, scores.dtype.type, "C")


@errstate(over="ignore", under="ignore")
def sigmoid_cross_entropy(
    scores: Matrix, t: LabelsLike | Targets, *, shares: Shares | None = None
) -> tuple[float, Matrix]:
    """Return the mean over the batch of -sum(t log y + (1 - t) log(1 - y)) for y = sigmoid(scores).

    Each output is a binary classification. `t` holds probabilities (N, C), such as zeros and ones,
    or for C = 1 also class numbers 0 and 1 (N,). The gradient is (y - t) / N.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import sigmoid_cross_entropy
    >>> loss, dscores = sigmoid_cross_entropy(np.array([[0.0]]), np.array([1]))
    >>> round(loss, 4), dscores
    (0.6931, array([[-0.5]]))
    """
    scores, t = floats(scores, "scores"), as_ndarray(t, "t")
    n, n_classes = _check_scores(scores)
    if is_labels(t) and n_classes == 1:
        check_labels(t, n, 2)
        t = t[:, newaxis]
    x = widened(scores, "C")
    e = exp(-absolute(x))  # cannot overflow
    signs = sign(x)
    dscores = 0.5 + 0.5 * signs
    dscores -= probabilities(t, x, "C", or_labels=n_classes == 1)
    # log(1 + exp(x)) - t x = x ([x > 0] - t) + log(1 + exp(-|x|)), where nothing cancels.
    loss = mean_over_rows(x * dscores + log1p(e), shares)
    # Likewise, sigmoid(x) - t = ([x > 0] - t) - sign(x) sigmoid(-|x|).
    e /= 1 + e
    e *= signs
    dscores -= e
    dscores *= 1 / n if shares is None else by_row(shares, dscores)
    return loss, asarray(dscores, scores.dtype.type, "C")


def _check_scores(scores: Matrix) -> tuple[int, int]:
    """Return the batch size and the number of classes, each at least 1."""
    shape = scores.shape
    if len(shape) != 2 or 0 in shape:
        raise ShapeError(
            f"expected scores of shape (N, C) with at least one sample and one class, got {shape}"
        )
    return shape
