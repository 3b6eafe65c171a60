"""Targets that are a tuple of arrays, such as targets and weights, go through batches together."""

from __future__ import annotations

from typing import Any, NamedTuple

import attrs
import numpy as np
import pytest
from batches import content, runs
from hypothesis import given
from training_cases import T, X

from funnet import DTypeError, Minibatches, ShapeError, minibatches

Batches = Minibatches[Any, Any]


def three(t: Any) -> tuple[Any, Any, Any]:
    return t, -t, t[:, np.newaxis] ** 2


@given(runs())
def test_the_rows_of_all_arrays_stay_together(alone: Batches) -> None:
    batches = attrs.evolve(alone, t=three(alone.t))

    assert len(batches) == len(alone)
    for (x, ts), (x_alone, t) in zip(batches, alone, strict=True):
        assert content((x, ts)) == content((x_alone, three(t)))


def test_the_shards_of_a_batch_in_order_are_the_batch() -> None:
    batches: Batches = minibatches(np.ones((8, 1)), three(np.arange(8)), 4, rng=0)
    parts = [batches.shard(i, 3)[1][1] for i in range(3)]

    for arrays, whole in zip(zip(*parts, strict=True), batches[1][1], strict=True):
        assert np.concatenate(arrays).tolist() == whole.tolist()


def test_a_map_may_make_a_tuple_of_targets_and_undo_it() -> None:
    x, t = X, T

    def weigh(x: Any, t: Any, rng: np.random.Generator) -> Any:
        return x, (t, rng.random(len(t)))

    def forget(x: Any, t: Any, rng: np.random.Generator) -> Any:
        return x, t[0]

    plain = minibatches(x, t, 5, rng=0)
    weighed = plain.map(weigh)

    assert [array.shape for array in weighed[0][1]] == [(5,), (5,)]
    assert weighed.map(forget)[2][1].tolist() == plain[2][1].tolist()


def test_the_data_are_shared_and_a_batch_is_not() -> None:
    t, w = np.arange(4), np.ones(4)
    batches = minibatches(np.ones((4, 2)), (t, w), 2, rng=0)
    for array in batches[0][1]:
        array[...] = 99

    kept: Any = batches.t
    assert kept[0] is t
    assert kept[1] is w
    assert (t.tolist(), w.tolist()) == ([0, 1, 2, 3], [1, 1, 1, 1])


def test_the_repr_shows_the_types_of_all_arrays() -> None:
    assert repr(minibatches(np.ones((9, 1)), three(np.arange(9)), 4, rng=0)).startswith(
        "Minibatches(x=float64[9, 1], t=(int64[9], int64[9], int64[9, 1]), batch_size=4, "
    )


class Pair(NamedTuple):
    t: Any
    w: Any


@pytest.mark.parametrize(
    ("t", "error", "message"),
    [
        ((), DTypeError, r"t must be a NumPy array or a tuple of them, got \(\)"),
        ((T, [1.0] * 23), DTypeError, r"t\[1\] must be a NumPy array, got list"),
        ((T, (T, T)), DTypeError, r"t\[1\] must be a NumPy array, got tuple"),
        ([T, T], DTypeError, "t must be a NumPy array, got list"),
        (Pair(T, T), DTypeError, "t must be a NumPy array, got Pair"),
        ((T, T[:5]), ShapeError, r"t\[0\] and t\[1\] must have the same .* rows, got 23 and 5"),
        ((T[:5], T[:5]), ShapeError, "x and t must have the same number of rows, got 23 and 5"),
        ((T, np.array(1)), ShapeError, r"t\[1\] must have at least one row, got shape \(\)"),
        ((T, np.ma.array(T)), DTypeError, r"t\[1\] must be an array without a mask"),
    ],
)
def test_tuples_that_do_not_fit_are_refused(t: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        minibatches(X, t, 5, rng=0)
