"""Turn an update rule, a plain function on arrays, into an optimizer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from inspect import Parameter, signature

import attrs
import numpy as np

from funnet.core.arrays import Array, Float
from funnet.core.checks import check_dtype, check_float
from funnet.core.errors import ShapeError, StructureError
from funnet.core.locks import lock_in_place
from funnet.core.tree import tree_like, tree_map
from funnet.optimizers.optimizer import Optimizer, OptimizerState, P, made_by
from funnet.optimizers.schedules import LearningRate, check_number, rate_at

_FLOAT16, _FLOAT32 = np.dtype(np.float16), np.dtype(np.float32)

_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)

UpdateRule = Callable[..., tuple[Array, ...]]
"""An update rule: `rule(p, g, *state, lr=..., step=...) -> (new p, *new state)`."""


def elementwise(
    rule: UpdateRule, lr: LearningRate, *, name: str | None = None, widen: bool = False
) -> Optimizer:
    """Return the optimizer that applies an update rule to each array of the parameters.

    A rule is a function such as `rule(p, g, m, v, /, *, lr, step)`, where `p` is a parameter array
    and `g` its gradient. Further positional parameters are the state: their names are the names of
    the slots, and each starts as zeros. The rule returns a tuple of new arrays, the parameter and
    then the state in the same order, and leaves its arguments unchanged. `lr` and `step`, the
    number of updates made before this one, are passed by keyword to a rule that declares them.

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
    rate = lr if callable(lr) else check_number(lr, "lr", 0)
    read = _read(rule, name, widen=widen)
    return Optimizer(_Zeros(read), _Elementwise(read, rate))


@attrs.frozen
class _Rule:
    """An update rule and its constants, with what its signature says."""

    function: UpdateRule = attrs.field(repr=lambda f: getattr(f, "__qualname__", repr(f)))
    constants: tuple[tuple[str, object], ...]
    name: str
    names: tuple[str, ...]  # of its state
    passed: tuple[str, ...]  # which of lr and step
    widen: bool

    def keywords(self, lr: float, step: int) -> dict[str, object]:
        """Return the keyword arguments of one update."""
        given = {"lr": lr, "step": step}
        return dict(self.constants) | {name: given[name] for name in self.passed}


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
class _Zeros:
    rule: _Rule

    def __call__(self, params: P, /) -> OptimizerState[P]:
        rule = self.rule

        def zero(param: Array) -> Array:
            check_float(param, "a parameter")
            if param.ndim == 0:
                raise ShapeError("expected a parameter of rank >= 1, got rank 0; use shape (1,)")
            widened = rule.widen and param.dtype == _FLOAT16
            return lock_in_place(np.zeros_like(param, _FLOAT32 if widened else None))

        slots = (tree_map(zero, params),) * len(rule.names)  # shared, since they are locked
        return OptimizerState(0, rule.names, slots, optimizer=(rule.name,))


@attrs.frozen
class _Elementwise:
    rule: _Rule
    lr: LearningRate

    def __call__(
        self, params: P, grads: P, state: OptimizerState[P], /
    ) -> tuple[P, OptimizerState[P]]:
        rule, names, widen = self.rule, self.rule.names, self.rule.widen
        optimizer = (rule.name,)
        if state.names != names or state.optimizer != optimizer:
            raise _of_another(state, rule)
        lr = rate_at(self.lr, state.step)
        function, keywords = rule.function, rule.keywords(lr, state.step)
        count = 1 + len(names)
        results: list[tuple[Array, ...]] = []
        writeable = False  # by position, which NumPy reads in a third of the time

        def step(param: Array, grad: Array, *slots: Array) -> Array:
            dtype = param.dtype
            if grad.dtype is not dtype:  # for most arrays, which saves a call
                check_dtype(grad, dtype, "the gradient")
            widened = widen and dtype.itemsize == 2
            if widened:  # it is float16
                param, grad = param.astype(_FLOAT32), grad.astype(_FLOAT32)
            computed = param.dtype
            for slot in slots:
                if slot.dtype is not computed:
                    _check_slots(slots, names, computed)
            arrays = function(param, grad, *slots, **keywords)
            if type(arrays) is not tuple or len(arrays) != count:
                raise _miscounted(rule, arrays)
            for array in arrays:
                array.setflags(writeable)  # type: ignore[call-arg]
            results.append(arrays)
            return lock_in_place(arrays[0].astype(dtype)) if widened else arrays[0]

        params = tree_map(step, params, grads, *state.slots)
        slots = tuple(
            tree_like(slot, [arrays[i] for arrays in results])
            for i, slot in enumerate(state.slots, 1)
        )
        return params, OptimizerState(state.step + 1, names, slots, (("lr", lr),), optimizer)


def _check_slots(slots: tuple[Array, ...], names: tuple[str, ...], dtype: np.dtype[Float]) -> None:
    for name, slot in zip(names, slots, strict=True):
        check_dtype(slot, dtype, name)


def _miscounted(rule: _Rule, arrays: object) -> StructureError:
    got = len(arrays) if isinstance(arrays, tuple) else type(arrays).__name__
    count = 1 + len(rule.names)
    return StructureError(f"expected {rule.name} to return a tuple of {count} arrays, got {got}")


def _of_another(state: OptimizerState[P], rule: _Rule) -> StructureError:
    if state.names == rule.names:
        return StructureError(f"expected the state of {rule.name}, got that of {made_by(state)}")
    return StructureError(
        f"expected the state of an optimizer that keeps {', '.join(rule.names) or 'nothing'}, "
        f"got one that keeps {', '.join(state.names) or 'nothing'} "
        f"({rule.name}, not {made_by(state)})"
    )
