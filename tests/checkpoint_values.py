"""Values to save, and a function to compare them."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple, cast

import attrs
import numpy as np
import numpy.typing as npt

import funnet as fn

HARD = bool(os.environ.get("FUNNET_HARD_TESTS"))  # the slow tests run in full

NET = fn.sequential(
    fn.Flatten(),
    fn.Affine.init(4, 6, rng=2),
    fn.LeakyReLU(0.3),
    fn.ELU(0.7),
    fn.sequential(fn.Affine.init(6, 3, rng=3)),
)


@attrs.frozen(eq=False)
class Scale:
    """A user's layer."""

    factors: fn.Matrix = attrs.field(converter=fn.lock_matrix)
    power: int = 1
    _note: str = "a constant"

    __repr__ = fn.describe
    __reduce__ = fn.reduce_to_constructor

    def forward(self, x: fn.Matrix, /) -> tuple[fn.Matrix, fn.Matrix]:
        """Return x, scaled."""
        return x * self.factors, x

    def pullback(
        self, cache: fn.Matrix, dout: fn.Matrix, /
    ) -> tuple[Scale, Callable[[], fn.Matrix]]:
        """Return the gradients."""
        factors = (cache * dout).sum(axis=0, keepdims=True)
        return attrs.evolve(self, factors=factors), lambda: dout * self.factors


@attrs.frozen(eq=False)
class Pruned:
    """A user's layer with buffers of all kinds."""

    factors: fn.Vector = attrs.field(converter=fn.lock_vector)
    kept: npt.NDArray[np.bool_] = attrs.field(converter=fn.lock_buffer, metadata=fn.BUFFER)
    order: npt.NDArray[np.int64] = attrs.field(converter=fn.lock_buffer, metadata=fn.BUFFER)
    spread: fn.Vector = attrs.field(converter=fn.lock_vector, metadata=fn.WIDE_BUFFER)

    __repr__ = fn.describe
    __reduce__ = fn.reduce_to_constructor

    def forward(self, x: fn.Matrix, /) -> tuple[fn.Matrix, fn.Matrix]:
        """Return x, scaled where it is kept."""
        return x * (self.factors * self.kept), x

    def pullback(
        self, cache: fn.Matrix, dout: fn.Matrix, /
    ) -> tuple[Pruned, Callable[[], fn.Matrix]]:
        """Return the gradients."""
        factors = (cache * dout).sum(axis=0) * self.kept
        return attrs.evolve(self, factors=factors), lambda: dout * (self.factors * self.kept)


class Point(NamedTuple):
    """A tuple with names."""

    x: object
    y: object = 1


def trained() -> fn.TrainState[object]:
    """Return the state of a network after three steps of Adam."""
    x = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    net = fn.sequential(fn.Affine.init(4, 6, rng=2), fn.Tanh(), fn.Affine.init(6, 3, rng=3))
    run = fn.train(
        net,
        fn.minibatches(x, np.arange(9) % 3, 4, rng=0),
        loss=fn.softmax_cross_entropy,
        optimizer=fn.clip_by_global_norm(fn.adam(), 1.0),
    )
    return next(islice(run, 2, None))


def with_norms() -> fn.Network[int, int]:
    """Return a network with all layers that have buffers, contexts or layers, after one step."""
    x = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    net: fn.Network[int, int] = fn.sequential(
        fn.Standardize.fit(x),
        fn.residual(fn.sequential(fn.Affine.init(4, 4, rng=2), fn.BatchNorm.init(4), fn.ReLU())),
        fn.concatenate(fn.LayerNorm.init(4), fn.Affine.init(4, 2, rng=3)),
        fn.Dropout(0.3),
    )
    _, cache = fn.forward(fn.training_mode(net, seed=7, step=0), x)
    return fn.update_statistics(net, cache)


NORMS = with_norms()


def with_buffers() -> fn.TrainState[object]:
    """Return the state of a network in float16 with buffers of all kinds, after three steps."""
    x = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    kept, order = np.array([True, False, True, True]), np.array([2, 0, 1, 3])
    net = fn.sequential(
        fn.Standardize.fit(x),
        Pruned(np.ones(4, np.float32), kept, order, np.full(4, 0.1, np.float32)),
        fn.BatchNorm.init(4),
        fn.Dropout(0.3),
        fn.Affine.init(4, 3, rng=3),
    )
    run = fn.train(
        fn.astype(net, np.float16),
        fn.minibatches(x.astype(np.float16), np.arange(9) % 3, 4, rng=0, drop_last=True),
        loss=fn.softmax_cross_entropy,
        optimizer=fn.adam(),
        seed=7,
    )
    return next(islice(run, 2, None))


VALUES = {
    "network": NET,
    "norms": NORMS,
    "images": fn.sequential(
        fn.Conv2d.init(1, 4, 3, padding="same", rng=0),
        fn.MaxPool2d(2),
        fn.AvgPool2d(3, (1, 2), 1),
        fn.GlobalAvgPool2d(),
    ),
    "trained": trained(),
    "buffers": with_buffers(),
    "state": fn.momentum().init(NET),
    "float16": fn.astype(NET, np.float16),
    "float64": fn.astype(NET, np.float64),
    "array": np.arange(6.0).reshape(2, 3),
    "nothing": fn.sequential(),
    "no arrays": fn.sequential(fn.ReLU(), fn.Sigmoid()),
    "containers": {
        "a": [np.zeros(3), (np.ones(()), None, True, -7, 0.1, "naïve", 10**30)],
        "b": {},
        "c": (float("inf"), -0.0, float("-inf")),
    },
    "empty arrays": (np.zeros((0, 3)), np.zeros((2, 0), np.float32)),
    "other numbers": (np.arange(3, dtype=np.uint8), np.array([True]), np.arange(2)),
}


def content(value: object) -> object:
    """Return a value that is equal for equal values of equal types, bit for bit."""
    if isinstance(value, np.ndarray):
        native = value.astype(value.dtype.newbyteorder("="), copy=False)
        return native.tobytes(), str(native.dtype), value.shape
    if isinstance(value, tuple | list):
        return type(value), [content(item) for item in value]
    if isinstance(value, dict):
        return [(key, content(item)) for key, item in value.items()]
    if isinstance(value, fn.OptimizerState):
        value = attrs.evolve(value, slots=value.slots)  # which may be stored as vectors
    if attrs.has(type(value)):
        fields = attrs.asdict(cast(attrs.AttrsInstance, value), recurse=False)
        return type(value), content(list(fields.values()))
    return type(value), repr(value)
