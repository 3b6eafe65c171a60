"""Cases for the laws: every layer, users' layers, and some networks, at rest and live."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pytest
from live_layers import Center, Noise, NormedNet, Pruned

import funnet as fn
from funnet.core.tree import named_arrays

# Any: the laws use only what layers of all types have in common.
AnyLayer = fn.Layer[Any, Any, Any, Any]


@attrs.frozen(eq=False)
class ScaleCache:
    x: fn.Matrix


@attrs.frozen(eq=False)
class Scale:
    """A user's own layer: y = gain x, with a gain for each column."""

    gain: fn.Vector = attrs.field(converter=fn.lock_vector)

    __repr__ = fn.describe
    __reduce__ = fn.reduce_to_constructor

    def forward(self, x: fn.Matrix) -> tuple[fn.Matrix, ScaleCache]:
        return x * self.gain, ScaleCache(x)

    def pullback(self, cache: ScaleCache, dout: fn.Matrix) -> tuple[Scale, Callable[[], fn.Matrix]]:
        return Scale((dout * cache.x).sum(axis=0)), lambda: dout * self.gain


@attrs.frozen(eq=False)
class TwoLayerNetCache:
    x: fn.Matrix
    hidden: fn.Matrix


@attrs.frozen(eq=False)
class TwoLayerNet:
    """A user's own network, written out by hand: y = tanh(x W1 + b1) W2 + b2."""

    W1: fn.Matrix = attrs.field(converter=fn.lock_matrix)
    b1: fn.Vector = attrs.field(converter=fn.lock_vector)
    W2: fn.Matrix = attrs.field(converter=fn.lock_matrix)
    b2: fn.Vector = attrs.field(converter=fn.lock_vector)

    __repr__ = fn.describe
    __reduce__ = fn.reduce_to_constructor

    def forward(self, x: fn.Matrix) -> tuple[fn.Matrix, TwoLayerNetCache]:
        hidden: fn.Matrix = np.tanh(x @ self.W1 + self.b1)
        return hidden @ self.W2 + self.b2, TwoLayerNetCache(x, hidden)

    def pullback(
        self, cache: TwoLayerNetCache, dout: fn.Matrix
    ) -> tuple[TwoLayerNet, Callable[[], fn.Matrix]]:
        inner: fn.Matrix = (dout @ self.W2.T) * (1 - cache.hidden**2)
        grads = TwoLayerNet(
            W1=cache.x.T @ inner,
            b1=inner.sum(axis=0),
            W2=cache.hidden.T @ dout,
            b2=dout.sum(axis=0),
        )
        return grads, lambda: inner @ self.W1.T


@attrs.frozen
class Case:
    """A layer, the shape of an input, whether it compares numbers in it, and its mode."""

    make: Callable[[np.random.Generator, type[fn.Float]], AnyLayer]
    shape: tuple[int, ...]
    compares: bool = False
    live: bool = False

    def layer(self, seed: int, dtype: type[fn.Float] = np.float64) -> AnyLayer:
        layer = self.make(np.random.default_rng(seed), dtype)
        return fn.training_mode(layer, seed=seed, step=3) if self.live else layer

    def x(self, seed: int, dtype: type[fn.Float] = np.float64) -> npt.NDArray[fn.Float]:
        """Return a batch whose numbers keep away from kinks: from 0, or from each other."""
        rng = np.random.default_rng([seed, 1])
        if self.compares:
            return (0.1 * rng.permutation(math.prod(self.shape)).reshape(self.shape)).astype(dtype)
        x = rng.uniform(0.1, 2, self.shape)
        return np.where(rng.random(self.shape) < 0.5, -x, x).astype(dtype)


def _affine(rng: np.random.Generator, n_in: int, n_out: int, dtype: type[fn.Float]) -> fn.Affine:
    made = fn.Affine.init(n_in, n_out, rng=rng, weights=fn.xavier, dtype=dtype)
    return fn.Affine(made.W, rng.standard_normal(n_out).astype(dtype))


def _conv2d(rng: np.random.Generator, dtype: type[fn.Float], *args: Any, **sizes: Any) -> fn.Conv2d:
    made = fn.Conv2d.init(*args, rng=rng, weights=fn.xavier, dtype=dtype, **sizes)
    return fn.replace_at(made, "b", rng.standard_normal(made.n_out).astype(dtype))


def _layer_norm(rng: np.random.Generator, n: int, dtype: type[fn.Float]) -> fn.LayerNorm:
    gamma, beta = rng.standard_normal((2, n)).astype(dtype)
    return fn.LayerNorm(gamma, beta, eps=0.1)  # small variances have large higher derivatives


def _standardize(rng: np.random.Generator, n: int, dtype: type[fn.Float]) -> fn.Standardize:
    return fn.Standardize.fit(rng.normal(3, 2, (8, n)).astype(dtype))


