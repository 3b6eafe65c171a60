"""Training as a stream of states, and the functions over it."""

import gc
import pickle
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from itertools import islice
from typing import assert_type

import numpy as np
import pytest
from hypothesis import given, strategies as st

from funnet import (
    Affine,
    Matrix,
    ShapeError,
    StructureError,
    Tanh,
    TrainState,
    adam,
    backward,
    every,
    forward,
    minibatches,
    momentum,
    named_leaves,
    sequential,
    sgd,
    sgd_update,
    softmax_cross_entropy,
    train,
    train_step,
)

RNGLike = np.random.default_rng(0)
X = RNGLike.normal(size=(23, 4)).astype(np.float32)
T = RNGLike.integers(0, 3, 23)
BATCHES = minibatches(X, T, 5, rng=1)
NET = sequential(Affine.init(4, 6, rng=2), Tanh(), Affine.init(6, 3, rng=3))


def content(tree: object) -> list[tuple[str, bytes]]:
    return [(path, array.tobytes()) for path, array in named_leaves(tree)]


def test_train_is_the_loop_of_the_core_functions() -> None:
    net, losses = NET, []
    for x, t in islice(BATCHES, 12):
        y, cache = forward(net, x)
        loss, dy = softmax_cross_entropy(y, t)
        net = sgd_update(net, backward(net, cache, dy), lr=0.1)
        losses.append(loss)

    run = list(islice(train(NET, BATCHES, loss=softmax_cross_entropy, optimizer=sgd(lr=0.1)), 12))

    assert [state.loss for state in run] == losses
    assert content(run[-1].params) == content(net)


def test_train_is_train_step_again_and_again() -> None:
    optimizer = adam()
    state = TrainState.init(NET, optimizer)
    stream = train(NET, BATCHES, loss=softmax_cross_entropy, optimizer=optimizer)
    for (x, t), streamed in zip(islice(BATCHES, 12), stream, strict=False):
        state = train_step(state, x, t, loss=softmax_cross_entropy, optimizer=optimizer)
        assert content(state) == content(streamed)


def test_steps_and_epochs_are_counted() -> None:
    run = train(NET, BATCHES, loss=softmax_cross_entropy, optimizer=sgd(lr=0.1))

    assert [(s.step, s.epoch) for s in islice(run, 11)] == [
        (step, step // 5) for step in range(1, 12)
    ]


def test_the_optimizer_reports_through_the_state() -> None:
    optimizer = sgd(lambda step: 0.1 / (step + 1))
    run = train(NET, BATCHES, loss=softmax_cross_entropy, optimizer=optimizer)

    assert [state.metrics["lr"] for state in islice(run, 3)] == [0.1, 0.05, 0.1 / 3]


@given(st.integers(0, 14))
def test_from_any_state_the_run_goes_on_as_if_it_had_not_stopped(n: int) -> None:
    optimizer = adam()
    full = list(islice(train(NET, BATCHES, loss=softmax_cross_entropy, optimizer=optimizer), 15))
    state = TrainState.init(NET, optimizer) if n == 0 else full[n - 1]
    rest = islice(train(state, BATCHES, loss=softmax_cross_entropy, optimizer=optimizer), 15 - n)

    for ours, uninterrupted in zip(rest, full[n:], strict=True):
        assert content(ours) == content(uninterrupted)
        assert (ours.step, ours.epoch) == (uninterrupted.step, uninterrupted.epoch)
        assert ours.loss == uninterrupted.loss


def test_the_stream_ends_with_the_batches() -> None:
    batches = minibatches(X, T, 5, rng=1, epochs=2)
    run = list(train(NET, batches, loss=softmax_cross_entropy, optimizer=sgd()))

    assert (len(run), run[-1].epoch) == (10, 2)
    assert list(train(run[-1], batches, loss=softmax_cross_entropy, optimizer=sgd())) == []


def test_any_iterable_of_pairs_will_do() -> None:
    run = train(NET, iter([(X, T), (X, T)]), loss=softmax_cross_entropy, optimizer=sgd(lr=0.1))

    assert [(state.step, state.epoch) for state in run] == [(1, 0), (2, 0)]


def test_earlier_states_stay_as_they_were() -> None:
    run = list(islice(train(NET, BATCHES, loss=softmax_cross_entropy, optimizer=adam()), 5))
    again = list(islice(train(NET, BATCHES, loss=softmax_cross_entropy, optimizer=adam()), 5))

    assert [content(state) for state in run] == [content(state) for state in again]
    assert len({content(state.params)[0] for state in run}) == 5


def test_a_state_survives_pickle() -> None:
    state = next(train(NET, BATCHES, loss=softmax_cross_entropy, optimizer=adam()))
    copy = pickle.loads(pickle.dumps(state))  # noqa: S301

    assert content(copy) == content(state)
    assert (copy.step, copy.loss) == (state.step, state.loss)


def test_mistakes_in_the_start_are_seen_before_the_first_step() -> None:
    with pytest.raises(ShapeError, match=r"layers\.0: x .* must have shape \(N, 4\)"):
        next(train(NET, [(X[:, :2], T)], loss=softmax_cross_entropy, optimizer=sgd()))
    state = TrainState.init(NET, sgd())
    with pytest.raises(StructureError, match="expected the state of an optimizer that keeps m, v"):
        next(train(state, BATCHES, loss=softmax_cross_entropy, optimizer=adam()))


@given(st.integers(1, 30))
def test_ctrl_c_leaves_the_last_state(at: int) -> None:
    def interrupted() -> Iterator[tuple[Matrix, np.ndarray[tuple[int], np.dtype[np.int64]]]]:
        for step, batch in enumerate(BATCHES):
            if step == at:
                raise KeyboardInterrupt
            yield batch

    state = TrainState.init(NET, adam())
    try:
        for new in train(state, interrupted(), loss=softmax_cross_entropy, optimizer=adam()):
            state = new
    except KeyboardInterrupt:
        pass

    assert state.step == at


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
    run = train(NET, BATCHES, loss=softmax_cross_entropy, optimizer=adam())
    tracemalloc.start()
    try:
        next(islice(run, 20, 20), None)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        next(islice(run, 500, 500), None)
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < before + 5_000
    finally:
        tracemalloc.stop()


def test_types_of_states_are_known() -> None:
    layer = Affine.init(4, 3, rng=0)
    for state in every(train(layer, BATCHES, loss=softmax_cross_entropy, optimizer=sgd()), 2):
        assert_type(state, TrainState[Affine[int, int]])
        break
    first = next(train(layer, BATCHES, loss=softmax_cross_entropy, optimizer=momentum()))
    assert_type(
        next(train(first, BATCHES, loss=softmax_cross_entropy, optimizer=momentum())),
        TrainState[Affine[int, int]],
    )
