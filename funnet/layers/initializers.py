"""Initializers of weights: functions `(rng, shape, (fan_in, fan_out), dtype) -> W` of that shape.

`fan_in` is the number of inputs that each output is a sum of, and `fan_out` the number of outputs
that each input goes into: (n_in, n_out) for `Affine`.

Weights are drawn in float64 and then rounded, so that for one seed, networks of different dtypes
start from the same weights up to rounding.

PyTorch draws the weights of its layers with variance 1 / (3 fan_in), a sixth of that of `he`, so a
network of funnet that starts as one of PyTorch's may need another learning rate. `from_state_dict`
gives it the same weights.

`xavier` and `xavier_uniform` are from Glorot and Bengio, "Understanding the difficulty of training
deep feedforward neural networks", 2010, section 4.2.1; `he` and `he_uniform` are from He, Zhang,
Ren and Sun, "Delving deep into rectifiers", 2015.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import attrs
import numpy as np

from funnet.core.arrays import Array, Float, RNGLike, array_type
from funnet.core.checks import check_dtype, check_float_type, check_number, check_shape, generator

Shape: TypeAlias = tuple[int, ...]
Fans: TypeAlias = tuple[int, int]
Initializer: TypeAlias = Callable[["np.random.Generator", Shape, Fans, type[Float]], Array]
"""Function of a generator, a shape, (fan_in, fan_out) and a dtype that returns weights."""


def normal(std: float) -> Initializer:
    """Return an initializer that draws from a normal distribution with mean 0.

    Initializers with equal `std` compare equal. They can be pickled.

    Raises
    ------
    TypeError, ValueError
        If `std` is not a number, or not finite and >= 0; when weights are drawn, if one of them is
        outside the range of the dtype.

    Examples
    --------
    >>> from funnet import Affine, normal
    >>> Affine.init(784, 80, rng=0, weights=normal(0.01))
    Affine(W=float32[784, 80], b=float32[80])
    """
    return _Normal(std)


def _std(std: float) -> float:
    return check_number(std, "std", 0)


@attrs.frozen
class _Normal:
    std: float = attrs.field(converter=_std)

    def __call__(
        self, rng: np.random.Generator, shape: Shape, fans: Fans, dtype: type[Float]
    ) -> Array:
        with np.errstate(over="ignore"):
            weights: Array = (self.std * rng.standard_normal(shape)).astype(dtype)
        if not np.isfinite(weights).all():
            raise ValueError(f"std must be in the range of {dtype.__name__}, got {self.std}")
        return weights


def _uniform(limit: float, rng: np.random.Generator, shape: Shape) -> Array:
    return rng.uniform(-limit, limit, shape)


def xavier(rng: np.random.Generator, shape: Shape, fans: Fans, dtype: type[Float]) -> Array:
    """Draw normal weights, variance 2 / (fan_in + fan_out) (equation 12), for sigmoid and tanh."""
    return normal(math.sqrt(2 / sum(fans)))(rng, shape, fans, dtype)


def xavier_uniform(rng: np.random.Generator, shape: Shape, fans: Fans, dtype: type[Float]) -> Array:
    """Draw uniform weights, variance 2 / (fan_in + fan_out) (equation 16), for sigmoid and tanh."""
    return _uniform(math.sqrt(6 / sum(fans)), rng, shape).astype(dtype)


def he(rng: np.random.Generator, shape: Shape, fans: Fans, dtype: type[Float]) -> Array:
    """Draw normal weights with variance 2 / fan_in (equation 10), for ReLU."""
    return normal(math.sqrt(2 / fans[0]))(rng, shape, fans, dtype)


def he_uniform(rng: np.random.Generator, shape: Shape, fans: Fans, dtype: type[Float]) -> Array:
    """Draw uniform weights with variance 2 / fan_in (equation 10), for ReLU."""
    return _uniform(math.sqrt(6 / fans[0]), rng, shape).astype(dtype)


def zeros_init(rng: np.random.Generator, shape: Shape, fans: Fans, dtype: type[Float]) -> Array:
    """Return zero weights; `rng` is not advanced."""
    return np.zeros(shape, dtype)


def draw(weights: Initializer, rng: RNGLike, shape: Shape, fans: Fans, dtype: type[Float]) -> Array:
    """Return the weights of a new layer, after a check of all arguments and of the result."""
    check_float_type(dtype)
    if not callable(weights):
        raise TypeError(
            f"weights must be an initializer, such as he or normal(0.01), got {array_type(weights)}"
        )
    W = weights(generator(rng), shape, fans, dtype)
    check_dtype(W, np.dtype(dtype), "the result of weights")
    check_shape(W, shape, "the result of weights")
    return W
