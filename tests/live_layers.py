"""A user's own layers with a context, with statistics and with a buffer, and a network of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs
import numpy as np
import numpy.typing as npt

import funnet as fn
from funnet.layers.batch_norm import BatchNormCache
from funnet.layers.dropout import DropoutCache

Rank2 = tuple[int, int]


@attrs.frozen(eq=False)
class NoiseCache:
    noise: fn.Matrix


@attrs.frozen(eq=False)
class Noise:
    """A user's layer with a context: y = x + strength * noise, and y = x at rest."""

    strength: fn.Vector = attrs.field(converter=fn.lock_vector)
    context: fn.Context | None = None

    __repr__ = fn.describe
    __reduce__ = fn.reduce_to_constructor

    def forward(self, x: fn.Matrix) -> tuple[fn.Matrix, NoiseCache]:
        noise: fn.Matrix = np.zeros(x.shape, x.dtype)
        if self.context is not None:
            noise = self.context.generator().standard_normal(x.shape).astype(x.dtype)
        return x + self.strength * noise, NoiseCache(noise)

    def pullback(self, cache: NoiseCache, dout: fn.Matrix) -> tuple[Noise, Callable[[], fn.Matrix]]:
        return Noise((dout * cache.noise).sum(axis=0)), lambda: dout


@attrs.frozen(eq=False)
class CenterCache:
    centered: fn.Matrix
    statistics: fn.Statistics | None


@attrs.frozen(eq=False)
class Center:
    """A user's layer with statistics: y = gain * (x - mean), with the mean of the batch or of all.

    The fields are by keyword only, and one has an alias.
    """

    gain: fn.Vector = attrs.field(converter=fn.lock_vector, kw_only=True)
    _mean: fn.Vector = attrs.field(converter=fn.lock_vector, metadata=fn.BUFFER, kw_only=True)
    count: npt.NDArray[np.int64] = attrs.field(
        converter=fn.lock_buffer, metadata=fn.BUFFER, kw_only=True, default=np.array(0)
    )
    context: fn.Context | None = attrs.field(default=None, kw_only=True)

    __repr__ = fn.describe
    __reduce__ = fn.reduce_to_constructor

    @property
    def mean(self) -> fn.Vector:
        return self._mean

    @property
    def has_statistics(self) -> bool:
        return bool(self.count)

    def forward(self, x: fn.Matrix) -> tuple[fn.Matrix, CenterCache]:
        if self.context is None:
            centered: fn.Matrix = x - self._mean
            return centered * self.gain, CenterCache(centered, None)
        mean = x.mean(axis=0)
        statistics = fn.Statistics(self.context.path, (mean, np.array(len(x))))
        return (x - mean) * self.gain, CenterCache(x - mean, statistics)

    def pullback(
        self, cache: CenterCache, dout: fn.Matrix
    ) -> tuple[Center, Callable[[], fn.Matrix]]:
        grads = Center(gain=(dout * cache.centered).sum(axis=0), mean=self._mean, count=self.count)

        def dx() -> fn.Matrix:
            d: fn.Matrix = dout * self.gain
            return d if cache.statistics is None else d - d.mean(axis=0)

        return grads, dx

    def with_statistics(self, values: tuple[fn.Array, ...]) -> Center:
        """Return the layer with the mean of all rows so far."""
        mean, n = values
        count = self.count + n.astype(np.int64)
        weight = float(n / count)  # a float64 of NumPy would make the mean one
        return attrs.evolve(self, mean=self._mean + (mean - self._mean) * weight, count=count)

    def with_population(self, parts: Sequence[tuple[fn.Array, ...]]) -> Center:
        """Return the layer with the mean of all rows of a data set."""
        n, total = 0, np.zeros_like(self._mean)
        for mean, k in parts:
            n, total = n + int(k), total + mean * k.astype(mean.dtype)
        return attrs.evolve(self, mean=total / n, count=np.array(n))


@attrs.frozen(eq=False)
class PrunedCache:
    x: fn.Matrix


@attrs.frozen(eq=False)
class Pruned:
    """A user's layer with a buffer: y = x (W * mask), where the mask is of bools."""

    W: fn.Matrix = attrs.field(converter=fn.lock_matrix)
    mask: npt.NDArray[np.bool] = attrs.field(converter=fn.lock_buffer, metadata=fn.BUFFER)

    __repr__ = fn.describe
    __reduce__ = fn.reduce_to_constructor

    def forward(self, x: fn.Matrix) -> tuple[fn.Matrix, PrunedCache]:
        return x @ (self.W * self.mask), PrunedCache(x)

    def pullback(
        self, cache: PrunedCache, dout: fn.Matrix
    ) -> tuple[Pruned, Callable[[], fn.Matrix]]:
        grads = Pruned((cache.x.T @ dout) * self.mask, self.mask)
        return grads, lambda: dout @ (self.W * self.mask).T


@attrs.frozen(eq=False)
class NormedNetCache:
    x: fn.Matrix
    norm: BatchNormCache[Rank2]
    hidden: fn.Matrix
    dropout: DropoutCache[Rank2]


@attrs.frozen(eq=False)
class NormedNet:
    """A user's network, written out by hand: y = dropout(tanh(norm(x W1))) W2."""

    W1: fn.Matrix = attrs.field(converter=fn.lock_matrix)
    norm: fn.BatchNorm
    dropout: fn.Dropout
    W2: fn.Matrix = attrs.field(converter=fn.lock_matrix)

    __repr__ = fn.describe
    __reduce__ = fn.reduce_to_constructor

    def forward(self, x: fn.Matrix) -> tuple[fn.Matrix, NormedNetCache]:
        normed, norm = self.norm.forward(x @ self.W1)
        hidden: fn.Matrix = np.tanh(normed)
        kept, dropout = self.dropout.forward(hidden)
        return kept @ self.W2, NormedNetCache(x, norm, hidden, dropout)

    def pullback(
        self, cache: NormedNetCache, dout: fn.Matrix
    ) -> tuple[NormedNet, Callable[[], fn.Matrix]]:
        dropout, d_hidden = self.dropout.pullback(cache.dropout, dout @ self.W2.T)
        norm, d_inner = self.norm.pullback(cache.norm, d_hidden() * (1 - cache.hidden**2))
        inner = d_inner()
        grads = NormedNet(cache.x.T @ inner, norm, dropout, cache.dropout.y.T @ dout)
        return grads, lambda: inner @ self.W1.T
