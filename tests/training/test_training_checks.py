"""What `train` refuses: losses, and updates that are not finite."""

import math
import pickle
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

from funnet import (
    Affine,
    DTypeError,
    Matrix,
    NonFiniteError,
    Optimizer,
    OptimizerState,
    ShapeError,
    Tanh,
    TrainState,
    adagrad,
    adam,
    clip_by_global_norm,
    freeze,
    minibatches,
    momentum,
    named_leaves,
    rmsprop,
    sequential,
    sgd,
    softmax_cross_entropy,
    train,
    tree_leaves,
    tree_map,
    weight_decay,
)
from funnet.optimizers.optimizer import P
from funnet.training.state import check_finite

RNGLike = np.random.default_rng(0)
X = RNGLike.normal(size=(23, 4)).astype(np.float32)
T = RNGLike.integers(0, 3, 23)
BATCHES = minibatches(X, T, 5, rng=1)
NET = sequential(Affine.init(4, 6, rng=2), Tanh(), Affine.init(6, 3, rng=3))


def content(tree: object) -> list[tuple[str, bytes]]:
    return [(path, array.tobytes()) for path, array in named_leaves(tree)]


def poisoned(at: int) -> Iterator[tuple[Matrix, np.ndarray[tuple[int], np.dtype[np.int64]]]]:
    for step, (x, t) in enumerate(BATCHES):
        yield (x * np.float32("nan") if step == at else x), t


def test_a_loss_that_is_nan_stops_with_the_last_good_state() -> None:
    state = TrainState.init(NET, sgd())
    with pytest.raises(NonFiniteError, match="the loss at step 3 is nan") as caught:  # noqa: PT012
        for new in train(NET, poisoned(3), loss=softmax_cross_entropy, optimizer=sgd()):
            state = new

    assert caught.value.state is state
    assert state.step == 3


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_gradient_that_is_not_finite_is_named(bad: float) -> None:
    def loss(y: Matrix, t: Matrix) -> tuple[float, Matrix]:
        dy = np.ones_like(y)
        dy[1, 2] = bad
        return 0.0, dy

    with (
        np.errstate(invalid="ignore"),
        pytest.raises(NonFiniteError, match=r"gradient of layers\.0\.W at step 0 is not") as caught,
    ):
        next(train(NET, [(X, X)], loss=loss, optimizer=sgd()))

    assert content(caught.value.state) == content(TrainState.init(NET, sgd()))
    assert pickle.loads(pickle.dumps(caught.value)).state.step == 0  # noqa: S301


def test_large_finite_gradients_pass() -> None:
    net = Affine(np.ones((1, 1), np.float32), np.ones(1, np.float32))
    loss = lambda y, t: (0.0, np.full_like(y, 1e38))  # noqa: E731
    x = np.ones((1, 1), np.float32)

    assert next(train(net, [(x, x)], loss=loss, optimizer=sgd(lr=1e-38))).step == 1


def test_it_is_said_where_the_batch_itself_is_not_finite() -> None:
    x = X.copy()
    x[1, 2] = math.inf

    with (
        np.errstate(invalid="ignore"),
        pytest.raises(
            NonFiniteError, match=r"at step 0 is not finite, because x\[1, 2\] of the batch"
        ),
    ):
        next(train(NET, [(x, T)], loss=softmax_cross_entropy, optimizer=sgd()))


def test_what_is_no_optimizer_batch_or_loss_is_named() -> None:
    wrong: Any  # mypy reports each of these mistakes
    wrong = adam
    with pytest.raises(
        TypeError, match="optimizer must be an Optimizer, such as adam\\(\\), got <function"
    ):
        train(NET, BATCHES, loss=softmax_cross_entropy, optimizer=wrong)
    wrong = (X, T)
    with pytest.raises(TypeError, match=r"each batch must be a pair \(x, t\), got f"):
        next(train(NET, wrong, loss=softmax_cross_entropy, optimizer=sgd()))
    wrong = lambda y, t: 0.5  # noqa: E731
    with pytest.raises(TypeError, match=r"to return a pair \(loss, dy\), got float"):
        next(train(NET, BATCHES, loss=wrong, optimizer=sgd()))


