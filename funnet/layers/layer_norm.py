"""y = gamma (x - mean) / sqrt(var + eps) + beta, with mean and var of each row."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Generic, Literal, cast

import attrs
import numpy as np

from funnet.core.arrays import Array, Float, Matrix, Vector, describe_cache, typed_like, wide
from funnet.core.checks import check_batch, check_cache, check_like
from funnet.core.describe import describe
from funnet.core.kernels import column_sums
from funnet.core.layer import OnRows, SomeLayer
from funnet.core.locks import lock_in_place, lock_vector
from funnet.core.tree import reduce_to_constructor, refill
from funnet.layers.affine import I, I_co
from funnet.layers.normalization import as_eps, unit_scale_and_shift


@attrs.frozen(eq=False, repr=False)
class LayerNormCache:
    """Cache of `LayerNorm`: the output, the normalized input, and 1 / sqrt(var + eps)."""

    y: Matrix
    normalized: Matrix
    scale: Matrix

    __repr__ = describe_cache


@attrs.frozen(eq=False)
class LayerNorm(OnRows, SomeLayer, Generic[I_co]):
    """Layer normalization of rows (N, C).

    The same in training and at inference, since no row depends on another. Where squares of a row
    are beyond the range of the dtype, the variance is infinite and y is beta.

    Parameters
    ----------
    gamma, beta
        Scale and shift of shape (C,).
    eps
        Added to the variance, >= 1e-37. Default: 1e-5.

    Raises
    ------
    ShapeError, DTypeError
        If shapes or dtypes do not match.
    ValueError
        If `eps` is out of range.

    References
    ----------
    J. L. Ba, J. R. Kiros and G. E. Hinton, "Layer normalization", 2016.

    Examples
    --------
    >>> from funnet import LayerNorm, predict
    >>> norm = LayerNorm.init(2, dtype=np.float64)
    >>> predict(norm, np.array([[1.0, 3.0], [50.0, 10.0]])).round(3)
    array([[-1.,  1.],
           [ 1., -1.]])
    """

    gamma: Vector = attrs.field(converter=lock_vector)
    beta: Vector = attrs.field(converter=lock_vector)
    eps: float = attrs.field(default=1e-5, converter=as_eps)

    constructor_only_checks: ClassVar[Literal[True]] = True

    __repr__ = describe
    __reduce__ = reduce_to_constructor

    def __attrs_post_init__(self) -> None:
        check_like(self.beta, self.gamma, "beta of LayerNorm")

    @staticmethod
    def init(n_features: I, *, eps: float = 1e-5, dtype: type[Float] = np.float32) -> LayerNorm[I]:
        """Return a layer with gamma 1 and beta 0; see `BatchNorm.init` for the arguments."""
        return LayerNorm(*unit_scale_and_shift(n_features, dtype), eps)

    @property
    def n_in(self) -> I_co:
        """Number of features."""
        return cast(I_co, len(self.gamma))

    @property
    def n_out(self) -> I_co:
        """Number of features."""
        return self.n_in

    # Numbers so large that their squares overflow give infinite variances, without a warning.
    @np.errstate(over="ignore", invalid="ignore")
    def forward(self, x: Matrix, /) -> tuple[Matrix, LayerNormCache]:
        """Return y of shape (N, C)."""
        gamma = self.gamma
        check_batch(x, len(gamma), gamma.dtype, "x of LayerNorm")
        values: Array = x.astype(wide(x.dtype), copy=False)
        normalized = values - _row_means(values)
        # The first mean is rounded: a constant row of large numbers would not become 0.
        normalized -= _row_means(normalized)
        var = _row_means(np.square(normalized))
        scale = 1 / np.sqrt(var + var.dtype.type(self.eps))
        normalized *= scale
        y = normalized * gamma
        y += self.beta
        y = y.astype(x.dtype, copy=False)
        return y, LayerNormCache(y, normalized, scale)

    @np.errstate(over="ignore", invalid="ignore")
    def pullback(
        self, cache: LayerNormCache, dout: Matrix, /
    ) -> tuple[LayerNorm[I_co], Callable[[], Matrix]]:
        """Return dgamma and dbeta; dx includes the derivative of mean and var."""
        check_cache(cache, LayerNormCache)
        check_like(dout, cache.y, "dout of LayerNorm")
        normalized, dtype = cache.normalized, dout.dtype
        values: Matrix = dout.astype(normalized.dtype, copy=False)
        sums = column_sums(values * normalized), column_sums(values)
        dgamma, dbeta = (lock_in_place(each.astype(dtype, copy=False)) for each in sums)

        @np.errstate(over="ignore", invalid="ignore")
        def dx() -> Matrix:
            d: Array = values * self.gamma
            along = _row_means(d * normalized)
            d -= _row_means(d)
            d -= normalized * along
            d *= cache.scale
            return typed_like(dout, d.astype(dtype, copy=False))

        grads: LayerNorm[I_co] = refill(LayerNorm, (dgamma, dbeta, self.eps))
        return grads, dx


def _row_means(a: Array) -> Matrix:
    """Return the mean of each row, of shape (N, 1)."""
    return cast(Matrix, a.sum(axis=1, keepdims=True) / a.shape[1])
