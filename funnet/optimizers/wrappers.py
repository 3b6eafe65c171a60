"""Wrap an optimizer: weight decay, clipping of gradients, frozen parameters.

Each takes the optimizer that makes the update and returns another. They nest: the outermost
receives the gradients first. A number out of range raises ValueError, and any other value in the
place of an optimizer TypeError.
"""

from __future__ import annotations

import math

import attrs
import numpy as np

from funnet.core.arrays import Array
from funnet.core.checks import check_number
from funnet.core.errors import StructureError, is_inside
from funnet.core.locks import lock_in_place
from funnet.core.tree import leaves_like, named_leaves, tree_leaves, tree_like, tree_map
from funnet.optimizers.optimizer import (
    Init,
    Optimizer,
    OptimizerState,
    P,
    Update,
    check_is_state,
    check_optimizer,
    made_by,
)
from funnet.optimizers.schedules import written_as


def weight_decay(optimizer: Optimizer, rate: float, *, biases: bool = False) -> Optimizer:
    """Return an optimizer that decays the weights towards 0: grads + rate params.

    This is the gradient of rate / 2 times the sum of squares (L2 regularization). With adaptive
    steps, prefer `adamw`, which decouples the decay from them.

    Parameters
    ----------
    rate
        The rate of decay, >= 0.
    biases
        Whether to decay arrays of rank 1 as well. Default: False.

    References
    ----------
    A. Krogh and J. A. Hertz, "A simple weight decay can improve generalization", 1991.

    Examples
    --------
    >>> from funnet import sgd, weight_decay
    >>> optimizer = weight_decay(sgd(lr=0.5), 0.1)
    >>> W = np.ones((1, 1))
    >>> optimizer.update(W, np.zeros((1, 1)), optimizer.init(W))[0]
    array([[0.95]])
    """
    check_optimizer(optimizer)
    decay = check_number(rate, "rate", 0)
    init = _NamedInit(optimizer.init, "weight_decay")
    return Optimizer(init, _Decayed(optimizer.update, decay, biases))


def clip_by_global_norm(optimizer: Optimizer, max_norm: float) -> Optimizer:
    """Return an optimizer that limits the norm of all gradients together.

    If the norm is above `max_norm`, each gradient is multiplied by max_norm / norm. The norm before
    clipping is in the `metrics` of the state, as "gradient_norm". Gradients with an infinity or NaN
    are not changed.

    Parameters
    ----------
    max_norm
        The largest norm allowed, > 0.

    References
    ----------
    R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural
    networks", 2013, algorithm 1.

    Examples
    --------
    >>> from funnet import clip_by_global_norm, sgd
    >>> optimizer = clip_by_global_norm(sgd(lr=1.0), max_norm=1.0)
    >>> x, state = optimizer.update(np.zeros(2), np.array([3.0, 4.0]), optimizer.init(np.zeros(2)))
    >>> x, state.metrics
    (array([-0.6, -0.8]), (('gradient_norm', 5.0), ('lr', 1.0)))
    """
    check_optimizer(optimizer)
    norm = check_number(max_norm, "max_norm", 0)
    if norm == 0:
        raise ValueError("max_norm must be finite and > 0, got 0")
    init = _NamedInit(optimizer.init, "clip_by_global_norm")
    return Optimizer(init, _Clipped(optimizer.update, norm))


def freeze(optimizer: Optimizer, *paths: str) -> Optimizer:
    """Return an optimizer that leaves some parameters, and their state, unchanged.

    The given optimizer sees gradients of 0 for them. States are those of the given optimizer, which
    can continue from them and train all parameters.

    Parameters
    ----------
    *paths
        Paths of arrays, such as "layers.0.W", or of all arrays below, such as "layers.0".

    Raises
    ------
    TypeError
        If a path is not a string.
    KeyError
        In `init` and `update`, if there is no array at or below a path.

    Examples
    --------
    >>> from funnet import Affine, freeze, sgd
    >>> optimizer = freeze(sgd(lr=0.5), "W")
    >>> layer = Affine(np.ones((1, 1)), np.ones(1))
    >>> new, _ = optimizer.update(layer, layer, optimizer.init(layer))
    >>> new.W, new.b
    (array([[1.]]), array([0.5]))
    """
    check_optimizer(optimizer)
    if not all(isinstance(path, str) for path in paths):
        raise TypeError(f"paths must be strings, got {paths!r}; pass a list of them as *paths")
    return Optimizer(_FrozenInit(optimizer.init, paths), _Frozen(optimizer.update, paths))


@attrs.frozen
class _NamedInit:
    init: Init
    name: str

    def __call__(self, params: P, /) -> OptimizerState[P]:
        return _wrapped(self.init(params), self.name)


