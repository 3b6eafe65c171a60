"""Small arrays joined to one vector, so that one call of an update rule serves them all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import compress
from typing import Generic, TypeVar

import attrs
import numpy as np

from funnet.core.arrays import Array, Float
from funnet.core.tree import tree_leaves, tree_like

P = TypeVar("P")

SMALL = 1 << 14
"""The size up to which an array is joined. Beyond it, copies cost more than the calls saved."""


@attrs.frozen(eq=False)
class Layout:
    """Which arrays of a tree are joined: the small ones that have the dtype of the first."""

    joined: tuple[bool, ...]
    apart: tuple[bool, ...]

    @staticmethod
    def of(arrays: Sequence[Array]) -> Layout:
        """Return the layout of at least one array."""
        dtype = arrays[0].dtype
        joined = tuple(a.size <= SMALL and a.dtype is dtype for a in arrays)
        return Layout(joined, tuple(not small for small in joined))

    def join(self, arrays: Sequence[Array]) -> list[Array]:
        """Return the joined arrays as a vector, if there are any, and then the others."""
        small = list(compress(arrays, self.joined))
        vectors = [np.concatenate(small, axis=None)] if small else []
        return [*vectors, *compress(arrays, self.apart)]

    def split(self, arrays: Sequence[Array], like: Sequence[Array]) -> Iterator[Array]:
        """Iterate over the arrays that were joined, as views, and the others, in their order."""
        following = iter(arrays)
        vector = next(following) if True in self.joined else None
        start = 0
        for array, is_joined in zip(like, self.joined, strict=True):
            if vector is None or not is_joined:
                yield next(following)
            else:
                stop = start + array.size
                yield vector[start:stop].reshape(array.shape)
                start = stop


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
        leaves = tree_leaves(self.params)
        return tuple(tree_like(self.params, self.layout.split(slot, leaves)) for slot in self.slots)


def have_dtypes(arrays: Sequence[Array], dtypes: Sequence[np.dtype[Float]]) -> bool:
    """Return whether arrays are plain and have these dtypes."""
    for array, dtype in zip(arrays, dtypes, strict=True):
        if type(array) is not np.ndarray or array.dtype is not dtype:
            return False
    return True
