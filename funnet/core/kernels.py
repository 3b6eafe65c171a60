"""Operations written for speed, each with the measurement that justifies it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from math import isfinite
from typing import Literal, TypeAlias, cast

import numpy as np
import numpy.typing as npt
from numpy import maximum

from funnet.core.arrays import FLOAT_TYPES, Array, ArrayT, Float, Matrix, Vector, typed_like
from funnet.core.locks import lock_in_place

Indices: TypeAlias = npt.NDArray[np.intp]

ZERO = {dtype: np.zeros((), dtype) for dtype in FLOAT_TYPES}
"""A ufunc takes an array of rank 0 in half of the instructions of a Python number."""

FEW = 256
FEW_ROWS = 256
BLOCKS = 64


def column_sums(a: Matrix) -> Vector:
    """Return the sum of each column, in the dtype of the matrix.

    A product with ones takes a third of the time of `a.sum(axis=0)` (2 against 6 µs for 200 rows of
    10). Like that sum, it adds a column sequentially: over 10⁶ equal float32 numbers both have a
    relative error of 1e-2. Longer columns are therefore added in 64 blocks, recursively, so that at
    most 256 numbers are added in sequence: for 10⁶ rows, half the time of one product and an error
    of 2e-7.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet.core.kernels import column_sums
    >>> column_sums(np.full((1_000_000, 2), 0.1, np.float32)).round()
    array([100000., 100000.], dtype=float32)
    """
    n, m = a.shape
    if n <= FEW_ROWS:
        sums: Vector = _ones(n, a.dtype).dot(a)
        return sums
    if a.dtype == np.float16:  # sums of blocks must not be rounded or overflow
        return column_sums(a.astype(np.float32)).astype(np.float16)
    size = n // BLOCKS
    parts = np.empty((size + 1, m), a.dtype)
    parts[:size] = column_sums(a[: BLOCKS * size].reshape(BLOCKS, size * m)).reshape(size, m)
    parts[size] = column_sums(a[BLOCKS * size :])
    return column_sums(parts)


@lru_cache(maxsize=32)  # as long as the product
def _ones(n: int, dtype: np.dtype[Float]) -> Vector:
    return np.ones(n, dtype)


def channel_sums(a: Array) -> Vector:
    """Return the sums over all axes but the second, for rows (N, C) and images (N, C, H, W).

    Summing each channel of each image first is faster than one sum over three axes, as NumPy adds
    contiguous numbers pairwise.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet.core.kernels import channel_sums
    >>> channel_sums(np.ones((2, 3, 4, 5)))
    array([40., 40., 40.])
    """
    rows = a if a.ndim == 2 else a.reshape(*a.shape[:2], math.prod(a.shape[2:])).sum(axis=2)
    return column_sums(cast(Matrix, rows))


def channel_dots(a: Array, b: Array) -> Vector:
    """Return `channel_sums(a * b)`; for images in half the time, as there is no product to store.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet.core.kernels import channel_dots
    >>> channel_dots(np.ones((2, 3, 4, 5)), np.full((2, 3, 4, 5), 2.0))
    array([80., 80., 80.])
    """
    if a.ndim == 2:
        return column_sums(cast(Matrix, a * b))
    shape = *a.shape[:2], math.prod(a.shape[2:])
    return column_sums(cast(Matrix, np.vecdot(a.reshape(shape), b.reshape(shape))))


def one_per_row(columns: Indices, n: int, n_columns: int, order: Literal["C", "F"]) -> Indices:
    """Return the flat indices, in memory order, of one entry in each of n rows.

    Indexing a flat view is faster than indexing a matrix with rows and columns.
    """
    if order == "F":
        return columns * n + _multiples(n, 1)
    return columns + _multiples(n, n_columns)


@lru_cache(maxsize=4)  # most batches are of one size, and np.arange costs as much as a product
def _multiples(n: int, step: int) -> Indices:
    indices = np.arange(0, n * step, step)
    indices.setflags(write=False)
    return indices


def positive_part(x: ArrayT) -> ArrayT:
    """Return max(x, 0). NumPy is faster with an array of zeros than with a number if it is large.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet.core.kernels import positive_part
    >>> positive_part(np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    if x.ndim and x.size <= FEW:
        return typed_like(x, maximum(x, ZERO[x.dtype.type]))
    y = np.zeros(x.shape, x.dtype.type)
    return typed_like(x, maximum(x, y, out=y))


def where_positive(x: Array, a: Array) -> Array:
    """Return a where x > 0, else 0. A product is several times faster than `np.where`.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet.core.kernels import where_positive
    >>> where_positive(np.array([-1.0, 2.0]), np.array([5.0, 6.0]))
    array([0., 6.])
    """
    mask: Array = (x > ZERO[x.dtype.type]).astype(a.dtype)
    mask *= a
    return mask


def leak(x: ArrayT, slope: float) -> ArrayT:
    """Return x where x > 0, else slope x, as the exact sum of two parts of which one is 0.

    `np.where` is several times slower. Products outside the range of the dtype are infinite.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet.core.kernels import leak
    >>> leak(np.array([-1.0, 2.0]), 0.5)
    array([-0.5,  2. ])
    """
    y = np.minimum(x, 0)
    with np.errstate(over="ignore"):
        y *= slope
    y += np.maximum(x, 0)
    return typed_like(x, y)


def leak_where_negative(x: Array, a: Array, slope: float) -> Array:
    """Return a where x > 0, else slope a, as `leak` does.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet.core.kernels import leak_where_negative
    >>> leak_where_negative(np.array([-1.0, 2.0]), np.array([5.0, 6.0]), 0.5)
    array([2.5, 6. ])
    """
    above: Array = a * (x > 0)
    below: Array = a - above
    with np.errstate(over="ignore"):
        below *= slope
    below += above
    return below


@lru_cache(maxsize=64)
def scalar(number: float, dtype: np.dtype[Float]) -> Array:
    """Return a number as an array of rank 0, which a ufunc takes in half of the time of a float.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet.core.kernels import scalar
    >>> scalar(0.5, np.dtype(np.float32))
    array(0.5, dtype=float32)
    """
    return lock_in_place(np.array(number, dtype))


def all_finite(arrays: Iterable[Array]) -> bool:
    """Return whether the sum of the squares of each array is finite.

    Infinity and NaN survive in a sum of squares, which is a product and costs less than a test of
    each number. Squares of large numbers overflow as well, so False is not certain.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet.core.kernels import all_finite
    >>> all_finite([np.zeros(3), np.array([1.0, np.inf])])
    False
    """
    for array in arrays:
        row = array if array.ndim == 1 else array.ravel()
        if not isfinite(row.dot(row)):
            return False
    return True


def keep_freed_memory() -> None:
    """Let glibc keep freed memory for the next step, in place of returning it to the system.

    Each step creates a network and drops the one before. glibc may return that memory and fault it
    in again page by page, which can cost a third of a step, until the process has once freed a
    block of up to 32 MiB: from then on it keeps that much. Nothing is written to this block.
    """
    np.empty(31 << 20, np.uint8)


keep_freed_memory()
