"""Small arrays joined to one vector, so that one call of an update rule serves them all."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate, compress
from typing import Generic, TypeVar

import attrs
import numpy as np

from funnet.core.arrays import Array, Float
from funnet.core.tree import tree_like

P = TypeVar("P")

SMALL = 1 << 14
"""The size up to which an array is joined. Beyond it, copies cost more than the calls saved."""


@attrs.frozen(eq=False)
class Layout:
    """Which arrays of a tree are joined: the small ones that have the dtype of the first.

    Parameters
    ----------
    parts
        For each array, its place in the vector, or None if it is not joined, and its shape.
    joined, apart
        For each array, whether it is joined, and whether it is not.
    """

    parts: tuple[tuple[slice | None, tuple[int, ...]], ...]
    joined: tuple[bool, ...]
    apart: tuple[bool, ...]

    @staticmethod
    def of(arrays: Sequence[Array]) -> Layout:
        """Return the layout of at least one array."""
        dtype = arrays[0].dtype
        joined = tuple(a.size <= SMALL and a.dtype is dtype for a in arrays)
        ends = list(accumulate(a.size for a in compress(arrays, joined)))
        places = map(slice, [0, *ends], ends)
        parts = tuple(
            (next(places) if is_joined else None, array.shape)
            for array, is_joined in zip(arrays, joined, strict=True)
        )
        return Layout(parts, joined, tuple(not is_joined for is_joined in joined))

    def join(self, arrays: Sequence[Array]) -> list[Array]:
        """Return the joined arrays as a vector, if there are any, and then the others."""
        small = list(compress(arrays, self.joined))
        others = list(compress(arrays, self.apart))
        return [np.concatenate(small, axis=None), *others] if small else others

    def split(self, arrays: Sequence[Array]) -> list[Array]:
        """Return the arrays that were joined, as views, and the others, in their order."""
        vector, others = arrays[0], iter(arrays[1:] if True in self.joined else arrays)
        return [
            vector[place].reshape(shape) if place else next(others) for place, shape in self.parts
        ]


@attrs.frozen(eq=False, slots=False)  # cached_property needs a __dict__
class FlatSlots(Generic[P]):
    """The slots of an optimizer as they are updated; their trees are made when asked for.

    Parameters
    ----------
    params
        The parameters that the slots belong to, whose structure the trees have.
    layout
        Which arrays are joined.
    slots
        The arrays of each slot, as `Layout.join` returns them.
    """

    params: P
    layout: Layout
    slots: tuple[tuple[Array, ...], ...]

    def __len__(self) -> int:
        return len(self.slots)

    @cached_property
    def trees(self) -> tuple[P, ...]:
        """The slots as trees."""
        return tuple(tree_like(self.params, self.layout.split(slot)) for slot in self.slots)


def have_dtypes(arrays: Sequence[Array], dtypes: Sequence[np.dtype[Float]]) -> bool:
    """Return whether arrays are plain and have these dtypes."""
    for array, dtype in zip(arrays, dtypes, strict=True):
        if type(array) is not np.ndarray or array.dtype is not dtype:
            return False
    return True
