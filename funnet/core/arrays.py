"""Array types, and the one memory layout that funnet computes on."""

from __future__ import annotations

from typing import Any, SupportsFloat, TypeAlias, TypeGuard, TypeVar, cast

import numpy as np
import numpy.typing as npt

from funnet.core.errors import DTypeError, ShapeError, StructureError

Float = np.float16 | np.float32 | np.float64
"""The scalar types that a network can have."""

Array = npt.NDArray[Float]
"""A float array of any rank."""

Vector = np.ndarray[tuple[int], np.dtype[Float]]
"""A float array of rank 1, such as a bias."""

Matrix = np.ndarray[tuple[int, int], np.dtype[Float]]
"""A float array of rank 2: weights (n_in, n_out), or a batch with one row per sample."""

Images = np.ndarray[tuple[int, int, int, int], np.dtype[Float]]
"""A float array of rank 4: a batch of images (samples, channels, height, width)."""

Labels = np.ndarray[tuple[int], np.dtype[np.int64]]
"""Class labels, one per sample, from 0."""

LabelsLike = np.ndarray[tuple[int], np.dtype[np.integer]]
"""Class labels of any integer type, as a target."""

Targets = np.ndarray[tuple[int, int], np.dtype[Float | np.integer | np.bool]]
"""One row of targets per sample: one-hot, probabilities, or regression targets."""

# A string, since naming np.random would import it: a fifth of the time of `import funnet`.
RNGLike: TypeAlias = "int | np.random.SeedSequence | np.random.Generator"
"""A source of randomness: a seed, or a Generator whose stream is advanced (SPEC 7)."""

FLOAT_TYPES = (np.float16, np.float32, np.float64)
NATIVE_DTYPES = frozenset(map(np.dtype, FLOAT_TYPES))
ARRAY_CLASSES = (np.ndarray, np.memmap)

# Every step makes a network and drops the one before. glibc may give that memory back to the system
# and take it again page by page, which can cost a third of a step, until the process has once freed
# a block of up to 32 MiB: then it keeps that much. Nothing is written to this one.
np.empty(31 << 20, np.uint8)

ShapeT = TypeVar("ShapeT", bound=tuple[int, ...])

Shaped = np.ndarray[ShapeT, np.dtype[Float]]
"""A float array that has the rank of another one: `Shaped[ShapeT]`."""

# Any: a user's layer may be typed for one float type, and layers are compared by rank only.
Ranked = np.ndarray[ShapeT, np.dtype[Any]]
"""An array of any dtype that has the rank of another one: `Ranked[ShapeT]`."""

ArrayT = TypeVar("ArrayT", bound=npt.NDArray[Float])
T = TypeVar("T")


def typed_like(x: T, y: object) -> T:
    """Return y, computed from an array x, with the type of x, which NumPy's annotations lose."""
    result: Any = y
    array: T = result
    return array


def array_type(array: object) -> str:
    """Return the dtype and shape of an array, "float32[784, 80]", or the class of another value."""
    if not isinstance(array, np.ndarray):
        return type(array).__name__
    return f"{array.dtype}[{', '.join(map(str, array.shape))}]"


def as_ndarray(x: T, name: str = "x") -> T:
    """Return an array of any class as a plain `np.ndarray`, and any other value unchanged.

    Subclasses may redefine operators, as `np.matrix` does with the product, so every function that
    takes arrays converts them first. The result is a view of the same memory.

    Raises
    ------
    DTypeError
        If `x` is a masked array, even if no element is masked.
    """
    if type(x) is np.ndarray or not isinstance(x, np.ndarray):
        return x
    if hasattr(type(x), "filled"):  # naming np.ma would import it, which takes 4 MB
        raise DTypeError(
            f"{name} must be an array without a mask, got {type(x).__name__}; "
            "fill it with .filled(value), or drop the rows with masked values"
        )
    return cast(T, np.asarray(x))


def is_plain(array: npt.NDArray[Float]) -> bool:
    """Return whether an array has NumPy's default layout: C order, aligned, native byte order."""
    flags = array.flags
    return (
        flags.c_contiguous and flags.aligned and array.dtype.isnative and type(array) is np.ndarray
    )


def plain(x: T, name: str = "x") -> T:
    """Return an array in the layout that funnet computes on, and any other value unchanged.

    BLAS takes another path, with other rounding, for another layout, so equal values give equal
    bytes only if all inputs have one layout. Strided, reversed and byte-swapped arrays and
    subclasses are copied; other arrays are returned as they are.

    Raises
    ------
    DTypeError
        If `x` is a masked array.
    """
    if not isinstance(x, np.ndarray) or is_plain(x):
        return x
    return cast(T, plain_copy(as_ndarray(x, name)))


