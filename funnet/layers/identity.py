"""y = x."""

from __future__ import annotations

import attrs

from funnet.core.arrays import Shaped, ShapeT
from funnet.core.layer import Elementwise, OnRows, SomeLayer
from funnet.functions import identity
from funnet.layers.caches import ArrayCache, Pulled, pull


@attrs.frozen(eq=False)
class Identity(Elementwise, OnRows, SomeLayer):
    """Layer that returns its input, for arrays of any shape; see `identity`."""

    def forward(self, x: Shaped[ShapeT], /) -> tuple[Shaped[ShapeT], ArrayCache[Identity, ShapeT]]:
        """Return x."""
        y = identity(x)
        return y, ArrayCache(type(self), x)

    def pullback(
        self, cache: ArrayCache[Identity, ShapeT], dout: Shaped[ShapeT], /
    ) -> Pulled[Identity, ShapeT]:
        """Return no gradients; dx = dout."""
        return pull(self, cache, dout, lambda _, dout: dout)
