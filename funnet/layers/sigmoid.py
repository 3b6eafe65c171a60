"""y = 1 / (1 + exp(-x))."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Generic, Literal, cast

import attrs

from funnet.core.arrays import Shaped, ShapeT, check_cache, check_like, lock_in_place
from funnet.core.layer import Elementwise, OnRows, SomeLayer
from funnet.functions import sigmoid


@attrs.frozen(eq=False, repr=False)
class SigmoidCache(Generic[ShapeT]):
    """What `Sigmoid.pullback` needs: the output."""

    y: Shaped[ShapeT]


@attrs.frozen(eq=False)
class Sigmoid(Elementwise, OnRows, SomeLayer):
    """The logistic function, on a batch of any shape. It has no parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import Sigmoid, predict
    >>> predict(Sigmoid(), np.array([[-1000.0, 0.0]]))
    array([[0. , 0.5]])
    """

    keeps_width: ClassVar[Literal[True]] = True

    def forward(self, x: Shaped[ShapeT], /) -> tuple[Shaped[ShapeT], SigmoidCache[ShapeT]]:
        """Return y, of the shape and dtype of x."""
        y = lock_in_place(sigmoid(x))
        return y, SigmoidCache(y)

    def pullback(
        self, cache: SigmoidCache[ShapeT], dout: Shaped[ShapeT], /
    ) -> tuple[Sigmoid, Callable[[], Shaped[ShapeT]]]:
        """Return no gradients; dx = dout y (1 - y)."""
        check_cache(cache, SigmoidCache)
        check_like(dout, cache.y, "dout of Sigmoid")

        def dx() -> Shaped[ShapeT]:
            return cast("Shaped[ShapeT]", dout * cache.y * (1 - cache.y))

        return self, dx
