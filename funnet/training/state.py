"""The state of a training run, and the check that a step leaves it finite."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Generic, TypeVar

import attrs
import numpy as np

from funnet.core.arrays import Array
from funnet.core.context import Statistics
from funnet.core.kernels import all_finite
from funnet.core.layer import SomeLayer
from funnet.core.live import check_at_rest
from funnet.core.nodes import kind_of
from funnet.core.tree import named_leaves, tree_leaves, value_at
from funnet.optimizers.optimizer import Optimizer, OptimizerState, arrays_of, check_optimizer

P_co = TypeVar("P_co", covariant=True)
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

        Raises
        ------
        ValueError
            If the network is in training mode.
        TypeError
            If `optimizer` is not an Optimizer.

        Examples
        --------
        >>> from funnet import Affine, TrainState, momentum
        >>> TrainState.init(Affine.init(3, 2, rng=0), momentum()).step
        0
        """
        check_optimizer(optimizer)
        check_at_rest(params, "TrainState.init")
        return TrainState(0, 0, params, optimizer.init(params))

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics of the last update, such as the learning rate "lr"."""
        return dict(self.optimizer_state.metrics)


class NonFiniteError(ArithmeticError):
    """A loss, a parameter, or an array of the optimizer or of statistics became infinite or NaN.

    The message names it, or the gradient that caused it. `state` is the state before that step.
    """

    def __init__(self, message: str, state: TrainState[object]) -> None:
        super().__init__(message, state)
        self.state = state

    def __str__(self) -> str:
        return str(self.args[0])


def cause_in(x: object) -> str:
    """Return a clause that names a non-finite entry of the input, which explains all others."""
    if isinstance(x, np.ndarray) and x.dtype.kind == "f":
        wrong = np.argwhere(~np.isfinite(x))
        if len(wrong):
            return f", because x[{', '.join(map(str, wrong[0]))}] of the batch is not finite"
    return ""


def check_statistics(
    statistics: Iterable[Statistics], state: TrainState[object], x: object
) -> None:
    """Raise NonFiniteError if what layers report from a batch is infinite or NaN."""
    for record in statistics:
        if not all(np.isfinite(value).all() for value in record.values):
            raise NonFiniteError(
                f"the statistics of {record.path or 'the network'} at step {state.step} are not "
                f"finite{cause_in(x)}",
                state,
            )


def check_buffers(
    new: TrainState[object], old: TrainState[object], statistics: Iterable[Statistics]
) -> None:
    """Raise NonFiniteError if statistics made a buffer of their layer infinite or NaN."""
    for path in {record.path: None for record in statistics}:
        kept = _buffers(value_at(old.params, path))
        for i, buffer in _buffers(value_at(new.params, path)).items():
            if i in kept or np.isfinite(buffer).all():
                continue
            raise NonFiniteError(
                f"the update at step {old.step} makes the statistics of {path or 'the network'} "
                "infinite or NaN, though those of the batch are finite",
                old,
            )


def check_finite(
    new: TrainState[object], old: TrainState[object], grads: object, x: object
) -> None:
    """Raise NonFiniteError if the update from `old` to `new` made an array infinite or NaN."""
    if not all_finite(arrays_of(new.params, new.optimizer_state)):
        _explain(new, old, grads, x)


def _buffers(layer: object) -> dict[int, Array]:
    """Return the buffers of a layer by their ids."""
    kind = kind_of(type(layer))
    children = kind.children(layer)
    return {id(array): array for i in kind.kept for array in tree_leaves(children[i])}


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
            message = f"the gradient{where} at step {old.step} is not finite{cause_in(x)}"
            raise NonFiniteError(message, old)
    raise NonFiniteError(
        f"the update at step {old.step} makes {wrong[0]} infinite or NaN, though the loss and the "
        "gradients are finite; lower the learning rate, clip the gradients or use a wider dtype",
        old,
    )
