"""Classification targets given as rows of probabilities, and their checks."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from funnet.core.arrays import Float, LabelsLike, Targets, wide
from funnet.core.checks import as_float, check_labels, check_targets, is_labels
from funnet.functions import Order

EPS_16, EPS_32 = (float(np.finfo(dtype).eps) for dtype in (np.float16, np.float32))


def _rounding(t: npt.NDArray[np.generic]) -> float:
    """Return the relative precision of targets, as float64 was often computed in float32."""
    return EPS_16 if t.dtype.type is np.float16 else EPS_32


def probabilities(
    t: npt.NDArray[np.generic], scores: npt.NDArray[Float], order: Order, *, or_labels: bool
) -> npt.NDArray[Float]:
    """Return targets in float32 or float64, clipped to [0, 1] after a check up to rounding."""
    check_targets(t, scores, or_labels=or_labels)
    with np.errstate(over="ignore"):
        p: npt.NDArray[Float] = np.asarray(t, wide(scores.dtype), order)
    low, high = np.minimum.reduce(p, axis=None), np.maximum.reduce(p, axis=None)
    tolerance = 4 * _rounding(t)
    if not (low >= -tolerance and high <= 1 + tolerance):
        raise ValueError(f"t must be from 0 to 1, got numbers from {low} to {high}")
    if low < 0 or high > 1:
        return np.asarray(np.clip(p, 0, 1), p.dtype)
    return p


def distributions(
    t: npt.NDArray[np.generic], scores: npt.NDArray[Float], order: Order
) -> tuple[npt.NDArray[Float], npt.NDArray[np.float64]]:
    """Return probabilities and the sum of each row, which must be 1 up to rounding."""
    p = probabilities(t, scores, order, or_labels=True)
    sums = np.add.reduce(p, axis=1, dtype=np.float64)
    errors = np.abs(sums - 1)
    row = int(errors.argmax())
    # The error of a sum of C rounded numbers grows like the square root of C.
    if errors[row] > (4 + math.sqrt(p.shape[1])) * _rounding(t):
        raise ValueError(f"rows of t must sum to 1, got {sums[row]:.6g} in row {row}")
    return p, sums


def smoothed(
    t: LabelsLike | Targets, scores: npt.NDArray[Float], label_smoothing: float
) -> LabelsLike | Targets | npt.NDArray[Float]:
    """Return (1 - label_smoothing) t + label_smoothing / C, in rows; for 0, t itself."""
    share = as_float(label_smoothing, "label_smoothing")
    if not 0 <= share <= 1:
        raise ValueError(f"label_smoothing must be from 0 to 1, got {label_smoothing}")
    if share == 0:
        return t
    n, n_classes = scores.shape
    p: npt.NDArray[Float]
    if is_labels(t):
        check_labels(t, n, n_classes)
        p = np.zeros((n, n_classes), wide(scores.dtype))
        p[np.arange(n), t] = 1
    else:
        p, _ = distributions(t, scores, "C")
    mixed: npt.NDArray[Float] = p * (1 - share) + share / n_classes
    return mixed
