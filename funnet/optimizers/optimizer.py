"""What an optimizer is, and how a formula on arrays becomes one."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

import attrs
import numpy as np
from attrs.validators import instance_of

from funnet.arrays import Array, check_dtype, check_float, seal
from funnet.errors import StructureError
from funnet.schedules import Rate, check_number, rate_at
from funnet.tree import tree_like, tree_map

P = TypeVar("P")


@attrs.frozen(eq=False)
class OptimizerState(Generic[P]):
    """What an optimizer remembers from one update to the next.

    Parameters
    ----------
    step
        How many updates have been made.
    names
        What the optimizer calls the trees that it keeps, such as ("m", "v").
    slots
        Those trees, each built like the parameters; `state["m"]` is the one of that name.
    reports
        What the last update has to tell, such as (("lr", 0.1),).
    """

    step: int = attrs.field(validator=instance_of(int))
    names: tuple[str, ...] = attrs.field(default=(), validator=instance_of(tuple))
    slots: tuple[P, ...] = attrs.field(default=(), repr=False, validator=instance_of(tuple))
    reports: tuple[tuple[str, float], ...] = attrs.field(default=(), validator=instance_of(tuple))

    def __attrs_post_init__(self) -> None:
        if len(self.names) != len(self.slots):
            raise StructureError(f"expected slots for {self.names}, got {len(self.slots)}")

    def __getitem__(self, name: str) -> P:
        if name not in self.names:
            raise KeyError(f"no {name!r} in a state of {', '.join(self.names) or 'nothing'}")
        return self.slots[self.names.index(name)]


class Init(Protocol):
    """How an optimizer starts."""

    def __call__(self, params: P, /) -> OptimizerState[P]:
        """Return the state before the first update."""


class Update(Protocol):
    """How an optimizer goes on."""

    def __call__(
        self, params: P, grads: P, state: OptimizerState[P], /
    ) -> tuple[P, OptimizerState[P]]:
        """Return new parameters and the new state; nothing that was given changes."""


@attrs.frozen
class Optimizer:
    """A pair of pure functions. Any such pair is an optimizer.

    Those that are made here are values: they can be compared, printed and sent to another
    process.

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
    OptimizerState(step=2, names=('velocity',), reports=(('lr', 0.1),))
    """

    init: Init
    update: Update


class Formula(Protocol):
    """The mathematics of an optimizer that treats each number by itself."""

    @property
    def names(self) -> tuple[str, ...]:
        """What it calls the arrays that it keeps."""

    def __call__(
        self, lr: float, step: int, param: Array, grad: Array, /, *slots: Array
    ) -> tuple[Array, ...]:
        """Return fresh arrays: the new parameters, and what it keeps, in the order of names."""


def elementwise(formula: Formula, lr: Rate) -> Optimizer:
    """Return the optimizer that applies a formula to each array of the parameters.

    Parameters
    ----------
    formula
        A value with `names`, which is called with the learning rate, how many updates have been
        made, the parameters, the gradients, and what it keeps, which is zero at first.
    lr
        The learning rate, at least 0, or a schedule.

    Raises
    ------
    ValueError
        If `lr` is negative or not finite.

    Examples
    --------
    >>> import attrs
    >>> from funnet import elementwise
    >>> @attrs.frozen
    ... class SignDescent:
    ...     names: tuple[str, ...] = ()
    ...
    ...     def __call__(self, lr, step, param, grad):
    ...         return (param - lr * np.sign(grad),)
    >>> optimizer = elementwise(SignDescent(), lr=0.5)
    >>> optimizer.update(np.ones(1), np.array([-3.0]), optimizer.init(np.ones(1)))[0]
    array([1.5])
    """
    rate = lr if callable(lr) else check_number(lr, "lr", 0)
    return Optimizer(_Zeros(formula.names), _Elementwise(formula, rate))


@attrs.frozen
class _Zeros:
    names: tuple[str, ...]

    def __call__(self, params: P, /) -> OptimizerState[P]:
        def zeros(param: Array) -> Array:
            check_float(param, "a parameter")
            return seal(np.zeros_like(param))

        return OptimizerState(0, self.names, tuple(tree_map(zeros, params) for _ in self.names))


@attrs.frozen
class _Elementwise:
    formula: Formula
    lr: Rate

    def __call__(
        self, params: P, grads: P, state: OptimizerState[P], /
    ) -> tuple[P, OptimizerState[P]]:
        names = self.formula.names
        if state.names != names:
            raise StructureError(
                f"expected the state of an optimizer that keeps {', '.join(names) or 'nothing'}, "
                f"got one that keeps {', '.join(state.names) or 'nothing'}"
            )
        formula, rate, done = self.formula, rate_at(self.lr, state.step), state.step
        results: list[tuple[Array, ...]] = []

        def step(param: Array, grad: Array, *slots: Array) -> Array:
            check_dtype(grad, param.dtype, "the gradient")
            for i, slot in enumerate(slots):
                check_dtype(slot, param.dtype, names[i])
            arrays = formula(rate, done, param, grad, *slots)
            if len(arrays) != 1 + len(slots):
                raise StructureError(
                    f"expected the formula to return {1 + len(slots)} arrays, got {len(arrays)}"
                )
            for array in arrays:
                seal(array)
            results.append(arrays)
            return arrays[0]

        params = tree_map(step, params, grads, *state.slots)
        slots = tuple(
            tree_like(slot, [arrays[i] for arrays in results])
            for i, slot in enumerate(state.slots, start=1)
        )
        return params, OptimizerState(state.step + 1, names, slots, (("lr", rate),))
