"""Gradient descent whose step size adapts to each number: AdaGrad, RMSprop, Adam and AdamW.

In all of them, `lr` is the learning rate, >= 0, or a schedule, and `eps`, >= 0, keeps the
denominator away from 0. A number out of range raises ValueError.

The update rules square gradients, so that for float16 parameters they compute in float32. As in
`descent`, they reuse the arrays that they make.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from funnet.core.arrays import FLOAT_TYPES, Array
from funnet.core.checks import check_number
from funnet.core.kernels import scalar
from funnet.optimizers.optimizer import Optimizer
from funnet.optimizers.rules import UpdateRule, elementwise
from funnet.optimizers.schedules import LearningRate

_TINY = {scalar: float(np.finfo(scalar).tiny) for scalar in FLOAT_TYPES}


def adagrad(lr: LearningRate = 1e-2, eps: float = 1e-10) -> Optimizer:
    """Return AdaGrad, whose steps shrink where gradients have been large.

    h ← h + grads²; params ← params - lr grads / (√h + eps).

    Parameters
    ----------
    eps
        Default: 1e-10 (the textbook has 1e-7).

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
    rule = partial(_adagrad, eps=check_number(eps, "eps", 0))
    return elementwise(rule, lr, name="adagrad", widen=True, flat=True)


def _adagrad(p: Array, g: Array, h: Array, /, *, lr: float, eps: float) -> tuple[Array, Array]:
    new_h = np.square(g)
    new_h += h
    return _scaled_descent(p, g, new_h, lr, eps), new_h


def rmsprop(lr: LearningRate = 1e-2, alpha: float = 0.99, eps: float = 1e-8) -> Optimizer:
    """Return RMSprop, AdaGrad with a moving average of squares instead of their sum.

    h ← alpha h + (1 - alpha) grads²; params ← params - lr grads / (√h + eps).

    Parameters
    ----------
    alpha
        The fraction of h that is kept, in [0, 1). Default: 0.99.

    References
    ----------
    T. Tieleman and G. Hinton, "Neural networks for machine learning", lecture 6.5, 2012.

    Examples
    --------
    >>> from funnet import rmsprop
    >>> rmsprop().init(np.zeros(2)).names
    ('h',)
    """
    constants = {"alpha": check_number(alpha, "alpha", 0, 1), "eps": check_number(eps, "eps", 0)}
    return elementwise(partial(_rmsprop, **constants), lr, name="rmsprop", widen=True, flat=True)


def _rmsprop(
    p: Array, g: Array, h: Array, /, *, lr: float, alpha: float, eps: float
) -> tuple[Array, Array]:
    h = _faded_square(h, g, alpha)
    return _scaled_descent(p, g, h, lr, eps), h


def adam(
    lr: LearningRate = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8
) -> Optimizer:
    """Return Adam, in the textbook's form.

    m ← β₁ m + (1 - β₁) grads; v ← β₂ v + (1 - β₂) grads²;
    params ← params - lr √(1 - β₂ᵗ) / (1 - β₁ᵗ) m / (√v + eps) at update t = 1, 2, ...

    Parameters
    ----------
    betas
        The fractions of m and of v that are kept, each in [0, 1). Default: 0.9 and 0.999.
    eps
        Default: 1e-8 (the textbook has 1e-7). PyTorch adds it after the bias correction of v, which
        is eps √(1 - β₂ᵗ) in this form.

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
    rule = _with_constants(_adam, betas, eps)
    return elementwise(rule, lr, name="adam", widen=True, flat=True)


def _adam(
    p: Array,
    g: Array,
    m: Array,
    v: Array,
    /,
    *,
    lr: float,
    step: int,
    beta1: float,
    beta2: float,
    eps: float,
) -> tuple[Array, Array, Array]:
    m = m * scalar(beta1, m.dtype)
    m += g * scalar(1 - beta1, m.dtype)
    v = _faded_square(v, g, beta2)
    t = step + 1
    rate = lr * math.sqrt(1 - beta2**t) / (1 - beta1**t)
    return _scaled_descent(p, m, v, rate, eps), m, v


def adamw(
    lr: LearningRate = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
    *,
    biases: bool = False,
) -> Optimizer:
    """Return Adam with decoupled weight decay.

    params ← (1 - lr weight_decay) params, then the update of `adam` with these `betas` and `eps`.

    Parameters
    ----------
    weight_decay
        The rate of decay, >= 0. Default: 0.01.
    biases
        Whether to decay arrays of rank 1 as well, as PyTorch does by default. Default: False.

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
    rule = partial(_with_constants(_adamw, betas, eps), weight_decay=decay, biases=biases)
    return elementwise(rule, lr, name="adamw", widen=True, flat=biases)


def _adamw(
    p: Array,
    g: Array,
    m: Array,
    v: Array,
    /,
    *,
    lr: float,
    step: int,
    weight_decay: float,
    biases: bool,
    **constants: float,
) -> tuple[Array, Array, Array]:
    if p.ndim >= 2 or biases:
        p = p * (1 - lr * weight_decay)
    return _adam(p, g, m, v, lr=lr, step=step, **constants)


def _with_constants(rule: UpdateRule, betas: tuple[float, float], eps: float) -> UpdateRule:
    """Return a rule of Adam with its constants, which are checked."""
    if not isinstance(betas, tuple | list) or len(betas) != 2:
        raise TypeError(f"betas must be two numbers, got {betas!r}")
    beta1, beta2 = (check_number(beta, f"betas[{i}]", 0, 1) for i, beta in enumerate(betas))
    return partial(rule, beta1=beta1, beta2=beta2, eps=check_number(eps, "eps", 0))


def _faded_square(old: Array, grad: Array, keep: float) -> Array:
    """Return keep old + (1 - keep) grad²."""
    new = np.square(grad)
    new *= scalar(1 - keep, new.dtype)
    new += old * scalar(keep, new.dtype)
    return new


def _scaled_descent(param: Array, direction: Array, squares: Array, lr: float, eps: float) -> Array:
    """Return param - lr direction / (√squares + eps)."""
    new = np.sqrt(squares)
    # An eps that is 0, or is rounded to 0, would allow 0 / 0.
    new += scalar(max(eps, _TINY[new.dtype.type]), new.dtype)
    np.divide(direction, new, new)
    new *= lr
    return np.subtract(param, new, new)
