"""A run with dropout, batch norm, convolution and augmentation resumes exactly in a new process."""

from __future__ import annotations

import json
from pathlib import Path

from programs import python

PROGRAM = """
import json, random, sys
from itertools import islice
import numpy as np
import funnet as fn

N, folder = 20, sys.argv[1]
rng = np.random.default_rng(0)
x = rng.normal(size=(28, 1, 8, 8)).astype(np.float32)
t = rng.integers(0, 4, 28)
net = fn.sequential(
    fn.Conv2d.init(1, 3, 3, padding="same", rng=1), fn.BatchNorm.init(3), fn.ReLU(),
    fn.MaxPool2d(2), fn.Flatten(), fn.Affine.init(48, 8, rng=2), fn.LayerNorm.init(8),
    fn.Dropout(0.5), fn.Affine.init(8, 4, rng=3),
)

def shifted(x, t, rng):
    return np.roll(x, rng.integers(-1, 2, size=2), axis=(2, 3)), t

def states(start, n):
    batches = fn.minibatches(x, t, 8, rng=1, drop_last=True).map(shifted)
    run = fn.train(
        start, batches, loss=fn.softmax_cross_entropy, optimizer=fn.adam(0.01), seed=7
    )
    return islice(run, n)

paths = [f"{folder}/{step}.{'npz' if step % 2 else 'safetensors'}" for step in range(N)]
"""

WHOLE = """
digests = []
for state in states(net, N):
    digests.append(fn.fingerprint(state))
    if state.step < N:
        fn.save(paths[state.step], state)
print(json.dumps(digests))
"""

RESUMED = """
digests = {}
for step in range(1, N):
    start = fn.load(paths[step], like=fn.TrainState.init(net, fn.adam(0.01)))
    digests[step] = [fn.fingerprint(state) for state in states(start, N - step)]
print(json.dumps(digests))
"""


def test_a_run_resumed_at_any_step_is_the_uninterrupted_run(tmp_path: Path) -> None:
    whole = json.loads(python(PROGRAM + WHOLE, tmp_path))
    resumed = json.loads(python(PROGRAM + RESUMED, tmp_path))

    assert len(set(whole)) == 20
    assert resumed == {str(step): whole[step:] for step in range(1, 20)}