def plain_copy(array: ArrayT) -> ArrayT:
    """Return a copy in C order and native byte order."""
    return cast(ArrayT, np.array(array, dtype=array.dtype.newbyteorder("="), order="C"))


# ---- checks


def check_float_type(dtype: object) -> None:
    """Raise TypeError unless `dtype` is `np.float16`, `np.float32` or `np.float64`."""
    if dtype not in FLOAT_TYPES:
        raise TypeError(f"dtype must be np.float16, np.float32 or np.float64, got {dtype!r}")


def check_count(value: object, name: str, least: int = 1) -> int:
    """Return an integer >= `least` as an int.

    Raises
    ------
    TypeError
        If it is not an integer.
    ValueError
        If it is less than `least`.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if value < least:
        raise ValueError(f"{name} must be >= {least}, got {value}")
    return int(value)


def as_float(value: object, name: str) -> float:
    """Return a real number as a float, which may be infinite or NaN.

    Raises
    ------
    TypeError
        If it is not a real number; bools and arrays of rank >= 1 are not.
    ValueError
        If it is an integer or a fraction outside the range of float64.
    """
    scalar = value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value
    # float() also takes bools, complex scalars and arrays of one number: all are mistakes here.
    if isinstance(scalar, bool | np.bool | np.complexfloating | np.ndarray) or not isinstance(
        scalar, SupportsFloat
    ):
        got = array_type(value) if isinstance(value, np.ndarray) else repr(value)
        raise TypeError(f"{name} must be a number, got {got}")
    try:
        return float(scalar)
    except OverflowError:  # an integer or a fraction
        raise ValueError(
            f"{name} must be finite, got a number outside the range of float64"
        ) from None


def generator(rng: RNGLike) -> np.random.Generator:
    """Return a Generator for a seed, or the Generator itself.

    Raises
    ------
    TypeError
        If `rng` is None, since the result could not be reproduced.
    """
    if rng is None:
        raise TypeError("rng must be a seed or a numpy.random.Generator, got None")
    return np.random.default_rng(rng)


def check_float(array: object, name: str, wanted: str = "float32") -> None:
    """Raise DTypeError unless `array` is a NumPy array of floats.

    Of the subclasses of `np.ndarray`, only `np.memmap` is accepted (see `as_ndarray`).

    Parameters
    ----------
    wanted
        The float type to convert to, for the message. Default: "float32".
    """
    if not isinstance(array, np.ndarray) or type(array) not in ARRAY_CLASSES:
        as_ndarray(array, name)  # a mask has a message of its own
        raise DTypeError(
            f"{name} must be a NumPy array of floats, got {type(array).__name__}; "
            f"convert it with np.asarray(..., dtype=np.{wanted})"
        )
    if array.dtype.type not in FLOAT_TYPES:
        raise DTypeError(
            f"{name} must be float16, float32 or float64, got {array.dtype}; "
            f"convert it with .astype(np.{wanted})"
        )


def check_dtype(array: npt.NDArray[Float], dtype: np.dtype[Float], name: str) -> None:
    """Raise DTypeError unless `array` is an array of this dtype: nothing is converted silently."""
    if type(array) is np.ndarray and array.dtype == dtype:
        return
    check_float(array, name, dtype.name)
    if array.dtype != dtype:
        raise DTypeError(
            f"{name} must be {dtype}, got {array.dtype}; convert it with "
            f".astype(np.{dtype}), or the network with astype(net, np.{array.dtype.name})"
        )


def check_shape(array: npt.NDArray[Float], shape: tuple[int | str, ...], name: str) -> None:
    """Raise ShapeError unless `array` has this shape, in which "N" is an axis of any length."""
    if array.shape == shape:
        return
    if array.ndim != len(shape) or any(
        want != got
        for want, got in zip(shape, array.shape, strict=True)
        if not isinstance(want, str)
    ):
        expected = f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"
        raise ShapeError(f"{name} must have shape {expected}, got {array.shape}")


def check_batch(x: npt.NDArray[Float], width: int, dtype: np.dtype[Float], name: str) -> None:
    """Raise DTypeError or ShapeError unless `x` has this dtype and shape (N, width)."""
    check_dtype(x, dtype, name)
    if x.ndim != 2 or x.shape[1] != width:
        raise ShapeError(f"{name} must have shape (N, {width}), got {x.shape}")


def check_like(array: npt.NDArray[Float], like: npt.NDArray[Float], name: str) -> None:
    """Raise DTypeError or ShapeError unless `array` has the dtype and shape of `like`."""
    if type(like) is not np.ndarray:
        check_float(like, "the cached array")
    check_dtype(array, like.dtype, name)
    check_shape(array, like.shape, name)


def is_labels(t: LabelsLike | Targets) -> TypeGuard[LabelsLike]:
    """Return whether targets are class labels, which have rank 1."""
    return isinstance(t, np.ndarray) and t.ndim == 1


def check_labels(t: LabelsLike, n: int, n_classes: int) -> None:
    """Check that there is one class label per sample, from 0 to n_classes - 1.

    Raises
    ------
    DTypeError
        If `t` is not an array of integers.
    ShapeError
        If its shape is not (n,).
    ValueError
        If a label is out of range; the message names the first one.
    """
    if not isinstance(t, np.ndarray) or t.dtype.kind not in "iu":
        hint = ".astype(np.int64)" if isinstance(t, np.ndarray) else "np.asarray"
        raise DTypeError(
            f"class labels must be an array of integers, got {array_type(t)}; "
            f"convert them with {hint}"
        )
    if t.shape != (n,):
        raise ShapeError(f"class labels must have shape ({n},), got {t.shape}")
    if n and np.maximum.reduce(t.astype(np.uint64)) >= n_classes:  # negative labels become huge
        i = int(np.argmax((t < 0) | (t >= n_classes)))
        raise ValueError(f"class labels must be from 0 to {n_classes - 1}, got {t[i]} at row {i}")


def check_targets(
    t: npt.NDArray[np.generic], scores: npt.NDArray[Float], *, or_labels: bool = False
) -> None:
    """Check that targets are numbers and have the shape of the scores.

    Parameters
    ----------
    or_labels
        Whether the message names class labels as the alternative. Default: False.

    Raises
    ------
    DTypeError
        If `t` is not an array of numbers.
    ShapeError
        If its shape is not that of `scores`.
    """
    if not isinstance(t, np.ndarray) or t.dtype.kind not in "fiub":
        hint = "" if isinstance(t, np.ndarray) else "; convert it with np.asarray"
        raise DTypeError(f"t must be an array of numbers, got {array_type(t)}{hint}")
    if t.shape != scores.shape:
        labels = f", or ({len(scores)},) for class labels" if or_labels else ""
        raise ShapeError(f"t must have shape {scores.shape}, as the scores{labels}, got {t.shape}")


def check_cache(cache: object, cls: type[object]) -> None:
    """Raise StructureError unless `cache` is of the class that the layer's forward returns."""
    if type(cache) is not cls:
        raise wrong_cache(cls.__name__, array_type(cache))


