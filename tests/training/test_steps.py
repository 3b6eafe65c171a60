"""One step of training and its parts: what they return, and what they are refused."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from live_cases import LIVE, MINE, NETS, every_net
from training_cases import ADAM, BATCHES, LOSS, NET, SGD, Net, X, gradients, init, run, step

import funnet as fn

BOTH = r"layers\.1 \(BatchNorm\), layers\.3 \(Dropout\)"
STEPS: dict[str, Callable[..., object]] = {
    "train": run,
    "train_step": lambda net, **settings: step(fn.TrainState(0, 0, net, SGD.init(net)), **settings),
    "batch_gradients": gradients,
}
every_step = pytest.mark.parametrize("start", STEPS.values(), ids=STEPS)


@every_net
def test_a_step_is_its_gradients_and_the_update_and_the_hand_written_loop(net: Net) -> None:
    by_hand, state, of_parts = net, init(net), init(net)
    for k, (x, t) in enumerate(islice(BATCHES, 12)):
        live = fn.training_mode(by_hand, seed=7, step=k)
        y, cache = fn.forward(live, x)
        loss, dy = LOSS(y, t)
        by_hand = fn.sgd_update(by_hand, fn.backward(live, cache, dy), lr=0.1)
        by_hand = fn.update_statistics(by_hand, cache)

        state = step(state, x, t, seed=7)
        grads = gradients(of_parts.params, x, t, seed=7, step=of_parts.step)
        of_parts = fn.apply_gradients(of_parts, grads, optimizer=SGD)

        assert state.loss == of_parts.loss == loss
        assert fn.fingerprint(state) == fn.fingerprint(of_parts)
        assert fn.fingerprint(state.params) == fn.fingerprint(by_hand)


@pytest.mark.parametrize(
    ("net", "seed"),
    [
        (NET, None),
        *((net, seed) for net in NETS for seed in (3, np.random.SeedSequence(3, spawn_key=(1,)))),
    ],
)
def test_train_repeats_train_step(net: Net, seed: Any) -> None:
    state = init(net, ADAM)
    streamed = run(net, optimizer=ADAM, seed=seed)
    for (x, t), other in zip(islice(BATCHES, 7), streamed, strict=False):
        state = step(state, x, t, optimizer=ADAM, seed=seed)
        assert fn.fingerprint(state.params) == fn.fingerprint(other.params)
        assert (state.loss, state.step) == (other.loss, other.step)


def test_a_run_depends_on_its_seed_where_layers_draw() -> None:
    def last(net: Net, seed: int) -> str:
        return fn.fingerprint(list(islice(run(net, seed=seed), 3))[-1])

    assert last(LIVE, 0) != last(LIVE, 1)
    assert last(NET, 0) == last(NET, 1)


@every_net
def test_states_are_at_rest_and_earlier_ones_stay_as_they_were(net: Net) -> None:
    states, before = [], []
    for state in islice(run(net, seed=0), 4):
        states.append(state)
        before.append(fn.fingerprint(state))
        assert fn.predict(state.params, X).shape == (23, 3)
        assert fn.inference_mode(state) is state

    assert before == [fn.fingerprint(state) for state in states]


# A seed, and layers at rest -----------------------------------------------------------------------


@every_step
def test_a_network_that_needs_a_seed_is_refused_without_one(start: Callable[..., object]) -> None:
    with pytest.raises(ValueError, match=rf"needs a seed, because of {BOTH}; pass seed=0"):
        start(LIVE)
    with pytest.raises(ValueError, match=r"because of norm \(BatchNorm\), dropout \(Dropout\);"):
        start(MINE)
    with pytest.raises(ValueError, match=r"because of the network \(BatchNorm\);"):
        start(fn.BatchNorm.init(4))
    with pytest.raises(ValueError, match=r"because of layers\.3 \(Dropout\);"):
        start(LIVE, at_rest=["layers.1"])


@every_step
@pytest.mark.parametrize("net", [NET, LIVE], ids=["plain", "live"])
@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"seed": -1}, ValueError, "seed must be >= 0, got -1"),
        ({"seed": "a"}, TypeError, "seed must be an integer"),
        ({"seed": True}, TypeError, "seed must be an integer"),
        (
            {"seed": 0, "at_rest": ["layers.9"]},
            KeyError,
            "nothing at 'layers.9': tuple has no entry '9'",
        ),
        ({"seed": 0, "at_rest": "layers.1"}, TypeError, "at_rest must be a list of paths"),
        ({"seed": 0, "at_rest": [1]}, TypeError, "at_rest must be a list of paths"),
    ],
)
def test_a_bad_seed_or_path_is_refused_at_the_call(
    start: Callable[..., object],
    net: Net,
    wrong: dict[str, Any],
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        start(net, **wrong)


@pytest.mark.parametrize("paths", [["layers.1", "layers.3"], ["layers"], [""]])
def test_no_seed_is_needed_if_all_layers_are_at_rest(paths: list[str]) -> None:
    """The parameters of a layer at rest are updated, its statistics are not."""
    state = list(islice(run(LIVE, at_rest=iter(paths)), 5))[-1]
    norm, fresh = state.params.layers[1], LIVE.layers[1]

    assert fn.fingerprint((norm.mean, norm.var)) == fn.fingerprint((fresh.mean, fresh.var))
    assert norm.count == 0
    assert (norm.gamma != fresh.gamma).any()
    assert (norm.beta != fresh.beta).any()


def test_a_layer_at_rest_and_frozen_stays_as_it_is() -> None:
    optimizer = fn.freeze(ADAM, "layers.1")
    state = list(islice(run(LIVE, optimizer=optimizer, seed=0, at_rest=["layers.1"]), 3))[-1]

    assert fn.fingerprint(state.params.layers[1]) == fn.fingerprint(LIVE.layers[1])


# Live networks ------------------------------------------------------------------------------------


@every_step
def test_a_live_network_is_refused(start: Callable[..., object]) -> None:
    live = fn.training_mode(LIVE, seed=0, step=0)
    with pytest.raises(ValueError, match=r"layers\.1 is in training mode; pass inference_mode"):
        start(live, seed=0)


def test_a_state_of_a_live_network_is_refused(tmp_path: Path) -> None:
    live = fn.training_mode(LIVE, seed=0, step=0)
    state, grads = attrs.evolve(init(LIVE), params=live), gradients(LIVE, seed=0)
    calls: list[Callable[[], object]] = [
        lambda: init(live),
        lambda: run(state, seed=0),
        lambda: step(state, seed=0),
        lambda: fn.apply_gradients(state, grads, optimizer=SGD),
        lambda: fn.save(tmp_path / "state.npz", state),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"layers\.1 is in training mode; pass inference_mode"):
            call()


def test_a_live_network_is_not_saved_and_the_old_file_stays(path: Path) -> None:
    live = fn.training_mode(LIVE, seed=0, step=0)
    fn.save(path, NET)
    before = path.read_bytes()
    for value in (live, {"a": [live]}, fn.training_mode(fn.Dropout(0.5), seed=0, step=0)):
        with pytest.raises(ValueError, match=r"save needs a network at rest.*inference_mode\(net"):
            fn.save(path, value)

    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
    fn.save(path, fn.inference_mode(live))
    assert fn.fingerprint(fn.load(path, like=LIVE)) == fn.fingerprint(LIVE)


def test_what_is_not_a_state_or_an_optimizer_is_refused() -> None:
    wrong: Any = LIVE
    with pytest.raises(TypeError, match=r"state must be a TrainState, .*, got Sequential"):
        step(wrong, seed=0)
    with pytest.raises(TypeError, match="state must be a TrainState"):
        fn.apply_gradients(wrong, gradients(NET), optimizer=SGD)
    with pytest.raises(TypeError, match="optimizer must be an Optimizer"):
        step(init(NET), optimizer=wrong)
    with pytest.raises(TypeError, match="gradients must be BatchGradients, got Sequential"):
        fn.apply_gradients(init(NET), wrong, optimizer=SGD)
