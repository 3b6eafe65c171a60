"""What an optimizer is, and how a formula on arrays becomes one."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

import attrs
import numpy as np

from funnet.core.arrays import Array, check_dtype, check_float, lock_in_place
from funnet.core.errors import StructureError
from funnet.core.tree import tree_like, tree_map
from funnet.optimizers.schedules import LearningRate, check_number, rate_at

P = TypeVar("P")

_FLOAT16, _FLOAT32 = np.dtype(np.float16), np.dtype(np.float32)


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
    metrics
        What the last update has to tell, such as (("lr", 0.1),).
    optimizer
        The names of the wrappers and of the formula that the state belongs to, outermost first,
        such as ("clip_by_global_norm", "adam"). An update refuses the state of another optimizer;
        one of the same names goes on, whatever its learning rate. Default: ().
    """

    step: int
    names: tuple[str, ...] = ()
    slots: tuple[P, ...] = attrs.field(default=(), repr=False)
    metrics: tuple[tuple[str, float], ...] = ()
    optimizer: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        # Made at each step, where a validator for each field would cost more than all the rest.
        if not (
            isinstance(self.step, int)
            and isinstance(self.names, tuple)
            and isinstance(self.slots, tuple)
            and isinstance(self.metrics, tuple)
            and isinstance(self.optimizer, tuple)
        ):
            raise TypeError(
                "expected step to be an int, and names, slots, metrics and optimizer to be tuples, "
                f"got {self.step!r}, {self.names!r}, {type(self.slots).__name__}, "
                f"{self.metrics!r} and {self.optimizer!r}"
            )
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
    OptimizerState(step=2, names=('velocity',), metrics=(('lr', 0.1),), optimizer=('momentum',))
    """

    init: Init
    update: Update


class Formula(Protocol):
    """The mathematics of an optimizer that treats each number by itself.

    Two more attributes are optional:

    - `name`, a str: what the states of the optimizer are known by. Default: the name of the class.
    - `squares`, a bool: whether it squares gradients, which overflows above 255 in float16, and
      underflows below 2e-4. Then float16 parameters and gradients, and what it keeps for them, are
      handed to it in float32, and the new parameters are rounded. Default: False.
    """

    @property
    def names(self) -> tuple[str, ...]:
        """What it calls the arrays that it keeps."""

    def __call__(
        self, lr: float, step: int, param: Array, grad: Array, /, *slots: Array
    ) -> tuple[Array, ...]:
        """Return fresh arrays: the new parameters, and what it keeps, in the order of names."""


def elementwise(formula: Formula, lr: LearningRate) -> Optimizer:
    """Return the optimizer that applies a formula to each array of the parameters.

    Parameters
    ----------
    formula
        A value with `names`, which is called with the learning rate, how many updates have been
        made, the parameters, the gradients, and what it keeps, which is zero at first. With
        `squares = True`, all arrays are float32 where the parameters are float16.
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
    return Optimizer(_Zeros(formula), _Elementwise(formula, rate))


def made_by(state: OptimizerState[P]) -> str:
    """Return the optimizer that a state belongs to, as "clip_by_global_norm(adam)"."""
    names = state.optimizer or ("an optimizer without a name",)
    return "(".join(names) + ")" * (len(names) - 1)


@attrs.frozen
class _Zeros:
    formula: Formula

    def __call__(self, params: P, /) -> OptimizerState[P]:
        formula, squares = self.formula, _squares(self.formula)

        def zeros(param: Array) -> Array:
            check_float(param, "a parameter")
            widened = squares and param.dtype == _FLOAT16
            return lock_in_place(np.zeros_like(param, _FLOAT32 if widened else None))

        slots = tuple(tree_map(zeros, params) for _ in formula.names)
        return OptimizerState(0, formula.names, slots, optimizer=(_name(formula),))


@attrs.frozen
class _Elementwise:
    formula: Formula
    lr: LearningRate

    def __call__(
        self, params: P, grads: P, state: OptimizerState[P], /
    ) -> tuple[P, OptimizerState[P]]:
        formula, done, names = self.formula, state.step, self.formula.names
        optimizer = (_name(formula),)
        if state.names != names:
            raise StructureError(
                f"expected the state of an optimizer that keeps {', '.join(names) or 'nothing'}, "
                f"got one that keeps {', '.join(state.names) or 'nothing'} "
                f"({optimizer[0]}, not {made_by(state)})"
            )
        if state.optimizer != optimizer:
            raise StructureError(
                f"expected the state of {optimizer[0]}, got that of {made_by(state)}"
            )
        rate = rate_at(self.lr, done)
        squares = _squares(formula)
        results: list[list[Array]] = []

        def step(param: Array, grad: Array, *slots: Array) -> Array:
            dtype = param.dtype
            if grad.dtype is not dtype:  # for most arrays, which saves a call
                check_dtype(grad, dtype, "the gradient")
            widened = squares and dtype.itemsize == 2
            if widened:  # it is float16
                param, grad = param.astype(_FLOAT32), grad.astype(_FLOAT32)
            computed = param.dtype
            for i, slot in enumerate(slots):
                if slot.dtype is not computed:
                    check_dtype(slot, computed, names[i])
            new, *kept = formula(rate, done, param, grad, *slots)
            if len(kept) != len(slots):
                raise StructureError(
                    f"expected the formula to return {1 + len(slots)} arrays, got {1 + len(kept)}"
                )
            for array in kept:
                array.setflags(write=False)
            results.append(kept)
            return lock_in_place(new.astype(dtype) if widened else new)

        params = tree_map(step, params, grads, *state.slots)
        slots = tuple(
            tree_like(slot, [kept[i] for kept in results]) for i, slot in enumerate(state.slots)
        )
        return params, OptimizerState(done + 1, names, slots, (("lr", rate),), optimizer)


def _name(formula: Formula) -> str:
    """Return what the states of a formula are known by."""
    return getattr(formula, "name", type(formula).__name__)


def _squares(formula: Formula) -> bool:
    """Tell whether a formula wants float32 in place of float16."""
    return getattr(formula, "squares", False)
