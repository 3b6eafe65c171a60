"""A run that is saved and resumed in another process is the uninterrupted run, bit for bit."""

import json
import random
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

# Two and a half epochs of 8 steps, each ending with a short batch. What is printed is a fingerprint
# of each state, which covers the state of the optimizer, the loss and the counts.
SCRIPT = """
import json, sys
from itertools import islice
import numpy as np
from funnet import *

N = 20
rng = np.random.default_rng(0)
x, t = rng.normal(size=(60, 12)).astype(np.float32), rng.integers(0, 4, 60)
rate = cosine_lr(0.05, N, warmup_steps=3)
optimizers = {
    "sgd": sgd(0.1), "momentum": momentum(0.1), "nesterov": nesterov(0.1),
    "adagrad": adagrad(0.1), "rmsprop": rmsprop(0.01), "adam": adam(rate), "adamw": adamw(rate),
    "wrapped": clip_by_global_norm(freeze(weight_decay(momentum(rate), 0.01), "layers.0.b"), 0.5),
}

def states(start, optimizer, replacement):
    batches = minibatches(x, t, 8, rng=1, replacement=replacement)
    step = start.step if isinstance(start, TrainState) else 0
    run = train(start, batches, loss=softmax_cross_entropy, optimizer=optimizer)
    return islice(run, N - step)

def net():
    return sequential(Affine.init(12, 9, rng=2), Tanh(), Affine.init(9, 4, rng=3))

job = json.load(sys.stdin)
digests = {}
for name, optimizer in optimizers.items():
    replacement = name in ("nesterov", "adamw")
    if job["save"]:
        digests[name] = {}
        for state in states(net(), optimizer, replacement):
            digests[name][state.step] = fingerprint(state)
            if state.step in job["save"][name]:
                save(f"{job['folder']}/{name}-{state.step}.{job['suffix']}", state)
    else:
        step = job["resume"][name]
        state = load(
            f"{job['folder']}/{name}-{step}.{job['suffix']}",
            like=TrainState.init(net(), optimizer),
        )
        digests[name] = {s.step: fingerprint(s) for s in states(state, optimizer, replacement)}
print(json.dumps(digests))
"""
NAMES = ["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw", "wrapped"]
TRIALS = 20


def run(job: Mapping[str, object]) -> dict[str, dict[str, str]]:
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps(job), check=True, capture_output=True, text=True,
    )  # fmt: skip
    digests: dict[str, dict[str, str]] = json.loads(result.stdout)
    return digests


def test_a_run_resumed_from_npz_is_the_uninterrupted_run(tmp_path: Path) -> None:
    rng = random.Random(0)  # noqa: S311 (a test needs no secrets)
    steps = {name: [rng.randrange(1, 20) for _ in range(TRIALS)] for name in NAMES}
    common = {"folder": str(tmp_path), "suffix": "npz"}
    whole = run({"save": steps, **common})
    assert {len(states) for states in whole.values()} == {20}
    assert len({digest for states in whole.values() for digest in states.values()}) == 160

    for trial in range(TRIALS):
        start = {name: steps[name][trial] for name in NAMES}
        for name, states in run({"save": None, "resume": start, **common}).items():
            later = {step: d for step, d in whole[name].items() if int(step) > start[name]}
            assert states == later


def test_a_run_resumed_from_safetensors_is_the_uninterrupted_run(tmp_path: Path) -> None:
    pytest.importorskip("safetensors", reason="the safetensors extra is not installed")
    steps = {name: [7] for name in NAMES}
    common = {"folder": str(tmp_path), "suffix": "safetensors"}
    whole = run({"save": steps, **common})
    rest = run({"save": None, "resume": dict.fromkeys(NAMES, 7), **common})

    for name in NAMES:
        assert rest[name] == {step: d for step, d in whole[name].items() if int(step) > 7}
