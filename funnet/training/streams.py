"""Small functions on the states of a training run, which compose with each other and itertools.

`states` are the states of a run, such as those of `train` or `every`. Each state is passed on at
once, before the next is computed. `key` is a function of a state, called once for each. Default:
the loss of its batch. Counts (`n`, `patience`, `window`) are integers >= 1; others raise ValueError
or TypeError.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import TypeVar

from funnet.core.checks import check_count
from funnet.optimizers.schedules import check_number
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
    n = check_count(n, "n")

    def walk() -> Iterator[S]:
        left_out: S | None = None
        for state in states:
            left_out = state if state.step % n else None
            if left_out is None:
                yield state
        if last and left_out is not None:
            yield left_out

    return walk()


def early_stopping(
    states: Iterable[S],
    patience: int,
    *,
    key: Callable[[S], float] = _loss,
    min_delta: float = 0.0,
) -> Iterator[S]:
    """Return states until `patience` of them in a row have not improved `key`.

    A value improves if it is lower than the lowest before by more than `min_delta` (finite and
    >= 0); NaN never does. The lowest value is not part of a state, so a resumed run starts to wait
    anew.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import TrainState, early_stopping, sgd
    >>> losses = [3.0, 2.0, 2.5, 2.0, 1.0]
    >>> states = [
    ...     TrainState(k, 0, np.ones(1), sgd().init(np.ones(1)), loss)
    ...     for k, loss in enumerate(losses)
    ... ]
    >>> [state.loss for state in early_stopping(states, patience=2)]
    [3.0, 2.0, 2.5, 2.0]
    """
    patience = check_count(patience, "patience")
    min_delta = check_number(min_delta, "min_delta", 0)

    def walk() -> Iterator[S]:
        lowest, waited = math.inf, 0
        for state in states:
            value = key(state)
            if value < lowest - min_delta:
                lowest, waited = value, 0
            else:
                waited += 1
            yield state
            if waited >= patience:
                return

    return walk()


def best_so_far(states: Iterable[S], *, key: Callable[[S], float] = _loss) -> Iterator[S]:
    """Return, for each state, the state with the lowest `key` so far.

    Of equal values the first counts, and NaN is worse than any number. The loss of a state was
    computed before the update, from other weights. So to select weights, pass a key that evaluates
    them on validation data: `key=lambda state: -accuracy(predict(state.params, x_val), t_val)`.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import TrainState, best_so_far, sgd
    >>> losses = [3.0, 2.0, 2.5, 1.0]
    >>> states = [
    ...     TrainState(k, 0, np.ones(1), sgd().init(np.ones(1)), loss)
    ...     for k, loss in enumerate(losses)
    ... ]
    >>> [state.loss for state in best_so_far(states)]
    [3.0, 2.0, 2.0, 1.0]
    """
    best: tuple[S, float] | None = None
    for state in states:
        value = key(state)
        if best is None or value < best[1] or (math.isnan(best[1]) and not math.isnan(value)):
            best = state, value
        yield best[0]


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
        values: deque[float] = deque(maxlen=window)
        for state in states:
            values.append(float(key(state)))
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
        raise ValueError("the stream is empty and there is no default")
    return default
