"""One step of training, its parts, and networks that differ in training: what they are refused."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from live_layers import Center, Noise, NormedNet
from training_cases import BATCHES, NET, T, X, content

import funnet as fn

LIVE = fn.sequential(
    fn.Affine.init(4, 6, rng=2),
    fn.BatchNorm.init(6),
    fn.Tanh(),
    fn.Dropout(0.5),
    fn.Affine.init(6, 3, rng=3),
)
BOTH = r"layers\.1 \(BatchNorm\), layers\.3 \(Dropout\)"
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
SGD, ADAM = fn.sgd(lr=0.1), fn.adam()
LOSS = fn.softmax_cross_entropy
Net = Any  # networks of several classes, and what is not one
every_net = pytest.mark.parametrize(
    "net", [NET, LIVE, MINE, OF_LAYERS], ids=["plain", "live", "a user's", "a user's layers"]
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


@every_net
@pytest.mark.parametrize("seed", [3, np.random.SeedSequence(3, spawn_key=(1,))])
def test_train_with_a_seed_repeats_train_step(net: Net, seed: Any) -> None:
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


# combine ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bounds", [[0, 23], [0, 1, 23], [0, 7, 7 + 9, 23], list(range(24))])
def test_parts_give_the_loss_and_the_gradients_of_the_batch(bounds: list[int]) -> None:
    net, x = fn.astype(NET, np.float64), X.astype(np.float64)
    whole = gradients(net, x, T)
    parts = [gradients(net, x[a:b], T[a:b]) for a, b in pairwise(bounds)]
    combined = fn.combine(part for part in parts)

    assert combined.weight == whole.weight == 23
    assert combined.loss == pytest.approx(whole.loss, rel=1e-12)
    for ours, expected in zip(
        fn.tree_leaves(combined.grads), fn.tree_leaves(whole.grads), strict=True
    ):
        np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-14)
        assert not ours.flags.writeable


def part(loss: float, weight: float, *values: float) -> fn.BatchGradients[Any]:
    return fn.BatchGradients(loss, weight, {"a": np.array(values), "b": np.array(values[0])})


def test_gradients_are_averaged_by_weight_and_added_in_order() -> None:
    parts = [part(1.0, 1.0, 0.1, 1e30), part(2.0, 2.0, 0.2, -1e30), part(4.0, 1.0, 0.3, 3.0)]
    combined = fn.combine(parts)
    a = (0.1 * 0.25 + 0.2 * 0.5) + 0.3 * 0.25

    assert (combined.loss, combined.weight) == (2.25, 4.0)
    assert combined.grads["a"].tolist() == [a, (1e30 * 0.25 - 1e30 * 0.5) + 0.75]
    assert combined.grads["b"].tolist() == a
    assert fn.combine(parts[1:] + parts[:1]).grads["a"][0] == (0.2 * 0.5 + 0.3 * 0.25) + 0.1 * 0.25


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_combined_gradients_keep_their_dtype(dtype: type[fn.Float]) -> None:
    parts = [fn.BatchGradients(0.0, k, np.full(2, k, dtype)) for k in (1.0, 3.0)]

    assert fn.combine(parts).grads.dtype == dtype
    assert fn.combine(parts).grads.tolist() == [2.5, 2.5]


def test_one_part_is_returned_as_it_is() -> None:
    only = part(float("nan"), 0.0, 1.0)

    assert fn.combine([only]) is only


def test_a_part_of_weight_0_is_not_averaged() -> None:
    combined = fn.combine([part(float("nan"), 0.0, float("nan")), part(3.0, 2.0, 5.0)])

    assert (combined.loss, combined.grads["a"].tolist()) == (3.0, [5.0])


def test_parts_without_weight_give_zero() -> None:
    combined = fn.combine([part(float("nan"), 0.0, float("nan"))] * 2)

    assert (combined.loss, combined.weight, combined.grads["a"].tolist()) == (0.0, 0.0, [0.0])


@pytest.mark.parametrize(
    ("parts", "error", "message"),
    [
        ([], ValueError, "at least one BatchGradients, got none"),
        ([part(1.0, -1.0, 1.0)] * 2, ValueError, r"weights of parts must have .*, got -2\.0"),
        ([part(1.0, float("nan"), 1.0)] * 2, ValueError, "sum >= 0, got nan"),
        ([part(1.0, 1.0, 1.0), part(1.0, 1.0, 1.0, 2.0)], fn.ShapeError, "^a: expected shape"),
        ([gradients(NET), gradients(NET.layers[0], t=T)], fn.StructureError, "expected Sequential"),
    ],
)
def test_parts_that_cannot_be_averaged_are_refused(
    parts: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        fn.combine(parts)


def test_gradients_that_cancel_at_infinity_raise_no_warning() -> None:
    grads = [fn.BatchGradients(0.0, 1.0, np.array([v])) for v in (np.inf, -np.inf)]

    assert np.isnan(fn.combine(grads).grads).all()


def test_statistics_of_all_parts_are_applied_in_order() -> None:
    parts = [
        gradients(LIVE, X[a:b], T[a:b], seed=0, shard=i)
        for i, (a, b) in enumerate([(0, 8), (8, 13), (13, 23)])
    ]
    expected = LIVE.layers[1]
    for one in parts:
        expected = expected.with_statistics(one.statistics[0].values)
    new = fn.apply_gradients(init(LIVE), fn.combine(parts), optimizer=fn.sgd(0.0)).params
    norm = new.layers[1]

    assert norm.count == 23
    assert content((norm.mean, norm.var)) == content((expected.mean, expected.var))


def test_shards_draw_their_own_masks() -> None:
    grads = [fn.fingerprint(gradients(LIVE, seed=0, shard=i).grads) for i in (0, 0, 1)]

    assert grads[0] == grads[1] != grads[2]


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
        ({"seed": 0, "at_rest": ["layers.9"]}, KeyError, "no entry '9'"),
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

    assert content((norm.mean, norm.var)) == content((fresh.mean, fresh.var))
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


# Statistics ---------------------------------------------------------------------------------------


def huge(layer: Net) -> Net:
    return fn.sequential(layer, fn.Affine.init(4, 3, rng=0))


def test_statistics_that_are_not_finite_end_the_run_with_the_last_good_state() -> None:
    """The loss is finite: the variance is infinite, and the normalized input 0."""
    net, x = huge(fn.BatchNorm.init(4)), X.copy()
    x[:2, 1] = [1e25, -1e25]
    state = None
    with pytest.raises(  # noqa: PT012
        fn.NonFiniteError, match=r"the statistics of layers\.0 at step 2 are not finite$"
    ) as caught:
        for new in run(net, [(X, T), (X, T), (x, T)], seed=0):
            state = new

    assert state is not None
    assert caught.value.state is state
    assert state.step == 2
    with pytest.raises(fn.NonFiniteError, match="statistics of the network at step 0"):
        fn.train_step(init(fn.BatchNorm.init(4)), x, T, loss=LOSS, optimizer=SGD, seed=0)


@attrs.frozen(eq=False)
class Sum(Center):
    """A user's layer that refuses NaN, and whose sums overflow."""

    def pullback(self, cache: Any, dout: fn.Matrix) -> Any:
        grads, dx = Center.pullback(self, cache, dout)
        return Sum(gain=grads.gain, mean=self.mean, count=self.count), dx

    def with_statistics(self, values: tuple[fn.Array, ...]) -> Sum:
        int(values[0].sum())  # raises for NaN and infinity
        return attrs.evolve(self, mean=self.mean + values[0], count=self.count + 1)


