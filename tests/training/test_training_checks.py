"""What a run refuses: updates that are not finite, and results of a loss that are not one."""

import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from training_cases import ADAM, BATCHES, NET, SGD, T, X, init, run

import funnet as fn
from funnet.optimizers.optimizer import P
from funnet.training.state import check_finite


def constant(loss: object, gradient: float) -> Callable[[fn.Matrix, object], tuple[Any, fn.Matrix]]:
    """Return a loss whose value and gradient are the same everywhere."""
    return lambda y, t: (loss, np.full_like(y, gradient))


def spike(value: float) -> Callable[[fn.Matrix, object], tuple[float, fn.Matrix]]:
    """Return a loss of 0 whose gradient is one value at one entry and 1 elsewhere."""

    def loss(y: fn.Matrix, t: object) -> tuple[float, fn.Matrix]:
        dy = np.ones_like(y)
        dy[1, 2] = value
        return 0.0, dy

    return loss


def ones(dtype: type[fn.Float], n_in: int = 2) -> fn.Affine:
    return fn.Affine(np.ones((n_in, 1), dtype), np.ones(1, dtype))


def test_a_loss_is_a_function() -> None:
    with pytest.raises(TypeError, match=r"loss must be a function \(y, t\) -> .*, got 'mse'"):
        next(run(loss="mse"))


@pytest.mark.parametrize("optimizer", ["adam", fn.adam, None])
def test_a_state_needs_an_optimizer(optimizer: Any) -> None:
    with pytest.raises(TypeError, match=r"optimizer must be an Optimizer, such as adam\(\), got "):
        fn.TrainState.init(NET, optimizer)


def test_a_loss_that_is_nan_stops_with_the_last_good_state() -> None:
    batches = ((x * np.float32("nan" if k == 3 else 1), t) for k, (x, t) in enumerate(BATCHES))
    state = fn.TrainState.init(NET, SGD)
    with pytest.raises(fn.NonFiniteError, match="the loss at step 3 is nan") as caught:  # noqa: PT012
        for new in run(batches=batches):
            state = new

    assert caught.value.state is state
    assert state.step == 3


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_gradient_that_is_not_finite_is_named(bad: float) -> None:
    with pytest.raises(
        fn.NonFiniteError, match=r"gradient of layers\.0\.W at step 0 is not"
    ) as caught:
        next(run(loss=spike(bad)))

    assert fn.fingerprint(caught.value.state) == fn.fingerprint(init(NET))
    assert pickle.loads(pickle.dumps(caught.value)).state.step == 0  # noqa: S301


def test_an_entry_of_the_batch_that_is_not_finite_is_named() -> None:
    x = X.copy()
    x[1, 2] = math.inf
    with pytest.raises(
        fn.NonFiniteError, match=r"at step 0 is not finite, because x\[1, 2\] of the batch"
    ):
        next(run(batches=[(x, T)]))


def test_large_finite_gradients_pass() -> None:
    net, x = ones(np.float32, 1), np.ones((1, 1), np.float32)

    assert next(run(net, [(x, x)], loss=constant(0.0, 1e38), optimizer=fn.sgd(1e-38))).step == 1


@pytest.mark.parametrize(("dtype", "weight"), [(np.float32, 1e30), (np.float16, 6e4)])
def test_large_finite_weights_pass(dtype: type[fn.Float], weight: float) -> None:
    """The squares of these weights overflow."""
    net = fn.Affine(np.full((2, 1), weight, dtype), np.ones(1, dtype))
    x = np.zeros((3, 2), dtype)

    assert next(run(net, [(x, x)], loss=constant(0.0, 1e-3), optimizer=ADAM)).step == 1


class Doubled:
    """A user's optimizer that multiplies the parameters, or its own state, by 10,000."""

    def __init__(self, *, slots: bool) -> None:
        self.slots = slots

    def init(self, params: P, /) -> fn.OptimizerState[P]:
        return fn.OptimizerState(0, ("kept",), (fn.tree_map(np.ones_like, params),))

    def update(
        self, params: P, grads: P, state: fn.OptimizerState[P], /
    ) -> tuple[P, fn.OptimizerState[P]]:
        double = lambda array: array * array.dtype.type(1e4)  # noqa: E731
        kept = fn.tree_map(double, state.slots[0]) if self.slots else state.slots[0]
        new = params if self.slots else fn.tree_map(double, params)
        return new, fn.OptimizerState(state.step + 1, state.names, (kept,))

    def optimizer(self) -> fn.Optimizer:
        return fn.Optimizer(self.init, self.update)


