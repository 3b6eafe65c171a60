"""y = x, with each sample as one row."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar, Literal

import attrs

from funnet.core.arrays import Images, Matrix, check_cache, check_dtype, check_float, check_shape
from funnet.core.errors import ShapeError
from funnet.core.layer import SomeLayer


@attrs.frozen(eq=False, repr=False)
class FlattenCache:
    """Cache of `Flatten`: its input, of which only shape and dtype are used."""

    x: Images


@attrs.frozen(eq=False)
class Flatten(SomeLayer):
    """Flatten images to rows: (N, C, H, W) to (N, C H W).

    Samples may have any rank at run time; type checkers expect images.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import Flatten, predict
    >>> predict(Flatten(), np.zeros((5, 1, 28, 28))).shape
    (5, 784)
    """

    multiplies_width: ClassVar[Literal[True]] = True

    def forward(self, x: Images, /) -> tuple[Matrix, FlattenCache]:
        """Return x, reshaped to (N, product of the other axes)."""
        check_float(x, "x")
        if x.ndim == 0:
            raise ShapeError("expected x to have one row a sample, got a scalar")
        return x.reshape(_flat(x)), FlattenCache(x)

    def pullback(
        self, cache: FlattenCache, dout: Matrix, /
    ) -> tuple[Flatten, Callable[[], Images]]:
        """Return no gradients; dx = dout, reshaped to the shape of x."""
        check_cache(cache, FlattenCache)
        check_dtype(dout, cache.x.dtype, "dout of Flatten")
        check_shape(dout, _flat(cache.x), "dout of Flatten")

        def dx() -> Images:
            return dout.reshape(cache.x.shape)

        return self, dx


def _flat(x: Images) -> tuple[int, int]:
    # NumPy cannot infer -1 for an empty batch.
    return len(x), math.prod(x.shape[1:])
