"""y = x where x > 0, else slope x."""

from __future__ import annotations

from functools import partial

import attrs

from funnet.core.arrays import Shaped, ShapeT
from funnet.core.checks import check_float, check_number
from funnet.core.kernels import leak, leak_where_negative
from funnet.core.layer import Elementwise, OnRows, SomeLayer
from funnet.functions import LOWEST
from funnet.layers.caches import ArrayCache, Pulled, pull


def _finite(slope: float) -> float:
    return check_number(slope, "slope")


@attrs.frozen(eq=False)
class LeakyReLU(Elementwise, OnRows, SomeLayer):
    """Leaky rectified linear unit, for arrays of any shape.

    Parameters
    ----------
    slope
        Derivative for x < 0: a finite constant, not trained. If its absolute value is above 1,
        results outside the range of the dtype are infinite. Default: 0.01.

    Raises
    ------
    TypeError
        If `slope` is not a number.
    ValueError
        If `slope` is not finite; in `forward`, if it is outside the range of the input's dtype.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import LeakyReLU, predict
    >>> predict(LeakyReLU(0.5), np.array([[-1.0, 2.0]]))
    array([[-0.5,  2. ]])
    """

    slope: float = attrs.field(default=0.01, converter=_finite)

    def forward(self, x: Shaped[ShapeT], /) -> tuple[Shaped[ShapeT], ArrayCache[LeakyReLU, ShapeT]]:
        """Return x where x > 0, else slope x."""
        check_float(x, "x")
        if abs(self.slope) > -LOWEST[x.dtype.type]:
            raise ValueError(
                f"slope of LeakyReLU must be in the range of {x.dtype}, got {self.slope}"
            )
        return leak(x, self.slope), ArrayCache(type(self), x)

    def pullback(
        self, cache: ArrayCache[LeakyReLU, ShapeT], dout: Shaped[ShapeT], /
    ) -> Pulled[LeakyReLU, ShapeT]:
        """Return no gradients; dx = dout where x > 0, else slope dout."""
        return pull(self, cache, dout, partial(leak_where_negative, slope=self.slope))