def _two_layer_net(rng: np.random.Generator, dtype: type[fn.Float]) -> TwoLayerNet:
    first, second = _affine(rng, 4, 5, dtype), _affine(rng, 5, 3, dtype)
    return TwoLayerNet(first.W, first.b, second.W, second.b)


def _vector(
    rng: np.random.Generator, low: float, high: float, n: int, dtype: type[fn.Float]
) -> fn.Vector:
    vector: fn.Vector = rng.uniform(low, high, n).astype(dtype)
    return vector


def _batch_norm(rng: np.random.Generator, n: int, dtype: type[fn.Float]) -> fn.BatchNorm:
    """Return a batch norm that has been trained."""
    gamma, var = (_vector(rng, 0.5, 1.5, n, dtype) for _ in range(2))
    beta, mean = (_vector(rng, -0.5, 0.5, n, dtype) for _ in range(2))
    return fn.BatchNorm(gamma, beta, mean, var, np.array(30), eps=1e-3, momentum=0.2)


def _center(rng: np.random.Generator, n: int, dtype: type[fn.Float]) -> Center:
    gain, mean = (_vector(rng, -0.5, 0.5, n, dtype) for _ in range(2))
    return Center(gain=gain, mean=mean, count=np.array(30))


def _normed_net(rng: np.random.Generator, dtype: type[fn.Float]) -> NormedNet:
    first, second = _affine(rng, 4, 5, dtype), _affine(rng, 5, 3, dtype)
    return NormedNet(first.W, _batch_norm(rng, 5, dtype), fn.Dropout(0.4), second.W)


def _pruned(rng: np.random.Generator, n_in: int, n_out: int, dtype: type[fn.Float]) -> Pruned:
    return Pruned(_affine(rng, n_in, n_out, dtype).W, rng.random((n_in, n_out)) < 0.5)


# Those with a context, which are different in training mode.
WITH_CONTEXT: dict[str, Case] = {
    "Dropout": Case(lambda _, __: fn.Dropout(0.3), (6, 4)),
    "Dropout on images": Case(lambda _, __: fn.Dropout(0.3), (2, 3, 4, 5)),
    "BatchNorm": Case(lambda rng, dtype: _batch_norm(rng, 4, dtype), (6, 4)),
    "BatchNorm on images": Case(lambda rng, dtype: _batch_norm(rng, 3, dtype), (2, 3, 4, 5)),
    "a user's noise": Case(lambda rng, dtype: Noise(rng.standard_normal(4).astype(dtype)), (6, 4)),
    "a user's layer with statistics": Case(lambda rng, dtype: _center(rng, 4, dtype), (6, 4)),
    "a user's network with a batch norm": Case(_normed_net, (24, 4)),
    "a network with contexts": Case(
        lambda rng, dtype: fn.sequential(
            _batch_norm(rng, 1, dtype),
            fn.Flatten(),
            fn.sequential(
                fn.Dropout(0.3), _affine(rng, 12, 4, dtype), _center(rng, 4, dtype), fn.Tanh()
            ),
            _normed_net(rng, dtype),
        ),
        (24, 1, 4, 3),
    ),
}

