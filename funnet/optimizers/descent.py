"""Gradient descent, plain and with momentum: each optimizer, and its formula on arrays.

Arrays that are made here are used again as the place for the next result: what a fresh array of
the size of a layer costs is more than the arithmetic. What was given is never written to.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Protocol, TypeVar, overload

import numpy as np

from funnet.core.arrays import Array, check_dtype, lock_in_place
from funnet.core.layer import C, Layer, NetworkT, SomeLayer, X, Y
from funnet.core.tree import tree_map
from funnet.optimizers.optimizer import Optimizer
from funnet.optimizers.rules import elementwise
from funnet.optimizers.schedules import LearningRate, check_number

Params = TypeVar("Params", bound=SomeLayer)
C_contra = TypeVar("C_contra", contravariant=True)


class Gradients(Protocol[C_contra]):
    """What takes the cache of a network, as its gradients do, being of the same class."""

    def pullback(self, cache: C_contra, dout: Any, /) -> Any:
        """See `Layer`."""


@overload
def sgd_update(params: NetworkT, grads: Gradients[Any], lr: float) -> NetworkT: ...
@overload
def sgd_update(params: Layer[X, Y, C, Params], grads: Gradients[C], lr: float) -> Params: ...
def sgd_update(params: object, grads: object, lr: float) -> object:
    """Return the parameters after one step of gradient descent: params - lr grads.

    Parameters
    ----------
    params
        A layer or network.
    grads
        Its gradients, as `backward` returns them.
    lr
        The learning rate, a finite number.

    Returns
    -------
    params
        A new network with locked arrays; the given one is unchanged.

    Raises
    ------
    StructureError, ShapeError, DTypeError
        If the gradients are not built like the parameters; the message starts with the first path
        that differs.
    ValueError
        If `lr` is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import Affine, sgd_update
    >>> params = Affine(np.array([[1.0]]), np.array([0.0]))
    >>> grads = Affine(np.array([[2.0]]), np.array([4.0]))
    >>> sgd_update(params, grads, lr=0.25).W
    array([[0.5]])
    """
    rate = check_number(lr, "lr")

    def step(param: Array, grad: Array) -> Array:
        check_dtype(grad, param.dtype, "the gradient")
        return lock_in_place(_sgd(param, grad, lr=rate)[0])

    return tree_map(step, params, grads)


def sgd(lr: LearningRate = 1e-3) -> Optimizer:
    """Return gradient descent: params - lr grads.

    Parameters
    ----------
    lr
        The learning rate, at least 0, or a schedule: 0.001 unless told.

    Raises
    ------
    ValueError
        If `lr` is negative or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import sgd
    >>> optimizer = sgd(lr=0.25)
    >>> optimizer.update(np.array([1.0]), np.array([2.0]), optimizer.init(np.array([1.0])))[0]
    array([0.5])
    """
    return elementwise(_sgd, lr, name="sgd")


def _sgd(p: Array, g: Array, /, *, lr: float) -> tuple[Array]:
    new: Array = g * lr
    return (np.subtract(p, new, out=new),)


def momentum(lr: LearningRate = 1e-3, momentum: float = 0.9) -> Optimizer:
    """Return gradient descent with momentum, in the textbook's form.

    velocity ← momentum velocity - lr grads; params ← params + velocity. PyTorch multiplies by the
    learning rate later, which is the same as long as the rate is constant.

    Parameters
    ----------
    lr
        The learning rate, at least 0, or a schedule: 0.001 unless told.
    momentum
        How much of the velocity is kept, from 0 up to 1: 0.9 unless told.

    Raises
    ------
    ValueError
        If a number is out of its range.

    References
    ----------
    B. T. Polyak, "Some methods of speeding up the convergence of iteration methods", 1964.

    Examples
    --------
    >>> from funnet import Affine, momentum
    >>> momentum(lr=0.1).init(Affine.init(3, 2, rng=0))["velocity"]
    Affine(W=float32[3, 2], b=float32[2])
    """
    rule = partial(_momentum, momentum=check_number(momentum, "momentum", 0, 1))
    return elementwise(rule, lr, name="momentum")


def _momentum(
    p: Array, g: Array, velocity: Array, /, *, lr: float, momentum: float
) -> tuple[Array, Array]:
    velocity, new = velocity * momentum, g * lr
    velocity -= new
    return np.add(p, velocity, new), velocity


def nesterov(lr: LearningRate = 1e-3, momentum: float = 0.9) -> Optimizer:
    """Return gradient descent with Nesterov's accelerated momentum.

    velocity ← momentum velocity - lr grads; params ← params + momentum velocity - lr grads, where
    params stand at the point ahead at which the gradient is taken.

    Parameters
    ----------
    lr
        The learning rate, at least 0, or a schedule: 0.001 unless told.
    momentum
        How much of the velocity is kept, from 0 up to 1: 0.9 unless told.

    Raises
    ------
    ValueError
        If a number is out of its range.

    References
    ----------
    Y. Bengio, N. Boulanger-Lewandowski and R. Pascanu, "Advances in optimizing recurrent
    networks", 2013, equations 6 and 7.

    Examples
    --------
    >>> from funnet import nesterov
    >>> nesterov(lr=0.1) == nesterov(lr=0.1, momentum=0.9)
    True
    """
    rule = partial(_nesterov, momentum=check_number(momentum, "momentum", 0, 1))
    return elementwise(rule, lr, name="nesterov")


def _nesterov(
    p: Array, g: Array, velocity: Array, /, *, lr: float, momentum: float
) -> tuple[Array, Array]:
    velocity, descent = velocity * momentum, g * lr
    velocity -= descent
    new = velocity * momentum
    new -= descent
    new += p
    return new, velocity
