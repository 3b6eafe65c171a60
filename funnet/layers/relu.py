"""y = max(x, 0)."""

from __future__ import annotations

import attrs

from funnet.core.arrays import Shaped, ShapeT
from funnet.core.kernels import where_positive
from funnet.core.layer import Elementwise, OnRows, SomeLayer
from funnet.functions import relu
from funnet.layers.caches import ArrayCache, Pulled, keep, pull


@attrs.frozen(eq=False)
class ReLU(Elementwise, OnRows, SomeLayer):
    """Rectified linear unit, for arrays of any shape; see `relu`."""

    def forward(self, x: Shaped[ShapeT], /) -> tuple[Shaped[ShapeT], ArrayCache[ReLU, ShapeT]]:
        """Return max(x, 0)."""
        return keep(self, relu(x))

    def pullback(
        self, cache: ArrayCache[ReLU, ShapeT], dout: Shaped[ShapeT], /
    ) -> Pulled[ReLU, ShapeT]:
        """Return no gradients; dx = dout where y > 0, else 0."""
        return pull(self, cache, dout, where_positive)
