"""The conversion of a network to another float type."""

from __future__ import annotations

import numpy as np

from funnet.core.arrays import Array, Float, as_ndarray, typed_like
from funnet.core.checks import check_float_type
from funnet.core.errors import DTypeError, LocatedError
from funnet.core.locks import lock_in_place
from funnet.core.nodes import kind_of
from funnet.core.tree import Tree


def astype(params: Tree, dtype: type[Float]) -> Tree:
    """Return a tree with all arrays converted to `np.float16`, `np.float32` or `np.float64`.

    Buffers of integers or bools keep their dtype, and those declared as `WIDE_BUFFER` are float32
    where `dtype` is `np.float16`.

    Raises
    ------
    TypeError
        If `dtype` is another type.
    DTypeError
        If a finite value is outside the range of `dtype`; the message starts with its path.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import Affine, astype
    >>> astype(Affine.init(3, 2, rng=0), np.float64)
    Affine(W=float64[3, 2], b=float64[2])
    """
    check_float_type(dtype)
    return typed_like(params, _astype(params, dtype))


def _astype(node: object, dtype: type[Float], *, in_buffer: bool = False) -> object:
    if isinstance(node, np.ndarray):
        return node if in_buffer and node.dtype.kind != "f" else _converted(node, dtype)
    kind = kind_of(type(node))
    new: list[object] = []
    try:
        for i, child in enumerate(kind.children(node)):
            to = np.float32 if dtype == np.float16 and i in kind.wide else dtype
            new.append(_astype(child, to, in_buffer=in_buffer or i in kind.kept))
    except LocatedError as error:
        error.locate(kind.names(node)[len(new)])
        raise
    return kind.build(node, new) if new else node


def _converted(array: Array, dtype: type[Float]) -> Array:
    array = as_ndarray(array, "a parameter")
    with np.errstate(over="ignore"):
        converted: Array = array.astype(dtype)
    if (np.isinf(converted) > np.isinf(array)).any():
        limit = np.finfo(dtype)
        raise DTypeError(
            f"values must be between {limit.min} and {limit.max} to fit in {limit.dtype}, "
            f"got values between {np.nanmin(array)} and {np.nanmax(array)}"
        )
    return lock_in_place(converted)
