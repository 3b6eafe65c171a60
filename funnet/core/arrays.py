"""Array types, and the one memory layout that funnet computes on."""

from __future__ import annotations

from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
from numpy import ndarray

from funnet.core.errors import DTypeError

Float = np.float16 | np.float32 | np.float64
"""The scalar types that a network can have."""

AnyArray = npt.NDArray[np.generic]
"""An array of any type and rank."""

Array = npt.NDArray[Float]
"""A float array of any rank."""

Vector = np.ndarray[tuple[int], np.dtype[Float]]
"""A float array of rank 1, such as a bias."""

RowShape = tuple[int, int]
ImageShape = tuple[int, int, int, int]

Matrix = np.ndarray[RowShape, np.dtype[Float]]
"""A float array of rank 2: weights (n_in, n_out), or a batch with one row per sample."""

Images = np.ndarray[ImageShape, np.dtype[Float]]
"""A float array of rank 4: a batch of images (samples, channels, height, width)."""

Labels = np.ndarray[tuple[int], np.dtype[np.int64]]
"""Class labels, one per sample, from 0."""

LabelsLike = np.ndarray[tuple[int], np.dtype[np.integer]]
"""Class labels of any integer type, as a target."""

Targets = np.ndarray[RowShape, np.dtype[Float | np.integer | np.bool]]
"""One row of targets per sample: one-hot, probabilities, or regression targets."""

# A string, since naming np.random would import it: a fifth of the time of `import funnet`.
RNGLike: TypeAlias = "int | np.random.SeedSequence | np.random.Generator"
"""A source of randomness: a seed, or a Generator whose stream is advanced (SPEC 7)."""

FLOAT_TYPES = (np.float16, np.float32, np.float64)
NATIVE_DTYPES = frozenset(map(np.dtype, FLOAT_TYPES))
FLOAT32 = np.dtype(np.float32)

WIDE: dict[type[Float], np.dtype[Float]] = {
    np.float16: FLOAT32,
    np.float32: FLOAT32,
    np.float64: np.dtype(np.float64),
}
"""The dtype to compute in, by scalar type: in float16, results would overflow and be rounded."""

C_CONTIGUOUS, OWNDATA, ALIGNED, WRITEABLE = 0x1, 0x4, 0x100, 0x400
"""Bits of `flags.num`, which is read in the time of one flag."""

_LAYOUT = C_CONTIGUOUS | ALIGNED

ShapeT = TypeVar("ShapeT", bound=tuple[int, ...])
"""The shape of an array, as a variable of types."""

Shaped = np.ndarray[ShapeT, np.dtype[Float]]
"""A float array that has the rank of another one: `Shaped[ShapeT]`."""

# Any: a user's layer may be typed for one float type, and layers are compared by rank only.
Ranked = np.ndarray[ShapeT, np.dtype[Any]]
"""An array of any dtype that has the rank of another one: `Ranked[ShapeT]`."""

ArrayT = TypeVar("ArrayT", bound=npt.NDArray[Float])
T = TypeVar("T")


def typed_like(x: T, y: object) -> T:
    """Return y, computed from x, with the type of x, which annotations lose, such as NumPy's."""
    result: Any = y
    array: T = result
    return array


def wide(dtype: np.dtype[Float]) -> np.dtype[Float]:
    """Return the dtype to compute in: float32 for float16, and else the same in native order."""
    return WIDE[dtype.type]


def array_type(array: object) -> str:
    """Return the dtype and shape of an array, "float32[784, 80]", or the class of another value."""
    if not isinstance(array, ndarray):
        return type(array).__name__
    return f"{array.dtype}[{', '.join(map(str, array.shape))}]"


def describe_cache(self: object) -> str:
    """Return the class of a cache and what is in its fields, in one line.

    Use it as the `__repr__` of a cache: `__repr__ = describe_cache` in the body of its class, which
    has slots.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import Affine, ReLU, forward, sequential
    >>> forward(Affine.init(3, 2, rng=0), np.ones((5, 3), np.float32))[1]
    AffineCache(x=float32[5, 3])
    >>> forward(sequential(ReLU()), np.ones((5, 3), np.float32))[1]
    SequentialCache(layers=tuple[1], caches=tuple[1])
    """
    names = [name for name in vars(type(self))["__slots__"] if not name.startswith("__")]
    fields = (f"{name}={_in_short(getattr(self, name))}" for name in names)
    return f"{type(self).__name__}({', '.join(fields)})"


def _in_short(value: object) -> str:
    if value is None:
        return "None"
    if isinstance(value, type):
        return value.__name__
    if isinstance(value, tuple):
        return f"tuple[{len(value)}]"
    return array_type(value)


def as_ndarray(x: T, name: str = "x") -> T:
    """Return an array of any class as a plain `np.ndarray`, and any other value unchanged.

    Subclasses may redefine operators, as `np.matrix` does with the product, so every function that
    takes arrays converts them first. The result is a view of the same memory. Masked arrays raise
    DTypeError, even if no element is masked.
    """
    if type(x) is ndarray or not isinstance(x, ndarray):
        return x
    if hasattr(type(x), "filled"):  # naming np.ma would import it, which takes 4 MB
        raise DTypeError(
            f"{name} must be an array without a mask, got {type(x).__name__}; "
            "fill it with .filled(value), or drop the rows with masked values"
        )
    return typed_like(x, np.asarray(x))


def is_plain(array: npt.NDArray[Float]) -> bool:
    """Return whether an array has NumPy's default layout: C order, aligned, native byte order."""
    return array.flags.num & _LAYOUT == _LAYOUT and array.dtype.isnative and type(array) is ndarray


def plain(x: T, name: str = "x") -> T:
    """Return an array in the layout that funnet computes on, and any other value unchanged.

    BLAS takes another path, with other rounding, for another layout, so equal values give equal
    bytes only if all inputs have one layout. Strided, reversed and byte-swapped arrays and
    subclasses are copied; masked arrays raise DTypeError.
    """
    if not isinstance(x, ndarray) or is_plain(x):
        return x
    return typed_like(x, plain_copy(as_ndarray(x, name)))


def plain_copy(array: ArrayT) -> ArrayT:
    """Return a copy in C order and native byte order."""
    return typed_like(array, np.array(array, dtype=array.dtype.newbyteorder("="), order="C"))
