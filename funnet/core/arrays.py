"""The arrays that funnet computes with: their types, the lock, and the checks at the door."""

from __future__ import annotations

from typing import Any, SupportsFloat, TypeAlias, TypeGuard, TypeVar, cast

import numpy as np
import numpy.typing as npt

from funnet.core.errors import DTypeError, ShapeError, StructureError

Float = np.float16 | np.float32 | np.float64
"""The types of number that a network can have."""

Array = npt.NDArray[Float]
"""A float array of any rank."""

Vector = np.ndarray[tuple[int], np.dtype[Float]]
"""A float array of rank 1, such as a bias."""

Matrix = np.ndarray[tuple[int, int], np.dtype[Float]]
"""A float array of rank 2: weights (n_in, n_out), or a batch with one row a sample."""

Images = np.ndarray[tuple[int, int, int, int], np.dtype[Float]]
"""A float array of rank 4: a batch of images (samples, channels, height, width)."""

Labels = np.ndarray[tuple[int], np.dtype[np.int64]]
"""Class numbers, one a sample, counted from 0."""

LabelsLike = np.ndarray[tuple[int], np.dtype[np.integer]]
"""Class numbers of any integer type, as a target."""

Targets = np.ndarray[tuple[int, int], np.dtype[Float | np.integer | np.bool]]
"""One row of targets a sample: one-hot, probabilities, or numbers to come close to."""

# As text, since NumPy loads np.random, a fifth of the time to import funnet, when it is first used.
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
"""A float array of the rank that another one has: `Shaped[ShapeT]`."""

# Any: a user's layer may be typed for one float type, and layers are compared by rank only.
Ranked = np.ndarray[ShapeT, np.dtype[Any]]
"""An array of the rank that another one has, and of any type: `Ranked[ShapeT]`."""

ArrayT = TypeVar("ArrayT", bound=npt.NDArray[Float])
T = TypeVar("T")


def check_float_type(dtype: object) -> None:
    """Refuse what is not one of the float types that a network can have.

    Raises
    ------
    TypeError
        If `dtype` is not `np.float16`, `np.float32` or `np.float64`.
    """
    if dtype not in FLOAT_TYPES:
        raise TypeError(f"expected dtype np.float16, np.float32 or np.float64, got {dtype!r}")


def check_count(value: object, name: str, least: int = 1) -> int:
    """Return an integer of at least `least` as an int, and refuse everything else.

    Raises
    ------
    TypeError
        If it is no integer.
    ValueError
        If it is less than `least`.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"expected {name} to be an integer, got {value!r}")
    if value < least:
        raise ValueError(f"expected {name} to be at least {least}, got {value}")
    return int(value)


def as_float(value: object, name: str) -> float:
    """Return a real number as a float, which may be infinite or NaN.

    Raises
    ------
    TypeError
        If it is not a real number; a bool and an array of rank 1 or more are not.
    ValueError
        If it is an integer or a fraction beyond float64.
    """
    scalar = value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value
    # float() takes flags, complex scalars and arrays of one number as well: all are mistakes here.
    if isinstance(scalar, bool | np.bool | np.complexfloating | np.ndarray) or not isinstance(
        scalar, SupportsFloat
    ):
        got = array_type(value) if isinstance(value, np.ndarray) else repr(value)
        raise TypeError(f"expected {name} to be a number, got {got}")
    try:
        return float(scalar)
    except OverflowError:  # an integer or a fraction
        raise ValueError(f"expected {name} to be finite, got a number beyond float64") from None


def generator(rng: RNGLike) -> np.random.Generator:
    """Return a Generator for a seed, and a Generator as it is.

    Raises
    ------
    TypeError
        If `rng` is None: what has no seed can't be repeated.
    """
    if rng is None:
        raise TypeError("expected rng to be a seed or a numpy.random.Generator, got None")
    return np.random.default_rng(rng)


def array_type(array: object) -> str:
    """Return an array's dtype and shape, "float32[784, 80]"; of another value, its class."""
    if not isinstance(array, np.ndarray):
        return type(array).__name__
    return f"{array.dtype}[{', '.join(map(str, array.shape))}]"


def as_ndarray(x: T, name: str = "x") -> T:
    """Return an array of any class as an `np.ndarray` with the same elements, and refuse a mask.

    A subclass of `np.ndarray` may give operators another meaning (the product of `np.matrix`), so
    that every function that takes arrays converts them first.

    Parameters
    ----------
    x
        Any value. An `np.ndarray`, and what is not an array, are returned unchanged; an array of a
        subclass (`np.matrix`, `np.memmap`, `np.recarray`) is returned as a view of its memory.
    name
        What the caller calls it, for the message.

    Raises
    ------
    DTypeError
        If it is a masked array, even if no element is masked.
    """
    if type(x) is np.ndarray or not isinstance(x, np.ndarray):
        return x
    if hasattr(type(x), "filled"):  # np.ma would be loaded by its first use, with 4 MB
        raise DTypeError(
            f"expected {name} to be an array without a mask, got {type(x).__name__}; "
            "fill it with .filled(value), or remove the rows that have masked values"
        )
    return cast(T, np.asarray(x))


