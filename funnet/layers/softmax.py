"""y = exp(x) / sum(exp(x)), along the last axis."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Generic, Literal, cast

import attrs

from funnet.arrays import ArrayT, check_cache, check_like, seal
from funnet.functions import softmax


@attrs.frozen(eq=False, repr=False)
class SoftmaxCache(Generic[ArrayT]):
    """What `Softmax.pullback` needs: the output."""

    y: ArrayT


@attrs.frozen(eq=False)
class Softmax:
    """Scores to probabilities. It has no parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import Softmax, predict
    >>> predict(Softmax(), np.array([[1000.0, 1000.0]]))
    array([[0.5, 0.5]])
    """

    keeps_width: ClassVar[Literal[True]] = True

    def forward(self, x: ArrayT, /) -> tuple[ArrayT, SoftmaxCache[ArrayT]]:
        """Return y, of the shape and dtype of x."""
        y = seal(softmax(x))
        return y, SoftmaxCache(y)

    def pullback(
        self, cache: SoftmaxCache[ArrayT], dout: ArrayT, /
    ) -> tuple[Softmax, Callable[[], ArrayT]]:
        """Return no gradients; dx = y (dout - sum(dout y))."""
        check_cache(cache, SoftmaxCache)
        check_like(dout, cache.y, "dout of Softmax")

        def dx() -> ArrayT:
            return cast(ArrayT, cache.y * (dout - (dout * cache.y).sum(axis=-1, keepdims=True)))

        return self, dx
