"""Parts of a batch, for computing its gradients in parallel."""

from __future__ import annotations

from typing import TypeVar

import attrs
import numpy as np
import numpy.typing as npt

from funnet.core.arrays import typed_like
from funnet.core.checks import check_count
from funnet.core.errors import ShapeError

ArrayT = TypeVar("ArrayT", bound=npt.NDArray[np.generic])


@attrs.frozen
class Shard:
    """Part i of n of each batch; see `Minibatches.shard`."""

    i: int
    n: int

    def __attrs_post_init__(self) -> None:
        """Check that there is such a part."""
        n = check_count(self.n, "n")
        if check_count(self.i, "i", 0) >= n:
            raise ValueError(f"i must be < n, got i = {self.i} and n = {n}")

    def of(self, array: ArrayT) -> ArrayT:
        """Return the rows of the part."""
        if len(array) < self.n:
            raise too_few_rows(self.n, len(array))
        size, longer = divmod(len(array), self.n)
        start = self.i * size + min(self.i, longer)
        return typed_like(array, array[start : start + size + (self.i < longer)])


def too_few_rows(n: int, rows: int) -> ShapeError:
    """Return the error for a batch with fewer rows than shards."""
    return ShapeError(
        f"a batch must have at least one row for each of {n} shards, got {rows}; "
        "make batches larger, or leave out short ones with minibatches(..., drop_last=True)"
    )