def test_statistics_of_a_layer_that_overflow_end_the_run() -> None:
    net = fn.sequential(
        Sum(gain=np.zeros(4, np.float32), mean=np.zeros(4, np.float32)),
        fn.Affine.init(4, 3, rng=0),
    )
    x = np.full_like(X, 3e37)
    states = run(net, [(x[:2], T[:2])] * 20, seed=0)
    with pytest.raises(
        fn.NonFiniteError, match=r"makes the statistics of layers\.0 infi"
    ) as caught:
        list(states)

    assert np.isfinite(caught.value.state.params.layers[0].mean).all()  # type: ignore[attr-defined]


def test_a_forgotten_update_of_statistics_is_told_at_the_next_step() -> None:
    live = fn.training_mode(LIVE, seed=0, step=0)
    _, cache = fn.forward(live, X)
    with pytest.raises(ValueError, match=r"layers\.1 has no statistics at step 1; call net = upd"):
        fn.training_mode(LIVE, seed=0, step=1)

    updated = fn.update_statistics(LIVE, cache)
    assert fn.training_mode(updated, seed=0, step=1) is not updated


def test_one_value_per_channel_names_drop_last() -> None:
    with pytest.raises(fn.ShapeError, match=r"^layers\.1: .*drop_last=True"):
        step(init(LIVE), X[:1], T[:1], seed=0)


def test_population_statistics_are_those_of_the_data_set() -> None:
    norm = fn.population_statistics(LIVE, X, batch_size=6).layers[1]
    hidden = fn.predict(LIVE.layers[0], X)

    assert norm.count == 23
    np.testing.assert_allclose(norm.mean, hidden.mean(axis=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(norm.var, hidden.var(axis=0, ddof=1), rtol=1e-5)
    with pytest.raises(ValueError, match="population_statistics needs a network at rest"):
        fn.population_statistics(fn.training_mode(LIVE, seed=0, step=0), X)
    with pytest.raises(ValueError, match="x must have at least one row"):
        fn.population_statistics(LIVE, X[:0])


@attrs.frozen(eq=False)
class Silent(Center):
    """A user's layer whose cache has no statistics."""

    def forward(self, x: fn.Matrix) -> Any:
        y, cache = Center.forward(self, x)
        return y, attrs.evolve(cache, statistics=None)


def test_a_layer_that_reports_no_statistics_is_named() -> None:
    net = huge(Silent(gain=np.ones(4, np.float32), mean=np.zeros(4, np.float32)))
    with pytest.raises(fn.StructureError, match=r"layers\.0: the cache has no statistics of Sil"):
        next(run(net, seed=0))
