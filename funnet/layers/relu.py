"""y = max(x, 0)."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Generic, Literal, cast

import attrs

from funnet.core.arrays import Shaped, ShapeT, check_cache, check_like, lock_in_place
from funnet.core.layer import Elementwise, OnRows, SomeLayer
from funnet.functions import relu


@attrs.frozen(eq=False, repr=False)
class ReLUCache(Generic[ShapeT]):
    """What `ReLU.pullback` needs: the output."""

    y: Shaped[ShapeT]


@attrs.frozen(eq=False)
class ReLU(Elementwise, OnRows, SomeLayer):
    """The rectified linear unit, on a batch of any shape. It has no parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import ReLU, predict
    >>> predict(ReLU(), np.array([[-1.0, 2.0]]))
    array([[0., 2.]])
    """

    keeps_width: ClassVar[Literal[True]] = True

    def forward(self, x: Shaped[ShapeT], /) -> tuple[Shaped[ShapeT], ReLUCache[ShapeT]]:
        """Return y, of the shape and dtype of x."""
        y = lock_in_place(relu(x))
        return y, ReLUCache(y)

    def pullback(
        self, cache: ReLUCache[ShapeT], dout: Shaped[ShapeT], /
    ) -> tuple[ReLU, Callable[[], Shaped[ShapeT]]]:
        """Return no gradients; dx = dout where y > 0, else 0."""
        check_cache(cache, ReLUCache)
        check_like(dout, cache.y, "dout of ReLU")

        def dx() -> Shaped[ShapeT]:
            mask = (cache.y > 0).astype(dout.dtype)
            mask *= dout
            return cast("Shaped[ShapeT]", mask)

        return self, dx
