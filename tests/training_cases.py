"""A small network, batches, and steps and runs of training."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any

import numpy as np

import funnet as fn

rng = np.random.default_rng(0)
X: fn.Matrix = rng.normal(size=(23, 4)).astype(np.float32)
T = rng.integers(0, 3, 23)
BATCHES = fn.minibatches(X, T, 5, rng=1)  # 5 to an epoch, the last of 3 rows
NET = fn.sequential(fn.Affine.init(4, 6, rng=2), fn.Tanh(), fn.Affine.init(6, 3, rng=3))

ADAM, SGD, LOSS = fn.adam(), fn.sgd(lr=0.1), fn.softmax_cross_entropy
Net = Any  # networks of several classes, and what is not one


def init(net: Net, optimizer: fn.Optimizer = SGD) -> fn.TrainState[Any]:
    return fn.TrainState.init(net, optimizer)


def gradients(net: Net, x: Any = X, t: Any = T, **settings: Any) -> fn.BatchGradients[Any]:
    return fn.batch_gradients(net, x, t, loss=LOSS, **settings)


def step(state: Net, x: Any = X, t: Any = T, **settings: Any) -> fn.TrainState[Any]:
    return fn.train_step(state, x, t, loss=LOSS, **{"optimizer": SGD, **settings})


def run(
    start: Net = NET, batches: Iterable[Any] = BATCHES, **settings: Any
) -> Generator[fn.TrainState[Any], None, None]:
    return fn.train(start, batches, **{"loss": LOSS, "optimizer": SGD, **settings})