def constant(loss: float, gradient: float) -> Callable[[Matrix, object], tuple[float, Matrix]]:
    """Return a loss whose value and gradient are the same everywhere."""
    return lambda y, t: (loss, np.full_like(y, gradient))


def half() -> Affine:
    return Affine(np.ones((2, 1), np.float16), np.ones(1, np.float16))


class Doubled:
    """What a user's optimizer might do: it doubles the parameters, or what it keeps."""

    def __init__(self, *, slots: bool) -> None:
        self.slots = slots

    def init(self, params: P, /) -> OptimizerState[P]:
        return OptimizerState(0, ("kept",), (tree_map(np.ones_like, params),))

    def update(
        self, params: P, grads: P, state: OptimizerState[P], /
    ) -> tuple[P, OptimizerState[P]]:
        double = lambda array: array * array.dtype.type(1e4)  # noqa: E731
        kept = tree_map(double, state.slots[0]) if self.slots else state.slots[0]
        new = params if self.slots else tree_map(double, params)
        return new, OptimizerState(state.step + 1, state.names, (kept,))

    def optimizer(self) -> Optimizer:
        return Optimizer(self.init, self.update)


OVERFLOWS = {
    "sgd": (sgd(100.0), "W", 0),
    "momentum": (momentum(100.0), "W", 0),
    "adam": (adam(1e6), "W", 0),
    "decayed": (weight_decay(sgd(), 1e6), "W", 0),
    "clipped": (clip_by_global_norm(sgd(1e6), 1.0), "W", 0),
    "user's parameters": (Doubled(slots=False).optimizer(), "W", 1),
    "user's slots": (Doubled(slots=True).optimizer(), "kept of W", 1),
}


@pytest.mark.parametrize(("optimizer", "name", "step"), OVERFLOWS.values(), ids=OVERFLOWS)
def test_an_update_that_overflows_is_refused_and_the_state_is_good(
    optimizer: Optimizer, name: str, step: int
) -> None:
    """The loss and the gradients are finite. Nor is there a warning, which would be an error."""
    x, run = np.ones((3, 2), np.float16), list[TrainState[Affine]]()
    states = train(half(), [(x, x)] * 3, loss=constant(1e4, 1e4), optimizer=optimizer)
    with pytest.raises(
        NonFiniteError, match=f"update at step {step} makes {name} infinite or NaN, though"
    ) as caught:
        run.extend(states)

    assert caught.value.state.step == len(run) == step
    assert all(np.isfinite(array).all() for array in tree_leaves((caught.value.state, run)))


@pytest.mark.parametrize(
    ("optimizer", "slot"), [(adam(), "v"), (rmsprop(), "h"), (adagrad(), "h")], ids=repr
)
def test_a_memory_that_overflows_is_refused(optimizer: Optimizer, slot: str) -> None:
    """The square of 1e25 is beyond float32; the parameters would stay where they are for ever."""
    with pytest.raises(NonFiniteError, match=rf"makes {slot} of layers\.0\.W infinite or NaN"):
        next(train(NET, [(X, T)], loss=constant(0.0, 1e25), optimizer=optimizer))


def test_parameters_that_are_an_array_have_no_path() -> None:
    optimizer, x = momentum(), np.ones(2)
    old = TrainState(0, 0, x, optimizer.init(x))
    new = TrainState(1, 0, np.array([1.0, math.inf]), optimizer.init(x))
    with pytest.raises(NonFiniteError, match="makes the parameter infinite or NaN"):
        check_finite(new, old, x, (), x)


