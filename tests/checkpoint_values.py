"""Values to save, and how two of them are compared."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import cast

import attrs
import numpy as np

from funnet import (
    Affine,
    Flatten,
    LeakyReLU,
    Matrix,
    ReLU,
    Sigmoid,
    Tanh,
    TrainState,
    adam,
    astype,
    clip_by_global_norm,
    describe,
    lock_matrix,
    minibatches,
    momentum,
    reduce_to_constructor,
    sequential,
    softmax_cross_entropy,
    train,
)

NET = sequential(
    Flatten(), Affine.init(4, 6, rng=2), LeakyReLU(0.3), sequential(Affine.init(6, 3, rng=3))
)


@attrs.frozen(eq=False)
class Scale:
    """A user's layer."""

    factors: Matrix = attrs.field(converter=lock_matrix)
    power: int = 1
    _note: str = "a constant"

    __repr__ = describe
    __reduce__ = reduce_to_constructor

    def forward(self, x: Matrix, /) -> tuple[Matrix, Matrix]:
        """Return x, scaled."""
        return x * self.factors, x

    def pullback(self, cache: Matrix, dout: Matrix, /) -> tuple[Scale, Callable[[], Matrix]]:
        """Return the gradients."""
        factors = (cache * dout).sum(axis=0, keepdims=True)
        return attrs.evolve(self, factors=factors), lambda: dout * self.factors


def trained(steps: int = 3) -> TrainState[object]:
    x = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    net = sequential(Affine.init(4, 6, rng=2), Tanh(), Affine.init(6, 3, rng=3))
    run = train(
        net,
        minibatches(x, np.arange(9) % 3, 4, rng=0),
        loss=softmax_cross_entropy,
        optimizer=clip_by_global_norm(adam(), 1.0),
    )
    return next(islice(run, steps - 1, None))


VALUES = {
    "network": NET,
    "trained": trained(),
    "state": momentum().init(NET),
    "float16": astype(NET, np.float16),
    "float64": astype(NET, np.float64),
    "array": np.arange(6.0).reshape(2, 3),
    "nothing": sequential(),
    "no arrays": sequential(ReLU(), Sigmoid()),
    "containers": {
        "a": [np.zeros(3), (np.ones(()), None, True, -7, 0.1, "naïve", 10**30)],
        "b": {},
        "c": (float("inf"), -0.0, float("-inf")),
    },
    "empty arrays": (np.zeros((0, 3)), np.zeros((2, 0), np.float32)),
    "other numbers": (np.arange(3, dtype=np.uint8), np.array([True]), np.arange(2)),
}


def content(value: object) -> object:
    """Return something that is equal for equal values of equal types."""
    if isinstance(value, np.ndarray):
        native = value.astype(value.dtype.newbyteorder("="), copy=False)
        return native.tobytes(), str(native.dtype), value.shape
    if isinstance(value, tuple | list):
        return type(value), [content(item) for item in value]
    if isinstance(value, dict):
        return [(key, content(item)) for key, item in value.items()]
    if attrs.has(type(value)):
        fields = attrs.asdict(cast(attrs.AttrsInstance, value), recurse=False)
        return type(value), content(list(fields.values()))
    return type(value), repr(value)
