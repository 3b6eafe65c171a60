"""Learning rates that change: pure functions of the step, which is counted from 0.

A schedule is any function `step -> learning rate`. Those that are made here are frozen values:
they can be compared, printed and sent to another process.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise

import attrs

from funnet.core.arrays import as_float, check_count

Schedule = Callable[[int], float]
"""The learning rate as a function of how many updates have been made."""

LearningRate = float | Schedule
"""A learning rate: a number, or a schedule."""


def check_number(value: float, name: str, low: float = -math.inf, below: float = math.inf) -> float:
    """Return a finite number as a float, and refuse everything else.

    A NumPy scalar would turn float32 arrays into its own type, a float does not.

    Raises
    ------
    TypeError
        If it is not a real number; a bool and an array of rank 1 or more are not.
    ValueError
        If it is not finite, or not from `low` up to, but not including, `below`.
    """
    number = value if type(value) is float else as_float(value, name)
    if not (math.isfinite(number) and low <= number < below):
        from_low = "" if low == -math.inf else f", at least {low:g}"
        up_to = "" if below == math.inf else f", below {below:g}"
        raise ValueError(f"expected {name} to be finite{from_low}{up_to}; got {number}")
    return number


def rate_at(lr: LearningRate, step: int) -> float:
    """Return the learning rate at a step; a number was checked when its optimizer was made.

    Raises
    ------
    ValueError
        If that of a schedule is not finite, or negative.
    TypeError
        If it is no number.
    """
    if not callable(lr):
        return lr
    name = f"lr at step {step}"
    try:
        rate = lr(step)
    except OverflowError as error:
        raise ValueError(f"expected {name} to be finite, got a number beyond float64") from error
    return check_number(rate, name, 0)


def constant_lr(lr: float) -> Schedule:
    """Return the schedule that is `lr` at every step.

    Parameters
    ----------
    lr
        The learning rate, at least 0.

    Raises
    ------
    ValueError
        If `lr` is negative or not finite.

    Examples
    --------
    >>> from funnet import constant_lr
    >>> constant_lr(0.1)(1000)
    0.1
    """
    return _Constant(check_number(lr, "lr", 0))


def step_lr(lr: float, step_size: int, gamma: float = 0.1) -> Schedule:
    """Return the schedule lr gamma^floor(step / step_size).

    At a step where that is beyond float64, it raises a ValueError.

    Parameters
    ----------
    lr
        The learning rate at first, at least 0.
    step_size
        After how many steps it is multiplied by `gamma`, each time; at least 1.
    gamma
        The factor, at least 0: 0.1 unless told.

    Raises
    ------
    ValueError, TypeError
        If a number is out of its range, or `step_size` no integer.

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
    """Return the schedule lr gamma^step.

    Parameters
    ----------
    lr
        The learning rate at first, at least 0.
    gamma
        The factor from each step to the next, at least 0.

    Raises
    ------
    ValueError
        If a number is negative or not finite.

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
    """Return the schedule that rises in a straight line and then falls as half a cosine.

    lr (step + 1) / warmup_steps while that is at most lr, then
    eta_min + (lr - eta_min) (1 + cos(pi u)) / 2, where u goes from 0 to 1 at `total_steps`.

    Parameters
    ----------
    lr
        The highest learning rate, at least 0.
    total_steps
        How many steps there are, with those of the warm-up; at least 1. Later it is `eta_min`.
    warmup_steps
        For how many steps it rises: none unless told; less than `total_steps`.
    eta_min
        The learning rate in the end, at least 0: 0 unless told.

    Raises
    ------
    ValueError, TypeError
        If a number is out of its range, or a number of steps no integer.

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
        raise ValueError(f"expected warmup_steps below total_steps {total}, got {warmup}")
    return _Cosine(check_number(lr, "lr", 0), total, warmup, check_number(eta_min, "eta_min", 0))


def piecewise_lr(boundaries: Sequence[int], values: Sequence[float]) -> Schedule:
    """Return the schedule that is one of several numbers in each of several pieces.

    Parameters
    ----------
    boundaries
        The steps at which the next piece starts: integers >= 1 in ascending order.
    values
        The learning rates, one more than there are boundaries, each at least 0.

    Raises
    ------
    ValueError
        If there are not as many values, a value is negative or not finite, or the boundaries do
        not ascend or start below 1.
    TypeError
        If a boundary is not an integer, or a value is not a number.

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
        raise ValueError(f"expected boundaries that ascend, got {list(boundaries)}")
    return _Piecewise(starts, rates)


@attrs.frozen
class _Constant:
    lr: float

    def __call__(self, step: int) -> float:
        return self.lr


@attrs.frozen
class _Decay:
    lr: float
    step_size: int
    gamma: float

    def __call__(self, step: int) -> float:
        try:
            rate = self.lr * self.gamma ** (step // self.step_size)
        except OverflowError:  # of the power; that of the product is infinity
            rate = math.inf if self.lr else 0.0
        return check_number(rate, f"lr at step {step}")


@attrs.frozen
class _Cosine:
    lr: float
    total_steps: int
    warmup_steps: int
    eta_min: float

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

    def __call__(self, step: int) -> float:
        return self.values[bisect_right(self.boundaries, step)]
