"""y = (x - mean) / std, with mean and std of the columns of a data set."""

from __future__ import annotations

from typing import ClassVar, Literal

import attrs
import numpy as np

from funnet.core.arrays import Array, Matrix, RowShape, Vector, plain, typed_like, wide
from funnet.core.checks import check_batch, check_float, check_like
from funnet.core.context import BUFFER
from funnet.core.describe import describe
from funnet.core.errors import ShapeError
from funnet.core.layer import OnRows, SomeLayer
from funnet.core.locks import lock_vector
from funnet.core.tree import reduce_to_constructor
from funnet.layers.caches import ArrayCache, Pulled, keep, pull


@attrs.frozen(eq=False)
class Standardize(OnRows, SomeLayer):
    """Standardization of columns, so that a saved network prepares its own input.

    It has no parameters. `fit` computes the buffers.

    Parameters
    ----------
    mean, std
        Mean and standard deviation of the columns, of shape (C,), as buffers; `std` is > 0.

    Raises
    ------
    ShapeError, DTypeError, ValueError
        If shapes or dtypes do not match, or a number is not finite or not in its range.

    Examples
    --------
    >>> from funnet import Standardize, predict
    >>> x = np.array([[1.0, 5.0], [3.0, 5.0]])
    >>> predict(Standardize.fit(x), x)
    array([[-1.,  0.],
           [ 1.,  0.]])
    """

    mean: Vector = attrs.field(converter=lock_vector, metadata=BUFFER)
    std: Vector = attrs.field(converter=lock_vector, metadata=BUFFER)

    keeps_width: ClassVar[Literal[True]] = True

    __repr__ = describe
    __reduce__ = reduce_to_constructor

    def __attrs_post_init__(self) -> None:
        mean, std = self.mean, self.std
        check_like(std, mean, "std of Standardize")
        if not np.isfinite(mean).all():
            raise ValueError("mean of Standardize must be finite")
        if not (np.isfinite(std) & (std > 0)).all():
            raise ValueError(f"std of Standardize must be finite and > 0, got {std.min()}")

    @staticmethod
    def fit(x: Matrix) -> Standardize:
        """Return the layer that gives each column of x (N, C) mean 0 and standard deviation 1.

        A column without deviation becomes 0. Mean and standard deviation (divided by N, not N - 1)
        are computed in float64 and have the dtype of `x`.

        Raises
        ------
        ShapeError, DTypeError, ValueError
            If `x` is not a float array of rank 2 with at least one row, or is not finite.
        """
        x = plain(x)
        check_float(x, "x of Standardize.fit")
        if x.ndim != 2 or not len(x):
            raise ShapeError(
                f"x of Standardize.fit must have shape (N, C) with N >= 1, got {x.shape}"
            )
        highest, lowest = x.max(axis=0), x.min(axis=0)
        finite = np.isfinite(highest) & np.isfinite(lowest)
        if not finite.all():
            raise ValueError(
                f"x of Standardize.fit must be finite, but column {finite.argmin()} is not"
            )
        # Divided by a power of two, which is exact, so that squares neither overflow nor vanish.
        _, exponent = np.frexp(np.maximum(highest, -lowest).astype(np.float64))
        values: Array = np.ldexp(x.astype(np.float64), -exponent)
        # A mean of equal numbers is rounded, so theirs is taken as it is.
        mean = np.where(highest == lowest, values[0], values.mean(axis=0))
        values -= mean
        std = np.ldexp(np.sqrt(np.square(values, out=values).mean(axis=0)), exponent)
        stored: Vector = std.astype(x.dtype)
        stored[stored == 0] = 1  # constant, or nearly so in this dtype
        return Standardize(np.ldexp(mean, exponent).astype(x.dtype), stored)

    @property
    def n_in(self) -> int:
        """Number of columns."""
        return len(self.mean)

    @property
    def n_out(self) -> int:
        """Number of columns."""
        return len(self.mean)

    # Results outside the range of the dtype are infinite, without a warning.
    @np.errstate(over="ignore")
    def forward(self, x: Matrix, /) -> tuple[Matrix, ArrayCache[Standardize, RowShape]]:
        """Return y of shape (N, C)."""
        mean, std = self.mean, self.std
        check_batch(x, len(mean), mean.dtype, "x of Standardize")
        y: Array = x.astype(wide(x.dtype), copy=False) - mean
        y /= std
        return keep(self, typed_like(x, y.astype(x.dtype, copy=False)))

    def pullback(
        self, cache: ArrayCache[Standardize, RowShape], dout: Matrix, /
    ) -> Pulled[Standardize, RowShape]:
        """Return no gradients; dx = dout / std."""
        return pull(self, cache, dout, self._dx)

    @np.errstate(over="ignore")
    def _dx(self, _: Array, dout: Array) -> Array:
        return dout / self.std