def test_a_gradient_that_no_parameter_sees_does_not_stop_a_run() -> None:
    """Only what comes of the update counts: of the frozen layer, nothing does."""

    def loss(y: Matrix, t: object) -> tuple[float, Matrix]:
        dy = np.zeros_like(y)
        dy[0, 0] = math.nan
        return 0.0, dy

    frozen = freeze(adam(), "layers.0", "layers.2")
    with np.errstate(invalid="ignore"):
        state = next(train(NET, [(X, T)], loss=loss, optimizer=frozen))

    assert content(state.params) == content(NET)


def test_a_frozen_array_may_hold_what_it_likes() -> None:
    """Such as a mask of -inf, which the update hands back as it is."""
    net = Affine(np.ones((2, 1)), np.array([-math.inf]))
    run = train(
        net, [(np.ones((3, 2)), None)], loss=constant(0.0, 1.0), optimizer=freeze(adam(), "b")
    )

    assert next(run).params.b.tolist() == [-math.inf]


def test_large_finite_weights_pass() -> None:
    """Their squares are beyond float32, and those of the second beyond float16."""
    for net in (
        Affine(np.full((2, 1), 1e30, np.float32), np.ones(1, np.float32)),
        Affine(np.full((2, 1), 6e4, np.float16), np.ones(1, np.float16)),
    ):
        x = np.zeros((3, 2), net.W.dtype)
        assert next(train(net, [(x, x)], loss=constant(0.0, 1e-3), optimizer=adam())).step == 1


def mine(dy: Callable[[Matrix], object], value: object = 0.5) -> Any:  # Any: also what is no loss
    def my_loss(y: Matrix, t: object) -> object:
        return value, dy(y)

    return my_loss


@pytest.mark.parametrize(
    ("dy", "error", "message"),
    [
        (lambda y: y.astype(np.float64), DTypeError, "be float32, got float64"),
        (lambda y: y[:1], ShapeError, r"have shape \(23, 3\), got \(1, 3\)"),
        (lambda y: y[:, 0], ShapeError, r"have shape \(23, 3\), got \(23,\)"),
        (lambda y: y.tolist(), DTypeError, "be a NumPy array of floats, got list"),
        (lambda y: None, DTypeError, "be a NumPy array of floats, got NoneType"),
        (lambda y: np.ones(y.shape, int), DTypeError, "be float16, .* got int64"),
    ],
)
def test_a_gradient_that_a_loss_returns_is_like_the_scores(
    dy: Callable[[Matrix], object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^the gradient that the loss my_loss returns must {message}"):
        next(train(NET, [(X, T)], loss=mine(dy), optimizer=sgd()))


@pytest.mark.parametrize(
    "value", [True, np.True_, 1j, np.complex64(1), None, "0.5", np.ones(1), X], ids=type
)
def test_a_loss_is_a_real_number(value: object) -> None:
    with pytest.raises(TypeError, match="the loss that my_loss returns must be a number"):
        next(train(NET, [(X, T)], loss=mine(np.copy, value), optimizer=sgd()))


@pytest.mark.parametrize("value", [2, np.float16(2), np.float64(2), np.array(2.0, np.float32)])
def test_a_loss_of_another_type_becomes_a_float(value: object) -> None:
    state = next(train(NET, [(X, T)], loss=mine(np.copy, value), optimizer=sgd()))

    assert (type(state.loss), state.loss) == (float, 2.0)


@pytest.mark.parametrize("value", [np.float16("nan"), np.array(math.inf), np.float32("-inf")])
def test_a_loss_of_another_type_that_is_not_finite_stops_the_run(value: object) -> None:
    with pytest.raises(NonFiniteError, match="the loss at step 0 is"):
        next(train(NET, [(X, T)], loss=mine(np.copy, value), optimizer=sgd()))


def test_a_loss_without_a_name_is_told_by_its_class() -> None:
    with pytest.raises(DTypeError, match="the gradient that the loss partial returns"):
        next(train(NET, [(X, T)], loss=partial(mine(np.float64)), optimizer=sgd()))
