"""The mathematics of the optimizers, on arrays.

Arrays that are made here are used again as the place for the next result: what a fresh array of
the size of a layer costs is more than the arithmetic. What was given is never written to.
"""

from __future__ import annotations

import math
from typing import ClassVar

import attrs
import numpy as np

from funnet.arrays import Array


@attrs.frozen
class SGD:
    """The formula of `sgd`, which says it in words."""

    names: ClassVar[tuple[str, ...]] = ()

    def __call__(  # noqa: D102 (see `Formula`)
        self, lr: float, step: int, param: Array, grad: Array, /, *slots: Array
    ) -> tuple[Array, ...]:
        new = grad * lr
        return (np.subtract(param, new, new),)


@attrs.frozen
class Momentum:
    """The formula of `momentum`, which says it in words."""

    momentum: float

    names: ClassVar[tuple[str, ...]] = ("velocity",)

    def __call__(  # noqa: D102 (see `Formula`)
        self, lr: float, step: int, param: Array, grad: Array, /, *slots: Array
    ) -> tuple[Array, ...]:
        velocity, new = slots[0] * self.momentum, grad * lr
        velocity -= new
        return np.add(param, velocity, new), velocity


@attrs.frozen
class Nesterov:
    """The formula of `nesterov`, which says it in words."""

    momentum: float

    names: ClassVar[tuple[str, ...]] = ("velocity",)

    def __call__(  # noqa: D102 (see `Formula`)
        self, lr: float, step: int, param: Array, grad: Array, /, *slots: Array
    ) -> tuple[Array, ...]:
        velocity, descent = slots[0] * self.momentum, grad * lr
        velocity -= descent
        new = velocity * self.momentum
        new -= descent
        new += param
        return new, velocity


@attrs.frozen
class AdaGrad:
    """The formula of `adagrad`, which says it in words."""

    eps: float

    names: ClassVar[tuple[str, ...]] = ("h",)

    def __call__(  # noqa: D102 (see `Formula`)
        self, lr: float, step: int, param: Array, grad: Array, /, *slots: Array
    ) -> tuple[Array, ...]:
        h = np.square(grad)
        h += slots[0]
        return _scaled_descent(param, grad, h, lr, self.eps), h


@attrs.frozen
class RMSprop:
    """The formula of `rmsprop`, which says it in words."""

    alpha: float
    eps: float

    names: ClassVar[tuple[str, ...]] = ("h",)

    def __call__(  # noqa: D102 (see `Formula`)
        self, lr: float, step: int, param: Array, grad: Array, /, *slots: Array
    ) -> tuple[Array, ...]:
        h = _fade(slots[0], np.square(grad), self.alpha)
        return _scaled_descent(param, grad, h, lr, self.eps), h


@attrs.frozen
class Adam:
    """The formula of `adam`, which says it in words."""

    beta1: float
    beta2: float
    eps: float

    names: ClassVar[tuple[str, ...]] = ("m", "v")

    def __call__(  # noqa: D102 (see `Formula`)
        self, lr: float, step: int, param: Array, grad: Array, /, *slots: Array
    ) -> tuple[Array, ...]:
        m = _fade(slots[0], grad.copy(), self.beta1)
        v = _fade(slots[1], np.square(grad), self.beta2)
        t = step + 1
        rate = lr * math.sqrt(1 - self.beta2**t) / (1 - self.beta1**t)
        return _scaled_descent(param, m, v, rate, self.eps), m, v


@attrs.frozen
class AdamW:
    """The formula of `adamw`, which says it in words."""

    adam: Adam
    weight_decay: float
    biases: bool

    names: ClassVar[tuple[str, ...]] = ("m", "v")

    def __call__(  # noqa: D102 (see `Formula`)
        self, lr: float, step: int, param: Array, grad: Array, /, *slots: Array
    ) -> tuple[Array, ...]:
        if param.ndim >= 2 or self.biases:
            param = param * (1 - lr * self.weight_decay)
        return self.adam(lr, step, param, grad, *slots)


def _fade(old: Array, new: Array, keep: float) -> Array:
    """Return keep old + (1 - keep) new, and write over new."""
    average = old * keep
    new *= 1 - keep
    average += new
    return average


def _scaled_descent(param: Array, direction: Array, squares: Array, lr: float, eps: float) -> Array:
    """Return param - lr direction / (√squares + eps)."""
    new = np.sqrt(squares)
    # In float16, and for an eps of 0, eps alone would let 0 / 0 through.
    new += max(eps, float(np.finfo(param.dtype).tiny))
    np.divide(direction, new, new)
    new *= lr
    return np.subtract(param, new, new)
