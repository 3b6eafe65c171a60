"""Locks: arrays whose memory cannot be written."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numpy import ndarray

from funnet.core.arrays import (
    ALIGNED,
    C_CONTIGUOUS,
    NATIVE_DTYPES,
    OWNDATA,
    WRITEABLE,
    Array,
    ArrayT,
    Float,
    Matrix,
    Vector,
    array_type,
    as_ndarray,
    is_plain,
    plain_copy,
)
from funnet.core.checks import check_float
from funnet.core.errors import DTypeError, ShapeError

LAYOUT = C_CONTIGUOUS | OWNDATA | ALIGNED | WRITEABLE
"""The bits of `flags.num` that tell whether an array is locked."""

LOCKED = C_CONTIGUOUS | OWNDATA | ALIGNED
"""The value of these bits for a locked array in C order that owns its memory."""


def is_locked(array: npt.NDArray[Float]) -> bool:
    """Return whether the memory of an array cannot be written through it or through its base."""
    if array.flags.writeable:
        return False
    base: object = array.base
    if base is None or isinstance(base, bytes):
        return True
    return isinstance(base, ndarray) and is_locked(base)


def lock(array: Array) -> Array:
    """Return a read-only array with the same values.

    Use it as the converter of an array field: `attrs.field(converter=lock)`. An array that is
    already locked is shared; any other is copied. (A writeable view that was taken before its array
    became read-only cannot be detected.)

    Raises
    ------
    DTypeError
        If `array` is not an array of floats, or is a masked array.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import lock
    >>> mine = np.zeros(3)
    >>> locked = lock(mine)
    >>> locked.flags.writeable, mine.flags.writeable, lock(locked) is locked
    (False, True, True)
    """
    if type(array) is ndarray and array.dtype in NATIVE_DTYPES:
        flags = array.flags
        if flags.num & LAYOUT == LOCKED:
            return array
        if flags.c_contiguous and flags.aligned and is_locked(array):
            return array
    given: object = array
    if isinstance(given, int):  # Affine(784, 80)
        raise DTypeError(
            f"a parameter must be a NumPy array of floats, got the integer {given}; for a layer of "
            "a given size, call init, as in Affine.init(784, 80, rng=0)"
        )
    array = as_ndarray(array, "a parameter")
    check_float(array, "a parameter")
    return lock_in_place(plain_copy(array))


def lock_vector(vector: Vector) -> Vector:
    """Return `lock(vector)`; raise ShapeError if its rank is not 1."""
    return _of_rank(1, lock(vector))


def lock_matrix(matrix: Matrix) -> Matrix:
    """Return `lock(matrix)`; raise ShapeError if its rank is not 2."""
    return _of_rank(2, lock(matrix))


def _of_rank(rank: int, array: ArrayT) -> ArrayT:
    if array.ndim != rank:
        raise ShapeError(f"a parameter must have rank {rank}, got {array_type(array)}")
    return array


def lock_buffer(array: npt.NDArray[Any] | np.generic) -> npt.NDArray[Any]:
    """Return a read-only array with the same values and dtype: the converter of a buffer.

    As `lock`, for arrays of floats, integers or bools; others, and masked arrays, raise DTypeError.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import lock_buffer
    >>> lock_buffer(np.array([True, False])).flags.writeable
    False
    """
    # Arithmetic on an array of rank 0, such as a counter, gives a scalar.
    array = np.asarray(array) if isinstance(array, np.generic) else as_ndarray(array, "a buffer")
    if not isinstance(array, ndarray) or array.dtype.kind not in "fiub":
        raise DTypeError(
            f"a buffer must be a NumPy array of floats, integers or bools, got {array_type(array)}"
        )
    if array.dtype.kind == "f":
        return lock(array)
    if is_plain(array) and is_locked(array):
        return array
    return lock_in_place(plain_copy(array))


def lock_in_place(array: ArrayT) -> ArrayT:
    """Make a new array read-only, and return it."""
    array.setflags(_READ_ONLY)  # type: ignore[call-arg]
    return array


_READ_ONLY = False  # NumPy reads an argument by position in half of the time
