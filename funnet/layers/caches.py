"""The cache and the checks that layers without parameters share.

`forward` of such a layer caches the array that the derivative is a function of, y or x. If that has
the shape of `dout`, `pullback` passes both to the formula of dx, which is evaluated only when dx is
called.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Generic, TypeAlias, TypeVar

import attrs
from numpy import ndarray

from funnet.core.arrays import Array, Shaped, ShapeT, array_type, describe_cache
from funnet.core.checks import check_like, wrong_cache
from funnet.core.locks import lock_in_place
from funnet.core.nodes import filler

L = TypeVar("L")


@attrs.frozen(eq=False, repr=False)
class ArrayCache(Generic[L, ShapeT]):
    """Cache of a layer of class `L`: its input or output."""

    layer: type[L]
    array: Shaped[ShapeT]

    __repr__ = describe_cache


_cache = filler(ArrayCache)

Pulled: TypeAlias = tuple[L, Callable[[], Shaped[ShapeT]]]
"""Result of `pullback`: gradients, and a function that computes dx."""


def keep(layer: L, y: Shaped[ShapeT]) -> tuple[Shaped[ShapeT], ArrayCache[L, ShapeT]]:
    """Return y, locked in place, and a cache of it."""
    return lock_in_place(y), _cache(type(layer), y)


def cached(layer: L, cache: ArrayCache[L, ShapeT]) -> Shaped[ShapeT]:
    """Return the cached array; raise StructureError if a layer of another class made the cache."""
    cls = type(layer)
    if type(cache) is not ArrayCache:
        raise wrong_cache(f"the cache of {cls.__name__}", array_type(cache))
    if cache.layer is not cls:
        raise wrong_cache(f"the cache of {cls.__name__}", f"that of {cache.layer.__name__}")
    return cache.array


def pull(
    layer: L,
    cache: ArrayCache[L, ShapeT],
    dout: Shaped[ShapeT],
    formula: Callable[[Array, Array], Array],
) -> Pulled[L, ShapeT]:
    """Return the layer itself as its gradients, and dx = formula(cached array, dout).

    Raises
    ------
    StructureError
        If the cache was not made by a layer of this class.
    ShapeError, DTypeError
        If `dout` does not have the shape and dtype of the cached array.
    """
    array = cached(layer, cache)
    if (
        type(array) is not ndarray
        or dout.__class__ is not ndarray
        or dout.dtype is not array.dtype
        or dout.shape != array.shape
    ):
        check_like(dout, array, f"dout of {type(layer).__name__}")
    dx: Any = partial(formula, array, dout)  # NumPy's stubs lose the shape in arithmetic
    return layer, dx
