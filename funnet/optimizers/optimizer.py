"""The `Optimizer` interface: a pair of pure functions and the state between them."""

from __future__ import annotations

from itertools import chain
from typing import Generic, Protocol, TypeVar

import attrs

from funnet.core.arrays import Array, array_type
from funnet.core.errors import StructureError
from funnet.core.nodes import filler
from funnet.core.tree import reduce_to_constructor, tree_leaves
from funnet.optimizers.flat import FlatSlots

P = TypeVar("P")


@attrs.frozen(eq=False)
class OptimizerState(Generic[P]):
    """The state of an optimizer between two updates.

    Parameters
    ----------
    step
        The number of updates made.
    names
        The names of the slots, such as ("m", "v"). Default: ().
    slots
        Trees with the structure of the parameters; `state["m"]` is the slot of that name.
    metrics
        Numbers that the last update reports, such as (("lr", 0.1),). Default: ().
    optimizer
        The names of the wrappers and of the update rule, outermost first, such as
        ("clip_by_global_norm", "adam"). An update refuses a state with other names; learning rates
        and other constants may differ. Default: ().
    """

    step: int
    names: tuple[str, ...] = ()
    _slots: tuple[P, ...] | FlatSlots[P] = attrs.field(default=(), repr=False)
    metrics: tuple[tuple[str, float], ...] = ()
    optimizer: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        # A validator for each field would cost more than the rest of an update.
        if not (
            isinstance(self.step, int)
            and isinstance(self.names, tuple)
            and isinstance(self._slots, tuple | FlatSlots)
            and isinstance(self.metrics, tuple)
            and isinstance(self.optimizer, tuple)
        ):
            raise TypeError(
                "expected step to be an int, and names, slots, metrics and optimizer to be tuples, "
                f"got {self.step!r}, {self.names!r}, {type(self._slots).__name__}, "
                f"{self.metrics!r} and {self.optimizer!r}"
            )
        if len(self.names) != len(self._slots):
            raise StructureError(f"expected slots for {self.names}, got {len(self._slots)}")

    __reduce__ = reduce_to_constructor

    @property
    def slots(self) -> tuple[P, ...]:
        """The slots, in the order of their names."""
        return self._slots if isinstance(self._slots, tuple) else self._slots.trees

    def __getitem__(self, name: str) -> P:
        if name not in self.names:
            raise KeyError(f"no {name!r} in a state of {', '.join(self.names) or 'nothing'}")
        return self.slots[self.names.index(name)]


next_state = filler(OptimizerState)
"""Function of all fields that returns the state after an update, without checks."""


class Init(Protocol):
    """The function that returns the state before the first update."""

    def __call__(self, params: P, /) -> OptimizerState[P]:
        """Return the state before the first update."""


class Update(Protocol):
    """The function that makes an update."""

    def __call__(
        self, params: P, grads: P, state: OptimizerState[P], /
    ) -> tuple[P, OptimizerState[P]]:
        """Return new parameters and the new state, and leave the arguments unchanged."""


@attrs.frozen
class Optimizer:
    """A pair of pure functions. Any such pair is an optimizer.

    The optimizers of funnet can be compared, printed and pickled.

    Parameters
    ----------
    init
        A function `params -> state`.
    update
        A function `(params, grads, state) -> (params, state)`.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import momentum
    >>> optimizer = momentum(lr=0.1, momentum=0.5)
    >>> x = np.array([1.0, 2.0])
    >>> state = optimizer.init(x)
    >>> for _ in range(2):
    ...     x, state = optimizer.update(x, np.array([1.0, -1.0]), state)
    >>> x, state["velocity"]
    (array([0.75, 2.25]), array([-0.15,  0.15]))
    >>> state
    OptimizerState(step=2, names=('velocity',), metrics=(('lr', 0.1),), optimizer=('momentum',))
    """

    init: Init = attrs.field(repr=False)  # its names and constants are those of the update
    update: Update


def check_optimizer(optimizer: object) -> None:
    """Raise TypeError unless the argument is an Optimizer."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer must be an Optimizer, such as adam(), got {optimizer!r}")


def stored_slots(state: OptimizerState[P]) -> tuple[P, ...] | FlatSlots[P]:
    """Return the slots of a state as they are stored: as trees or as vectors."""
    return state._slots  # noqa: SLF001


def arrays_of(params: P, state: OptimizerState[P]) -> list[Array]:
    """Return arrays that together have all numbers of the parameters and of their slots."""
    slots = stored_slots(state)
    if isinstance(slots, FlatSlots):
        own = slots.arrays if slots.params is params else tree_leaves(params)
        return [*own, *chain.from_iterable(slots.slots)]
    return tree_leaves((params, slots)) if slots else tree_leaves(params)


def check_is_state(state: object) -> None:
    """Raise TypeError unless the argument is an OptimizerState."""
    if not isinstance(state, OptimizerState):
        raise TypeError(
            "state must be an OptimizerState, such as optimizer.init(params), "
            f"got {array_type(state)}"
        )


def check_made_by(state: OptimizerState[P], name: str, names: tuple[str, ...] = ()) -> None:
    """Raise StructureError for the state of another optimizer, TypeError for any other value."""
    check_is_state(state)
    if state.optimizer == (name,) and state.names == names:
        return
    if state.names == names:
        raise StructureError(f"expected the state of {name}, got that of {made_by(state)}")
    raise StructureError(
        f"expected the state of an optimizer that keeps {', '.join(names) or 'nothing'}, "
        f"got one that keeps {', '.join(state.names) or 'nothing'} ({name}, not {made_by(state)})"
    )


def made_by(state: OptimizerState[P]) -> str:
    """Return the optimizer of a state, such as "clip_by_global_norm(adam)"."""
    names = state.optimizer or ("an optimizer without a name",)
    return "(".join(names) + ")" * (len(names) - 1)
