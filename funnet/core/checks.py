"""Checks of arguments, with the messages that users read."""

from __future__ import annotations

import math
from typing import Literal, SupportsFloat, TypeGuard

import numpy as np
import numpy.typing as npt
from numpy import ndarray

from funnet.core.arrays import (
    FLOAT_TYPES,
    Float,
    LabelsLike,
    RNGLike,
    Targets,
    array_type,
    as_ndarray,
)
from funnet.core.errors import DTypeError, ShapeError, StructureError


def check_float_type(dtype: object) -> None:
    """Raise TypeError unless `dtype` is `np.float16`, `np.float32` or `np.float64`."""
    if dtype not in FLOAT_TYPES:
        raise TypeError(f"dtype must be np.float16, np.float32 or np.float64, got {dtype!r}")


def check_count(value: object, name: str, least: int = 1) -> int:
    """Return an integer as an int; raise TypeError if it is not one, ValueError if < `least`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if value < least:
        raise ValueError(f"{name} must be >= {least}, got {value}")
    return int(value)


def check_flag(value: object, name: str) -> bool:
    """Return a bool of Python or NumPy as a bool; raise TypeError for anything else."""
    if not isinstance(value, bool | np.bool):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def as_float(value: object, name: str) -> float:
    """Return a real number as a float, which may be infinite or NaN.

    Raise TypeError for anything else, such as a bool or an array of rank >= 1, and ValueError for
    an integer or a fraction outside the range of float64.
    """
    scalar = value[()] if isinstance(value, ndarray) and value.ndim == 0 else value
    # float() also takes bools, complex scalars, arrays of one number, and NumPy's strings and
    # records: all are mistakes here.
    real = isinstance(scalar, np.integer | np.floating) or not isinstance(scalar, np.generic)
    if isinstance(scalar, bool | ndarray) or not (real and isinstance(scalar, SupportsFloat)):
        got = array_type(value) if isinstance(value, ndarray) else repr(value)
        raise TypeError(f"{name} must be a number, got {got}")
    try:
        return float(scalar)
    except OverflowError:  # an integer or a fraction
        raise ValueError(
            f"{name} must be finite, got a number outside the range of float64"
        ) from None


def check_number(value: float, name: str, low: float = -math.inf, below: float = math.inf) -> float:
    """Return a finite number in [low, below) as a float; NumPy scalars would change dtypes.

    Raise TypeError as `as_float`, and ValueError for other numbers.
    """
    number = value if type(value) is float else as_float(value, name)
    if not (math.isfinite(number) and low <= number < below):
        at_least = "" if low == -math.inf else f" and >= {low:g}"
        bounds = at_least if below == math.inf else f" and in [{low:g}, {below:g})"
        raise ValueError(f"{name} must be finite{bounds}, got {value}")
    return number + 0.0  # -0.0 is 0.0, for which `scalar` may hold either


def generator(rng: RNGLike) -> np.random.Generator:
    """Return a Generator for a seed, or the Generator itself.

    Raise TypeError or ValueError for anything else, such as None, whose results could not be
    reproduced.
    """
    if rng is None:
        raise TypeError("rng must be a seed or a numpy.random.Generator, got None")
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        raise type(error)(
            f"rng must be a seed or a numpy.random.Generator, got {rng!r}: {error}"
        ) from None


def check_float(array: object, name: str, wanted: str = "float32") -> None:
    """Raise DTypeError unless `array` is a NumPy array of floats.

    Of the subclasses of `np.ndarray`, only `np.memmap` is accepted (see `as_ndarray`). The message
    recommends to convert to the float type `wanted`.
    """
    if not isinstance(array, ndarray) or type(array) not in (ndarray, np.memmap):
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


def as_samples(x: npt.NDArray[Float]) -> npt.NDArray[Float]:
    """Return an array with one row per sample as a plain array.

    Raise DTypeError for anything but an array, and ShapeError for rank 0.
    """
    x = as_ndarray(x)
    if type(x) is not ndarray:
        raise DTypeError(
            f"x must be a NumPy array with one row per sample, got {type(x).__name__}; "
            "convert it with np.asarray"
        )
    if x.ndim == 0:
        raise ShapeError("x must have one row per sample, got a scalar")
    return x


def check_dtype(array: npt.NDArray[Float], dtype: np.dtype[Float], name: str) -> None:
    """Raise DTypeError unless `array` is an array of this dtype: nothing is converted silently."""
    if type(array) is ndarray and array.dtype == dtype:
        return
    check_float(array, name, dtype.name)
    if array.dtype != dtype:
        raise DTypeError(
            f"{name} must be {dtype}, got {array.dtype}; convert it with "
            f".astype(np.{dtype}), or the network with astype(net, np.{array.dtype.name})"
        )


def check_rank(param: npt.NDArray[Float]) -> None:
    """Raise ShapeError for a parameter of rank 0, for which NumPy's operators return scalars."""
    if param.ndim == 0:
        raise ShapeError("expected a parameter of rank >= 1, got rank 0; use shape (1,)")


