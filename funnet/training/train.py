"""Training as a stream of immutable states.

`loss` is a function `(y, t) -> (loss, dy)`, such as `softmax_cross_entropy`, and `optimizer` the
optimizer that the state was made for. A step raises

- NonFiniteError if the loss, a parameter or an array of the optimizer becomes infinite or NaN;
- ShapeError or DTypeError if the batch does not match the network, or dy does not match y;
- TypeError if the loss does not return a number and its gradient.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, Generic, Protocol, TypeVar, cast, overload, runtime_checkable

import attrs
import numpy as np

from funnet.core.arrays import Matrix, array_type
from funnet.core.layer import AnyLayer, Layer, NetworkT, SomeLayer, X, Y, backward, forward
from funnet.core.tree import named_leaves, tree_leaves
from funnet.gradients import check_loss
from funnet.optimizers.optimizer import Optimizer, OptimizerState, P

P_co = TypeVar("P_co", covariant=True)
B_co = TypeVar("B_co", covariant=True)
T = TypeVar("T")
Params = TypeVar("Params", bound=SomeLayer)


@attrs.frozen(eq=False)
class TrainState(Generic[P_co]):
    """The state of a training run: with the batches to come, it determines all later states.

    Parameters
    ----------
    step
        Number of updates made.
    epoch
        Number of epochs completed.
    params
        The network.
    optimizer_state
        The state of the optimizer.
    loss
        The loss of the last batch, before the update. Default: NaN.
    """

    step: int
    epoch: int
    params: P_co
    optimizer_state: OptimizerState[P_co]
    loss: float = math.nan

    def __attrs_post_init__(self) -> None:
        # One check in place of a validator for each field: a state is made at every step.
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
        """Return the state of a network before the first step.

        Examples
        --------
        >>> from funnet import Affine, TrainState, momentum
        >>> TrainState.init(Affine.init(3, 2, rng=0), momentum()).step
        0
        """
        return TrainState(0, 0, params, optimizer.init(params))

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics of the last update, such as the learning rate "lr"."""
        return dict(self.optimizer_state.metrics)


class NonFiniteError(ArithmeticError):
    """A loss, a parameter or an array of the optimizer became infinite or NaN.

    The message names it, or the gradient that caused it. `state` is the state before that step.
    """

    def __init__(self, message: str, state: TrainState[object]) -> None:
        super().__init__(message, state)
        self.state = state

    def __str__(self) -> str:
        return str(self.args[0])


@runtime_checkable
class Addressable(Protocol[B_co]):
    """Batches that can start at any step, such as those of `minibatches`."""

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches in an epoch."""

    def from_step(self, step: int, /) -> Iterator[B_co]:
        """Return an iterator over the batches from `step` on."""


# A step checks what it computes, and its errors say more than NumPy's warnings. A decorator costs
# half as many instructions as a context manager.
@np.errstate(all="ignore")
def train_step(
    state: TrainState[Layer[X, Y, Any, P]],
    x: X,
    t: T,
    *,
    loss: Callable[[Y, T], tuple[float, Y]],
    optimizer: Optimizer,
) -> TrainState[P]:
    """Return the state after one update with the batch `x` and its targets `t`.

    The epoch is not changed, since one batch does not tell how many an epoch has.

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
        raise NonFiniteError(f"the loss at step {state.step} is {value}{_cause(x)}", state)
    grads = backward(state.params, cache, dy)
    # A network has the class of its gradients, which its type does not say.
    own = cast("TrainState[P]", state)
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
    start: Layer[X, Y, Any, P] | TrainState[Layer[X, Y, Any, P]],
    batches: Iterable[tuple[X, T]],
    *,
    loss: Callable[[Y, T], tuple[float, Y]],
    optimizer: Optimizer,
) -> Generator[TrainState[P], None, None]: ...
def train(
    start: AnyLayer | TrainState[AnyLayer],
    batches: Iterable[tuple[X, T]],
    *,
    loss: Callable[[Y, T], tuple[float, Y]],
    optimizer: Optimizer,
) -> Generator[TrainState[Any], None, None]:
    """Return a generator of the states of a training run, one after each update.

    After an error, Ctrl-C or `break`, the last state is still valid. Pass it as `start` to resume
    the run, or save it with `save` first.

    Parameters
    ----------
    start
        A network, or a state to resume from.
    batches
        Pairs `(x, t)` of inputs and targets. Batches of `minibatches` start at the step of the
        state, and epochs are counted; any other iterable is consumed from where it is.

    Raises
    ------
    TypeError
        If `optimizer` is not an Optimizer, or a batch is not a pair.

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
        raise TypeError(f"optimizer must be an Optimizer, such as adam(), got {optimizer!r}")
    state = start if isinstance(start, TrainState) else TrainState.init(start, optimizer)
    return _walk(state, batches, loss, optimizer)


def _walk(
    state: TrainState[AnyLayer],
    batches: Iterable[tuple[X, T]],
    loss: Callable[[Y, T], tuple[float, Y]],
    optimizer: Optimizer,
) -> Generator[TrainState[AnyLayer], None, None]:
    steps_per_epoch = 0
    if isinstance(batches, Addressable):
        steps_per_epoch = batches.steps_per_epoch
        batches = batches.from_step(state.step)
    for batch in batches:
        if not isinstance(batch, tuple | list) or len(batch) != 2:
            raise TypeError(f"each batch must be a pair (x, t), got {array_type(batch)}")
        x, t = batch
        state = train_step(state, x, t, loss=loss, optimizer=optimizer)
        if steps_per_epoch and state.step % steps_per_epoch == 0:
            state = attrs.evolve(state, epoch=state.step // steps_per_epoch)
        yield state


def _cause(x: object) -> str:
    """Return a clause that names a non-finite entry of the input, which explains all others."""
    if isinstance(x, np.ndarray) and x.dtype.kind == "f":
        wrong = np.argwhere(~np.isfinite(x))
        if len(wrong):
            return f", because x[{', '.join(map(str, wrong[0]))}] of the batch is not finite"
    return ""


def _check_finite(
    new: TrainState[object], old: TrainState[object], grads: object, x: object
) -> None:
    for array in tree_leaves((new.params, new.optimizer_state.slots)):
        # Infinity and NaN survive in a sum of squares, which costs less than a test of each
        # element. Squares of large numbers overflow as well, so `_explain` looks again.
        row = array if array.ndim == 1 else array.ravel()
        if not math.isfinite(row.dot(row)):
            _explain(new, old, grads, x)
            return


def _explain(new: TrainState[object], old: TrainState[object], grads: object, x: object) -> None:
    """Raise an error that names a non-finite gradient, or else a non-finite array of `new`.

    Arrays that the update has passed on, such as frozen ones, may hold anything.
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
