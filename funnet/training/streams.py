"""Small functions on the states of a training run, which compose with each other and itertools.

`states` are the states of a run, such as those of `train` or `every`, and `scores` pairs of a state
and a number, such as those of `scored` or `moving_average`. Each is passed on at once, before the
next is computed. `key` is a function of a state, called once for each. Default: the loss of its
batch. Counts (`n`, `every`, `patience`, `window`) are integers >= 1; others raise ValueError or
TypeError.
"""

from __future__ import annotations

import math
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import TypeVar

from funnet.core.checks import as_float, check_count, check_number
from funnet.training.state import TrainState

S = TypeVar("S", bound=TrainState[object])
T = TypeVar("T")

_loss: Callable[[TrainState[object]], float] = attrgetter("loss")


def every(states: Iterable[S], n: int, *, last: bool = False) -> Iterator[S]:
    """Return the states whose step is a multiple of `n`; with `last`, the final state as well.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import TrainState, every, sgd
    >>> states = [TrainState(k, 0, np.ones(1), sgd().init(np.ones(1))) for k in range(1, 8)]
    >>> [state.step for state in every(states, 3)]
    [3, 6]
    >>> [state.step for state in every(states, 3, last=True)]
    [3, 6, 7]
    """
    return _multiples(states, check_count(n, "n"), last=last)


def _multiples(states: Iterable[S], n: int, *, last: bool) -> Iterator[S]:
    left_out: S | None = None
    for state in states:
        left_out = state if state.step % n else None
        if left_out is None:
            yield state
    if last and left_out is not None:
        yield left_out


def scored(
    states: Iterable[S], key: Callable[[S], float] = _loss, *, every: int = 1
) -> Iterator[tuple[S, float]]:
    """Return the states whose step is a multiple of `every`, and the last, each with its `key`.

    The key is called once for each pair `(state, score)`, which `early_stopping`, `best_so_far` and
    a plot can share. The loss of a state was computed before the update, from other weights. So to
    select weights, pass a key that evaluates them on validation data, such as
    `lambda state: softmax_cross_entropy(predict(state.params, x_val), t_val)[0]`.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import TrainState, scored, sgd
    >>> states = [TrainState(k, 0, np.ones(1), sgd().init(np.ones(1)), 1 / k) for k in (1, 2, 3)]
    >>> [(state.step, score) for state, score in scored(states, every=2)]
    [(2, 0.5), (3, 0.3333333333333333)]
    """
    chosen = _multiples(states, check_count(every, "every"), last=True)
    return ((state, as_float(key(state), "key(state)")) for state in chosen)


def early_stopping(
    scores: Iterable[tuple[T, float]], patience: int, *, min_delta: float = 0.0
) -> Iterator[tuple[T, float]]:
    """Return pairs `(state, score)` until `patience` of them in a row have not improved the score.

    A score improves if it is lower than the lowest before by more than `min_delta` (finite and
    >= 0); NaN never does. The lowest score is not part of a state, so a resumed run starts to wait
    anew.

    Examples
    --------
    >>> from funnet import early_stopping
    >>> scores = [("a", 3.0), ("b", 2.0), ("c", 2.5), ("d", 2.0), ("e", 1.0)]
    >>> list(early_stopping(scores, patience=2))
    [('a', 3.0), ('b', 2.0), ('c', 2.5), ('d', 2.0)]
    """
    patience = check_count(patience, "patience")
    min_delta = check_number(min_delta, "min_delta", 0)

    def walk() -> Iterator[tuple[T, float]]:
        lowest, waited = math.inf, 0
        for state, score in map(_pair, scores):
            if score < lowest - min_delta:
                lowest, waited = score, 0
            else:
                waited += 1
            yield state, score
            if waited >= patience:
                return

    return walk()


def best_so_far(scores: Iterable[tuple[T, float]]) -> Iterator[tuple[T, float]]:
    """Return, for each pair `(state, score)`, the pair with the lowest score so far.

    Of equal scores the first counts, and NaN is worse than any number.

    Examples
    --------
    >>> from funnet import best_so_far, last
    >>> scores = [("a", 3.0), ("b", 2.0), ("c", 2.5), ("d", 1.0)]
    >>> list(best_so_far(scores))
    [('a', 3.0), ('b', 2.0), ('b', 2.0), ('d', 1.0)]
    """
    best: tuple[T, float] | None = None
    for state, score in map(_pair, scores):
        if best is None or score < best[1] or (math.isnan(best[1]) and not math.isnan(score)):
            best = state, score
        yield best


def _pair(score: tuple[T, float]) -> tuple[T, float]:
    if not isinstance(score, tuple | list) or len(score) != 2:
        raise TypeError(
            "scores must be pairs (state, score), such as those of scored(states), "
            f"got {type(score).__name__}"
        )
    state, number = score
    return state, as_float(number, "a score")


def moving_average(
    states: Iterable[S], window: int, *, key: Callable[[S], float] = _loss
) -> Iterator[tuple[S, float]]:
    """Return each state with the mean of `key` over the last `window` states, at first over fewer.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import TrainState, moving_average, sgd
    >>> states = [
    ...     TrainState(k, 0, np.ones(1), sgd().init(np.ones(1)), loss)
    ...     for k, loss in enumerate([4.0, 2.0, 1.0])
    ... ]
    >>> [mean for _, mean in moving_average(states, 2)]
    [4.0, 3.0, 1.5]
    """
    window = check_count(window, "window")

    def walk() -> Iterator[tuple[S, float]]:
        values: deque[float] = deque(maxlen=min(window, sys.maxsize))
        for state in states:
            values.append(as_float(key(state), "key(state)"))
            # A running sum would keep the rounding, or the NaN, of values that have left.
            yield state, _mean(values)

    return walk()


def _mean(values: Sequence[float]) -> float:
    try:
        return math.fsum(values) / len(values)
    except (OverflowError, ValueError):  # a sum beyond float64; one of both infinities
        from statistics import mean  # exact, but slow

        return mean(values)


def last(items: Iterable[T], *, default: T | None = None) -> T:
    """Return the last item of a finite stream, such as that of `best_so_far`.

    If the stream is empty, return `default`, or raise ValueError if that is None. A finished run is
    such a stream: `last(train(state, ...), default=state)` returns its state.

    Examples
    --------
    >>> from funnet import last
    >>> last(iter([1, 2, 3]))
    3
    """
    final = deque(items, maxlen=1)
    if final:
        return final[0]
    if default is None:
        raise ValueError("the stream is empty; pass default=... for such a stream")
    return default
