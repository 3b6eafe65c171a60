"""Learning rate schedules."""

import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import attrs
import numpy as np
import pytest

import funnet as fn

SCHEDULES = [
    fn.constant_lr(0.1),
    fn.step_lr(0.1, 3),
    fn.exponential_lr(0.1, 0.9),
    fn.cosine_lr(0.1, 10, warmup_steps=3),
    fn.piecewise_lr([2, 5], [0.1, 0.2, 0.3]),
]


@pytest.mark.parametrize("make", [fn.sgd, fn.adam, fn.adamw])
@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
def test_the_state_reports_the_learning_rate_of_the_schedule(
    make: Callable[[fn.Schedule], fn.Optimizer], schedule: fn.Schedule
) -> None:
    optimizer, layer = make(schedule), fn.Affine(np.ones((1, 1)), np.ones(1))
    state, reported = optimizer.init(layer), []
    for _ in range(12):
        layer, state = optimizer.update(layer, layer, state)
        reported.append(dict(state.metrics)["lr"])

    assert reported == [schedule(step) for step in range(12)]


def test_warm_up_meets_the_cosine_at_the_highest_learning_rate() -> None:
    schedule = fn.cosine_lr(0.4, 20, warmup_steps=4, eta_min=0.1)

    assert [schedule(k) for k in range(5)] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.4])
    assert schedule(12) == pytest.approx(0.25)
    assert schedule(20) == schedule(1000) == 0.1


def test_schedules_refuse_inconsistent_arguments() -> None:
    with pytest.raises(ValueError, match="expected warmup_steps < total_steps = 5, got 5"):
        fn.cosine_lr(0.1, 5, warmup_steps=5)
    with pytest.raises(ValueError, match="expected 2 values, got 1"):
        fn.piecewise_lr([3], [0.1])
    with pytest.raises(ValueError, match=r"expected boundaries in ascending order, got \[3, 3\]"):
        fn.piecewise_lr([3, 3], [0.1, 0.2, 0.3])


@pytest.mark.parametrize(
    "schedule", [fn.exponential_lr(0.1, 10.0), fn.step_lr(1e10, 1, 10.0)], ids=repr
)
def test_a_schedule_beyond_float64_names_the_step(schedule: fn.Schedule) -> None:
    """One where the power overflows, and one where only the product does."""
    optimizer, x = fn.sgd(schedule), np.ones(1)
    state = attrs.evolve(optimizer.init(x), step=310)

    with pytest.raises(ValueError, match="lr at step 310 must be finite"):
        schedule(310)
    with pytest.raises(ValueError, match="lr at step 310 must be finite"):
        optimizer.update(x, x, state)


@pytest.mark.parametrize(
    "schedule", [lambda step: 10.0 ** (400 * step), lambda step: 0.1 - step, lambda step: math.nan]
)
def test_a_learning_rate_of_a_user_s_schedule_is_finite_and_not_negative(
    schedule: fn.Schedule,
) -> None:
    optimizer, x = fn.sgd(schedule), np.ones(1)
    state = attrs.evolve(optimizer.init(x), step=1)

    with pytest.raises(ValueError, match="lr at step 1 must be finite"):
        optimizer.update(x, x, state)


def test_intermediate_results_of_schedules_do_not_overflow() -> None:
    assert fn.exponential_lr(0.0, 10.0)(1000) == 0
    assert fn.cosine_lr(1.7e308, 10, warmup_steps=5)(4) == 1.7e308
    assert fn.cosine_lr(1.7e308, 10)(0) == 1.7e308


def test_a_growing_schedule_is_right_up_to_the_limit_of_float64() -> None:
    assert fn.exponential_lr(2.0, 10.0)(300) == pytest.approx(2e300)


def test_numpy_integers_are_integers() -> None:
    schedule = fn.piecewise_lr(np.array([2, 3]), np.array([0.3, 0.2, 0.1]))  # type: ignore[arg-type]

    assert schedule == fn.piecewise_lr([2, 3], [0.3, 0.2, 0.1])


@pytest.mark.parametrize("rate", [Fraction(1, 2), Decimal("0.5"), np.float16(0.5), np.array(0.5)])
def test_a_rate_of_another_type_becomes_a_float(rate: Any) -> None:  # Any: no float for mypy
    assert type(fn.constant_lr(rate)(0)) is float
    assert fn.constant_lr(rate)(0) == 0.5
