"""Functions over the states of a run."""

import itertools
import math
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, strategies as st

from funnet import (
    Array,
    TrainState,
    best_so_far,
    early_stopping,
    every,
    last,
    moving_average,
    sgd,
)


def states(losses: list[float]) -> Iterator[TrainState[Array]]:
    """Return states with the given losses, from step 1 on."""
    params: Array = np.zeros(1)
    for k, loss in enumerate(losses, 1):
        yield TrainState(k, 0, params, sgd().init(params), loss)


def test_the_last_of_nothing_is_the_default() -> None:
    state = next(states([1.0]))

    assert last(states([]), default=state) is state
    assert last([1, 2], default=3) == 2


@given(st.lists(st.floats(0, 10)), st.integers(1, 5))
def test_every_keeps_the_multiples_of_n(losses: list[float], n: int) -> None:
    assert [s.step for s in every(states(losses), n)] == list(range(n, len(losses) + 1, n))


@given(st.lists(st.integers(0, 4)), st.integers(1, 4))
def test_early_stopping_passes_a_prefix_on(losses: list[float], patience: int) -> None:
    losses = [float(loss) for loss in losses]
    passed = [s.loss for s in early_stopping(states(losses), patience)]
    stalled = [
        min(losses[: end - patience]) <= min(losses[end - patience : end])
        for end in range(patience + 1, len(losses) + 1)
    ]
    expected = stalled.index(True) + patience + 1 if any(stalled) else len(losses)

    assert passed == losses[:expected]


def test_an_improvement_below_min_delta_does_not_count() -> None:
    run = early_stopping(states([3.0, 2.95, 2.9, 1.0]), 2, min_delta=0.5)

    assert [state.loss for state in run] == [3.0, 2.95, 2.9]


def test_nan_is_no_improvement() -> None:
    assert len(list(early_stopping(states([math.nan] * 9), 3))) == 3
    assert last(best_so_far(states([math.nan, 2.0, math.nan, 1.0, math.nan]))).loss == 1.0


@given(st.lists(st.floats(-5, 5), min_size=1))
def test_best_so_far_ends_at_the_first_minimum(losses: list[float]) -> None:
    best = list(best_so_far(states(losses)))

    assert [s.loss for s in best] == list(itertools.accumulate(losses, min))
    assert best[-1].step == losses.index(min(losses)) + 1


@given(st.lists(st.floats(-5, 5)), st.integers(1, 6))
def test_the_moving_average_is_the_mean_of_the_window(losses: list[float], window: int) -> None:
    means = [mean for _, mean in moving_average(states(losses), window)]
    expected = [np.mean(losses[max(0, end - window) : end]) for end in range(1, len(losses) + 1)]

    assert means == pytest.approx(expected, abs=1e-12)


def test_streams_compose_and_pass_each_state_on_at_once() -> None:
    taken: list[int] = []

    def source() -> Iterator[TrainState[Array]]:
        for state in states([5.0, 4.0, 3.0, 3.0, 3.0, 3.0, 1.0]):
            taken.append(state.step)
            yield state

    stream = moving_average(best_so_far(early_stopping(every(source(), 2), 2)), 2)
    seen = [(state.step, taken[-1]) for state, _ in stream]

    assert seen == [(2, 2), (4, 4), (4, 6)]


def test_mistakes_in_streams_are_seen_at_the_call() -> None:
    with pytest.raises(ValueError, match="n must be >= 1, got 0"):
        every(states([]), 0)
    with pytest.raises(ValueError, match="patience must be >= 1, got 0"):
        early_stopping(states([]), 0)
    with pytest.raises(ValueError, match="window must be >= 1, got 0"):
        moving_average(states([]), 0)
    with pytest.raises(ValueError, match="the stream is empty and there is no default"):
        last([])


@given(st.lists(st.floats(0, 10)), st.integers(1, 5))
def test_every_offers_the_last_state_once(losses: list[float], n: int) -> None:
    steps = [state.step for state in every(states(losses), n, last=True)]

    assert steps == sorted({*range(n, len(losses) + 1, n), *([len(losses)] if losses else [])})


def test_every_passes_states_on_at_once_and_the_last_one_at_the_end() -> None:
    taken: list[int] = []

    def source() -> Iterator[TrainState[Array]]:
        for state in states([1.0] * 5):
            taken.append(state.step)
            yield state

    seen = [(state.step, taken[-1]) for state in every(source(), 2, last=True)]

    assert seen == [(2, 2), (4, 4), (5, 5)]


LARGEST = sys.float_info.max


@pytest.mark.parametrize(
    ("values", "mean"),
    [
        ([1.7e308, 1.7e308], 1.7e308),
        ([LARGEST] * 5, LARGEST),
        ([1e308, 1e308, -1e308], 1e308 / 3),
        ([math.inf, 1.0], math.inf),
        ([math.inf, -math.inf], math.nan),
        ([math.nan, 1e308, 1e308], math.nan),
        ([5e-324, 5e-324], 5e-324),
    ],
)
def test_a_mean_is_right_where_the_sum_is_not_a_number(values: list[float], mean: float) -> None:
    _, ours = last(moving_average(states(values), len(values)))

    assert ours == pytest.approx(mean, rel=1e-15, abs=0, nan_ok=True)


def test_a_moving_average_forgets_what_has_left_the_window() -> None:
    means = [mean for _, mean in moving_average(states([math.inf, -math.inf, 1.0, 2.0]), 2)]

    assert means[2:] == [-math.inf, 1.5]


def test_a_moving_average_of_numpy_numbers_is_a_float() -> None:
    """Also where the sum overflows, as does that of float32 numbers in float32."""
    run = moving_average(states([1.0, 1.0]), 2, key=lambda _: np.float32(3e38))  # type: ignore[arg-type, return-value]

    assert [mean for _, mean in run] == [float(np.float32(3e38))] * 2


def test_infinite_losses_do_not_stop_the_streams() -> None:
    assert len(list(early_stopping(states([math.inf] * 9), 3))) == 3
    assert last(best_so_far(states([math.inf, 2.0, -math.inf, math.inf]))).loss == -math.inf
