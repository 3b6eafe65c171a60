"""y = 1 / (1 + exp(-x))."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Generic, Literal, cast

import attrs

from funnet.arrays import ArrayT, check_cache, check_like, seal
from funnet.functions import sigmoid


@attrs.frozen(eq=False, repr=False)
class SigmoidCache(Generic[ArrayT]):
    """What `Sigmoid.pullback` needs: the output."""

    y: ArrayT


@attrs.frozen(eq=False)
class Sigmoid:
    """The logistic function, on a batch of any shape. It has no parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import Sigmoid, predict
    >>> predict(Sigmoid(), np.array([[-1000.0, 0.0]]))
    array([[0. , 0.5]])
    """

    keeps_width: ClassVar[Literal[True]] = True

    def forward(self, x: ArrayT, /) -> tuple[ArrayT, SigmoidCache[ArrayT]]:
        """Return y, of the shape and dtype of x."""
        y = seal(sigmoid(x))
        return y, SigmoidCache(y)

    def pullback(
        self, cache: SigmoidCache[ArrayT], dout: ArrayT, /
    ) -> tuple[Sigmoid, Callable[[], ArrayT]]:
        """Return no gradients; dx = dout y (1 - y)."""
        check_cache(cache, SigmoidCache)
        check_like(dout, cache.y, "dout of Sigmoid")

        def dx() -> ArrayT:
            return cast(ArrayT, dout * cache.y * (1 - cache.y))

        return self, dx
