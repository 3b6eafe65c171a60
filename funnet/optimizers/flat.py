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

Spec = tuple[tuple[int, ...], np.dtype[Float]]
"""The shape and the dtype of an array."""

SMALL = 1 << 14
"""The size up to which an array is joined. Beyond it, copies cost more than the calls saved."""


@attrs.frozen(eq=False)
class Layout:
    """Which arrays of a tree are joined: the small ones that have the dtype of the first.

    Parameters
    ----------
    specs
        The shape and the dtype of each array.
    places
        The place of each array in the vector, or None if it is not joined.
    apart
        Whether each array is not joined.
    """

    specs: list[Spec]
    places: list[slice | None]
    apart: list[bool]

    @staticmethod
    def of(arrays: Sequence[Array]) -> Layout:
        """Return the layout of at least one array."""
        dtype = arrays[0].dtype
        joined = [array.size <= SMALL and array.dtype == dtype for array in arrays]
        ends = list(accumulate(array.size for array in compress(arrays, joined)))
        following = map(slice, [0, *ends], ends)
        places = [next(following) if is_joined else None for is_joined in joined]
        return Layout(specs(arrays), places, [place is None for place in places])

    def join(self, arrays: Sequence[Array]) -> list[Array]:
        """Return the joined arrays as a vector, if there are any, and then the others."""
        if all(self.places):
            return [np.concatenate(arrays, axis=None)]
        small = list(compress(arrays, self.places))
        others = list(compress(arrays, self.apart))
        return [np.concatenate(small, axis=None), *others] if small else others

    def split(self, arrays: Sequence[Array]) -> list[Array]:
        """Return the arrays that were joined, as views, and the others, in their order."""
        vector, others = arrays[0], iter(arrays[1:] if any(self.places) else arrays)
        return [
            vector[place].reshape(shape) if place else next(others)
            for place, (shape, _) in zip(self.places, self.specs, strict=True)
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
    arrays
        The arrays of the parameters, joined.
    slots
        The arrays of each slot, joined.
    """

    params: P
    layout: Layout
    arrays: Sequence[Array]
    slots: Sequence[Sequence[Array]]

    def __len__(self) -> int:
        return len(self.slots)

    @cached_property
    def trees(self) -> tuple[P, ...]:
        """The slots as trees."""
        return tuple(tree_like(self.params, self.layout.split(slot)) for slot in self.slots)


def specs(arrays: Sequence[Array]) -> list[Spec]:
    """Return the shapes and dtypes of arrays."""
    return [(array.shape, array.dtype) for array in arrays]


def are_plain(arrays: Sequence[Array]) -> bool:
    """Return whether all arrays are of NumPy's own class."""
    return set(map(type, arrays)) == {np.ndarray}
