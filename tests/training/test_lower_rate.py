"""A run goes on from any of its states with a lower rate, and resumes there bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest
from live_cases import LIVE
from training_cases import NET, Net, run as train

import funnet as fn

RATES = (0.1, 0.01, 0.001)
STEPS = 7  # with each rate: more than an epoch

OPTIMIZERS: dict[str, Callable[[float], fn.Optimizer]] = {
    "sgd": fn.sgd,
    "momentum": fn.momentum,
    "adam": fn.adam,
    "clipped adamw": lambda lr: fn.clip_by_global_norm(fn.adamw(lr), 0.5),
}


def run(start: Net, make: Callable[[float], fn.Optimizer]) -> Iterator[Net]:
    """Train on from a state, with each rate for a number of steps."""
    state = start
    while state.step < STEPS * len(RATES):
        phase, done = divmod(state.step, STEPS)
        states = train(state, optimizer=make(RATES[phase]), seed=7)
        for state in islice(states, STEPS - done):
            yield state


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("net", [NET, LIVE], ids=["plain", "live"])
def test_a_run_with_falling_rates_resumes_at_any_step(
    net: Net, make: Callable[[float], fn.Optimizer], tmp_path: Path
) -> None:
    start = fn.TrainState.init(net, make(RATES[0]))
    whole = list(run(start, make))
    digests = [fn.fingerprint(state) for state in whole]

    assert [state.metrics["lr"] for state in whole[::STEPS]] == list(RATES)
    assert [state.step for state in whole] == list(range(1, 22))
    for step in (1, STEPS - 1, STEPS, STEPS + 1, 2 * STEPS, 20):
        fn.save(tmp_path / "state.npz", whole[step - 1])
        loaded = fn.load(tmp_path / "state.npz", like=start)
        assert [fn.fingerprint(state) for state in run(loaded, make)] == digests[step:]
