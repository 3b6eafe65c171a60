"""Networks that differ in training, and the one that does not."""

from __future__ import annotations

import numpy as np
import pytest
from live_layers import Center, Noise, NormedNet
from training_cases import NET

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
NETS = [NET, LIVE, MINE, OF_LAYERS]
every_net = pytest.mark.parametrize(
    "net", NETS, ids=["plain", "live", "a user's", "a user's layers"]
)
