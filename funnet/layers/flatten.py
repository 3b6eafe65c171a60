"""y = x, with one row per sample."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar, Literal

import attrs

from funnet.core.arrays import Images, ImageShape, Matrix
from funnet.core.checks import check_dtype, check_float, check_shape
from funnet.core.errors import ShapeError
from funnet.core.layer import SomeLayer
from funnet.layers.caches import ArrayCache, cached


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

    def forward(self, x: Images, /) -> tuple[Matrix, ArrayCache[Flatten, ImageShape]]:
        """Return x, reshaped to (N, product of the other axes)."""
        check_float(x, "x")
        if x.ndim == 0:
            raise ShapeError("x must have one row per sample, got a scalar")
        return x.reshape(_flat(x)), ArrayCache(type(self), x)

    def pullback(
        self, cache: ArrayCache[Flatten, ImageShape], dout: Matrix, /
    ) -> tuple[Flatten, Callable[[], Images]]:
        """Return no gradients; dx = dout, reshaped to the shape of x."""
        x = cached(self, cache)
        check_dtype(dout, x.dtype, "dout of Flatten")
        check_shape(dout, _flat(x), "dout of Flatten")
        return self, lambda: dout.reshape(x.shape)


def _flat(x: Images) -> tuple[int, int]:
    # Not reshape(len(x), -1), which fails for an empty batch.
    return len(x), math.prod(x.shape[1:])
