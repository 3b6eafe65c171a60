"""Learning rate schedules: pure functions of the step.

A schedule is any function `step -> learning rate`, where the step is the number of updates made
before, 0 at first. Those of this module can be compared, printed and pickled.

`lr` is the initial, or the highest, learning rate. Learning rates and factors are finite and >= 0,
numbers of steps are integers. Other values raise ValueError or TypeError.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise

import attrs

from funnet.core.checks import check_count, check_number

Schedule = Callable[[int], float]
"""The learning rate as a function of the number of updates made."""

LearningRate = float | Schedule
"""A number or a schedule."""


def written_as(name: str) -> Callable[[attrs.AttrsInstance], str]:
    """Return a `__repr__` that writes an attrs value as a call of the function that makes it."""

    def write(self: attrs.AttrsInstance) -> str:
        fields = attrs.asdict(self, recurse=False).items()
        return f"{name}({', '.join(f'{field}={value!r}' for field, value in fields)})"

    return write


def check_rate(lr: LearningRate) -> LearningRate:
    """Return a schedule, or a learning rate as a float >= 0; raise as `check_number`."""
    return lr if callable(lr) else check_number(lr, "lr", 0)


def rate_at(lr: LearningRate, step: int) -> float:
    """Return the learning rate at a step. A number was checked when its optimizer was made.

    Raise TypeError or ValueError if a schedule does not return a finite number >= 0.
    """
    if not callable(lr):
        return lr
    name = f"lr at step {step}"
    try:
        rate = lr(step)
    except OverflowError as error:
        raise ValueError(
            f"{name} must be finite, got a number outside the range of float64"
        ) from error
    return check_number(rate, name, 0)


def constant_lr(lr: float) -> Schedule:
    """Return the schedule that is `lr` at every step.

    Examples
    --------
    >>> from funnet import constant_lr
    >>> constant_lr(0.1)(1000)
    0.1
    """
    return _Constant(check_number(lr, "lr", 0))


def step_lr(lr: float, step_size: int, gamma: float = 0.1) -> Schedule:
    """Return the schedule lr gamma^floor(step / step_size).

    At a step where that overflows, it raises ValueError.

    Parameters
    ----------
    step_size
        The number of steps between two changes, >= 1.
    gamma
        The factor of each change. Default: 0.1.

    Examples
    --------
    >>> from funnet import step_lr
    >>> [step_lr(1.0, 2, gamma=0.5)(step) for step in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    return _Decay(
        check_number(lr, "lr", 0),
        check_count(step_size, "step_size"),
        check_number(gamma, "gamma", 0),
    )


def exponential_lr(lr: float, gamma: float) -> Schedule:
    """Return the schedule lr gamma^step, which is `step_lr` with a step size of 1.

    Examples
    --------
    >>> from funnet import exponential_lr
    >>> [exponential_lr(1.0, 0.5)(step) for step in range(3)]
    [1.0, 0.5, 0.25]
    """
    return step_lr(lr, 1, gamma)


def cosine_lr(
    lr: float, total_steps: int, *, warmup_steps: int = 0, eta_min: float = 0.0
) -> Schedule:
    """Return the schedule of linear warm-up and cosine decay.

    During warm-up, lr (step + 1) / warmup_steps; then eta_min + (lr - eta_min) (1 + cos(pi u)) / 2,
    where u grows from 0 to 1 at `total_steps`; then `eta_min`.

    Parameters
    ----------
    total_steps
        The number of steps, warm-up included; >= 1.
    warmup_steps
        The number of steps of warm-up, < `total_steps`. Default: 0.
    eta_min
        The final learning rate. Default: 0.

    References
    ----------
    I. Loshchilov and F. Hutter, "SGDR: Stochastic gradient descent with warm restarts", 2017.

    Examples
    --------
    >>> from funnet import cosine_lr
    >>> schedule = cosine_lr(1.0, 6, warmup_steps=2)
    >>> [round(schedule(step), 3) for step in range(8)]
    [0.5, 1.0, 1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """
    warmup = check_count(warmup_steps, "warmup_steps", least=0)
    total = check_count(total_steps, "total_steps")
    if warmup >= total:
        raise ValueError(f"expected warmup_steps < total_steps = {total}, got {warmup}")
    return _Cosine(check_number(lr, "lr", 0), total, warmup, check_number(eta_min, "eta_min", 0))


def piecewise_lr(boundaries: Sequence[int], values: Sequence[float]) -> Schedule:
    """Return the piecewise constant schedule.

    Parameters
    ----------
    boundaries
        The steps at which the learning rate changes, >= 1 and in ascending order.
    values
        The learning rates of the pieces, one more than there are boundaries.

    Examples
    --------
    >>> from funnet import piecewise_lr
    >>> schedule = piecewise_lr([2, 3], [0.1, 0.05, 0.01])
    >>> [schedule(step) for step in range(5)]
    [0.1, 0.1, 0.05, 0.01, 0.01]
    """
    starts = tuple(check_count(step, f"boundaries[{i}]") for i, step in enumerate(boundaries))
    rates = tuple(check_number(value, f"values[{i}]", 0) for i, value in enumerate(values))
    if len(rates) != len(starts) + 1:
        raise ValueError(f"expected {len(starts) + 1} values, got {len(rates)}")
    if any(a >= b for a, b in pairwise(starts)):
        raise ValueError(f"expected boundaries in ascending order, got {list(boundaries)}")
    return _Piecewise(starts, rates)


@attrs.frozen
class _Constant:
    lr: float

    __repr__ = written_as("constant_lr")

    def __call__(self, step: int) -> float:
        return self.lr


@attrs.frozen
class _Decay:
    lr: float
    step_size: int
    gamma: float

    __repr__ = written_as("step_lr")

    def __call__(self, step: int) -> float:
        try:
            rate = self.lr * self.gamma ** (step // self.step_size)
        except OverflowError:  # of the power; a product that overflows is infinity
            rate = math.inf if self.lr else 0.0
        return check_number(rate, f"lr at step {step}")


@attrs.frozen
class _Cosine:
    lr: float
    total_steps: int
    warmup_steps: int
    eta_min: float

    __repr__ = written_as("cosine_lr")

    def __call__(self, step: int) -> float:
        if step < self.warmup_steps:
            return self.lr * ((step + 1) / self.warmup_steps)
        if step >= self.total_steps:
            return self.eta_min
        u = (step - self.warmup_steps) / (self.total_steps - self.warmup_steps)
        return self.eta_min + (self.lr - self.eta_min) * ((1 + math.cos(math.pi * u)) / 2)


@attrs.frozen
class _Piecewise:
    boundaries: tuple[int, ...]
    values: tuple[float, ...]

    __repr__ = written_as("piecewise_lr")

    def __call__(self, step: int) -> float:
        return self.values[bisect_right(self.boundaries, step)]
