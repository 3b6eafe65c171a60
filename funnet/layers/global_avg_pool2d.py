"""y = the mean of each channel of x."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

import attrs
import numpy as np

from funnet.core.arrays import Images, ImageShape, Matrix, wide
from funnet.core.checks import check_dtype, check_shape
from funnet.core.layer import SomeLayer
from funnet.layers.caches import ArrayCache, cached
from funnet.layers.images import check_images


@attrs.frozen(eq=False)
class GlobalAvgPool2d(SomeLayer):
    """Mean of each channel: images (N, C, H, W) of any size to rows (N, C).

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import GlobalAvgPool2d, predict
    >>> predict(GlobalAvgPool2d(), np.array([[[[1.0, 2.0], [3.0, 4.0]]]]))
    array([[2.5]])
    """

    keeps_width: ClassVar[Literal[True]] = True

    def forward(self, x: Images, /) -> tuple[Matrix, ArrayCache[GlobalAvgPool2d, ImageShape]]:
        """Return the means, of shape (N, C)."""
        check_images(x, "x of GlobalAvgPool2d")
        with np.errstate(over="ignore", invalid="ignore"):
            y = x.mean((2, 3), wide(x.dtype))
        return y.astype(x.dtype, copy=False), ArrayCache(type(self), x)

    def pullback(
        self, cache: ArrayCache[GlobalAvgPool2d, ImageShape], dout: Matrix, /
    ) -> tuple[GlobalAvgPool2d, Callable[[], Images]]:
        """Return no gradients; dx = dout / (H W) for each pixel of a channel."""
        x = cached(self, cache)
        check_images(x, "the cached x of GlobalAvgPool2d")
        check_dtype(dout, x.dtype, "dout of GlobalAvgPool2d")
        check_shape(dout, x.shape[:2], "dout of GlobalAvgPool2d")

        def dx() -> Images:
            share = dout / (x.shape[2] * x.shape[3])
            gradient = np.empty(x.shape, x.dtype)
            gradient[...] = share[:, :, np.newaxis, np.newaxis]
            return gradient

        return self, dx
