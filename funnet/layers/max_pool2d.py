"""y = the maximum of each window of x."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

import attrs
from attrs.converters import optional

from funnet.core.arrays import Images, describe_cache
from funnet.core.checks import check_cache, check_like, check_shape
from funnet.core.layer import OnImages, SomeLayer
from funnet.core.locks import lock_in_place
from funnet.core.windows import to_first_maxima, window_maxima
from funnet.layers.images import (
    Pair,
    at_most_half,
    kernel_size_of,
    pool_padding_of,
    pool_slides,
    stride_of,
)


@attrs.frozen(eq=False, repr=False)
class MaxPool2dCache:
    """Cache of `MaxPool2d`: its input and its output."""

    x: Images
    y: Images

    __repr__ = describe_cache


@attrs.frozen(eq=False)
class MaxPool2d(OnImages, SomeLayer):
    """Maximum of each window of each channel.

    Of equal maxima, the first in reading order gets the gradient. A window with a NaN gives NaN.

    Parameters
    ----------
    kernel_size
        Size of a window: a number, or a pair (height, width).
    stride
        Step between windows: a number, or a pair (down, across). Default: `kernel_size`. Pixels
        that are left over at the end are dropped.
    padding
        Minus infinity around an image: a number, or a pair (above and below, left and right), at
        most half of `kernel_size`. Default: 0.

    Raises
    ------
    ValueError, TypeError
        If a size is not an integer in its range, or a pair of such.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import MaxPool2d, predict
    >>> predict(MaxPool2d(2), np.array([[[[1.0, 2.0, 5.0, 6.0], [3.0, 4.0, 7.0, 8.0]]]]))
    array([[[[4., 8.]]]])
    """

    kernel_size: Pair = attrs.field(converter=kernel_size_of)
    stride: Pair | None = attrs.field(default=None, converter=optional(stride_of))
    padding: Pair = attrs.field(default=(0, 0), converter=pool_padding_of, validator=at_most_half)

    keeps_width: ClassVar[Literal[True]] = True

    def forward(self, x: Images, /) -> tuple[Images, MaxPool2dCache]:
        """Return the maxima, of shape (N, C, number of windows down, across)."""
        y = lock_in_place(window_maxima(x, *pool_slides(self, x, "x of MaxPool2d")))
        return y, MaxPool2dCache(x, y)

    def pullback(
        self, cache: MaxPool2dCache, dout: Images, /
    ) -> tuple[MaxPool2d, Callable[[], Images]]:
        """Return no gradients; dx = dout at the first maximum of each window, else 0."""
        check_cache(cache, MaxPool2dCache)
        x, y = cache.x, cache.y
        down, across = pool_slides(self, x, "the cached x of MaxPool2d")
        check_shape(y, (*x.shape[:2], down.stops, across.stops), "the cached y of MaxPool2d")
        check_like(dout, y, "dout of MaxPool2d")

        def dx() -> Images:
            return to_first_maxima(x, y, dout, down, across)

        return self, dx
