"""y = 1 / (1 + exp(-x))."""

from __future__ import annotations

import attrs

from funnet.core.arrays import Shaped, ShapeT
from funnet.core.layer import Elementwise, OnRows, SomeLayer
from funnet.functions import sigmoid
from funnet.layers.caches import ArrayCache, Pulled, keep, pull


@attrs.frozen(eq=False)
class Sigmoid(Elementwise, OnRows, SomeLayer):
    """Logistic function, for arrays of any shape; see `sigmoid`."""

    def forward(self, x: Shaped[ShapeT], /) -> tuple[Shaped[ShapeT], ArrayCache[Sigmoid, ShapeT]]:
        """Return 1 / (1 + exp(-x))."""
        return keep(self, sigmoid(x))

    def pullback(
        self, cache: ArrayCache[Sigmoid, ShapeT], dout: Shaped[ShapeT], /
    ) -> Pulled[Sigmoid, ShapeT]:
        """Return no gradients; dx = dout y (1 - y)."""
        return pull(self, cache, dout, lambda y, dout: dout * y * (1 - y))
