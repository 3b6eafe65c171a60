"""y = tanh(x)."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Generic, Literal, cast

import attrs

from funnet.core.arrays import Shaped, ShapeT, check_cache, check_like, lock_in_place
from funnet.core.layer import Elementwise, OnRows, SomeLayer
from funnet.functions import tanh


@attrs.frozen(eq=False, repr=False)
class TanhCache(Generic[ShapeT]):
    """What `Tanh.pullback` needs: the output."""

    y: Shaped[ShapeT]


@attrs.frozen(eq=False)
class Tanh(Elementwise, OnRows, SomeLayer):
    """The hyperbolic tangent, on a batch of any shape. It has no parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import Tanh, predict
    >>> predict(Tanh(), np.array([[-1000.0, 0.0]]))
    array([[-1.,  0.]])
    """

    keeps_width: ClassVar[Literal[True]] = True

    def forward(self, x: Shaped[ShapeT], /) -> tuple[Shaped[ShapeT], TanhCache[ShapeT]]:
        """Return y, of the shape and dtype of x."""
        y = lock_in_place(tanh(x))
        return y, TanhCache(y)

    def pullback(
        self, cache: TanhCache[ShapeT], dout: Shaped[ShapeT], /
    ) -> tuple[Tanh, Callable[[], Shaped[ShapeT]]]:
        """Return no gradients; dx = dout (1 - y²)."""
        check_cache(cache, TanhCache)
        check_like(dout, cache.y, "dout of Tanh")

        def dx() -> Shaped[ShapeT]:
            return cast("Shaped[ShapeT]", dout * (1 - cache.y * cache.y))

        return self, dx
