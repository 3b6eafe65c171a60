"""One-hot encoding of class numbers."""

from __future__ import annotations

from typing import TypeVar, overload

import numpy as np

from funnet.core.arrays import Float, LabelsLike, as_ndarray
from funnet.core.checks import check_count, check_float_type, check_labels

FloatT = TypeVar("FloatT", bound=Float)


@overload
def one_hot(t: LabelsLike, n_classes: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]: ...
@overload
def one_hot(
    t: LabelsLike, n_classes: int, dtype: type[FloatT]
) -> np.ndarray[tuple[int, int], np.dtype[FloatT]]: ...
def one_hot(
    t: LabelsLike,
    n_classes: int,
    dtype: type[FloatT | np.float32] = np.float32,
) -> np.ndarray[tuple[int, int], np.dtype[FloatT | np.float32]]:
    """Return rows of zeros with a one in the column of each label.

    The labels `t` (N,) are from 0 to `n_classes - 1`. The default of `dtype`, the type of the
    result (N, n_classes), is float32.

    Raises
    ------
    DTypeError, ShapeError
        If `t` is not an array of integers, is masked, or does not have rank 1.
    TypeError, ValueError
        If `dtype` is not a float type, `n_classes` is not an integer >= 1, or a label is out of
        range.

    Examples
    --------
    >>> from funnet.data import one_hot
    >>> one_hot(np.array([2, 0]), 3)
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """
    t = as_ndarray(t, "t")
    check_count(n_classes, "n_classes")
    check_labels(t, np.size(t), n_classes)
    check_float_type(dtype)
    rows = np.zeros((len(t), n_classes), dtype)
    rows[np.arange(len(t)), t] = 1
    return rows
