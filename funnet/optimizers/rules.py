"""Turn an update rule, a plain function on arrays, into an optimizer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from inspect import Parameter, signature

import attrs
import numpy as np

from funnet.core.arrays import FLOAT32, Array, wide
from funnet.core.checks import check_dtype, check_float, check_like, check_rank
from funnet.core.errors import StructureError
from funnet.core.locks import lock_in_place
from funnet.core.tree import leaves_like, named_branches, tree_leaves, tree_like, tree_map, updated
from funnet.optimizers.flat import FlatSlots, Layout, are_plain, specs
from funnet.optimizers.optimizer import (
    Optimizer,
    OptimizerState,
    P,
    check_made_by,
    next_state,
    stored_slots,
)
from funnet.optimizers.schedules import LearningRate, check_rate, rate_at

_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)

UpdateRule = Callable[..., tuple[Array, ...]]
"""An update rule: `rule(p, g, *state, lr=..., step=...) -> (new p, *new state)`."""


def elementwise(
    rule: UpdateRule,
    lr: LearningRate,
    *,
    name: str | None = None,
    widen: bool = False,
    flat: bool = False,
) -> Optimizer:
    """Return the optimizer that applies an update rule to the arrays of the parameters.

    A rule is a function such as `rule(p, g, m, v, /, *, lr, step)`, where `p` is a parameter array
    and `g` its gradient. Further positional parameters are the state: their names are the names of
    the slots, and each starts as zeros. The rule returns a tuple of new arrays, the parameter and
    then the state in the same order, each with its old shape and dtype, and leaves its arguments
    unchanged. `lr` and `step`, the number of updates made before this one, are passed by keyword to
    a rule that declares them.

    `init` raises ShapeError for arrays of rank 0, for which NumPy's operators return scalars.

    Optimizers of module-level functions can be compared and pickled.

    Parameters
    ----------
    rule
        The update rule. Bind its other constants by keyword with `functools.partial`.
    lr
        The learning rate, >= 0, or a schedule.
    name
        The name of the optimizer in its states. Default: the name of the function.
    widen
        Whether to compute in float32, and keep the state in float32, where the parameters are
        float16. For rules that square gradients: squares overflow in float16 above 255 and
        underflow below 2e-4. Default: False.
    flat
        Whether the rule may be given several arrays joined to one vector, which takes less time:
        for rules that compute each number from those in the same place, and do not look at shapes.
        Default: False.

    Raises
    ------
    TypeError
        If `rule` has another signature, or no name.
    ValueError
        If `lr` is negative or not finite.

    Examples
    --------
    >>> from funnet import elementwise
    >>> def sign_descent(p, g, /, *, lr):
    ...     return (p - lr * np.sign(g),)
    >>> optimizer = elementwise(sign_descent, lr=0.5)
    >>> optimizer.update(np.ones(1), np.array([-3.0]), optimizer.init(np.ones(1)))[0]
    array([1.5])
    """
    read = _read(rule, name, widen=widen)
    update = _Joined if flat else _ByArray
    return Optimizer(Zeros(read.name, read.names, read.widen), update(read, check_rate(lr)))


@attrs.frozen
class _Rule:
    """An update rule and its constants, with what its signature says."""

    function: UpdateRule
    constants: tuple[tuple[str, object], ...]
    name: str
    names: tuple[str, ...]  # of its state
    passed: tuple[str, ...]  # which of lr and step
    widen: bool

    def keywords(self, lr: float, step: int) -> dict[str, object]:
        """Return the keyword arguments of one update."""
        given = {"lr": lr, "step": step}
        return dict(self.constants) | {name: given[name] for name in self.passed}

    def apply(
        self, p: Array, g: Array, slots: Sequence[Array], keywords: dict[str, object]
    ) -> tuple[Array, ...]:
        """Return the new parameter and its new state, read-only."""
        dtype = p.dtype
        widened = self.widen and dtype.itemsize == 2
        if widened:
            p, g = p.astype(FLOAT32), g.astype(FLOAT32)
        new = self.function(p, g, *slots, **keywords)
        if type(new) is not tuple or len(new) != 1 + len(self.names):
            raise _miscounted(self, new)
        if widened:
            new = new[0].astype(dtype), *new[1:]
        for array in new:
            lock_in_place(array)
        return new


def _read(rule: UpdateRule, name: str | None, *, widen: bool) -> _Rule:
    """Read the signature of a rule, once for all its updates."""
    constants: dict[str, object] = {}
    function = rule
    while isinstance(function, partial):
        if function.args:
            raise TypeError(f"expected constants bound by keyword, got {rule!r}")
        constants = function.keywords | constants
        function = function.func
    name = name or str(getattr(function, "__name__", "<lambda>"))
    if name == "<lambda>":
        raise TypeError(f"expected name=..., since the update rule has no name: {rule!r}")
    parameters = signature(rule).parameters.values()
    positional = [p for p in parameters if p.kind in _POSITIONAL]
    names = tuple(p.name for p in positional)
    if (
        len(names) < 2
        or not {"lr", "step"}.isdisjoint(names)
        or any(p.kind is Parameter.VAR_POSITIONAL for p in parameters)
        or any(p.default is not Parameter.empty for p in positional)
    ):
        raise TypeError(
            f"expected an update rule like (p, g, m, v, /, *, lr, step), "
            f"got {name}{signature(rule)}"
        )
    keywords = [p for p in parameters if p.kind is Parameter.KEYWORD_ONLY]
    passed = tuple(p.name for p in keywords if p.name in {"lr", "step"})
    unbound = {p.name for p in keywords if p.default is Parameter.empty}.difference(passed)
    if unbound:
        raise TypeError(
            f"expected {name} with {', '.join(sorted(unbound))} bound by functools.partial"
        )
    return _Rule(function, tuple(sorted(constants.items())), name, names[2:], passed, widen)


@attrs.frozen
class Zeros:
    """The function that returns the first state of an optimizer, whose slots are zeros.

    Parameters
    ----------
    name
        The name of the optimizer.
    names
        The names of its slots. Default: ().
    widen
        See `elementwise`. Default: False.
    """

    name: str
    names: tuple[str, ...] = ()
    widen: bool = False

    def __call__(self, params: P, /) -> OptimizerState[P]:
        """Return the state before the first update."""

        def zero(param: Array) -> Array:
            check_float(param, "a parameter")
            check_rank(param)
            dtype = wide(param.dtype) if self.widen else param.dtype
            return lock_in_place(np.zeros_like(param, dtype))

        slots = (tree_map(zero, params),) * len(self.names)  # shared, since they are locked
        return OptimizerState(0, self.names, slots, optimizer=(self.name,))


@attrs.frozen
class _ByArray:
    """The update that applies a rule to each array."""

    rule: _Rule
    lr: LearningRate

    def __repr__(self) -> str:
        rate = {"lr": self.lr} if "lr" in self.rule.passed else {}
        constants = rate | dict(self.rule.constants)
        return f"{self.rule.name}({', '.join(f'{key}={constants[key]!r}' for key in constants)})"

    def __call__(
        self, params: P, grads: P, state: OptimizerState[P], /
    ) -> tuple[P, OptimizerState[P]]:
        rule, names = self.rule, self.rule.names
        check_made_by(state, rule.name, rule.names)
        lr = rate_at(self.lr, state.step)
        keywords = rule.keywords(lr, state.step)
        results: list[tuple[Array, ...]] = []

        def step(param: Array, grad: Array, *slots: Array) -> Array:
            dtype = param.dtype
            if grad.dtype is not dtype:  # for most arrays, which saves a call
                check_dtype(grad, dtype, "the gradient")
            for name, slot in zip(names, slots, strict=True):
                check_dtype(slot, wide(dtype) if rule.widen else dtype, name)
            arrays = rule.apply(param, grad, slots, keywords)
            for i, (new, old) in enumerate(zip(arrays, (param, *slots), strict=True)):
                if new.dtype is not old.dtype or new.shape != old.shape:
                    check_like(new, old, f"{('p', *names)[i]} that {rule.name} returns")
            results.append(arrays)
            return arrays[0]

        params = tree_map(step, params, grads, *state.slots)
        slots = tuple(
            tree_like(slot, [arrays[i] for arrays in results])
            for i, slot in enumerate(state.slots, 1)
        )
        return params, next_state(state.step + 1, names, slots, (("lr", lr),), (rule.name,))


@attrs.frozen(repr=False)
class _Joined(_ByArray):
    """The update that applies a rule to all small arrays of a network at once.

    What it does not cover, or is wrong with an array, is left to the update by array.
    """

    def __call__(
        self, params: P, grads: P, state: OptimizerState[P], /
    ) -> tuple[P, OptimizerState[P]]:
        rule = self.rule
        check_made_by(state, rule.name, rule.names)
        before = self._flattened(params, stored_slots(state))
        gradients = tree_leaves(grads)
        if before is None or not are_plain(gradients) or specs(gradients) != before.layout.specs:
            return super().__call__(params, grads, state)
        layout = before.layout
        lr = rate_at(self.lr, state.step)
        keywords = rule.keywords(lr, state.step)
        results = []
        for p, g, *slots in zip(before.arrays, layout.join(gradients), *before.slots, strict=True):
            new = rule.apply(p, g, slots, keywords)
            if not _are_like(new, (p, *slots)):
                return super().__call__(params, grads, state)
            results.append(new)
        arrays, *new_slots = zip(*results, strict=True)
        # Copies, since a view would keep the memory of all others.
        parts = iter(
            [a if a.base is None else lock_in_place(a.copy()) for a in layout.split(arrays)]
        )
        params = updated(lambda *_: next(parts), params, grads)  # which compares their structure
        after = FlatSlots(params, layout, arrays, new_slots)
        return params, next_state(state.step + 1, rule.names, after, (("lr", lr),), (rule.name,))

    def _flattened(self, params: P, slots: tuple[P, ...] | FlatSlots[P]) -> FlatSlots[P] | None:
        """Return parameters and slots with small arrays joined, or None if they cannot be."""
        if isinstance(slots, FlatSlots) and slots.params is params:
            return slots
        leaves = tree_leaves(params)
        if not (attrs.has(type(params)) and leaves and are_plain(leaves)):
            return None
        if isinstance(slots, FlatSlots):
            leaves_like(params, slots.params)
            same, join = specs(leaves) == slots.layout.specs, slots.layout.join
            return attrs.evolve(slots, params=params, arrays=join(leaves)) if same else None
        if _can_be_changed(params, leaves):
            return None
        layout, widen = Layout.of(leaves), self.rule.widen
        wanted = [(shape, wide(dtype) if widen else dtype) for shape, dtype in layout.specs]
        columns = [leaves_like(params, slot) for slot in slots]
        if not all(are_plain(column) and specs(column) == wanted for column in columns):
            return None
        return FlatSlots(params, layout, layout.join(leaves), list(map(layout.join, columns)))


def _can_be_changed(params: object, leaves: Sequence[Array]) -> bool:
    """Return whether the owner of parameters could change them while the slots refer to them."""
    return any(leaf.flags.writeable for leaf in leaves) or any(
        isinstance(branch, list | dict) for _, branch in named_branches(params)
    )


def _are_like(new: Sequence[Array], old: Sequence[Array]) -> bool:
    """Return whether arrays have the shapes and dtypes of others, and memory of their own."""
    for a, b in zip(new, old, strict=True):
        if a.shape != b.shape or a.dtype is not b.dtype or a.base is not None:
            return False
    return True


def _miscounted(rule: _Rule, returned: object) -> StructureError:
    got = len(returned) if isinstance(returned, tuple) else type(returned).__name__
    arrays = f"{1 + len(rule.names)} arrays" if rule.names else "one array"
    return StructureError(f"expected {rule.name} to return a tuple of {arrays}, got {got}")