def check_float(array: object, name: str, wanted: str = "float32") -> None:
    """Refuse what is not an array of floats.

    Parameters
    ----------
    array
        The value to look at.
    name
        What the caller calls it, for the message.
    wanted
        The float type that the message says to convert to.

    Raises
    ------
    DTypeError
        If it is not a NumPy array, or of a subclass other than `np.memmap` (see `as_ndarray`), or
        its numbers are not float16, float32 or float64.
    """
    if not isinstance(array, np.ndarray) or type(array) not in ARRAY_CLASSES:
        as_ndarray(array, name)  # for a mask there is better advice
        raise DTypeError(
            f"expected {name} to be a NumPy array of floats, got {type(array).__name__}; "
            f"convert it with np.asarray(..., dtype=np.{wanted})"
        )
    if array.dtype.type not in FLOAT_TYPES:
        raise DTypeError(
            f"expected {name} to be float16, float32 or float64, got {array.dtype}; "
            f"convert it with .astype(np.{wanted})"
        )


def check_dtype(array: npt.NDArray[Float], dtype: np.dtype[Float], name: str) -> None:
    """Refuse what is not an array of the given float type. Nothing is converted silently.

    Parameters
    ----------
    array
        The value to look at.
    dtype
        The type of the network's parameters, or of its output.
    name
        What the caller calls the array, for the message.

    Raises
    ------
    DTypeError
        If it is no array, or one of another type.
    """
    if type(array) is np.ndarray and array.dtype == dtype:
        return
    check_float(array, name, dtype.name)
    if array.dtype != dtype:
        raise DTypeError(
            f"expected {name} to be {dtype}, got {array.dtype}; convert it with "
            f".astype(np.{dtype}), or the network with astype(net, np.{array.dtype.name})"
        )


def check_shape(array: npt.NDArray[Float], shape: tuple[int | str, ...], name: str) -> None:
    """Refuse an array of another shape.

    Parameters
    ----------
    array
        The array to look at.
    shape
        What is expected, one entry an axis: a size, or a letter for an axis of any size.
    name
        What the caller calls the array, for the message.

    Raises
    ------
    ShapeError
        If the rank or a size differs.
    """
    if array.shape == shape:
        return
    if array.ndim != len(shape) or any(
        want != got for want, got in zip(shape, array.shape, strict=True) if want != "N"
    ):
        expected = f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"
        raise ShapeError(f"expected {name} of shape {expected}, got {array.shape}")


def check_batch(x: npt.NDArray[Float], width: int, dtype: np.dtype[Float], name: str) -> None:
    """Refuse what is not a batch of shape (N, width) and of the given float type.

    Raises
    ------
    DTypeError
        If it is no array, or one of another type.
    ShapeError
        If its rank is not 2, or its rows are of another width.
    """
    check_dtype(x, dtype, name)
    if x.ndim != 2 or x.shape[1] != width:
        raise ShapeError(f"expected {name} of shape (N, {width}), got {x.shape}")


def check_like(array: npt.NDArray[Float], like: npt.NDArray[Float], name: str) -> None:
    """Refuse what is not an array of the shape and dtype of another.

    Raises
    ------
    DTypeError
        If it is no array, or its dtype differs, or the other one has a mask.
    ShapeError
        If its shape differs.
    """
    if type(like) is not np.ndarray:
        check_float(like, "the cached array")
    check_dtype(array, like.dtype, name)
    check_shape(array, like.shape, name)


def is_labels(t: LabelsLike | Targets) -> TypeGuard[LabelsLike]:
    """Tell whether targets are meant as class numbers, by their rank."""
    return isinstance(t, np.ndarray) and t.ndim == 1


def check_labels(t: LabelsLike, n: int, n_classes: int) -> None:
    """Refuse what is not one class number a sample.

    Raises
    ------
    DTypeError
        If it is no array of integers.
    ShapeError
        If it is not of shape (n,).
    ValueError
        If a class number is not from 0 to n_classes - 1; the message names the first one.
    """
    if not isinstance(t, np.ndarray) or t.dtype.kind not in "iu":
        hint = ".astype(np.int64)" if isinstance(t, np.ndarray) else "np.asarray"
        raise DTypeError(
            f"expected class numbers as an array of integers, got {array_type(t)}; "
            f"convert them with {hint}"
        )
    if t.shape != (n,):
        raise ShapeError(f"expected class numbers of shape ({n},), got {t.shape}")
    if n and np.maximum.reduce(t.astype(np.uint64)) >= n_classes:  # what is negative becomes huge
        i = int(np.argmax((t < 0) | (t >= n_classes)))
        raise ValueError(f"expected class numbers from 0 to {n_classes - 1}, got {t[i]} at row {i}")


