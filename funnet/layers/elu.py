"""y = x where x > 0, else alpha (exp(x) - 1)."""

from __future__ import annotations

from functools import partial

import attrs
import numpy as np

from funnet.core.arrays import Array, ArrayT, Shaped, ShapeT, typed_like
from funnet.core.checks import check_float, check_number
from funnet.core.layer import Elementwise, OnRows, SomeLayer
from funnet.functions import LOWEST
from funnet.layers.caches import ArrayCache, Pulled, keep, pull


def _alpha(alpha: float) -> float:
    return check_number(alpha, "alpha", 0)


@attrs.frozen(eq=False)
class ELU(Elementwise, OnRows, SomeLayer):
    """Exponential linear unit, for arrays of any shape.

    Parameters
    ----------
    alpha
        The output approaches -alpha for very negative x: a constant >= 0, not trained. Default: 1.

    Raises
    ------
    TypeError
        If `alpha` is not a number.
    ValueError
        If `alpha` is negative or not finite; in `forward`, if it is outside the range of the
        input's dtype.

    References
    ----------
    D.-A. Clevert, T. Unterthiner and S. Hochreiter, "Fast and accurate deep network learning by
    exponential linear units (ELUs)", 2016.

    Examples
    --------
    >>> from funnet import ELU, predict
    >>> predict(ELU(), np.array([[-1.0, 2.0]])).round(3)
    array([[-0.632,  2.   ]])
    """

    alpha: float = attrs.field(default=1.0, converter=_alpha)

    def forward(self, x: Shaped[ShapeT], /) -> tuple[Shaped[ShapeT], ArrayCache[ELU, ShapeT]]:
        """Return x where x > 0, else alpha (exp(x) - 1)."""
        check_float(x, "x")
        if self.alpha > -LOWEST[x.dtype.type]:
            raise ValueError(f"alpha of ELU must be in the range of {x.dtype}, got {self.alpha}")
        return keep(self, _elu(x, self.alpha))

    def pullback(
        self, cache: ArrayCache[ELU, ShapeT], dout: Shaped[ShapeT], /
    ) -> Pulled[ELU, ShapeT]:
        """Return no gradients; dx = dout where y > 0, else (y + alpha) dout."""
        return pull(self, cache, dout, partial(_dx, alpha=self.alpha))


def _elu(x: ArrayT, alpha: float) -> ArrayT:
    # A sum of two parts, of which one is 0; exp of positive numbers could overflow.
    y = np.empty(x.shape, x.dtype.type)
    np.minimum(x, 0, out=y)
    np.expm1(y, out=y)
    y *= x.dtype.type(alpha)
    y += np.maximum(x, 0)
    return typed_like(x, y)


def _dx(y: Array, dout: Array, alpha: float) -> Array:
    slope: Array = np.minimum(y, 0) + y.dtype.type(alpha)
    with np.errstate(over="ignore"):  # where dout is large and alpha > 1
        return np.where(y > 0, dout, slope * dout)