@attrs.frozen
class _Decayed:
    update: Update
    rate: float
    biases: bool

    __repr__ = written_as("weight_decay")

    def __call__(
        self, params: P, grads: P, state: OptimizerState[P], /
    ) -> tuple[P, OptimizerState[P]]:
        def decayed(param: Array, grad: Array) -> Array:
            return (
                lock_in_place(grad + param * self.rate) if param.ndim >= 2 or self.biases else grad
            )

        inner = _unwrapped(state, "weight_decay")
        params, inner = self.update(params, tree_map(decayed, params, grads), inner)
        return params, _wrapped(inner, "weight_decay")


@attrs.frozen
class _Clipped:
    update: Update
    max_norm: float

    __repr__ = written_as("clip_by_global_norm")

    def __call__(
        self, params: P, grads: P, state: OptimizerState[P], /
    ) -> tuple[P, OptimizerState[P]]:
        inner = _unwrapped(state, "clip_by_global_norm")
        scale, multiple = _global_norm(tree_leaves(grads))
        # Gradients that are not finite pass unchanged, so that the result shows them.
        if self.max_norm / scale < multiple < math.inf:
            factor = self.max_norm / multiple

            def clipped(grad: Array) -> Array:
                # In float64, since the factor may underflow in float16.
                short = grad.astype(np.float64) / scale
                short *= factor
                return lock_in_place(short.astype(grad.dtype))

            grads = tree_map(clipped, grads)
        params, inner = self.update(params, grads, inner)
        metrics = (("gradient_norm", scale * multiple), *inner.metrics)
        return params, attrs.evolve(_wrapped(inner, "clip_by_global_norm"), metrics=metrics)


@attrs.frozen
class _FrozenInit:
    init: Init
    paths: tuple[str, ...]

    def __call__(self, params: P, /) -> OptimizerState[P]:
        _at_or_below(params, self.paths)
        return self.init(params)


@attrs.frozen
class _Frozen:
    update: Update
    paths: tuple[str, ...]

    __repr__ = written_as("freeze")

    def __call__(
        self, params: P, grads: P, state: OptimizerState[P], /
    ) -> tuple[P, OptimizerState[P]]:
        frozen = _at_or_below(params, self.paths)

        def without(grads: P) -> P:
            chosen = zip(tree_leaves(grads), frozen, strict=True)
            return tree_like(
                grads, (lock_in_place(np.zeros_like(g)) if f else g for g, f in chosen)
            )

        def restored(new: P, old: P) -> P:
            chosen = zip(tree_leaves(new), tree_leaves(old), frozen, strict=True)
            return tree_like(old, (b if f else a for a, b, f in chosen))

        leaves_like(params, grads)  # raises if they do not match
        new, after = self.update(params, without(grads), state)
        slots = tuple(map(restored, after.slots, state.slots))
        return restored(new, params), attrs.evolve(after, slots=slots)


def _wrapped(state: OptimizerState[P], name: str) -> OptimizerState[P]:
    return attrs.evolve(state, optimizer=(name, *state.optimizer))


def _unwrapped(state: OptimizerState[P], name: str) -> OptimizerState[P]:
    """Return the state of the optimizer inside the wrapper `name`."""
    check_is_state(state)
    if state.optimizer[:1] != (name,):
        raise StructureError(f"expected the state of {name}(...), got that of {made_by(state)}")
    return attrs.evolve(state, optimizer=state.optimizer[1:])


def _global_norm(arrays: list[Array]) -> tuple[float, float]:
    """Return the norm of all numbers as a product, scale times multiple.

    The scale is a power of 2 near the largest number: dividing by it is exact, and no square
    overflows. The product may overflow although all numbers are finite.
    """
    peaks = [float(np.abs(array).max(initial=0)) for array in arrays]
    largest = float(np.max(peaks, initial=0))  # NaN propagates
    exponent = math.frexp(largest)[1]  # 0 for 0, infinity and NaN
    scale = math.ldexp(1.0, exponent - 1)
    # In float64, since in float32 the rounding depends on the order in which BLAS adds.
    flat = (array.astype(np.float64).ravel() / scale for array in arrays)
    return scale, math.sqrt(sum(float(np.dot(values, values)) for values in flat))


def _at_or_below(params: object, paths: tuple[str, ...]) -> list[bool]:
    """Return for each array whether it is at or below one of the paths."""
    names = [name for name, _ in named_leaves(params)]
    for path in paths:
        if not any(is_inside(name, (path,)) for name in names):
            raise KeyError(f"no array at or below {path!r}; there are {', '.join(names) or 'none'}")
    return [is_inside(name, paths) for name in names]
