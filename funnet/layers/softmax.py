"""y = exp(x) / sum(exp(x)), along the last axis."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Generic, Literal, cast

import attrs

from funnet.core.arrays import Shaped, ShapeT, check_cache, check_like, lock_in_place
from funnet.core.layer import Elementwise, OnRows, SomeLayer
from funnet.functions import softmax


@attrs.frozen(eq=False, repr=False)
class SoftmaxCache(Generic[ShapeT]):
    """What `Softmax.pullback` needs: the output."""

    y: Shaped[ShapeT]


@attrs.frozen(eq=False)
class Softmax(Elementwise, OnRows, SomeLayer):
    """Scores to probabilities. It has no parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import Softmax, predict
    >>> predict(Softmax(), np.array([[1000.0, 1000.0]]))
    array([[0.5, 0.5]])
    """

    keeps_width: ClassVar[Literal[True]] = True

    def forward(self, x: Shaped[ShapeT], /) -> tuple[Shaped[ShapeT], SoftmaxCache[ShapeT]]:
        """Return y, of the shape and dtype of x."""
        y = lock_in_place(softmax(x))
        return y, SoftmaxCache(y)

    def pullback(
        self, cache: SoftmaxCache[ShapeT], dout: Shaped[ShapeT], /
    ) -> tuple[Softmax, Callable[[], Shaped[ShapeT]]]:
        """Return no gradients; dx = y (dout - sum(dout y))."""
        check_cache(cache, SoftmaxCache)
        check_like(dout, cache.y, "dout of Softmax")

        def dx() -> Shaped[ShapeT]:
            return cast(
                "Shaped[ShapeT]", cache.y * (dout - (dout * cache.y).sum(axis=-1, keepdims=True))
            )

        return self, dx
