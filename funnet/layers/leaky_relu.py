"""y = x where x > 0, else slope x."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar, Generic, Literal, cast

import attrs
import numpy as np

from funnet.core.arrays import Shaped, ShapeT, as_float, check_cache, check_float, check_like
from funnet.core.layer import Elementwise, OnRows, SomeLayer
from funnet.functions import LOWEST


@attrs.frozen(eq=False, repr=False)
class LeakyReLUCache(Generic[ShapeT]):
    """What `LeakyReLU.pullback` needs: the input."""

    x: Shaped[ShapeT]


def _finite(slope: float) -> float:
    number = as_float(slope, "slope")
    if not math.isfinite(number):
        raise ValueError(f"expected slope to be finite, got {slope}")
    return number


@attrs.frozen(eq=False)
class LeakyReLU(Elementwise, OnRows, SomeLayer):
    """The rectified linear unit that lets a part of the negative side through.

    Parameters
    ----------
    slope
        The derivative for x < 0, a finite number. It is a constant. Default: 0.01. Where
        its absolute value is above 1, y is infinite if it is beyond the range of its dtype.

    Raises
    ------
    TypeError
        If `slope` is not a number.
    ValueError
        If `slope` is not finite, or, in `forward`, beyond the range of the dtype of the input.

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
        if abs(self.slope) > -LOWEST[x.dtype.type]:
            raise ValueError(
                f"expected slope of LeakyReLU to be in the range of {x.dtype}, got {self.slope}"
            )
        # One of the two is 0, so that the sum is exact; np.where is several times slower.
        y = np.minimum(x, 0)
        with np.errstate(over="ignore"):
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
            with np.errstate(over="ignore"):
                below *= self.slope
            below += above
            return cast("Shaped[ShapeT]", below)

        return self, dx