def wrong_cache(expected: str, got: str) -> StructureError:
    """Return the error for a cache that another layer or network made."""
    return StructureError(
        f"expected {expected}, got {got}; pass the cache that forward returned for this network"
    )


# ---- locks


def is_locked(array: npt.NDArray[Float]) -> bool:
    """Return whether the memory of an array cannot be written through it or through its base."""
    if array.flags.writeable:
        return False
    base: object = array.base
    if base is None or isinstance(base, bytes):
        return True
    return isinstance(base, np.ndarray) and is_locked(base)


def lock(array: Array) -> Array:
    """Return a read-only array with the same values.

    Use it as the converter of an array field: `attrs.field(converter=lock)`. An array that is
    already locked is shared; any other is copied. (A writeable view that was taken before its array
    became read-only cannot be detected.)

    Parameters
    ----------
    array
        Float array of any shape.

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
    if type(array) is np.ndarray and array.dtype in NATIVE_DTYPES:
        flags = array.flags
        is_laid_out = flags.c_contiguous and flags.aligned and not flags.writeable
        if is_laid_out and (array.base is None or is_locked(array)):
            return array
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

    As `lock`, for arrays of floats, integers or bools.

    Raises
    ------
    DTypeError
        If `array` is not an array of floats, integers or bools, or is a masked array.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import lock_buffer
    >>> lock_buffer(np.array([True, False])).flags.writeable
    False
    """
    # Arithmetic on an array of rank 0, such as a counter, gives a scalar.
    array = np.asarray(array) if isinstance(array, np.generic) else as_ndarray(array, "a buffer")
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub":
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
    array.setflags(write=False)
    return array
