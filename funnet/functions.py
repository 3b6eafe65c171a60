"""Activation functions on arrays, numerically stable for every finite input.

Each takes a float array `x` of any shape and returns an array of the same shape and dtype, also for
rank 0. `softmax` and `log_softmax` work along the last axis.

All raise `DTypeError` if `x` is not a float array or is a masked array; `softmax` and `log_softmax`
raise `ShapeError` if the last axis is missing or has length 0.

Examples
--------
>>> from funnet import identity, relu, step_function, tanh
>>> x = np.array([-1.0, 0.0, 2.0])
>>> identity(x), step_function(x), relu(x)
(array([-1.,  0.,  2.]), array([0., 0., 1.]), array([0., 0., 2.]))
>>> tanh(1000 * x)
array([-1.,  0.,  1.])
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from numpy import asarray, maximum, ndarray

from funnet.core.arrays import NATIVE_DTYPES, WIDE, ArrayT, Float, as_ndarray, typed_like
from funnet.core.checks import check_float
from funnet.core.errors import ShapeError
from funnet.core.kernels import positive_part

_quiet = np.errstate(over="ignore", under="ignore")
"""A difference beyond the range of the dtype is -inf, and exp(-inf) = 0 is the right result."""

Order: TypeAlias = Literal["C", "F"]

LOWEST = {dtype: float(np.finfo(dtype).min) for dtype in WIDE}


def identity(x: ArrayT) -> ArrayT:
    """Return `x` itself."""
    return floats(x)


def step_function(x: ArrayT) -> ArrayT:
    """Return 1 where x > 0, else 0: the perceptron's activation."""
    x = floats(x)
    return typed_like(x, np.asarray(np.heaviside(x, 0)))


def relu(x: ArrayT) -> ArrayT:
    """Return max(x, 0)."""
    x = floats(x)
    return positive_part(x)


@_quiet
def sigmoid(x: ArrayT) -> ArrayT:
    """Return 1 / (1 + exp(-x)), without overflow, and with full precision near 0.

    Examples
    --------
    >>> from funnet import sigmoid
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    x = floats(x)
    # exp(min(x, 0)) / (1 + exp(-|x|)): the formula itself for x >= 0, expanded by exp(x) for x < 0.
    y = np.exp(np.minimum(x, 0))
    y /= 1 + np.exp(-np.abs(x))
    return typed_like(x, np.asarray(y))


def tanh(x: ArrayT) -> ArrayT:
    """Return the hyperbolic tangent of `x`."""
    x = floats(x)
    return typed_like(x, np.asarray(np.tanh(x)))


@_quiet
def softmax(x: ArrayT) -> ArrayT:
    """Return exp(x) / sum(exp(x)) along the last axis: the probabilities of scores.

    Examples
    --------
    >>> from funnet import softmax
    >>> softmax(np.array([[1000.0, 1000.0], [0.0, -1000.0]]))
    array([[0.5, 0.5],
           [1. , 0. ]])
    """
    x = as_ndarray(x)
    _check_classes(x)
    e = below_maximum(np.ascontiguousarray(x))
    np.exp(e, out=e)
    # In float16, a sum over 65520 classes would be infinite.
    e /= np.add.reduce(e, axis=-1, keepdims=True, dtype=WIDE[x.dtype.type])
    return typed_like(x, e)


@_quiet
def log_softmax(x: ArrayT) -> ArrayT:
    """Return log(softmax(x)) along the last axis, accurate where softmax rounds to 0 or 1.

    Examples
    --------
    >>> from funnet import log_softmax
    >>> log_softmax(np.array([[0.0, -1000.0]]))
    array([[    0., -1000.]])
    """
    x = as_ndarray(x)
    _check_classes(x)
    x_wide = widened(x, "C")
    z = below_maximum(x_wide)
    e = np.exp(z)
    # Without the highest score: log1p(others) keeps what log(1 + others) loses.
    n_classes = x.shape[-1]
    highest = x_wide.argmax(axis=-1).ravel() + np.arange(0, x.size, n_classes)
    e.reshape(-1)[highest] = 0
    z -= np.log1p(np.add.reduce(e, axis=-1, keepdims=True))
    y = np.maximum(z, LOWEST[x.dtype.type])
    return typed_like(x, y.astype(x.dtype.type, copy=False))


def floats(x: ArrayT, name: str = "x") -> ArrayT:
    """Return an array of floats as a plain array; raise DTypeError for anything else."""
    if type(x) is not ndarray or x.dtype not in NATIVE_DTYPES:
        x = as_ndarray(x, name)
        check_float(x, name)
    return x


def widened(x: npt.NDArray[Float], order: Order) -> npt.NDArray[Float]:
    """Return x in the dtype to compute in, in native byte order and the given memory order."""
    return asarray(x, WIDE[x.dtype.type], order)


def below_maximum(x: npt.NDArray[Float]) -> npt.NDArray[Float]:
    """Return x minus its maximum along the last axis; overflow gives -inf, with a warning."""
    z: npt.NDArray[Float] = x - maximum.reduce(x, axis=-1, keepdims=True)
    return z


def _check_classes(x: npt.NDArray[Float]) -> None:
    check_float(x, "x")
    if x.ndim == 0 or x.shape[-1] == 0:
        raise ShapeError(f"expected x with at least one class in its last axis, got {x.shape}")
