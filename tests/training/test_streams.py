"""Functions on the states of a run."""

import itertools
import math
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import funnet as fn

State = fn.TrainState[fn.Array]


def states(losses: Iterable[float], taken: list[int] | None = None) -> Iterator[State]:
    """Return states with the given losses, and note the steps of those taken."""
    params: fn.Array = np.zeros(1)
    for k, loss in enumerate(losses, 1):
        if taken is not None:
            taken.append(k)
        yield fn.TrainState(k, 0, params, fn.sgd().init(params), loss)


@given(st.lists(st.floats(0, 10)), st.integers(1, 5))
def test_every_returns_the_multiples_of_n_and_the_last_state_once(
    losses: list[float], n: int
) -> None:
    multiples = list(range(n, len(losses) + 1, n))
    with_last = sorted({*multiples, *([len(losses)] if losses else [])})

    assert [s.step for s in fn.every(states(losses), n)] == multiples
    assert [s.step for s in fn.every(states(losses), n, last=True)] == with_last


def test_every_passes_states_on_at_once_and_the_last_one_at_the_end() -> None:
    taken: list[int] = []
    seen = [(s.step, taken[-1]) for s in fn.every(states([1.0] * 5, taken), 2, last=True)]

    assert seen == [(2, 2), (4, 4), (5, 5)]


@given(st.lists(st.floats(0, 10)), st.integers(1, 5))
def test_scored_scores_the_multiples_of_every_and_the_last_state_once_each(
    losses: list[float], n: int
) -> None:
    chosen = list(fn.every(states(losses), n, last=True))
    asked: list[int] = []

    def key(state: State) -> float:
        asked.append(state.step)
        return 2 * state.loss

    pairs = list(fn.scored(states(losses), key, every=n))

    assert asked == [state.step for state in chosen]
    assert [(s.step, score) for s, score in pairs] == [(s.step, 2 * s.loss) for s in chosen]


def test_one_score_serves_stopping_choosing_and_plotting() -> None:
    asked: list[int] = []

    def key(state: State) -> float:
        asked.append(state.step)
        return state.loss

    taken: list[int] = []
    source = states([9.0, 5.0, 9.0, 3.0, 9.0, 4.0, 9.0, 3.0, 9.0, 1.0], taken)
    history = list(fn.early_stopping(fn.scored(source, key, every=2), patience=2))
    best, lowest = fn.last(fn.best_so_far(history))

    assert asked == [2, 4, 6, 8]
    assert taken == list(range(1, 9))
    assert [score for _, score in history] == [5, 3, 4, 3]
    assert (best.step, lowest) == (4, 3)


@pytest.mark.parametrize("score", [np.float32(0.5), np.float64(0.5), np.array(0.5)])
def test_scores_are_python_floats(score: float) -> None:
    [(_, ours)] = fn.scored(states([1.0]), lambda _: score)

    assert type(ours) is float
    assert ours == 0.5


def test_what_is_no_score_is_refused() -> None:
    with pytest.raises(TypeError, match=r"key\(state\) must be a number, got None"):
        list(fn.scored(states([1.0]), lambda _: None))  # type: ignore[arg-type, return-value]


@given(st.lists(st.integers(0, 4)), st.integers(1, 4))
def test_early_stopping_passes_a_prefix_on(losses: list[float], patience: int) -> None:
    losses = [float(loss) for loss in losses]
    passed = [s.loss for s, _ in fn.early_stopping(fn.scored(states(losses)), patience)]
    stalled = [
        min(losses[: end - patience]) <= min(losses[end - patience : end])
        for end in range(patience + 1, len(losses) + 1)
    ]
    expected = stalled.index(True) + patience + 1 if any(stalled) else len(losses)

    assert passed == losses[:expected]


def test_an_improvement_below_min_delta_does_not_count() -> None:
    run = fn.early_stopping(fn.scored(states([3.0, 2.95, 2.9, 1.0])), 2, min_delta=0.5)

    assert [score for _, score in run] == [3.0, 2.95, 2.9]