def check_targets(
    t: npt.NDArray[np.generic], scores: npt.NDArray[Float], *, or_labels: bool = False
) -> None:
    """Refuse what is not an array of numbers of the shape of the scores.

    Parameters
    ----------
    t
        The value to look at.
    scores
        The scores, one row a sample.
    or_labels
        Whether the message shall name class numbers as the other choice.

    Raises
    ------
    DTypeError
        If it is no array of numbers.
    ShapeError
        If its shape differs.
    """
    if not isinstance(t, np.ndarray) or t.dtype.kind not in "fiub":
        hint = "" if isinstance(t, np.ndarray) else "; convert it with np.asarray"
        raise DTypeError(f"expected t as an array of numbers, got {array_type(t)}{hint}")
    if t.shape != scores.shape:
        labels = f", or class numbers of shape ({len(scores)},)" if or_labels else ""
        raise ShapeError(
            f"expected t of shape {scores.shape} like the scores{labels}, got {t.shape}"
        )


def check_cache(cache: object, cls: type[object]) -> None:
    """Raise StructureError unless `cache` is of the class that the layer's forward returns."""
    if type(cache) is not cls:
        raise wrong_cache(cls.__name__, array_type(cache))


def wrong_cache(expected: str, got: str) -> StructureError:
    """Return the error for a cache that another layer or network made."""
    return StructureError(
        f"expected {expected}, got {got}; pass the cache that forward returned for this network"
    )


def is_plain(array: npt.NDArray[Float]) -> bool:
    """Tell whether an array is laid out as NumPy makes them: C order, aligned, native bytes."""
    flags = array.flags
    return (
        flags.c_contiguous and flags.aligned and array.dtype.isnative and type(array) is np.ndarray
    )


def plain(x: T, name: str = "x") -> T:
    """Return an input in the layout that all of funnet computes on.

    BLAS takes other paths, with other roundings, for other layouts. Equal values give equal bytes
    only if every input is brought to one layout first.

    Parameters
    ----------
    x
        Any value. A strided, reversed or byte-swapped array, and one of a subclass, is copied;
        everything else is returned as it is.
    name
        What the caller calls it, for the message.

    Raises
    ------
    DTypeError
        If it is a masked array.
    """
    if not isinstance(x, np.ndarray) or is_plain(x):
        return x
    return cast(T, _plain_copy(as_ndarray(x, name)))


def _plain_copy(array: ArrayT) -> ArrayT:
    return cast(ArrayT, np.array(array, dtype=array.dtype.newbyteorder("="), order="C"))


def is_locked(array: npt.NDArray[Float]) -> bool:
    """Tell whether nobody can write to an array's memory, through it or through its base."""
    if array.flags.writeable:
        return False
    base: object = array.base
    if base is None or isinstance(base, bytes):
        return True
    return isinstance(base, np.ndarray) and is_locked(base)


def lock(array: Array) -> Array:
    """Return an array with the same values that nobody can write to.

    Meant as the `converter` of an array field: `attrs.field(converter=lock)`.

    Parameters
    ----------
    array
        A float array of any shape. One that is locked already is shared, any other is copied. (A
        writeable view taken before its array was made read-only can't be seen from the array.)

    Raises
    ------
    DTypeError
        If it is no array of floats, or a masked one.

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
    return lock_in_place(_plain_copy(array))


def lock_vector(vector: Vector) -> Vector:
    """Return `lock(vector)`, after a check that its rank is 1.

    Raises
    ------
    DTypeError
        If it is no array of floats.
    ShapeError
        If its rank is not 1.
    """
    locked = lock(vector)
    if locked.ndim != 1:
        raise ShapeError(f"expected a vector, got {array_type(locked)}")
    return locked


def lock_matrix(matrix: Matrix) -> Matrix:
    """Return `lock(matrix)`, after a check that its rank is 2.

    Raises
    ------
    DTypeError
        If it is no array of floats.
    ShapeError
        If its rank is not 2.
    """
    locked = lock(matrix)
    if locked.ndim != 2:
        raise ShapeError(f"expected a matrix, got {array_type(locked)}")
    return locked


def lock_in_place(array: ArrayT) -> ArrayT:
    """Lock an array in place and return it: for a fresh array that nobody else has seen."""
    array.setflags(write=False)
    return array