def check_shape(
    array: npt.NDArray[Float], shape: tuple[int | str, ...], name: str, hint: str = ""
) -> None:
    """Raise ShapeError unless `array` has this shape, in which "N" is an axis of any length.

    The hint is appended to the message.
    """
    if array.shape == shape:
        return
    if array.ndim != len(shape) or any(
        want != got
        for want, got in zip(shape, array.shape, strict=True)
        if not isinstance(want, str)
    ):
        expected = f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"
        raise ShapeError(f"{name} must have shape {expected}, got {array.shape}{hint}")


_NOT_ROWS = {
    1: "; a batch of a single row is x[np.newaxis]",
    4: "; for images, put Flatten() before this layer",
}


def check_batch(
    x: npt.NDArray[Float],
    width: int,
    dtype: np.dtype[Float],
    name: str,
    n: int | Literal["N"] = "N",
) -> None:
    """Raise DTypeError or ShapeError unless `x` has this dtype and shape (n, width).

    By default, n may be any number.
    """
    if type(x) is ndarray and x.dtype is dtype and x.ndim == 2:
        rows, columns = x.shape
        if columns == width and n in (rows, "N"):
            return
    check_dtype(x, dtype, name)
    check_shape(x, (n, width), name, _NOT_ROWS.get(x.ndim, "") if n == "N" else "")


def check_like(array: npt.NDArray[Float], like: npt.NDArray[Float], name: str) -> None:
    """Raise DTypeError or ShapeError unless `array` has the dtype and shape of `like`."""
    if type(like) is not ndarray:
        check_float(like, "the cached array")
    check_dtype(array, like.dtype, name)
    check_shape(array, like.shape, name)


def is_labels(t: LabelsLike | Targets) -> TypeGuard[LabelsLike]:
    """Return whether targets are class labels, which have rank 1."""
    return isinstance(t, ndarray) and t.ndim == 1


def check_integers(t: object) -> None:
    """Raise DTypeError unless class labels are an array of integers."""
    if isinstance(t, ndarray) and t.dtype.kind in "iu":
        return
    if not isinstance(t, ndarray):
        hint = "convert them with np.asarray"
    elif t.dtype.kind in "fb":
        hint = "convert them with .astype(np.int64)"
    else:
        hint = "number them by classes, t = np.unique(t, return_inverse=True)"
    raise DTypeError(f"class labels must be an array of integers, got {array_type(t)}; {hint}")


def check_labels(t: LabelsLike, n: int, n_classes: int, hint: str = "") -> None:
    """Check that there is one class label per sample, from 0 to n_classes - 1.

    Raise DTypeError if `t` is not an array of integers, ShapeError if its shape is not (n,), and
    ValueError, with the first label that is out of range, and the hint.
    """
    check_integers(t)
    if t.shape != (n,):
        raise ShapeError(f"class labels must have shape ({n},), got {t.shape}")
    # Half of the time of a minimum and a maximum.
    if n and (t.item(t.argmin()) < 0 or t.item(t.argmax()) >= n_classes):
        i = int(np.argmax((t < 0) | (t >= n_classes)))
        raise ValueError(
            f"class labels must be from 0 to {n_classes - 1}, got {t[i]} at row {i}{hint}"
        )


def check_targets(
    t: npt.NDArray[np.generic], scores: npt.NDArray[Float], *, or_labels: bool = False
) -> None:
    """Raise DTypeError unless `t` is an array of numbers, ShapeError unless shaped as the scores.

    If `or_labels` is true, the message names class labels as the alternative.
    """
    if not isinstance(t, ndarray) or t.dtype.kind not in "fiub":
        hint = "" if isinstance(t, ndarray) else "; convert it with np.asarray"
        raise DTypeError(f"t must be an array of numbers, got {array_type(t)}{hint}")
    if t.shape != scores.shape:
        labels = f", or ({len(scores)},) for class labels" if or_labels else ""
        hint = "; use t[:, np.newaxis]" if (*t.shape, 1) == scores.shape else ""
        raise ShapeError(
            f"t must have shape {scores.shape}, as the scores{labels}, got {t.shape}{hint}"
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
