"""Weight initializers: functions `(rng, n_in, n_out, dtype) -> W`, with W of shape (n_in, n_out).

Weights are drawn in float64 and then rounded, so that for one seed, networks of different dtypes
start from the same weights up to rounding.

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

from funnet.core.arrays import Float, Matrix, as_float

Initializer: TypeAlias = "Callable[[np.random.Generator, int, int, type[Float]], Matrix]"
"""Function of a generator, `n_in`, `n_out` and a dtype that returns weights."""


def normal(std: float) -> Initializer:
    """Return an initializer that draws from a normal distribution with mean 0.

    Initializers with equal `std` compare equal. They can be pickled.

    Parameters
    ----------
    std
        Standard deviation, finite and >= 0.

    Raises
    ------
    TypeError
        If `std` is not a number.
    ValueError
        If `std` is negative or not finite; when weights are drawn, if one of them is outside the
        range of the dtype.

    Examples
    --------
    >>> from funnet import Affine, normal
    >>> Affine.init(784, 80, rng=0, weights=normal(0.01))
    Affine(W=float32[784, 80], b=float32[80])
    """
    return _Normal(std)


def _std(std: float) -> float:
    number = as_float(std, "std")
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f"std must be finite and >= 0, got {std}")
    return number


@attrs.frozen
class _Normal:
    std: float = attrs.field(converter=_std)

    def __call__(
        self, rng: np.random.Generator, n_in: int, n_out: int, dtype: type[Float]
    ) -> Matrix:
        with np.errstate(over="ignore"):
            weights: Matrix = (self.std * rng.standard_normal((n_in, n_out))).astype(dtype)
        if not np.isfinite(weights).all():
            raise ValueError(f"std must be in the range of {dtype.__name__}, got {self.std}")
        return weights


def _uniform(limit: float, rng: np.random.Generator, shape: tuple[int, int]) -> Matrix:
    return rng.uniform(-limit, limit, shape)


def xavier(rng: np.random.Generator, n_in: int, n_out: int, dtype: type[Float]) -> Matrix:
    """Draw normal weights with variance 2 / (n_in + n_out) (equation 12), for sigmoid and tanh."""
    return normal(math.sqrt(2 / (n_in + n_out)))(rng, n_in, n_out, dtype)


def xavier_uniform(rng: np.random.Generator, n_in: int, n_out: int, dtype: type[Float]) -> Matrix:
    """Draw uniform weights with variance 2 / (n_in + n_out) (equation 16), for sigmoid and tanh."""
    return _uniform(math.sqrt(6 / (n_in + n_out)), rng, (n_in, n_out)).astype(dtype)


def he(rng: np.random.Generator, n_in: int, n_out: int, dtype: type[Float]) -> Matrix:
    """Draw normal weights with variance 2 / n_in (equation 10), for ReLU."""
    return normal(math.sqrt(2 / n_in))(rng, n_in, n_out, dtype)


def he_uniform(rng: np.random.Generator, n_in: int, n_out: int, dtype: type[Float]) -> Matrix:
    """Draw uniform weights with variance 2 / n_in (equation 10), for ReLU."""
    return _uniform(math.sqrt(6 / n_in), rng, (n_in, n_out)).astype(dtype)


def zeros_init(rng: np.random.Generator, n_in: int, n_out: int, dtype: type[Float]) -> Matrix:
    """Return zero weights; `rng` is not advanced."""
    return np.zeros((n_in, n_out), dtype)
