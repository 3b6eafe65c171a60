"""y = x with each sample laid out as one row."""

from __future__ import annotations

import math
from collections.abc import Callable

import attrs

from funnet.core.arrays import Images, Matrix, check_cache, check_dtype, check_float, check_shape
from funnet.core.errors import ShapeError
from funnet.core.layer import SomeLayer


@attrs.frozen(eq=False, repr=False)
class FlattenCache:
    """What `Flatten.pullback` needs: the input, for its shape and dtype."""

    x: Images


@attrs.frozen(eq=False)
class Flatten(SomeLayer):
    """Images to rows: (N, C, H, W) to (N, C H W). It has no parameters.

    The samples may have any rank at run time; type checkers expect images.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import Flatten, predict
    >>> predict(Flatten(), np.zeros((5, 1, 28, 28))).shape
    (5, 784)
    """

    def forward(self, x: Images, /) -> tuple[Matrix, FlattenCache]:
        """Return y (N, the product of the other axes)."""
        check_float(x, "x")
        if x.ndim == 0:
            raise ShapeError("expected x to have one row a sample, got a scalar")
        return x.reshape(_flat(x)), FlattenCache(x)

    def pullback(
        self, cache: FlattenCache, dout: Matrix, /
    ) -> tuple[Flatten, Callable[[], Images]]:
        """Return no gradients; dx = dout in the shape of x."""
        check_cache(cache, FlattenCache)
        check_dtype(dout, cache.x.dtype, "dout of Flatten")
        check_shape(dout, _flat(cache.x), "dout of Flatten")

        def dx() -> Images:
            return dout.reshape(cache.x.shape)

        return self, dx


def _flat(x: Images) -> tuple[int, int]:
    # Not -1, which NumPy cannot work out for an empty batch.
    return len(x), math.prod(x.shape[1:])
