"""y = gamma (x - mean) / sqrt(var + eps) + beta, with mean and var of each feature or channel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Generic, Literal, cast

import attrs
import numpy as np
import numpy.typing as npt

from funnet.core.arrays import (
    Array,
    Float,
    Shaped,
    ShapeT,
    Vector,
    describe_cache,
    typed_like,
    wide,
)
from funnet.core.checks import as_float, check_cache, check_dtype, check_like, check_shape
from funnet.core.context import BUFFER, WIDE_BUFFER, Context, Statistics
from funnet.core.describe import describe
from funnet.core.errors import ShapeError
from funnet.core.kernels import channel_dots, channel_sums
from funnet.core.layer import OnRows, SomeLayer
from funnet.core.locks import lock_buffer, lock_in_place, lock_vector
from funnet.core.tree import reduce_to_constructor, refill
from funnet.layers.affine import I, I_co
from funnet.layers.normalization import as_eps, unit_scale_and_shift


@attrs.frozen(eq=False, repr=False)
class BatchNormCache(Generic[ShapeT]):
    """Cache of `BatchNorm`: the output, the normalized input, 1 / sqrt(var + eps), and statistics.

    The statistics are None at rest.
    """

    y: Shaped[ShapeT]
    normalized: Shaped[ShapeT]
    scale: Vector
    statistics: Statistics | None

    __repr__ = describe_cache


def _momentum(momentum: float) -> float:
    number = as_float(momentum, "momentum")
    if not 0 <= number <= 1:
        raise ValueError(f"momentum must be between 0 and 1, got {number}")
    return number


@attrs.frozen(eq=False)
class BatchNorm(OnRows, SomeLayer, Generic[I_co]):
    """Batch normalization of rows (N, C) and images (N, C, H, W), per feature or channel.

    In training mode, mean and variance are those of the batch, and are recorded for
    `update_statistics`. At rest they are the running ones, an exact average of the first batches
    and an exponential one later: a batch of n values per channel has the weight
    max(momentum, n / (count + n)). The running variance is unbiased. Where squares of a batch are
    beyond the range of the dtype, the variance is infinite and y is beta; `train` raises an error.

    Parameters
    ----------
    gamma, beta
        Scale and shift of shape (C,).
    mean, var
        Running mean and variance of shape (C,), as buffers; in float32 if `gamma` is float16.
    count
        Number of values per channel in the running statistics, a buffer of shape ().
    eps
        Added to the variance, >= 1e-37. Default: 1e-5.
    momentum
        Least weight of a batch in the running statistics, from 0 to 1. Default: 0.1.

    Raises
    ------
    ShapeError, DTypeError
        If shapes or dtypes do not match.
    ValueError
        If a number is out of range.

    References
    ----------
    S. Ioffe and C. Szegedy, "Batch normalization: accelerating deep network training by reducing
    internal covariate shift", 2015.

    Examples
    --------
    >>> from funnet import BatchNorm, forward, training_mode, update_statistics
    >>> norm = BatchNorm.init(1, dtype=np.float64)
    >>> live = training_mode(norm, seed=0, step=0)
    >>> y, cache = forward(live, np.array([[1.0], [3.0]]))
    >>> y.round(3)
    array([[-1.],
           [ 1.]])
    >>> norm = update_statistics(norm, cache)
    >>> norm.mean, norm.var
    (array([2.]), array([2.]))
    """

    gamma: Vector = attrs.field(converter=lock_vector)
    beta: Vector = attrs.field(converter=lock_vector)
    mean: Vector = attrs.field(converter=lock_vector, metadata=WIDE_BUFFER)
    var: Vector = attrs.field(converter=lock_vector, metadata=WIDE_BUFFER)
    count: npt.NDArray[np.int64] = attrs.field(converter=lock_buffer, metadata=BUFFER)
    eps: float = attrs.field(default=1e-5, converter=as_eps)
    momentum: float = attrs.field(default=0.1, converter=_momentum)
    context: Context | None = attrs.field(default=None, kw_only=True)

    constructor_only_checks: ClassVar[Literal[True]] = True

    __repr__ = describe
    __reduce__ = reduce_to_constructor

    def __attrs_post_init__(self) -> None:
        gamma = self.gamma
        check_like(self.beta, gamma, "beta of BatchNorm")
        wanted = wide(gamma.dtype)
        for name in ("mean", "var"):
            buffer: Vector = getattr(self, name)
            if buffer.dtype == gamma.dtype != wanted:
                buffer = lock_in_place(buffer.astype(wanted))
                object.__setattr__(self, name, buffer)
            check_dtype(buffer, wanted, f"{name} of BatchNorm")
            check_shape(buffer, gamma.shape, f"{name} of BatchNorm")
        if (self.var < 0).any():
            raise ValueError(f"var of BatchNorm must be >= 0, got {self.var.min()}")
        if self.count.shape != () or self.count.dtype.kind != "i" or self.count < 0:
            raise ValueError(f"count of BatchNorm must be an integer >= 0, got {self.count!r}")

    @staticmethod
    def init(
        n_features: I,
        *,
        eps: float = 1e-5,
        momentum: float = 0.1,
        dtype: type[Float] = np.float32,
    ) -> BatchNorm[I]:
        """Return a layer with gamma 1, beta 0, running mean 0 and running variance 1.

        Parameters
        ----------
        n_features
            Number of features of rows, or of channels of images, >= 1.
        eps, momentum
            See the class.
        dtype
            `np.float16`, `np.float32` or `np.float64`. Default: `np.float32`.

        Raises
        ------
        TypeError, ValueError
            If an argument is of another type, or out of range.
        """
        ones, zeros = unit_scale_and_shift(n_features, dtype)
        return BatchNorm(ones, zeros, zeros, ones, np.array(0), eps, momentum)

    @property
    def n_in(self) -> I_co:
        """Number of features or channels."""
        return cast(I_co, len(self.gamma))

    @property
    def n_out(self) -> I_co:
        """Number of features or channels."""
        return self.n_in

    @property
    def has_statistics(self) -> bool:
        """Whether the running statistics come from data."""
        return bool(self.count)

    # Numbers so large that their squares overflow give infinite variances, without a warning.
    @np.errstate(over="ignore", invalid="ignore")
    def forward(self, x: Shaped[ShapeT], /) -> tuple[Shaped[ShapeT], BatchNormCache[ShapeT]]:
        """Return y, with the statistics of the batch in training mode, else the running ones."""
        gamma, beta = self.gamma, self.beta
        check_dtype(x, gamma.dtype, "x of BatchNorm")
        c = len(gamma)
        if x.ndim not in (2, 4) or x.shape[1] != c:
            raise ShapeError(
                f"x of BatchNorm must have shape (N, {c}) or (N, {c}, H, W), got {x.shape}"
            )
        values: Array = x.astype(self.mean.dtype, copy=False)
        statistics = None
        if self.context is None:
            centered = values - _per_channel(self.mean, x)
            var = self.var
        else:
            n = x.size // c
            if n < 2:
                raise ShapeError(
                    f"x of BatchNorm must have at least two values per channel in training mode, "
                    f"got shape {x.shape}; use larger batches, and minibatches(..., drop_last=True)"
                )
            mean = channel_sums(values) / n
            centered = values - _per_channel(mean, x)
            # The first mean is rounded: a constant channel of large numbers would not become 0.
            rest = channel_sums(centered) / n
            centered -= _per_channel(rest, x)
            mean += rest
            var = channel_dots(centered, centered) / n
            statistics = Statistics(self.context.path, (mean, var, np.array(n)))
        scale = 1 / np.sqrt(var + var.dtype.type(self.eps))
        centered *= _per_channel(scale, x)
        y = centered * _per_channel(gamma, x)
        y += _per_channel(beta, x)
        out = typed_like(x, y.astype(x.dtype, copy=False))
        return out, BatchNormCache(out, typed_like(x, centered), scale, statistics)

    @np.errstate(over="ignore", invalid="ignore")
    def pullback(
        self, cache: BatchNormCache[ShapeT], dout: Shaped[ShapeT], /
    ) -> tuple[BatchNorm[I_co], Callable[[], Shaped[ShapeT]]]:
        """Return dgamma and dbeta; dx includes the derivative of the batch statistics."""
        check_cache(cache, BatchNormCache)
        check_like(dout, cache.y, "dout of BatchNorm")
        normalized, dtype = cache.normalized, dout.dtype
        values: Array = dout.astype(normalized.dtype, copy=False)
        dbeta = channel_sums(values)
        dgamma = channel_dots(values, normalized)
        grads: BatchNorm[I_co] = refill(
            BatchNorm,
            (
                lock_in_place(dgamma.astype(dtype, copy=False)),
                lock_in_place(dbeta.astype(dtype, copy=False)),
                self.mean, self.var, self.count, self.eps, self.momentum, None,
            ),
        )  # fmt: skip

        @np.errstate(over="ignore", invalid="ignore")
        def dx() -> Shaped[ShapeT]:
            factor = _per_channel(self.gamma * cache.scale, dout)
            if cache.statistics is None:
                d = values * factor
            else:
                n = dout.size // len(dbeta)
                d = normalized * _per_channel(-dgamma / n, dout)
                d += values
                d -= _per_channel(dbeta / n, dout)
                d *= factor
            return typed_like(dout, d.astype(dtype, copy=False))

        return grads, dx

    @np.errstate(over="ignore", invalid="ignore")
    def with_statistics(self, values: tuple[Array, ...], /) -> BatchNorm[I_co]:
        """Return the layer after a batch with these statistics: (mean, var, n) per channel."""
        mean, var, n = self._moments(values)
        weight = max(self.momentum, n / (int(self.count) + n))
        unbiased = var * (n / (n - 1))
        return attrs.evolve(
            self,
            mean=self.mean + weight * (mean - self.mean),
            var=self.var + weight * (unbiased - self.var),
            count=self.count + n,
        )

    @np.errstate(over="ignore", invalid="ignore")
    def with_population(self, parts: Sequence[tuple[Array, ...]], /) -> BatchNorm[I_co]:
        """Return the layer with the mean and variance of all values, given those of batches."""
        means, variances, sizes = zip(*map(self._moments, parts), strict=True)
        n, weights = sum(sizes), np.array(sizes)[:, None] / sum(sizes)
        mean = (weights * np.array(means, np.float64)).sum(axis=0)
        spread = np.square(np.array(means, np.float64) - mean)
        var = (weights * (np.array(variances, np.float64) + spread)).sum(axis=0) * (n / (n - 1))
        dtype = self.mean.dtype
        return attrs.evolve(self, mean=mean.astype(dtype), var=var.astype(dtype), count=np.array(n))

    def _moments(self, values: tuple[Any, ...]) -> tuple[Vector, Vector, int]:
        mean, var, n = values
        check_like(mean, self.mean, "the mean of the batch")
        check_like(var, self.var, "the variance of the batch")
        return mean, var, int(n)


def _per_channel(vector: Vector, x: Array) -> Array:
    """Return a vector in the shape that broadcasts over axis 1 of rows or images."""
    return vector if x.ndim == 2 else vector[:, None, None]
