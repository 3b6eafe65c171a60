"""y = 1 where x > 0, else 0."""

from __future__ import annotations

import attrs
import numpy as np

from funnet.core.arrays import Shaped, ShapeT
from funnet.core.layer import Elementwise, OnRows, SomeLayer
from funnet.functions import step_function
from funnet.layers.caches import ArrayCache, Pulled, keep, pull


@attrs.frozen(eq=False)
class Step(Elementwise, OnRows, SomeLayer):
    """Step function of the perceptron, for arrays of any shape; see `step_function`.

    Its derivative is 0 wherever it exists, so layers before it are not trained.
    """

    def forward(self, x: Shaped[ShapeT], /) -> tuple[Shaped[ShapeT], ArrayCache[Step, ShapeT]]:
        """Return 1 where x > 0, else 0."""
        return keep(self, step_function(x))

    def pullback(
        self, cache: ArrayCache[Step, ShapeT], dout: Shaped[ShapeT], /
    ) -> Pulled[Step, ShapeT]:
        """Return no gradients; dx = 0."""
        return pull(self, cache, dout, lambda _, dout: np.zeros_like(dout))
