"""Networks that differ in training, and steps and runs of training them."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any

import numpy as np
import pytest
from live_layers import Center, Noise, NormedNet
from training_cases import BATCHES, NET, SGD, T, X

import funnet as fn

LIVE = fn.sequential(
    fn.Affine.init(4, 6, rng=2),
    fn.BatchNorm.init(6),
    fn.Tanh(),
    fn.Dropout(0.5),
    fn.Affine.init(6, 3, rng=3),
)
MINE = NormedNet(
    fn.Affine.init(4, 6, rng=2).W,
    fn.BatchNorm.init(6),
    fn.Dropout(0.5),
    fn.Affine.init(6, 3, rng=3).W,
)
OF_LAYERS = fn.sequential(
    fn.Affine.init(4, 6, rng=2),
    Center(gain=np.ones(6, np.float32), mean=np.zeros(6, np.float32)),
    Noise(np.ones(6, np.float32)),
    fn.Affine.init(6, 3, rng=3),
)
LOSS = fn.softmax_cross_entropy
Net = Any  # networks of several classes, and what is not one
NETS = [NET, LIVE, MINE, OF_LAYERS]
every_net = pytest.mark.parametrize(
    "net", NETS, ids=["plain", "live", "a user's", "a user's layers"]
)


def init(net: Net, optimizer: fn.Optimizer = SGD) -> fn.TrainState[Any]:
    return fn.TrainState.init(net, optimizer)


def gradients(net: Net, x: Any = X, t: Any = T, **settings: Any) -> fn.BatchGradients[Any]:
    return fn.batch_gradients(net, x, t, loss=LOSS, **settings)


def step(state: Net, x: Any = X, t: Any = T, **settings: Any) -> fn.TrainState[Any]:
    return fn.train_step(state, x, t, loss=LOSS, **{"optimizer": SGD, **settings})


def run(
    start: Net, batches: Iterable[Any] = BATCHES, **settings: Any
) -> Generator[fn.TrainState[Any], None, None]:
    return fn.train(start, batches, loss=LOSS, **{"optimizer": SGD, **settings})
