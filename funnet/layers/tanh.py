"""y = tanh(x)."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Generic, Literal, cast

import attrs

from funnet.arrays import ArrayT, check_cache, check_like, seal
from funnet.functions import tanh


@attrs.frozen(eq=False, repr=False)
class TanhCache(Generic[ArrayT]):
    """What `Tanh.pullback` needs: the output."""

    y: ArrayT


@attrs.frozen(eq=False)
class Tanh:
    """The hyperbolic tangent, on a batch of any shape. It has no parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import Tanh, predict
    >>> predict(Tanh(), np.array([[-1000.0, 0.0]]))
    array([[-1.,  0.]])
    """

    keeps_width: ClassVar[Literal[True]] = True

    def forward(self, x: ArrayT, /) -> tuple[ArrayT, TanhCache[ArrayT]]:
        """Return y, of the shape and dtype of x."""
        y = seal(tanh(x))
        return y, TanhCache(y)

    def pullback(
        self, cache: TanhCache[ArrayT], dout: ArrayT, /
    ) -> tuple[Tanh, Callable[[], ArrayT]]:
        """Return no gradients; dx = dout (1 - y²)."""
        check_cache(cache, TanhCache)
        check_like(dout, cache.y, "dout of Tanh")

        def dx() -> ArrayT:
            return cast(ArrayT, dout * (1 - cache.y * cache.y))

        return self, dx
