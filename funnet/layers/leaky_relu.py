"""y = x where x > 0, else slope x."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar, Generic, Literal, cast

import attrs
import numpy as np

from funnet.arrays import Shaped, ShapeT, check_cache, check_float, check_like
from funnet.layer import Elementwise, OnRows, SomeLayer


@attrs.frozen(eq=False, repr=False)
class LeakyReLUCache(Generic[ShapeT]):
    """What `LeakyReLU.pullback` needs: the input."""

    x: Shaped[ShapeT]


def _finite(slope: float) -> float:
    if not math.isfinite(slope):
        raise ValueError(f"expected slope to be finite, got {slope}")
    return float(slope)  # a NumPy scalar would turn float32 into its own type


@attrs.frozen(eq=False)
class LeakyReLU(Elementwise, OnRows, SomeLayer):
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

    def forward(self, x: Shaped[ShapeT], /) -> tuple[Shaped[ShapeT], LeakyReLUCache[ShapeT]]:
        """Return y, of the shape and dtype of x."""
        check_float(x, "x")
        # One of the two is 0, so that the sum is exact; np.where is several times slower.
        y = np.minimum(x, 0)
        y *= self.slope
        y += np.maximum(x, 0)
        return cast("Shaped[ShapeT]", y), LeakyReLUCache(x)

    def pullback(
        self, cache: LeakyReLUCache[ShapeT], dout: Shaped[ShapeT], /
    ) -> tuple[LeakyReLU, Callable[[], Shaped[ShapeT]]]:
        """Return no gradients; dx = dout where x > 0, else slope dout."""
        check_cache(cache, LeakyReLUCache)
        check_like(dout, cache.x, "dout of LeakyReLU")

        def dx() -> Shaped[ShapeT]:
            above = dout * (cache.x > 0)
            below = dout - above
            below *= self.slope
            below += above
            return cast("Shaped[ShapeT]", below)

        return self, dx
