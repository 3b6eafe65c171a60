"""Gradient descent, plain, with momentum and with Nesterov's momentum.

In the optimizers, `lr` is the learning rate, >= 0, or a schedule, default 0.001, and `momentum` the
fraction of the velocity that is kept, in [0, 1), default 0.9. A number out of range raises
ValueError.

Update rules write results into arrays that they have made before, since a fresh array of the size
of a layer costs more than the arithmetic. They never write to their arguments.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Protocol, TypeVar, overload

import attrs
import numpy as np
from numpy import ndarray, subtract

from funnet.core.arrays import Array
from funnet.core.checks import check_dtype, check_number, check_rank
from funnet.core.kernels import scalar
from funnet.core.layer import C, Layer, NetworkT, SomeLayer, X, Y
from funnet.core.locks import lock_in_place
from funnet.core.tree import updated
from funnet.optimizers.optimizer import (
    Optimizer,
    OptimizerState,
    P,
    check_made_by,
    next_state,
)
from funnet.optimizers.rules import Zeros, elementwise
from funnet.optimizers.schedules import LearningRate, check_rate, rate_at, written_as

Params = TypeVar("Params", bound=SomeLayer)
C_contra = TypeVar("C_contra", contravariant=True)


class Gradients(Protocol[C_contra]):
    """Gradients that accept the cache of their network, since they are of the same class."""

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
        A new network with locked arrays.

    Raises
    ------
    StructureError, ShapeError, DTypeError
        If the gradients do not match the parameters, or a parameter has rank 0; the message starts
        with the first such path.
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
    return _descended(params, grads, check_number(lr, "lr"))


def _descended(params: P, grads: P, lr: float) -> P:
    """Return params - lr grads, for a learning rate that has been checked."""

    def step(param: Array, grad: Array) -> Array:
        dtype = param.dtype
        if type(grad) is not ndarray or grad.dtype is not dtype or not param.ndim:
            check_dtype(grad, dtype, "the gradient")
            check_rank(param)
        new: Array = grad * scalar(lr, dtype)
        return lock_in_place(subtract(param, new, new))

    return updated(step, params, grads)


def sgd(lr: LearningRate = 1e-3) -> Optimizer:
    """Return gradient descent: params - lr grads.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import sgd
    >>> optimizer = sgd(lr=0.25)
    >>> optimizer.update(np.array([1.0]), np.array([2.0]), optimizer.init(np.array([1.0])))[0]
    array([0.5])
    """
    return Optimizer(Zeros("sgd"), _SgdUpdate(check_rate(lr)))


@attrs.frozen
class _SgdUpdate:
    lr: LearningRate

    __repr__ = written_as("sgd")

    def __call__(
        self, params: P, grads: P, state: OptimizerState[P], /
    ) -> tuple[P, OptimizerState[P]]:
        check_made_by(state, "sgd")
        lr = rate_at(self.lr, state.step)
        after = next_state(state.step + 1, (), (), (("lr", lr),), ("sgd",))
        return _descended(params, grads, lr), after


def momentum(lr: LearningRate = 1e-3, momentum: float = 0.9) -> Optimizer:
    """Return gradient descent with momentum, in the textbook's form.

    velocity ← momentum velocity - lr grads; params ← params + velocity. PyTorch multiplies by the
    learning rate later, which is the same while the rate is constant.

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
    return elementwise(rule, lr, name="momentum", flat=True)


def _momentum(
    p: Array, g: Array, velocity: Array, /, *, lr: float, momentum: float
) -> tuple[Array, Array]:
    velocity, new = velocity * momentum, g * lr
    velocity -= new
    return np.add(p, velocity, new), velocity


def nesterov(lr: LearningRate = 1e-3, momentum: float = 0.9) -> Optimizer:
    """Return gradient descent with Nesterov's accelerated momentum.

    velocity ← momentum velocity - lr grads; params ← params + momentum velocity - lr grads. The
    parameters are those at the look-ahead point, where the gradient is taken.

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
    return elementwise(rule, lr, name="nesterov", flat=True)


def _nesterov(
    p: Array, g: Array, velocity: Array, /, *, lr: float, momentum: float
) -> tuple[Array, Array]:
    velocity, descent = velocity * momentum, g * lr
    velocity -= descent
    new = velocity * momentum
    new -= descent
    new += p
    return new, velocity
