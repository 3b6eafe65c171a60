"""Parts of a batch, for computing its gradients one after the other or in parallel."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from funnet.core.arrays import array_type, typed_like
from funnet.core.checks import check_count
from funnet.core.errors import ShapeError
from funnet.data.rows import ArrayT


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


# Any: the rows of an array, or of each array of a tuple.
def rows_of(arrays: Any, shard: Shard) -> Any:
    """Return the rows of a part, of an array or of each array in a tuple."""
    if isinstance(arrays, tuple):
        return tuple(rows_of(array, shard) for array in arrays)
    return shard.of(arrays)


def shards_of(x: object, n: int) -> list[Shard]:
    """Return the n parts of a batch, or for a batch of fewer rows one for each row.

    Raise ShapeError unless `x` is an array with rows, or a tuple of such arrays.
    """
    array = x[0] if isinstance(x, tuple) and x else x
    if not isinstance(array, np.ndarray) or not array.ndim or not len(array):
        raise ShapeError(f"x must have one row for each sample, got {array_type(x)}")
    n = min(n, len(array))
    return [Shard(i, n) for i in range(n)]
