"""y = x where x > 0, else slope x."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar, Generic, Literal, cast

import attrs
import numpy as np

from funnet.arrays import ArrayT, check_cache, check_float, check_like


@attrs.frozen(eq=False, repr=False)
class LeakyReLUCache(Generic[ArrayT]):
    """What `LeakyReLU.pullback` needs: the input."""

    x: ArrayT


def _finite(slope: float) -> float:
    if not math.isfinite(slope):
        raise ValueError(f"expected slope to be finite, got {slope}")
    return float(slope)  # a NumPy scalar would turn float32 into its own type


@attrs.frozen(eq=False)
class LeakyReLU:
    """The rectified linear unit that lets a part of the negative side through.

    Parameters
    ----------
    slope
        The derivative for x < 0, a finite number: 0.01 unless told. It is a constant.

    Raises
    ------
    ValueError
        If `slope` is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import LeakyReLU, predict
    >>> predict(LeakyReLU(0.5), np.array([[-1.0, 2.0]]))
    array([[-0.5,  2. ]])
    """

    slope: float = attrs.field(default=0.01, converter=_finite)

    keeps_width: ClassVar[Literal[True]] = True

    def forward(self, x: ArrayT, /) -> tuple[ArrayT, LeakyReLUCache[ArrayT]]:
        """Return y, of the shape and dtype of x."""
        check_float(x, "x")
        # One of the two is 0, so that the sum is exact; np.where is several times slower.
        y = np.minimum(x, 0)
        y *= self.slope
        y += np.maximum(x, 0)
        return cast(ArrayT, y), LeakyReLUCache(x)

    def pullback(
        self, cache: LeakyReLUCache[ArrayT], dout: ArrayT, /
    ) -> tuple[LeakyReLU, Callable[[], ArrayT]]:
        """Return no gradients; dx = dout where x > 0, else slope dout."""
        check_cache(cache, LeakyReLUCache)
        check_like(dout, cache.x, "dout of LeakyReLU")

        def dx() -> ArrayT:
            above = dout * (cache.x > 0)
            below = dout - above
            below *= self.slope
            below += above
            return cast(ArrayT, below)

        return self, dx
