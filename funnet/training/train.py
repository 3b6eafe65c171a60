"""Training as a stream of immutable states; the loop is the user's."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, Generic, Protocol, TypeVar, cast, overload, runtime_checkable

import attrs
import numpy as np

from funnet.core.arrays import Matrix, array_type
from funnet.core.layer import Layer, NetworkT, SomeLayer, X, Y, backward, forward
from funnet.core.tree import named_leaves, tree_leaves
from funnet.gradients import check_loss
from funnet.optimizers.optimizer import Optimizer, OptimizerState, P

P_co = TypeVar("P_co", covariant=True)
B_co = TypeVar("B_co", covariant=True)
T = TypeVar("T")
Params = TypeVar("Params", bound=SomeLayer)


@attrs.frozen(eq=False)
class TrainState(Generic[P_co]):
    """Where a training run stands. All that comes later follows from it and the batches to come.

    Parameters
    ----------
    step
        How many updates have been made.
    epoch
        How many epochs are over.
    params
        The network.
    optimizer_state
        What the optimizer remembers.
    loss
        The loss of the last batch, before the update; NaN where there was none.
    """

    step: int
    epoch: int
    params: P_co
    optimizer_state: OptimizerState[P_co]
    loss: float = math.nan

    def __attrs_post_init__(self) -> None:
        # Made at each step, as an OptimizerState is.
        if not (
            isinstance(self.step, int)
            and isinstance(self.epoch, int)
            and isinstance(self.optimizer_state, OptimizerState)
            and isinstance(self.loss, float)
        ):
            raise TypeError(
                "expected step and epoch to be ints, optimizer_state to be an OptimizerState and "
                f"loss to be a float, got {self.step!r}, {self.epoch!r}, "
                f"{type(self.optimizer_state).__name__} and {self.loss!r}"
            )

    @staticmethod
    def init(params: Params, optimizer: Optimizer) -> TrainState[Params]:
        """Return the state before the first step.

        Parameters
        ----------
        params
            A layer or network.
        optimizer
            What will update it.

        Examples
        --------
        >>> from funnet import Affine, TrainState, momentum
        >>> TrainState.init(Affine.init(3, 2, rng=0), momentum()).step
        0
        """
        return TrainState(0, 0, params, optimizer.init(params))

    @property
    def metrics(self) -> dict[str, float]:
        """What the optimizer told about the last update, such as the learning rate "lr"."""
        return dict(self.optimizer_state.metrics)


class NonFiniteError(ArithmeticError):
    """A loss, or what an update returned, is infinite or NaN; `state` is the last good one.

    Parameters
    ----------
    message
        What is not finite, and at which step.
    state
        The state before the step.
    """

    def __init__(self, message: str, state: TrainState[object]) -> None:
        super().__init__(message, state)
        self.state = state

    def __str__(self) -> str:
        return str(self.args[0])


@runtime_checkable
class Addressable(Protocol[B_co]):
    """Batches that can be entered at any step, as those of `minibatches`."""

    @property
    def steps_per_epoch(self) -> int:
        """How many batches an epoch has."""

    def from_step(self, step: int, /) -> Iterator[B_co]:
        """Return an iterator over the batches from a step on."""


# Without NumPy's warnings, since what a step computes is checked, and named if it is not finite. A
# decorator costs half as many instructions as a context manager.
@np.errstate(all="ignore")
def train_step(
    state: TrainState[Layer[X, Y, Any, P]],
    x: X,
    t: T,
    *,
    loss: Callable[[Y, T], tuple[float, Y]],
    optimizer: Optimizer,
) -> TrainState[P]:
    """Return the state after one more update.

    Parameters
    ----------
    state
        Where the run stands.
    x
        A batch of inputs.
    t
        Its targets.
    loss
        A function `(y, t) -> (loss, dy)`, such as `softmax_cross_entropy`.
    optimizer
        The one that the state is of.

    Returns
    -------
    state
        A new state; the given one is unchanged. Its epoch is the same: of the batches to come,
        nothing is known here.

    Raises
    ------
    NonFiniteError
        If the loss, a parameter or what the optimizer remembers becomes infinite or NaN; it
        carries the given state, and its message names the gradient or the array.
    ShapeError, DTypeError
        If the batch does not fit the network, or the loss returns a gradient that is not like `y`.
    TypeError
        If the loss does not return a number and its gradient.

    Examples
    --------
    >>> from funnet import Affine, TrainState, sgd, softmax_cross_entropy, train_step
    >>> optimizer = sgd(lr=0.1)
    >>> state = TrainState.init(Affine.init(3, 2, rng=0), optimizer)
    >>> x, t = np.ones((5, 3), np.float32), np.zeros(5, int)
    >>> for _ in range(3):
    ...     state = train_step(state, x, t, loss=softmax_cross_entropy, optimizer=optimizer)
    >>> state.step, state.metrics
    (3, {'lr': 0.1})
    """
    y, cache = forward(state.params, x)
    value, dy = check_loss(loss, y, t)
    if not math.isfinite(value):
        message = f"the loss at step {state.step} is {value}{_cause(x)}"
        raise NonFiniteError(message, state)
    grads = backward(state.params, cache, dy)
    own = cast("TrainState[P]", state)  # the gradients have the network's class
    params, optimizer_state = optimizer.update(own.params, grads, own.optimizer_state)
    new = TrainState(state.step + 1, state.epoch, params, optimizer_state, value)
    _check_finite(new, state, grads, x)
    return new


@overload
def train(
    start: NetworkT | TrainState[NetworkT],
    batches: Iterable[tuple[Matrix, T]],
    *,
    loss: Callable[[Matrix, T], tuple[float, Matrix]],
    optimizer: Optimizer,
) -> Generator[TrainState[NetworkT], None, None]: ...
@overload
def train(
    start: TrainState[Layer[X, Y, Any, P]],
    batches: Iterable[tuple[X, T]],
    *,
    loss: Callable[[Y, T], tuple[float, Y]],
    optimizer: Optimizer,
) -> Generator[TrainState[P], None, None]: ...
@overload
def train(
    start: Layer[X, Y, Any, P],
    batches: Iterable[tuple[X, T]],
    *,
    loss: Callable[[Y, T], tuple[float, Y]],
    optimizer: Optimizer,
) -> Generator[TrainState[P], None, None]: ...
def train(
    start: TrainState[Layer[X, Y, Any, P]] | Layer[X, Y, Any, P],
    batches: Iterable[tuple[X, T]],
    *,
    loss: Callable[[Y, T], tuple[float, Y]],
    optimizer: Optimizer,
) -> Generator[TrainState[P], None, None]:
    """Return the states of a training run, one after each update, as a generator.

    The state that the caller holds stays good whatever happens next: an error, Ctrl-C, or a
    `break`. From it, saved or not, the same function goes on.

    Parameters
    ----------
    start
        A network; or a state, to go on from there.
    batches
        Pairs of inputs and targets. Those of `minibatches` are entered at the state's step; of any
        other iterable, all that it still gives are taken.
    loss
        A function `(y, t) -> (loss, dy)`, such as `softmax_cross_entropy`.
    optimizer
        What updates the network; for a state, the one that it is of.

    Yields
    ------
    state
        The state after each update. Epochs are counted for batches that know how many of them an
        epoch has.

    Raises
    ------
    NonFiniteError
        If a loss, a parameter or what the optimizer remembers becomes infinite or NaN; it carries
        the last good state, and its message names the gradient or the array.
    ShapeError, DTypeError
        If a batch does not fit the network, or the loss returns a gradient that is not like `y`.
    TypeError
        If there is no optimizer, a batch is no pair, or the loss does not return a number and its
        gradient.

    Examples
    --------
    >>> from itertools import islice
    >>> from funnet import Affine, minibatches, sgd, softmax_cross_entropy, train
    >>> x, t = np.eye(4, dtype=np.float32), np.arange(4)
    >>> batches = minibatches(x, t, 2, rng=0)
    >>> net = Affine.init(4, 4, rng=1)
    >>> for state in train(net, batches, loss=softmax_cross_entropy, optimizer=sgd(lr=1.0)):
    ...     if state.step == 5:
    ...         break
    >>> state.step, state.epoch, state.metrics
    (5, 2, {'lr': 1.0})
    >>> more = train(state, batches, loss=softmax_cross_entropy, optimizer=sgd(lr=1.0))
    >>> [later.step for later in islice(more, 3)]
    [6, 7, 8]
    """
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"expected an optimizer, such as adam(), got {optimizer!r}")
    state = (
        cast("TrainState[SomeLayer]", start)
        if isinstance(start, TrainState)
        else TrainState.init(cast(SomeLayer, start), optimizer)
    )
    return _walk(cast("TrainState[Layer[X, Y, Any, P]]", state), batches, loss, optimizer)


def _walk(
    state: TrainState[Layer[X, Y, Any, P]],
    batches: Iterable[tuple[X, T]],
    loss: Callable[[Y, T], tuple[float, Y]],
    optimizer: Optimizer,
) -> Generator[TrainState[P], None, None]:
    steps_per_epoch = 0
    if isinstance(batches, Addressable):
        steps_per_epoch = batches.steps_per_epoch
        batches = batches.from_step(state.step)
    for batch in batches:
        x, t = _pair(batch, "each batch to be a pair (x, t)")
        new = train_step(state, x, t, loss=loss, optimizer=optimizer)
        if steps_per_epoch and new.step % steps_per_epoch == 0:
            new = attrs.evolve(new, epoch=new.step // steps_per_epoch)
        yield new
        state = cast("TrainState[Layer[X, Y, Any, P]]", new)


def _pair(pair: tuple[X, T], what: str) -> tuple[X, T]:
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise TypeError(f"expected {what}, got {array_type(pair)}")
    return pair


def _cause(x: object) -> str:
    """Say so if the input itself is not finite, as then nothing else is wrong."""
    if isinstance(x, np.ndarray) and x.dtype.kind == "f":
        wrong = np.argwhere(~np.isfinite(x))
        if len(wrong):
            return f", as x[{', '.join(map(str, wrong[0]))}] of its batch is not finite"
    return ""


def _check_finite(
    new: TrainState[object], old: TrainState[object], grads: object, x: object
) -> None:
    for array in tree_leaves((new.params, new.optimizer_state.slots)):
        # A sum of squares costs less than a test of each element, and infinity and NaN stay in it.
        # That of large numbers may be infinite as well: only a finite one settles the matter.
        row = array if array.ndim == 1 else array.ravel()
        if not math.isfinite(row.dot(row)):
            _explain(new, old, grads, x)
            return


def _explain(new: TrainState[object], old: TrainState[object], grads: object, x: object) -> None:
    """Raise an error that names what is not finite: a gradient, else an array of the new state.

    An array that the update has not replaced, such as a frozen one, is left to its owner.
    """
    kept = set(map(id, tree_leaves((old.params, old.optimizer_state.slots))))
    after = new.optimizer_state
    wrong = [
        " of ".join(filter(None, (name, path))) or "the parameter"
        for name, tree in zip(("", *after.names), (new.params, *after.slots), strict=True)
        for path, array in named_leaves(tree)
        if not np.isfinite(array).all() and id(array) not in kept
    ]
    if not wrong:
        return
    for path, grad in named_leaves(grads):
        if not np.isfinite(grad).all():
            where = f" of {path}" if path else ""
            message = f"the gradient{where} at step {old.step} is not finite{_cause(x)}"
            raise NonFiniteError(message, old)
    raise NonFiniteError(
        f"the update at step {old.step} makes {wrong[0]} infinite or NaN, though the loss and the "
        "gradients are finite; lower the learning rate, clip the gradients or use a wider dtype",
        old,
    )
