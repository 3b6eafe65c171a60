"""Training as a stream of immutable states."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, Protocol, TypeVar, overload, runtime_checkable

import attrs
import numpy as np

from funnet.core.arrays import Matrix, array_type
from funnet.core.checks import check_count
from funnet.core.layer import AnyLayer, Layer, NetworkT, X, Y
from funnet.optimizers.optimizer import Optimizer, P, check_optimizer
from funnet.training.state import TrainState
from funnet.training.steps import live_network, step_with

B_co = TypeVar("B_co", covariant=True)
T = TypeVar("T")


@runtime_checkable
class Addressable(Protocol[B_co]):
    """Batches that can start at any step, such as those of `minibatches`."""

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches in an epoch."""

    def from_step(self, step: int, /) -> Iterator[B_co]:
        """Return an iterator over the batches from `step` on."""


@overload
def train(
    start: NetworkT | TrainState[NetworkT],
    batches: Iterable[tuple[Matrix, T]],
    *,
    loss: Callable[[Matrix, T], tuple[float, Matrix]],
    optimizer: Optimizer,
    seed: int | np.random.SeedSequence | None = None,
    at_rest: Iterable[str] = (),
    n_shards: int = 1,
) -> Generator[TrainState[NetworkT], None, None]: ...
@overload
def train(
    start: Layer[X, Y, Any, P] | TrainState[Layer[X, Y, Any, P]],
    batches: Iterable[tuple[X, T]],
    *,
    loss: Callable[[Y, T], tuple[float, Y]],
    optimizer: Optimizer,
    seed: int | np.random.SeedSequence | None = None,
    at_rest: Iterable[str] = (),
    n_shards: int = 1,
) -> Generator[TrainState[P], None, None]: ...
def train(
    start: AnyLayer | TrainState[AnyLayer],
    batches: Iterable[tuple[X, T]],
    *,
    loss: Callable[[Y, T], tuple[float, Y]],
    optimizer: Optimizer,
    seed: int | np.random.SeedSequence | None = None,
    at_rest: Iterable[str] = (),
    n_shards: int = 1,
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
    loss, optimizer, seed, at_rest, n_shards
        See `funnet.training.steps`, also for the errors of a step.

    Raises
    ------
    TypeError
        If `optimizer` is not an Optimizer, `n_shards` not an integer, or a batch is not a pair.
    ValueError
        If `n_shards` < 1.

    Examples
    --------
    >>> from itertools import islice
    >>> import numpy as np
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
    check_optimizer(optimizer)
    n_shards = check_count(n_shards, "n_shards")
    state = start if isinstance(start, TrainState) else TrainState.init(start, optimizer)
    step = step_with(live_network(state.params, seed, at_rest), loss, optimizer, n_shards)
    return walk(state, batches, step)


def walk(
    state: TrainState[P],
    batches: Iterable[tuple[X, T]],
    step: Callable[[TrainState[P], X, T], TrainState[P]],
) -> Generator[TrainState[P], None, None]:
    """Return a generator of the states that a step makes of batches, and count their epochs."""
    steps_per_epoch = 0
    if isinstance(batches, Addressable):
        steps_per_epoch = batches.steps_per_epoch
        batches = batches.from_step(state.step)
    for batch in batches:
        if not isinstance(batch, (tuple, list)) or len(batch) != 2:
            raise TypeError(f"each batch must be a pair (x, t), got {array_type(batch)}")
        x, t = batch
        state = step(state, x, t)
        if steps_per_epoch and state.step % steps_per_epoch == 0:
            state = attrs.evolve(state, epoch=state.step // steps_per_epoch)
        yield state
