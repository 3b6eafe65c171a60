"""Small functions over the states of a training run. They compose with each other and itertools.

Each passes a state on as soon as it comes, so that the newest one is always in the caller's hands.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import TypeVar

from funnet.core.arrays import check_count
from funnet.optimizers.schedules import check_number
from funnet.training.train import TrainState

S = TypeVar("S", bound=TrainState[object])
T = TypeVar("T")

_loss: Callable[[TrainState[object]], float] = attrgetter("loss")


def every(states: Iterable[S], n: int, *, last: bool = False) -> Iterator[S]:
    """Return the states of every n-th step: those whose step is a multiple of n.

    Parameters
    ----------
    states
        The states of a run.
    n
        How many steps apart they are, at least 1.
    last
        Whether to return the last state of the run as well, whatever its step. Default: False.

    Raises
    ------
    ValueError, TypeError
        If `n` is less than 1, or no integer.

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
    """Return the states up to the one at which there was no improvement for too long.

    Parameters
    ----------
    states
        The states of a run; often those of `every`, as `key` is called for each.
    patience
        After how many states in a row without a new lowest value it ends, with the last of them.
    key
        What shall become low: the loss of the step unless told. NaN is no improvement. What was
        low is remembered here and not in the states: a run that goes on begins to wait anew.
    min_delta
        By how much a value must be lower than the lowest before, at least 0.

    Raises
    ------
    ValueError, TypeError
        If `patience` is less than 1 or no integer, or `min_delta` negative.

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
    """Return, for each state, the best one up to there.

    The loss of a state is that of its batch before the update, and its weights are those after the
    update. To choose weights, give a `key` that evaluates them, best on a validation set, as in
    `key=lambda state: -accuracy(predict(state.params, x_val), t_val)`.

    Parameters
    ----------
    states
        The states of a run; often those of `every`, as `key` is called for each.
    key
        What shall be low: the loss of the step unless told. Of equal ones, the first counts; NaN
        is worse than any number.

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
    """Return each state with the mean of a value over the last states.

    Parameters
    ----------
    states
        The states of a run.
    window
        Over how many states the mean is taken; at first, over those that there are.
    key
        The value: the loss of the step unless told.

    Raises
    ------
    ValueError, TypeError
        If `window` is less than 1, or no integer.

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
            # Summed anew: what is added and taken away again leaves its rounding, or its NaN.
            yield state, _mean(values)

    return walk()


def _mean(values: Sequence[float]) -> float:
    try:
        return math.fsum(values) / len(values)
    except (OverflowError, ValueError):  # a sum beyond float64; one of both infinities
        from statistics import mean  # noqa: PLC0415 (slow to import, and exact but slow)

        return mean(values)


def last(items: Iterable[T], *, default: T | None = None) -> T:
    """Return the last item of a stream.

    Parameters
    ----------
    items
        A stream that ends, such as that of `best_so_far`.
    default
        What to return if the stream is empty, as that of a run which had come to its end before:
        `last(train(state, ...), default=state)`.

    Raises
    ------
    ValueError
        If the stream is empty, and there is no default.

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
        raise ValueError("expected at least one item, got an empty stream")
    return default
