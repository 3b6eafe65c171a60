"""y = 1 where x > 0, else 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Generic, Literal

import attrs
import numpy as np

from funnet.core.arrays import Shaped, ShapeT, check_cache, check_like, lock_in_place
from funnet.core.layer import Elementwise, OnRows, SomeLayer
from funnet.functions import step_function


@attrs.frozen(eq=False, repr=False)
class StepCache(Generic[ShapeT]):
    """What `Step.pullback` needs: the output, for its shape and dtype."""

    y: Shaped[ShapeT]


@attrs.frozen(eq=False)
class Step(Elementwise, OnRows, SomeLayer):
    """The perceptron's activation, on a batch of any shape. It has no parameters.

    Its derivative is zero wherever there is one, so no gradient passes through it.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import Step, predict
    >>> predict(Step(), np.array([[-1.0, 0.0, 2.0]]))
    array([[0., 0., 1.]])
    """

    keeps_width: ClassVar[Literal[True]] = True

    def forward(self, x: Shaped[ShapeT], /) -> tuple[Shaped[ShapeT], StepCache[ShapeT]]:
        """Return y, of the shape and dtype of x."""
        y = lock_in_place(step_function(x))
        return y, StepCache(y)

    def pullback(
        self, cache: StepCache[ShapeT], dout: Shaped[ShapeT], /
    ) -> tuple[Step, Callable[[], Shaped[ShapeT]]]:
        """Return no gradients; dx = 0."""
        check_cache(cache, StepCache)
        check_like(dout, cache.y, "dout of Step")

        def dx() -> Shaped[ShapeT]:
            return np.zeros_like(dout)

        return self, dx
