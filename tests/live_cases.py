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

# Contexts of addresses that are easily taken for one another.
CONTEXTS = {
    "here": fn.Context(7, 3, "layers.1"),
    "seed": fn.Context(8, 3, "layers.1"),
    "seed of two words": fn.Context(7 + 2**32, 3, "layers.1"),
    "step": fn.Context(7, 4, "layers.1"),
    "step of two words": fn.Context(7, 3 + 2**32, "layers.1"),
    "path": fn.Context(7, 3, "layers.2"),
    "path below": fn.Context(7, 3, "layers.1.0"),
    "no path": fn.Context(7, 3),
    "shard": fn.Context(7, 3, "layers.1", 1),
    "shard of two words": fn.Context(7, 3, "layers.1", 2**32),
    "step and shard exchanged": fn.Context(7, 0, "layers.1", 3),
    "spawn key": fn.Context(np.random.SeedSequence(7, spawn_key=(1,)), 3, "layers.1"),
    "another spawn key": fn.Context(np.random.SeedSequence(7, spawn_key=(0, 1)), 3, "layers.1"),
    "pool size": fn.Context(np.random.SeedSequence(7, pool_size=8), 3, "layers.1"),
    "large step": fn.Context(7, 2**32, "layers.1"),
    "step 0": fn.Context(7, 0, "layers.1"),
}
