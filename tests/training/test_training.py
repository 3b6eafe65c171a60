"""The states of a training run."""

import gc
import pickle
import signal
import subprocess
import sys
import tracemalloc
from itertools import islice
from typing import assert_type

import pytest
from training_cases import ADAM, BATCHES, NET, SGD, T, X, run

import funnet as fn


def test_steps_and_epochs_are_counted() -> None:
    counts = [(state.step, state.epoch) for state in islice(run(), 11)]

    assert counts == [(step, step // 5) for step in range(1, 12)]


def test_the_metrics_of_the_optimizer_are_those_of_the_state() -> None:
    states = run(optimizer=fn.sgd(lambda step: 0.1 / (step + 1)))

    assert [state.metrics["lr"] for state in islice(states, 3)] == [0.1, 0.05, 0.1 / 3]


def test_the_stream_ends_with_the_batches() -> None:
    batches = fn.minibatches(X, T, 5, rng=1, epochs=2)
    states = list(run(batches=batches))

    assert (len(states), states[-1].epoch) == (10, 2)
    assert list(run(states[-1], batches)) == []


def test_batches_may_be_any_iterable_of_pairs() -> None:
    states = run(batches=iter([(X, T), (X, T)]))

    assert [(state.step, state.epoch) for state in states] == [(1, 0), (2, 0)]


def test_a_state_survives_pickle() -> None:
    state = next(run(optimizer=ADAM))
    copy = pickle.loads(pickle.dumps(state))  # noqa: S301

    assert fn.fingerprint(copy) == fn.fingerprint(state)


def test_mistakes_in_the_start_are_seen_before_the_first_step() -> None:
    with pytest.raises(fn.ShapeError, match=r"layers\.0: x .* must have shape \(N, 4\)"):
        next(run(batches=[(X[:, :2], T)]))
    state = fn.TrainState.init(NET, SGD)
    with pytest.raises(
        fn.StructureError, match="expected the state of an optimizer that keeps m, v"
    ):
        next(run(state, optimizer=ADAM))


SCRIPT = """
import signal
from itertools import chain
import numpy as np
from funnet import Affine, TrainState, adam, minibatches, softmax_cross_entropy, train

# What a shell starts in the background ignores Ctrl-C, and so do its children.
signal.signal(signal.SIGINT, signal.default_int_handler)
x, t = np.random.default_rng(0).normal(size=(64, 9)), np.arange(64) % 3
batches = minibatches(x, t, 8, rng=0)
state = TrainState.init(Affine.init(9, 3, rng=0, dtype=np.float64), adam())
print("ready", flush=True)
try:
    for state in train(state, batches, loss=softmax_cross_entropy, optimizer=adam()):
        pass
except KeyboardInterrupt:
    start = TrainState.init(Affine.init(9, 3, rng=0, dtype=np.float64), adam())
    whole = train(start, batches, loss=softmax_cross_entropy, optimizer=adam())
    again = next(s for s in chain([start], whole) if s.step == state.step)
    same_loss = repr(again.loss) == repr(state.loss)  # before the first step it is NaN
    print((again.params.W == state.params.W).all() and same_loss)
"""


@pytest.mark.parametrize("delay", [0.0, 0.03, 0.11])
def test_a_real_ctrl_c_leaves_a_whole_state(delay: float) -> None:
    with subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.05 + delay)
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == b"True\n"


def test_memory_does_not_grow_with_the_steps() -> None:
    states = run(optimizer=ADAM)
    tracemalloc.start()
    try:
        next(islice(states, 20, 20), None)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        next(islice(states, 500, 500), None)
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < before + 5_000
    finally:
        tracemalloc.stop()


def test_types_of_states_are_known() -> None:
    loss, layer = fn.softmax_cross_entropy, fn.Affine.init(4, 3, rng=0)
    states = fn.every(fn.train(layer, BATCHES, loss=loss, optimizer=SGD), 2)
    first = next(states)
    assert_type(first, fn.TrainState[fn.Affine[int, int]])
    assert_type(
        next(fn.train(first, BATCHES, loss=loss, optimizer=SGD)),
        fn.TrainState[fn.Affine[int, int]],
    )
