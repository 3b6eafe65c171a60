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

    Parameters
    ----------
    t
        Class numbers (N,) from 0 to `n_classes - 1`.
    n_classes
        The number of columns, at least 1.
    dtype
        The float type of the rows. Default: np.float32.

    Raises
    ------
    DTypeError
        If `t` is not an array of integers, or is masked.
    ShapeError
        If the rank of `t` is not 1.
    ValueError
        If a label is out of range, or `n_classes` < 1.
    TypeError
        If `dtype` is not a float type, or `n_classes` not an integer.

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
