"""y = tanh(x)."""

from __future__ import annotations

import attrs

from funnet.core.arrays import Shaped, ShapeT
from funnet.core.layer import Elementwise, OnRows, SomeLayer
from funnet.functions import tanh
from funnet.layers.caches import ArrayCache, Pulled, keep, pull


@attrs.frozen(eq=False)
class Tanh(Elementwise, OnRows, SomeLayer):
    """Hyperbolic tangent, for arrays of any shape; see `tanh`."""

    def forward(self, x: Shaped[ShapeT], /) -> tuple[Shaped[ShapeT], ArrayCache[Tanh, ShapeT]]:
        """Return tanh(x)."""
        return keep(self, tanh(x))

    def pullback(
        self, cache: ArrayCache[Tanh, ShapeT], dout: Shaped[ShapeT], /
    ) -> Pulled[Tanh, ShapeT]:
        """Return no gradients; dx = dout (1 - y²)."""
        return pull(self, cache, dout, lambda y, dout: dout * (1 - y * y))
