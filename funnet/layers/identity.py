"""y = x."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Generic, Literal

import attrs

from funnet.core.arrays import Shaped, ShapeT, check_cache, check_like
from funnet.core.layer import Elementwise, OnRows, SomeLayer
from funnet.functions import identity


@attrs.frozen(eq=False, repr=False)
class IdentityCache(Generic[ShapeT]):
    """What `Identity.pullback` needs: the input, for its shape and dtype."""

    x: Shaped[ShapeT]


@attrs.frozen(eq=False)
class Identity(Elementwise, OnRows, SomeLayer):
    """The layer that changes nothing, on a batch of any shape. It has no parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import Identity, predict
    >>> predict(Identity(), np.array([[-1.0, 2.0]]))
    array([[-1.,  2.]])
    """

    keeps_width: ClassVar[Literal[True]] = True

    def forward(self, x: Shaped[ShapeT], /) -> tuple[Shaped[ShapeT], IdentityCache[ShapeT]]:
        """Return y, which is x."""
        y = identity(x)
        return y, IdentityCache(x)

    def pullback(
        self, cache: IdentityCache[ShapeT], dout: Shaped[ShapeT], /
    ) -> tuple[Identity, Callable[[], Shaped[ShapeT]]]:
        """Return no gradients; dx = dout."""
        check_cache(cache, IdentityCache)
        check_like(dout, cache.x, "dout of Identity")

        def dx() -> Shaped[ShapeT]:
            return dout

        return self, dx
