"""What layers without parameters share: one cache, and one check in `pullback`.

Such a layer is two formulas. `forward` returns y and a cache of the array that the derivative is
a function of: y, or x. `pullback` hands that array and `dout` to the formula of dx, which is
evaluated only if it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Generic, TypeAlias, TypeVar, cast

import attrs
import numpy as np

from funnet.core.arrays import Array, Shaped, ShapeT, array_type, check_like
from funnet.core.errors import StructureError

L = TypeVar("L")


@attrs.frozen(eq=False, repr=False)
class ElementwiseCache(Generic[L, ShapeT]):
    """The cache of a layer of class `L`: its input or its output."""

    layer: type[L]
    array: Shaped[ShapeT]


Pulled: TypeAlias = tuple[L, Callable[[], Shaped[ShapeT]]]
"""The result of `pullback`: gradients, and the function that computes dx."""


def pull(
    layer: L,
    cache: ElementwiseCache[L, ShapeT],
    dout: Shaped[ShapeT],
    formula: Callable[[Array, Array], Array],
) -> Pulled[L, ShapeT]:
    """Return the layer as its own (empty) gradients, and dx = formula(kept array, dout).

    Raises
    ------
    StructureError
        If `cache` is not from a layer of this class.
    ShapeError, DTypeError
        If `dout` does not have the shape and dtype of the kept array.
    """
    cls = type(layer)
    if type(cache) is not ElementwiseCache or cache.layer is not cls:
        got = (
            f"that of {cache.layer.__name__}"
            if type(cache) is ElementwiseCache
            else array_type(cache)
        )
        raise StructureError(
            f"expected the cache of {cls.__name__}, got {got}; "
            "pass the cache that forward returned for this network"
        )
    kept = cache.array
    if (
        type(kept) is not np.ndarray
        or dout.__class__ is not np.ndarray
        or (dout.dtype != kept.dtype or dout.shape != kept.shape)
    ):
        check_like(dout, kept, f"dout of {cls.__name__}")
    # A cast, as NumPy's stubs forget the shape in arithmetic.
    return layer, cast("Callable[[], Shaped[ShapeT]]", partial(formula, kept, dout))
