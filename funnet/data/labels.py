"""Class numbers as one-hot rows."""

from __future__ import annotations

from typing import TypeVar, overload

import numpy as np

from funnet.core.arrays import (
    Float,
    LabelsLike,
    as_ndarray,
    check_count,
    check_float_type,
    check_labels,
)

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
    """Return a row for each label, with a one at the label's place and zeros elsewhere.

    Parameters
    ----------
    t
        Class numbers (N,), each at least 0 and below `n_classes`.
    n_classes
        The number of classes, at least 1.
    dtype
        The type of the result.

    Returns
    -------
    rows
        A matrix (N, n_classes).

    Raises
    ------
    DTypeError
        If `t` is not an array of integers, or is masked.
    ShapeError
        If the rank of `t` is not 1.
    ValueError
        If a label is out of range (the message names the first one), or `n_classes` below 1.
    TypeError
        If `dtype` is not a float type, or `n_classes` not an integer.

    Examples
    --------
    >>> import numpy as np
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
