"""One step of training: the gradients of a batch, and the update that they make.

`train_step` is `batch_gradients` followed by `apply_gradients`. Between the two, `combine` averages
the gradients of several parts of a batch: to accumulate them, or to compute the parts elsewhere.
The weight of a part is its number of rows, unless the loss has a method `batch_weight(t)` that
returns another one, such as the sum of weights of `weighted`.

`loss` is a function `(y, t) -> (loss, dy)`, such as `softmax_cross_entropy`, and `optimizer` the
optimizer that the state was made for. `seed` is the seed of the run, an integer >= 0 or a
SeedSequence; it is required if the network has layers that `training_mode` affects. `at_rest` are
paths of layers that stay as they are at inference; their parameters are still updated, unless the
optimizer is wrapped in `freeze`. `n_shards` is the number of parts of each batch whose gradients
are computed one after the other and averaged by `combine` (accumulated gradients), so that only one
part at a time needs memory for its activations; each draws its own dropout masks, and layers that
keep statistics see each part as a batch. A batch of fewer rows has one part for each row.
Default: 1.

A step raises

- NonFiniteError if the loss, a parameter, or an array of the optimizer or of the statistics becomes
  infinite or NaN;
- ShapeError or DTypeError if the batch does not match the network, or dy does not match y;
- TypeError if the loss does not return a number and its gradient, or an argument is of another
  type;
- ValueError if the network is in training mode, or if a seed is required and is None, or negative;
- KeyError or ValueError if a path of `at_rest` does not exist, or is not that of a layer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Generic, TypeVar

import attrs
import numpy as np
from numpy import ndarray

from funnet.core.arrays import Array, array_type
from funnet.core.checks import as_float, check_count, check_number
from funnet.core.context import Context, Statistics
from funnet.core.errors import is_inside
from funnet.core.layer import Layer, X, Y, backward, forward
from funnet.core.live import check_at_rest, contexts
from funnet.core.locks import lock_in_place
from funnet.core.nodes import filler
from funnet.core.tree import tree_map
from funnet.data.shards import rows_of, shards_of
from funnet.gradients import check_loss
from funnet.optimizers.optimizer import Optimizer, OptimizerState, P, check_optimizer
from funnet.training.modes import apply_statistics, check_paths, statistics_of, training_mode
from funnet.training.state import (
    NonFiniteError,
    TrainState,
    cause_in,
    check_buffers,
    check_finite,
    check_statistics,
)

P_co = TypeVar("P_co", covariant=True)
T = TypeVar("T")


@attrs.frozen(eq=False)
class BatchGradients(Generic[P_co]):
    """The gradients of a batch, or of a part of one.

    Parameters
    ----------
    loss
        The loss of the batch.
    weight
        The weight of the batch in an average: its number of rows, or the sum of their weights.
    grads
        The gradients, at rest, with the structure of the network.
    statistics
        What the layers that keep statistics report, in order.
    """

    loss: float
    weight: float
    grads: P_co
    statistics: tuple[Statistics, ...] = ()


Fields = tuple[float, float, P, tuple[Statistics, ...]]
"""The fields of a BatchGradients, which takes 4,000 instructions to make."""

_state = filler(TrainState)


def live_network(
    net: object, seed: int | np.random.SeedSequence | None, at_rest: Iterable[str]
) -> Callable[..., Any] | None:
    """Return `training_mode` with seed and at_rest, or None if it does not affect the network.

    Raises
    ------
    ValueError
        If the network is live, a path of `at_rest` is not that of a layer, or a seed is required
        and is None, or is negative.
    KeyError
        If a path of `at_rest` does not exist.
    TypeError
        If `seed` or `at_rest` is of another type.
    """
    check_at_rest(net, "training")
    paths = check_paths(net, at_rest)
    if seed is not None:
        Context(seed, 0)
    affected = [
        f"{path or 'the network'} ({type(layer).__name__})"
        for path, layer, _ in contexts(net)
        if not is_inside(path, paths)
    ]
    if not affected:
        return None
    if seed is None:
        raise ValueError(
            f"training needs a seed, because of {', '.join(affected)}; pass seed=0, or keep these "
            "layers as they are at inference with at_rest=[...]"
        )
    return partial(training_mode, seed=seed, at_rest=paths)


# A step checks what it computes, and its errors say more than NumPy's warnings. A decorator costs
# half as many instructions as a context manager.
@np.errstate(all="ignore")
def batch_gradients(
    net: Layer[X, Y, Any, P],
    x: X,
    t: T,
    *,
    loss: Callable[[Y, T], tuple[float, Y]],
    seed: int | np.random.SeedSequence | None = None,
    step: int = 0,
    shard: int = 0,
    at_rest: Iterable[str] = (),
) -> BatchGradients[P]:
    """Return the loss and the gradients of a batch, computed in training mode.

    Parameters
    ----------
    net
        A network at rest.
    x, t
        The batch and its targets.
    step, shard
        See `training_mode`. Default: 0.

    Examples
    --------
    >>> from funnet import Affine, batch_gradients, softmax_cross_entropy
    >>> x, t = np.ones((5, 3), np.float32), np.zeros(5, int)
    >>> batch_gradients(Affine.init(3, 2, rng=0), x, t, loss=softmax_cross_entropy).weight
    5.0
    """
    live = live_network(net, seed, at_rest)
    return BatchGradients(*gradients_with(live, loss)(net, x, t, step, shard))


def gradients_with(
    live: Callable[..., Any] | None, loss: Callable[[Y, T], tuple[float, Y]]
) -> Callable[..., Fields[Any]]:
    """Return the function `(net, x, t, step, shard) -> fields`; live is from `live_network`."""
    batch_weight = getattr(loss, "batch_weight", None)

    def gradients_of(net: Layer[X, Y, Any, P], x: X, t: T, step: int, shard: int) -> Fields[P]:
        if live is not None:
            net = live(net, step=step, shard=shard)
        y, cache = forward(net, x)
        value, dy = check_loss(loss, y, t)
        grads = backward(net, cache, dy)
        if batch_weight is not None:
            weight = as_float(batch_weight(t), "batch_weight(t) of the loss")
        else:
            weight = float(len(y)) if isinstance(y, ndarray) and y.ndim else 1.0
        statistics = () if live is None else statistics_of(net, cache)
        return value, weight, grads, statistics

    return gradients_of


@np.errstate(all="ignore")
def combine(parts: Iterable[BatchGradients[P]]) -> BatchGradients[P]:
    """Return the average of gradients by weight, added in order.

    If the loss is a mean over rows, the parts of a batch give the gradients of the whole batch, up
    to rounding; but not where layers in training mode use the statistics of their part. One part is
    returned as it is. Parts of weight 0 are not averaged; if all are 0, so are the loss and the
    gradients. Statistics are kept in order.

    Raises
    ------
    ValueError
        If there are no parts, or a weight is negative or not finite, or their sum is infinite.
    StructureError, ShapeError
        If the gradients differ in structure.
    TypeError
        If `parts` is not a list of BatchGradients, or a weight not a number.

    Examples
    --------
    >>> from funnet import BatchGradients, combine
    >>> parts = [BatchGradients(1.0, 3.0, np.zeros(1)), BatchGradients(2.0, 1.0, np.ones(1))]
    >>> combine(parts).loss, combine(parts).grads
    (1.25, array([0.25]))
    """
    if not isinstance(parts, Iterable):
        raise TypeError(f"parts must be a list of BatchGradients, got {array_type(parts)}")
    parts = tuple(parts)
    for i, part in enumerate(parts):
        if not isinstance(part, BatchGradients):
            raise TypeError(f"parts[{i}] must be BatchGradients, got {array_type(part)}")
    if not parts:
        raise ValueError("parts must contain at least one BatchGradients, got none")
    if len(parts) == 1:
        return parts[0]
    weights = [check_number(part.weight, f"parts[{i}].weight", 0) for i, part in enumerate(parts)]
    total = sum(weights)
    if total == math.inf:
        raise ValueError("the weights of parts must have a sum in the range of float64")
    shares = [weight / total if total else 0.0 for weight in weights]

    def average(*grads: Array) -> Array:
        mean: Array = np.zeros_like(grads[0])
        for grad, share in zip(grads, shares, strict=True):
            if share:  # the mean over no rows may be NaN
                mean += grad * share
        return lock_in_place(mean)

    return BatchGradients(
        sum((share * part.loss for share, part in zip(shares, parts, strict=True) if share), 0.0),
        total,
        tree_map(average, *(part.grads for part in parts)),
        tuple(record for part in parts for record in part.statistics),
    )


@np.errstate(all="ignore")
def apply_gradients(
    state: TrainState[P], gradients: BatchGradients[P], *, optimizer: Optimizer
) -> TrainState[P]:
    """Return the state after one update by the gradients of a batch, with its statistics.

    The epoch is not changed, since one batch does not tell how many an epoch has.
    """
    check_state(state, optimizer)
    check_at_rest(state.params, "training")
    if not isinstance(gradients, BatchGradients):
        raise TypeError(f"gradients must be BatchGradients, got {array_type(gradients)}")
    return _apply(
        state, gradients.loss, gradients.grads, gradients.statistics, optimizer=optimizer, x=None
    )


def _apply(
    state: TrainState[P],
    loss: float,
    grads: P,
    statistics: tuple[Statistics, ...],
    *,
    optimizer: Optimizer,
    x: object,
) -> TrainState[P]:
    if not math.isfinite(loss):
        raise NonFiniteError(f"the loss at step {state.step} is {loss}{cause_in(x)}", state)
    # Before a layer uses them: what its with_statistics does with NaN is not known.
    if statistics:
        check_statistics(statistics, state, x)
    params, optimizer_state = optimizer.update(state.params, grads, state.optimizer_state)
    if statistics:
        params = apply_statistics(params, statistics)
    # What the constructor of TrainState checks is known, but for what a user's optimizer returns.
    make = _state if isinstance(optimizer_state, OptimizerState) else TrainState
    new: TrainState[P] = make(state.step + 1, state.epoch, params, optimizer_state, loss)
    if statistics:
        check_buffers(new, state, statistics)
    check_finite(new, state, grads, x)
    return new


def check_state(state: object, optimizer: object) -> None:
    """Raise TypeError unless the arguments are a TrainState and an Optimizer."""
    if not isinstance(state, TrainState):
        raise TypeError(
            "state must be a TrainState, such as TrainState.init(net, optimizer), "
            f"got {array_type(state)}"
        )
    check_optimizer(optimizer)


def train_step(
    state: TrainState[Layer[X, Y, Any, P]],
    x: X,
    t: T,
    *,
    loss: Callable[[Y, T], tuple[float, Y]],
    optimizer: Optimizer,
    seed: int | np.random.SeedSequence | None = None,
    at_rest: Iterable[str] = (),
    n_shards: int = 1,
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
    check_state(state, optimizer)
    live = live_network(state.params, seed, at_rest)
    return step_with(live, loss, optimizer, check_count(n_shards, "n_shards"))(state, x, t)


def step_with(
    live: Callable[..., Any] | None,
    loss: Callable[[Y, T], tuple[float, Y]],
    optimizer: Optimizer,
    n_shards: int,
) -> Callable[[TrainState[Any], Any, T], TrainState[Any]]:
    """Return the function `(state, x, t) -> state` of one step; `live` is from `live_network`."""
    gradients_of = gradients_with(live, loss)

    @np.errstate(all="ignore")
    def step(state: TrainState[Any], x: Any, t: T) -> TrainState[Any]:
        net, k = state.params, state.step
        if n_shards == 1:
            value, _, grads, statistics = gradients_of(net, x, t, k, 0)
            return _apply(state, value, grads, statistics, optimizer=optimizer, x=x)
        mean = combine(
            BatchGradients(*gradients_of(net, rows_of(x, shard), rows_of(t, shard), k, shard.i))
            for shard in shards_of(x, n_shards)
        )
        return _apply(state, mean.loss, mean.grads, mean.statistics, optimizer=optimizer, x=x)

    return step