CASES: dict[str, Case] = {
    "Affine": Case(lambda rng, dtype: _affine(rng, 4, 3, dtype), (6, 4)),
    "ReLU": Case(lambda _, __: fn.ReLU(), (6, 4)),
    "ReLU on images": Case(lambda _, __: fn.ReLU(), (2, 3, 4, 5)),
    "LeakyReLU": Case(lambda _, __: fn.LeakyReLU(0.2), (6, 4)),
    "ELU": Case(lambda _, __: fn.ELU(0.7), (6, 4)),
    "Sigmoid": Case(lambda _, __: fn.Sigmoid(), (6, 4)),
    "Tanh": Case(lambda _, __: fn.Tanh(), (6, 4)),
    "Softmax": Case(lambda _, __: fn.Softmax(), (6, 4)),
    "Identity": Case(lambda _, __: fn.Identity(), (6, 4)),
    "Step": Case(lambda _, __: fn.Step(), (6, 4)),
    "Flatten": Case(lambda _, __: fn.Flatten(), (5, 1, 4, 3)),
    "Conv2d": Case(lambda rng, dtype: _conv2d(rng, dtype, 2, 3, 3, padding=1), (3, 2, 5, 4)),
    "Conv2d with strides": Case(
        lambda rng, dtype: _conv2d(rng, dtype, 2, 3, (3, 2), stride=(2, 3), padding=(0, 2)),
        (3, 2, 6, 5),
    ),
    "Conv2d of even size": Case(
        lambda rng, dtype: _conv2d(rng, dtype, 1, 2, (2, 4), padding="same"), (3, 1, 4, 5)
    ),
    "MaxPool2d": Case(lambda _, __: fn.MaxPool2d(2), (3, 2, 5, 4), compares=True),
    "MaxPool2d with strides": Case(
        lambda _, __: fn.MaxPool2d(3, (2, 1), (0, 1)), (3, 2, 6, 4), compares=True
    ),
    "AvgPool2d": Case(lambda _, __: fn.AvgPool2d(2), (3, 2, 5, 4)),
    "AvgPool2d with strides": Case(lambda _, __: fn.AvgPool2d(3, (2, 1), (0, 1)), (3, 2, 6, 4)),
    "GlobalAvgPool2d": Case(lambda _, __: fn.GlobalAvgPool2d(), (3, 2, 5, 4)),
    "LayerNorm": Case(lambda rng, dtype: _layer_norm(rng, 4, dtype), (6, 4)),
    "LayerNorm of one column": Case(lambda rng, dtype: _layer_norm(rng, 1, dtype), (6, 1)),
    "Standardize": Case(lambda rng, dtype: _standardize(rng, 4, dtype), (6, 4)),
    "no layers": Case(lambda _, __: fn.sequential(), (6, 4)),
    "a user's layer": Case(lambda rng, dtype: Scale(rng.standard_normal(4).astype(dtype)), (6, 4)),
    "a user's network": Case(_two_layer_net, (6, 4)),
    "a network": Case(
        lambda rng, dtype: fn.sequential(
            _affine(rng, 4, 5, dtype), fn.Tanh(), _affine(rng, 5, 3, dtype), fn.Softmax()
        ),
        (6, 4),
    ),
    "a network on images": Case(
        lambda rng, dtype: fn.sequential(
            _conv2d(rng, dtype, 1, 3, 3, padding=1),
            fn.Tanh(),
            fn.AvgPool2d(2),
            _conv2d(rng, dtype, 3, 2, 2),
            fn.Flatten(),
            _affine(rng, 4, 3, dtype),
        ),
        (5, 1, 6, 5),
    ),
    "residual": Case(lambda rng, dtype: fn.residual(_affine(rng, 4, 4, dtype)), (6, 4)),
    "residual on images": Case(lambda _, __: fn.residual(fn.Tanh()), (2, 3, 4, 5)),
    "concatenate": Case(
        lambda rng, dtype: fn.concatenate(
            _affine(rng, 4, 3, dtype), fn.Identity(), _affine(rng, 4, 1, dtype)
        ),
        (6, 4),
    ),
    "concatenate on images": Case(
        lambda _, __: fn.concatenate(fn.Tanh(), fn.Sigmoid()), (2, 3, 4, 5)
    ),
    "a user's network in combinators": Case(
        lambda rng, dtype: fn.sequential(
            _standardize(rng, 4, dtype),
            fn.concatenate(
                fn.residual(fn.sequential(_affine(rng, 4, 4, dtype), fn.Tanh())), fn.Identity()
            ),
            fn.residual(
                fn.concatenate(
                    fn.sequential(_affine(rng, 8, 4, dtype), _two_layer_net(rng, dtype)),
                    fn.sequential(
                        _layer_norm(rng, 8, dtype),
                        fn.residual(fn.sequential()),
                        fn.Sigmoid(),
                        _affine(rng, 8, 5, dtype),
                    ),
                )
            ),
            Scale(rng.standard_normal(8).astype(dtype)),
        ),
        (6, 4),
    ),
    "a network of networks": Case(
        lambda rng, dtype: fn.sequential(
            fn.Flatten(),
            fn.sequential(_affine(rng, 12, 5, dtype), fn.Sigmoid()),
            Scale(rng.standard_normal(5).astype(dtype)),
            fn.sequential(fn.sequential(_affine(rng, 5, 4, dtype)), _two_layer_net(rng, dtype)),
        ),
        (5, 1, 4, 3),
    ),
    "a user's pruning mask": Case(lambda rng, dtype: _pruned(rng, 4, 3, dtype), (6, 4)),
    **WITH_CONTEXT,
    **{f"{name}, live": attrs.evolve(case, live=True) for name, case in WITH_CONTEXT.items()},
}
RESTING = {name: case for name, case in CASES.items() if not case.live}
# The layers of funnet. A `Sequential` leaves it to its layers to check what they are given.
OURS = {
    name: case
    for name, case in CASES.items()
    if type(case.layer(0)).__module__.startswith("funnet.layers.")
    and not isinstance(case.layer(0), fn.Sequential)
}

every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
every_case_of_ours = pytest.mark.parametrize("case", OURS.values(), ids=OURS)
every_resting_case = pytest.mark.parametrize("case", RESTING.values(), ids=RESTING)


def all_arrays(tree: object) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of a tree by their paths, buffers included."""
    return dict(named_arrays(tree))
