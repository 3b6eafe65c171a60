"""Activation functions on arrays, numerically stable for every finite input.

Each takes a float array `x` of any shape and returns an array of the same shape and dtype (for rank
0 too, where NumPy returns a scalar). `softmax` and `log_softmax` work along the last axis, which
must have at least one class.

All raise `DTypeError` if `x` is not an array of floats or is a masked array; `softmax` and
`log_softmax` raise `ShapeError` if it has no last axis, or one of length 0.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from funnet.core.arrays import FLOAT_TYPES, ArrayT, Float, as_ndarray, check_float, typed_like
from funnet.core.errors import ShapeError
from funnet.core.kernels import positive_part

Order: TypeAlias = Literal["C", "F"]

LOWEST = {dtype: float(np.finfo(dtype).min) for dtype in FLOAT_TYPES}

WIDENED: dict[type[Float], type[np.float32 | np.float64]] = {
    np.float16: np.float32,
    np.float32: np.float32,
    np.float64: np.float64,
}
"""The dtype used to compute with each dtype, as the range of float16 is too small."""


def identity(x: ArrayT) -> ArrayT:
    """Return `x` itself.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import identity
    >>> identity(np.array([-1.0, 2.0]))
    array([-1.,  2.])
    """
    x = as_ndarray(x)
    check_float(x, "x")
    return x


def step_function(x: ArrayT) -> ArrayT:
    """Return 1 where x > 0, else 0: the activation of the perceptron.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import step_function
    >>> step_function(np.array([-1.0, 0.0, 2.0]))
    array([0., 0., 1.])
    """
    x = as_ndarray(x)
    check_float(x, "x")
    return typed_like(x, np.asarray(np.heaviside(x, 0)))


def relu(x: ArrayT) -> ArrayT:
    """Return max(x, 0).

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import relu
    >>> relu(np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    x = as_ndarray(x)
    check_float(x, "x")
    return positive_part(x)


def sigmoid(x: ArrayT) -> ArrayT:
    """Return 1 / (1 + exp(-x)).

    Only exponentials of numbers <= 0 are computed, so none overflows and small results keep full
    precision.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import sigmoid
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    x = as_ndarray(x)
    check_float(x, "x")
    # exp(min(x, 0)) / (1 + exp(-|x|)): the formula itself for x >= 0, expanded by exp(x) below.
    y = np.exp(np.minimum(x, 0))
    y /= 1 + np.exp(-np.abs(x))
    return typed_like(x, np.asarray(y))


def tanh(x: ArrayT) -> ArrayT:
    """Return the hyperbolic tangent.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import tanh
    >>> tanh(np.array([-1000.0, 0.0, 1000.0]))
    array([-1.,  0.,  1.])
    """
    x = as_ndarray(x)
    check_float(x, "x")
    return typed_like(x, np.asarray(np.tanh(x)))


def softmax(x: ArrayT) -> ArrayT:
    """Return exp(x) / sum(exp(x)) along the last axis: scores to probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import softmax
    >>> softmax(np.array([[1000.0, 1000.0], [0.0, -1000.0]]))
    array([[0.5, 0.5],
           [1. , 0. ]])
    """
    x = as_ndarray(x)
    _check_classes(x)
    # Where scores differ by more than the dtype can hold, exp(-inf) = 0 is the right result.
    with np.errstate(over="ignore"):
        e = below_maximum(np.ascontiguousarray(x))
    np.exp(e, out=e)
    e /= total(e)
    return typed_like(x, e)


def log_softmax(x: ArrayT) -> ArrayT:
    """Return log(softmax(x)) along the last axis, exact where softmax rounds to 0.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import log_softmax
    >>> log_softmax(np.array([[0.0, -1000.0]]))
    array([[    0., -1000.]])
    """
    x = as_ndarray(x)
    _check_classes(x)
    x_wide = widened(x, "C")
    with np.errstate(over="ignore"):
        z = below_maximum(x_wide)
    e = np.exp(z)
    # Summed without the highest, since log(1 + others) loses what log1p(others) keeps.
    n_classes = x.shape[-1]
    highest = x_wide.argmax(axis=-1).ravel() + np.arange(0, x.size, n_classes)
    e.reshape(-1)[highest] = 0
    z -= np.log1p(np.add.reduce(e, axis=-1, keepdims=True))
    y = np.maximum(z, LOWEST[x.dtype.type])
    return typed_like(x, y.astype(x.dtype.type, copy=False))


def widened(x: npt.NDArray[Float], order: Order) -> npt.NDArray[Float]:
    """Return x in its dtype of `WIDENED`, with native byte order and the given memory order."""
    return np.asarray(x, WIDENED[x.dtype.type], order)


def below_maximum(x: npt.NDArray[Float]) -> npt.NDArray[Float]:
    """Return x minus its maximum along the last axis, in the memory order of x.

    Differences beyond the range of the dtype are -inf, with NumPy's overflow warning.
    """
    z: npt.NDArray[Float] = x - np.maximum.reduce(x, axis=-1, keepdims=True)
    return z


def total(e: npt.NDArray[Float]) -> npt.NDArray[Float]:
    """Return the sum along the last axis, keeping that axis with length 1."""
    # In float16, the sum over 65520 classes would be infinite.
    dtype = np.float32 if e.dtype == np.float16 else None
    sums: npt.NDArray[Float] = np.add.reduce(e, axis=-1, keepdims=True, dtype=dtype)
    return sums


def _check_classes(x: npt.NDArray[Float]) -> None:
    check_float(x, "x")
    if x.ndim == 0 or x.shape[-1] == 0:
        raise ShapeError(f"expected x with at least one class in its last axis, got {x.shape}")
