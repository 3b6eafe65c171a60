"""A run that is saved and resumed in another process is the uninterrupted run, bit for bit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from programs import python

# Two and a half epochs of 8 steps, each ending with a short batch, for each optimizer; and a
# network with dropout, batch norm and convolution on augmented images.
PROGRAM = """
import json, sys
from itertools import islice
import numpy as np
import funnet as fn

N, folder = 20, sys.argv[1]
rng = np.random.default_rng(0)
x, t = rng.normal(size=(60, 12)).astype(np.float32), rng.integers(0, 4, 60)
images, labels = rng.normal(size=(28, 1, 8, 8)).astype(np.float32), rng.integers(0, 4, 28)
rate = fn.cosine_lr(0.05, N, warmup_steps=3)
optimizers = {
    "sgd": fn.sgd(0.1), "momentum": fn.momentum(0.1), "nesterov": fn.nesterov(0.1),
    "adagrad": fn.adagrad(0.1), "rmsprop": fn.rmsprop(0.01), "adam": fn.adam(rate),
    "adamw": fn.adamw(rate), "wrapped": fn.clip_by_global_norm(
        fn.freeze(fn.weight_decay(fn.momentum(rate), 0.01), "layers.0.b"), 0.5
    ),
}
net = fn.sequential(fn.Affine.init(12, 9, rng=2), fn.Tanh(), fn.Affine.init(9, 4, rng=3))
live = fn.sequential(
    fn.Conv2d.init(1, 3, 3, padding="same", rng=1), fn.BatchNorm.init(3), fn.ReLU(),
    fn.MaxPool2d(2), fn.Flatten(), fn.Affine.init(48, 8, rng=2), fn.LayerNorm.init(8),
    fn.Dropout(0.5), fn.Affine.init(8, 4, rng=3),
)

def shifted(x, t, rng):
    return np.roll(x, rng.integers(-1, 2, size=2), axis=(2, 3)), t

cases = {
    name: (net, optimizer, fn.minibatches(x, t, 8, rng=1, replacement=name in ("sgd", "adamw")))
    for name, optimizer in optimizers.items()
}
augmented = fn.minibatches(images, labels, 8, rng=1, drop_last=True).map(shifted)
cases["live"] = live, fn.adam(0.01), augmented

def path(name, step):
    return f"{folder}/{name}-{step}.{'npz' if step % 2 else 'safetensors'}"

def states(start, optimizer, batches, n):
    run = fn.train(start, batches, loss=fn.softmax_cross_entropy, optimizer=optimizer, seed=7)
    return islice(run, n)
"""

# A fingerprint covers the network, the state of the optimizer, the loss and the counts.
WHOLE = """
digests = {name: [] for name in cases}
for name, (net, optimizer, batches) in cases.items():
    for state in states(net, optimizer, batches, N):
        digests[name].append(fn.fingerprint(state))
        fn.save(path(name, state.step), state)
print(json.dumps(digests))
"""

RESUMED = """
digests = {name: {} for name in cases}
for name, (net, optimizer, batches) in cases.items():
    for step in range(1, N):
        start = fn.load(path(name, step), like=fn.TrainState.init(net, optimizer))
        rest = states(start, optimizer, batches, N - step)
        digests[name][step] = [fn.fingerprint(state) for state in rest]
print(json.dumps(digests))
"""


def test_a_run_resumed_at_any_step_is_the_uninterrupted_run(tmp_path: Path) -> None:
    pytest.importorskip("safetensors", reason="the safetensors extra is not installed")
    whole = json.loads(python(PROGRAM + WHOLE, tmp_path))
    resumed = json.loads(python(PROGRAM + RESUMED, tmp_path))

    assert len(whole) == 9
    for name, digests in whole.items():
        assert len(set(digests)) == 20
        assert resumed[name] == {str(step): digests[step:] for step in range(1, 20)}
