"""y = the mean of each window of x."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

import attrs
from attrs.converters import optional

from funnet.core.arrays import Images, ImageShape
from funnet.core.checks import check_dtype, check_shape
from funnet.core.layer import OnImages, SomeLayer
from funnet.core.windows import to_all, window_sums
from funnet.layers.caches import ArrayCache, cached
from funnet.layers.images import (
    Pair,
    at_most_half,
    kernel_size_of,
    pool_padding_of,
    pool_slides,
    stride_of,
)


@attrs.frozen(eq=False)
class AvgPool2d(OnImages, SomeLayer):
    """Mean of each window of each channel.

    Parameters
    ----------
    kernel_size, stride
        See `MaxPool2d`.
    padding
        Zeros around an image, which count: a number, or a pair (above and below, left and right),
        at most half of `kernel_size`. Default: 0.

    Raises
    ------
    ValueError, TypeError
        If a size is not an integer in its range, or a pair of such.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import AvgPool2d, predict
    >>> predict(AvgPool2d(2), np.array([[[[1.0, 2.0, 5.0, 6.0], [3.0, 4.0, 7.0, 8.0]]]]))
    array([[[[2.5, 6.5]]]])
    """

    kernel_size: Pair = attrs.field(converter=kernel_size_of)
    stride: Pair | None = attrs.field(default=None, converter=optional(stride_of))
    padding: Pair = attrs.field(default=(0, 0), converter=pool_padding_of, validator=at_most_half)

    keeps_width: ClassVar[Literal[True]] = True

    def forward(self, x: Images, /) -> tuple[Images, ArrayCache[AvgPool2d, ImageShape]]:
        """Return the means, of shape (N, C, number of windows down, across)."""
        down, across = pool_slides(self, x, "x of AvgPool2d")
        y = window_sums(x, down, across)
        y /= down.kernel * across.kernel
        return y.astype(x.dtype, copy=False), ArrayCache(type(self), x)

    def pullback(
        self, cache: ArrayCache[AvgPool2d, ImageShape], dout: Images, /
    ) -> tuple[AvgPool2d, Callable[[], Images]]:
        """Return no gradients; dx = for each pixel the sum of dout / size over its windows."""
        x = cached(self, cache)
        down, across = pool_slides(self, x, "the cached x of AvgPool2d")
        check_dtype(dout, x.dtype, "dout of AvgPool2d")
        check_shape(dout, (*x.shape[:2], down.stops, across.stops), "dout of AvgPool2d")

        def dx() -> Images:
            gradient = to_all(dout, down, across)
            gradient /= down.kernel * across.kernel
            return gradient.astype(x.dtype, copy=False)

        return self, dx