OVERFLOWS = {
    "sgd": (fn.sgd(100.0), "W", 0),
    "momentum": (fn.momentum(100.0), "W", 0),
    "adam": (fn.adam(1e6), "W", 0),
    "decayed": (fn.weight_decay(fn.sgd(), 1e6), "W", 0),
    "clipped": (fn.clip_by_global_norm(fn.sgd(1e6), 1.0), "W", 0),
    "user's parameters": (Doubled(slots=False).optimizer(), "W", 1),
    "user's slots": (Doubled(slots=True).optimizer(), "kept of W", 1),
}


@pytest.mark.parametrize(("optimizer", "name", "step"), OVERFLOWS.values(), ids=OVERFLOWS)
def test_an_update_that_overflows_is_refused_and_the_state_is_good(
    optimizer: fn.Optimizer, name: str, step: int
) -> None:
    """The loss and the gradients are finite, and NumPy's warnings would be errors."""
    x, states = np.ones((3, 2), np.float16), list[fn.TrainState[Any]]()
    with pytest.raises(
        fn.NonFiniteError, match=f"update at step {step} makes {name} infinite or NaN, though"
    ) as caught:
        states.extend(
            run(ones(np.float16), [(x, x)] * 3, loss=constant(1e4, 1e4), optimizer=optimizer)
        )

    assert caught.value.state.step == len(states) == step
    assert all(np.isfinite(array).all() for array in fn.tree_leaves((caught.value.state, states)))


@pytest.mark.parametrize(
    ("optimizer", "slot"), [(ADAM, "v"), (fn.rmsprop(), "h"), (fn.adagrad(), "h")], ids=repr
)
def test_an_optimizer_state_that_overflows_is_refused(optimizer: fn.Optimizer, slot: str) -> None:
    """The square of 1e25 overflows in float32, and the parameters would never change again."""
    with pytest.raises(fn.NonFiniteError, match=rf"makes {slot} of layers\.0\.W infinite or NaN"):
        next(run(loss=constant(0.0, 1e25), optimizer=optimizer))


def test_parameters_that_are_an_array_have_no_path() -> None:
    optimizer, x = fn.momentum(), np.ones(2)
    old = fn.TrainState(0, 0, x, optimizer.init(x))
    new = fn.TrainState(1, 0, np.array([1.0, math.inf]), optimizer.init(x))
    with pytest.raises(fn.NonFiniteError, match="makes the parameter infinite or NaN"):
        check_finite(new, old, x, x)


def test_a_gradient_of_a_frozen_array_may_be_nan() -> None:
    """Only the results of the update are checked."""
    state = next(run(loss=spike(math.nan), optimizer=fn.freeze(ADAM, "layers.0", "layers.2")))

    assert fn.fingerprint(state.params) == fn.fingerprint(NET)


def test_a_frozen_array_may_be_infinite() -> None:
    """It may be a mask of -inf; the update returns the same array."""
    net = fn.Affine(np.ones((2, 1)), np.array([-math.inf]))
    states = run(
        net, [(np.ones((3, 2)), None)], loss=constant(0.0, 1.0), optimizer=fn.freeze(ADAM, "b")
    )

    assert next(states).params.b.tolist() == [-math.inf]


def test_what_is_not_an_optimizer_or_a_batch_is_refused() -> None:
    with pytest.raises(TypeError, match=r"must be an Optimizer, such as adam\(\), got <function"):
        run(optimizer=fn.adam)
    with pytest.raises(TypeError, match=r"each batch must be a pair \(x, t\), got float32\["):
        next(run(batches=(X, T)))


@pytest.mark.parametrize("value", [2, np.float16(2), np.float64(2), np.array(2.0, np.float32)])
def test_a_loss_of_another_type_becomes_a_float(value: object) -> None:
    state = next(run(loss=constant(value, 1.0)))

    assert (type(state.loss), state.loss) == (float, 2.0)


@pytest.mark.parametrize("value", [np.float16("nan"), np.array(math.inf), np.float32("-inf")])
def test_a_loss_of_another_type_that_is_not_finite_stops_the_run(value: object) -> None:
    with pytest.raises(fn.NonFiniteError, match="the loss at step 0 is"):
        next(run(loss=constant(value, 1.0)))
