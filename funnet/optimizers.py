"""Updates: pure functions from parameters and gradients to new parameters."""

from __future__ import annotations

import math
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from funnet import formulas
from funnet.arrays import Array, Float, check_dtype, seal
from funnet.layer import C, Layer, X, Y
from funnet.optimizer import Optimizer, elementwise
from funnet.schedules import Rate, check_number
from funnet.tree import tree_map

# Any layer will do: what counts is that the gradients are those that its own pullback returns.
Params = TypeVar("Params", bound=Layer[Any, Any, Any, Any])


def sgd_update(params: Layer[X, Y, C, Params], grads: Params, lr: float) -> Params:
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
    rate = float(lr)  # a NumPy scalar would turn float32 into its own type
    if not math.isfinite(rate):
        raise ValueError(f"expected lr to be finite, got {lr}")

    def step(param: npt.NDArray[Float], grad: npt.NDArray[Float]) -> Array:
        check_dtype(grad, param.dtype, "the gradient")
        new = np.multiply(grad, rate)
        return seal(np.subtract(param, new, out=new))

    return tree_map(step, cast(Params, params), grads)


def sgd(lr: Rate = 1e-3) -> Optimizer:
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
    return elementwise(formulas.SGD(), lr)


def momentum(lr: Rate = 1e-3, momentum: float = 0.9) -> Optimizer:
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
    return elementwise(formulas.Momentum(check_number(momentum, "momentum", 0, 1)), lr)


def nesterov(lr: Rate = 1e-3, momentum: float = 0.9) -> Optimizer:
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
    return elementwise(formulas.Nesterov(check_number(momentum, "momentum", 0, 1)), lr)


def adagrad(lr: Rate = 1e-2, eps: float = 1e-10) -> Optimizer:
    """Return AdaGrad, whose steps shrink where gradients have been large.

    h ← h + grads²; params ← params - lr grads / (√h + eps).

    Parameters
    ----------
    lr
        The learning rate, at least 0, or a schedule: 0.01 unless told.
    eps
        What keeps the denominator from 0: 1e-10 unless told (1e-7 in the textbook).

    Raises
    ------
    ValueError
        If a number is out of its range.

    References
    ----------
    J. Duchi, E. Hazan and Y. Singer, "Adaptive subgradient methods for online learning and
    stochastic optimization", 2011.

    Examples
    --------
    >>> from funnet import adagrad
    >>> adagrad(lr=1.5).init({"x": np.zeros(2)})["h"]
    {'x': array([0., 0.])}
    """
    return elementwise(formulas.AdaGrad(check_number(eps, "eps", 0)), lr)


def rmsprop(lr: Rate = 1e-2, alpha: float = 0.99, eps: float = 1e-8) -> Optimizer:
    """Return RMSprop, AdaGrad with a memory that fades.

    h ← alpha h + (1 - alpha) grads²; params ← params - lr grads / (√h + eps).

    Parameters
    ----------
    lr
        The learning rate, at least 0, or a schedule: 0.01 unless told.
    alpha
        How much of h is kept, from 0 up to 1: 0.99 unless told.
    eps
        What keeps the denominator from 0: 1e-8 unless told.

    Raises
    ------
    ValueError
        If a number is out of its range.

    References
    ----------
    T. Tieleman and G. Hinton, "Neural networks for machine learning", lecture 6.5, 2012.

    Examples
    --------
    >>> from funnet import rmsprop
    >>> rmsprop().init(np.zeros(2)).names
    ('h',)
    """
    return elementwise(
        formulas.RMSprop(check_number(alpha, "alpha", 0, 1), check_number(eps, "eps", 0)), lr
    )


def adam(
    lr: Rate = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8
) -> Optimizer:
    """Return Adam, in the textbook's form.

    m ← β₁ m + (1 - β₁) grads; v ← β₂ v + (1 - β₂) grads²;
    params ← params - lr √(1 - β₂ᵗ) / (1 - β₁ᵗ) m / (√v + eps) at update t = 1, 2, ...

    Parameters
    ----------
    lr
        The learning rate, at least 0, or a schedule: 0.001 unless told.
    betas
        How much of m and of v is kept, each from 0 up to 1: 0.9 and 0.999 unless told.
    eps
        What keeps the denominator from 0: 1e-8 unless told (1e-7 in the textbook). PyTorch adds
        it after the correction of v, as if it were larger by √(1 - β₂ᵗ) at first.

    Raises
    ------
    ValueError
        If a number is out of its range.

    References
    ----------
    D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", 2015, the form at the
    end of section 2.

    Examples
    --------
    >>> from funnet import adam
    >>> optimizer = adam(lr=0.5)
    >>> x, state = optimizer.update(np.ones(1), np.ones(1), optimizer.init(np.ones(1)))
    >>> x.round(6), state.names
    (array([0.5]), ('m', 'v'))
    """
    return elementwise(formulas.Adam(*_adam_numbers(betas, eps)), lr)


def adamw(
    lr: Rate = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
    *,
    biases: bool = False,
) -> Optimizer:
    """Return Adam with decoupled weight decay.

    params ← (1 - lr weight_decay) params, then the update of `adam`.

    Parameters
    ----------
    lr, betas, eps
        As for `adam`.
    weight_decay
        The decay, at least 0: 0.01 unless told.
    biases
        Whether arrays of rank 0 and 1 decay as well, as they do in PyTorch unless kept apart.

    Raises
    ------
    ValueError
        If a number is out of its range.

    References
    ----------
    I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", 2019.

    Examples
    --------
    >>> from funnet import adamw
    >>> optimizer = adamw(lr=0.5, weight_decay=0.1)
    >>> W = np.ones((1, 1))
    >>> optimizer.update(W, np.zeros((1, 1)), optimizer.init(W))[0]
    array([[0.95]])
    """
    decay = check_number(weight_decay, "weight_decay", 0)
    return elementwise(formulas.AdamW(formulas.Adam(*_adam_numbers(betas, eps)), decay, biases), lr)


def _adam_numbers(betas: tuple[float, float], eps: float) -> tuple[float, float, float]:
    beta1, beta2 = betas
    return (
        check_number(beta1, "betas[0]", 0, 1),
        check_number(beta2, "betas[1]", 0, 1),
        check_number(eps, "eps", 0),
    )
