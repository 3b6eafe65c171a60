"""y = x * mask / (1 - rate) in training mode, y = x at rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic

import attrs
import numpy as np

from funnet.core.arrays import Shaped, ShapeT, describe_cache, typed_like
from funnet.core.checks import check_cache, check_float, check_like, check_number
from funnet.core.context import Context
from funnet.core.describe import describe
from funnet.core.layer import Elementwise, OnRows, SomeLayer


@attrs.frozen(eq=False, repr=False)
class DropoutCache(Generic[ShapeT]):
    """Cache of `Dropout`: its output, and the scaled mask, or None at rest."""

    y: Shaped[ShapeT]
    mask: Shaped[ShapeT] | None

    __repr__ = describe_cache


def drop_rate(rate: float, name: str = "rate") -> float:
    """Return a rate of dropout as a float; raise TypeError or ValueError for anything else."""
    return check_number(rate, name, 0, 1)


@attrs.frozen(eq=False)
class Dropout(Elementwise, OnRows, SomeLayer):
    """Inverted dropout, for arrays of any shape.

    In training mode, each element is 0 with probability `rate`, and is else divided by 1 - rate.
    The mask is a function of seed, step, path and shard (see `training_mode`).

    Raises
    ------
    TypeError, ValueError
        If `rate` is not a number, or not >= 0 and < 1.

    References
    ----------
    N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014.

    Examples
    --------
    >>> from funnet import Dropout, forward, training_mode
    >>> live = training_mode(Dropout(0.5), seed=7, step=0)
    >>> y, cache = forward(live, np.ones((1, 99)))
    >>> np.unique(y)
    array([0., 2.])
    """

    rate: float = attrs.field(converter=drop_rate)
    context: Context | None = attrs.field(default=None, kw_only=True)

    __repr__ = describe

    # Products outside the range of float16 are infinite, as for any other layer.
    @np.errstate(over="ignore")
    def forward(self, x: Shaped[ShapeT], /) -> tuple[Shaped[ShapeT], DropoutCache[ShapeT]]:
        """Return x * mask / (1 - rate), or x at rest."""
        check_float(x, "x of Dropout")
        if self.context is None:
            return x, DropoutCache(x, None)
        draws = self.context.generator().random(x.shape, np.float32)
        mask = (draws >= self.rate).astype(x.dtype)
        # At rates so high that this is infinite in float16, 0 * inf would be NaN.
        mask *= min(1 / (1 - self.rate), float(np.finfo(x.dtype).max))
        y = typed_like(x, x * mask)
        return y, DropoutCache(y, typed_like(x, mask))

    def pullback(
        self, cache: DropoutCache[ShapeT], dout: Shaped[ShapeT], /
    ) -> tuple[Dropout, Callable[[], Shaped[ShapeT]]]:
        """Return no gradients; dx = dout * mask / (1 - rate), or dout at rest."""
        check_cache(cache, DropoutCache)
        check_like(dout, cache.y, "dout of Dropout")
        mask = cache.mask

        @np.errstate(over="ignore")
        def dx() -> Shaped[ShapeT]:
            return dout if mask is None else typed_like(dout, dout * mask)

        return Dropout(self.rate), dx