@given(st.lists(st.floats(-5, 5), min_size=1))
def test_best_so_far_ends_at_the_first_minimum(losses: list[float]) -> None:
    best = list(fn.best_so_far(fn.scored(states(losses))))

    assert [score for _, score in best] == list(itertools.accumulate(losses, min))
    assert [state.loss for state, _ in best] == [score for _, score in best]
    assert best[-1][0].step == losses.index(min(losses)) + 1


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_losses_that_are_not_finite_do_not_improve(value: float) -> None:
    def best(losses: list[float]) -> float:
        return fn.last(fn.best_so_far(fn.scored(states(losses))))[1]

    assert len(list(fn.early_stopping(fn.scored(states([value] * 9)), 3))) == 3
    assert best([value, 2.0, value, 1.0, value]) == 1.0
    assert best([value, 2.0, -math.inf, value]) == -math.inf


@pytest.mark.parametrize("stream", [fn.best_so_far, lambda pairs: fn.early_stopping(pairs, 1)])
@pytest.mark.parametrize("wrong", ["1", None, True, np.ones(2)])
def test_a_score_is_a_number(stream: Callable[[Any], Iterator[object]], wrong: object) -> None:
    with pytest.raises(TypeError, match=r"^a score must be a number, got "):
        list(stream([("a", 1.0), ("b", wrong)]))


@given(st.lists(st.floats(-5, 5)), st.integers(1, 6))
def test_the_moving_average_is_the_mean_of_the_window(losses: list[float], window: int) -> None:
    means = [mean for _, mean in fn.moving_average(states(losses), window)]
    expected = [np.mean(losses[max(0, end - window) : end]) for end in range(1, len(losses) + 1)]

    assert means == pytest.approx(expected, abs=1e-12)


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
def test_a_mean_is_right_where_the_sum_overflows(values: list[float], mean: float) -> None:
    _, ours = fn.last(fn.moving_average(states(values), len(values)))

    assert ours == pytest.approx(mean, rel=1e-15, abs=0, nan_ok=True)


def test_a_moving_average_forgets_what_has_left_the_window() -> None:
    means = [mean for _, mean in fn.moving_average(states([math.inf, -math.inf, 1.0, 2.0]), 2)]

    assert means[2:] == [-math.inf, 1.5]


def test_a_moving_average_of_numpy_numbers_is_a_float() -> None:
    """Also where their sum in float32 would overflow."""
    run = fn.moving_average(states([1.0, 1.0]), 2, key=lambda _: np.float32(3e38))  # type: ignore[arg-type, return-value]

    assert [mean for _, mean in run] == [float(np.float32(3e38))] * 2


def test_a_moving_average_may_have_any_window_and_names_what_is_no_number() -> None:
    means = fn.moving_average(states([1.0, 2.0]), 2**100)
    wrong = fn.moving_average(states([1.0]), 2, key=lambda _: np.ones(1))  # type: ignore[arg-type, return-value]

    assert [mean for _, mean in means] == [1.0, 1.5]
    with pytest.raises(TypeError, match=r"^key\(state\) must be a number, got float64\[1\]$"):
        next(wrong)


def test_streams_compose_and_pass_each_state_on_at_once() -> None:
    taken: list[int] = []
    source = states([5.0, 4.0, 3.0, 3.0, 3.0, 3.0, 1.0], taken)
    means = fn.moving_average(fn.every(source, 2), 2)
    stream = fn.best_so_far(fn.early_stopping(means, 1))

    assert [(state.step, taken[-1]) for state, _ in stream] == [(2, 2), (4, 4), (6, 6)]
    assert taken == [1, 2, 3, 4, 5, 6, 7]


def test_the_last_of_nothing_is_the_default() -> None:
    state = next(states([1.0]))

    assert fn.last(states([]), default=state) is state
    assert fn.last([1, 2], default=3) == 2


def test_nothing_has_no_last() -> None:
    with pytest.raises(ValueError, match="the stream is empty; pass default="):
        fn.last([])


def test_states_without_scores_are_refused() -> None:
    for f in (fn.best_so_far, lambda scores: fn.early_stopping(scores, 1)):
        with pytest.raises(TypeError, match=r"pairs \(state, score\), .*, got TrainState"):
            next(f(states([1.0])))  # type: ignore[arg-type]
