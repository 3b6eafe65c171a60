"""y = x, with one row per sample."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar, Literal

import attrs

from funnet.core.arrays import Images, Matrix, describe_cache
from funnet.core.checks import check_cache, check_dtype, check_float, check_shape
from funnet.core.errors import ShapeError
from funnet.core.layer import SomeLayer


@attrs.frozen(eq=False, repr=False)
class FlattenCache:
    """Cache of `Flatten`: its input, for the shape and dtype."""

    x: Images

    __repr__ = describe_cache


@attrs.frozen(eq=False)
class Flatten(SomeLayer):
    """Flatten images (N, C, H, W) to rows (N, C H W).

    At run time, samples may have any rank; type checkers expect images.

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
            raise ShapeError("x must have one row per sample, got a scalar")
        return x.reshape(_flat(x)), FlattenCache(x)

    def pullback(
        self, cache: FlattenCache, dout: Matrix, /
    ) -> tuple[Flatten, Callable[[], Images]]:
        """Return no gradients; dx = dout, reshaped to the shape of x."""
        check_cache(cache, FlattenCache)
        check_dtype(dout, cache.x.dtype, "dout of Flatten")
        check_shape(dout, _flat(cache.x), "dout of Flatten")
        return self, lambda: dout.reshape(cache.x.shape)


def _flat(x: Images) -> tuple[int, int]:
    # Not reshape(len(x), -1), which fails for an empty batch.
    return len(x), math.prod(x.shape[1:])
