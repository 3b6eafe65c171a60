"""y = exp(x) / sum(exp(x)), along the last axis."""

from __future__ import annotations

import attrs
import numpy as np

from funnet.core.arrays import Array, Shaped, ShapeT
from funnet.core.layer import Elementwise, OnRows, SomeLayer
from funnet.functions import softmax
from funnet.layers.caches import ArrayCache, Pulled, keep, pull


@attrs.frozen(eq=False)
class Softmax(Elementwise, OnRows, SomeLayer):
    """Probabilities from scores, along the last axis; see `softmax`."""

    def forward(self, x: Shaped[ShapeT], /) -> tuple[Shaped[ShapeT], ArrayCache[Softmax, ShapeT]]:
        """Return exp(x) / sum(exp(x))."""
        return keep(self, softmax(x))

    def pullback(
        self, cache: ArrayCache[Softmax, ShapeT], dout: Shaped[ShapeT], /
    ) -> Pulled[Softmax, ShapeT]:
        """Return no gradients; dx = y (dout - sum(dout y))."""
        return pull(self, cache, dout, _dx)


@np.errstate(over="ignore", invalid="ignore")
def _dx(y: Array, dout: Array) -> Array:
    dx: Array = y * (dout - (dout * y).sum(axis=-1, keepdims=True))
    return dx
