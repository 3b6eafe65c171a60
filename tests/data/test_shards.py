"""Shards of mini-batches: the parts of a batch, in order, are the batch."""

from __future__ import annotations

import numpy as np
import pytest
from batches import (
    Batch,
    Batches,
    Pixels,
    Transform,
    draw_all,
    mapped,
    repeated,
    runs,
    samples,
    transformed,
)
from hypothesis import given, strategies as st

from funnet import ShapeError
from funnet.core.arrays import Labels
from funnet.data import minibatches


@given(runs(least=9), st.integers(1, 9), st.lists(st.sampled_from([mapped, repeated]), max_size=2))
def test_the_shards_of_a_batch_in_order_are_the_batch(
    batches: Batches, n: int, maps: list[Transform]
) -> None:
    for transform in maps:
        batches = transform(batches)
    shards = [batches.shard(i, n) for i in range(n)]

    for (x, t), *parts in zip(batches, *shards, strict=True):
        xs, ts = zip(*parts, strict=True)
        sizes = [len(part) for part in ts]
        assert (np.concatenate(xs) == x).all()
        assert (np.concatenate(ts) == t).all()
        assert sizes == sorted(sizes, reverse=True)
        assert 1 <= sizes[-1] <= sizes[0] <= sizes[-1] + 1


@given(runs(least=6))
def test_a_shard_of_a_shard_is_a_part_of_the_part(batches: Batches) -> None:
    nested = [batches.shard(i, 2).shard(j, 3) for i in range(2) for j in range(3)]

    for (_, t), *parts in zip(batches, *nested, strict=True):
        assert np.concatenate([part for _, part in parts]).tolist() == t.tolist()


@given(transformed())
def test_the_only_shard_of_one_is_the_batches_themselves(batches: Batches) -> None:
    assert batches.shard(0, 1) is batches


def test_a_map_of_shards_draws_from_a_stream_of_its_own_for_each_part() -> None:
    batches = minibatches(*samples(20), 8, rng=0, drop_last=True)
    parts = [batches.shard(i, n).map(draw_all)[3][0][0, 0] for n in (1, 2, 4) for i in range(n)]
    nested = [batches.shard(0, 2).shard(i, 2).map(draw_all)[3][0][0, 0] for i in range(2)]

    assert len({*parts, *nested}) == 9


def test_a_map_sees_the_whole_batch_before_shard_and_the_part_after_it() -> None:
    batches = minibatches(*samples(20), 6, rng=0, drop_last=True)
    rows: list[int] = []

    def count(x: Pixels, t: Labels, rng: np.random.Generator) -> Batch:
        rows.append(len(x))
        return x, t

    batches.map(count).shard(1, 4)[0]
    batches.shard(1, 4).map(count)[0]

    assert rows == [6, 2]


def test_only_the_rows_of_the_part_are_read() -> None:
    """Of equal data in which the other rows are different, the part is the same."""
    x, t = samples(20)
    part = minibatches(x, t, 20, rng=0).shard(1, 4)
    changed = np.full_like(x, np.nan)
    changed[part[0][1]] = x[part[0][1]]

    assert (minibatches(changed, t, 20, rng=0).shard(1, 4)[0][0] == part[0][0]).all()


@pytest.mark.parametrize(
    ("i", "n", "error", "says"),
    [
        (2, 2, ValueError, "i must be < n, got i = 2 and n = 2"),
        (0, 3, ShapeError, "one row for each of 3 shards, got 2; .*drop_last=True"),
    ],
)
def test_a_shard_that_is_not_in_each_batch_is_refused_at_the_call(
    i: int, n: int, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        minibatches(*samples(10), 4, rng=0).shard(i, n)


def test_more_shards_of_shards_than_rows_are_refused_at_the_call() -> None:
    batches = minibatches(*samples(10), 5, rng=0)

    with pytest.raises(ShapeError, match="for each of 3 shards, got 2"):
        batches.shard(0, 2).shard(0, 3)


def test_full_batches_can_have_as_many_shards_as_rows() -> None:
    x, t = samples(10)

    for batches in (
        minibatches(x, t, 4, rng=0, drop_last=True),
        minibatches(x, t, 4, rng=0, replacement=True),
    ):
        assert [len(batches.shard(i, 4)[2][1]) for i in range(4)] == [1, 1, 1, 1]


def test_a_mapped_batch_with_fewer_rows_than_shards_is_refused_at_the_batch() -> None:
    batches = minibatches(*samples(10), 5, rng=0).map(lambda x, t, rng: (x[:2], t[:2])).shard(0, 3)

    with pytest.raises(ShapeError, match="for each of 3 shards, got 2"):
        batches[0]
