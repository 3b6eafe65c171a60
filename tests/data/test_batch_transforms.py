"""Maps, shards and short batches of `minibatches`."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import partial
from typing import Any, assert_type

import attrs
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, strategies as st

from funnet import (
    Affine,
    Context,
    DTypeError,
    ShapeError,
    batch_gradients,
    combine,
    softmax_cross_entropy,
)
from funnet.core.arrays import Labels
from funnet.data import Minibatches, minibatches

Pixels = np.ndarray[tuple[int, int], np.dtype[np.float64]]
Batches = Minibatches[Pixels, Labels]
Batch = tuple[Pixels, Labels]


def samples(n: int) -> Batch:
    """Return inputs and targets that identify their row."""
    t = np.arange(n)
    return np.stack([t, -t], axis=1).astype(np.float64), t


def add_noise(x: Pixels, t: Labels, rng: np.random.Generator) -> Batch:
    return np.add(x, rng.random(x.shape)), t


def draw(x: Pixels, t: Labels, rng: np.random.Generator) -> Batch:
    return rng.random((len(x), 2)), t


def repeat(x: Pixels, t: Labels, rng: np.random.Generator) -> Batch:
    """Return each row 1 to 3 times."""
    times = rng.integers(1, 4)
    return np.repeat(x, times, axis=0), np.repeat(t, times, axis=0)


def overwrite(x: Pixels, t: Labels, rng: np.random.Generator) -> Batch:
    x[...] = t[...] = 99
    return x, t


def listed(batches: Batches) -> list[tuple[list[list[float]], list[int]]]:
    return [(x.tolist(), t.tolist()) for x, t in batches]


def noise(seed: int, step: int) -> tuple[float, ...]:
    """Return what a map draws at a step."""
    return tuple(Minibatches(*samples(2), 2, seed).map(draw)[step][0].ravel().tolist())


Transform = Callable[[Batches], Batches]


def mapped(batches: Batches) -> Batches:
    return batches.map(add_noise)


def repeated(batches: Batches) -> Batches:
    return batches.map(repeat)


def halved(i: int, batches: Batches) -> Batches:
    return batches.shard(i, 2)


TRANSFORMS: list[Transform] = [mapped, repeated, partial(halved, 0), partial(halved, 1)]


@st.composite
def runs(draw: st.DrawFn, least: int = 1) -> Batches:
    """Return batches with at least `least` rows each."""
    size = draw(st.integers(least, least + 9))
    n = draw(st.integers(size, 30))
    return minibatches(
        *samples(n),
        size,
        rng=draw(st.integers(0, 2**64)),
        epochs=draw(st.integers(0, 3)),
        replacement=draw(st.booleans()),
        drop_last=0 < n % size < least or draw(st.booleans()),
    )


@st.composite
def transformed(draw: st.DrawFn) -> Batches:
    batches = draw(runs(least=8))
    for transform in draw(st.lists(st.sampled_from(TRANSFORMS), max_size=3)):
        batches = transform(batches)
    return batches


# ---- short batches


@given(runs())
def test_drop_last_leaves_out_the_short_batches_and_changes_nothing_else(batches: Batches) -> None:
    plain = attrs.evolve(batches, drop_last=False)
    full = [batch for batch in listed(plain) if len(batch[1]) == batches.batch_size]

    assert listed(attrs.evolve(batches, drop_last=True)) == full


@given(runs())
def test_with_drop_last_an_epoch_is_the_full_batches(batches: Batches) -> None:
    batches = attrs.evolve(batches, drop_last=True, replacement=False)

    assert batches.steps_per_epoch == len(batches.x) // batches.batch_size
    assert len(batches) == len(listed(batches)) == (batches.epochs or 0) * batches.steps_per_epoch


def test_drop_last_keeps_the_only_batch_of_draws_with_replacement() -> None:
    batches = minibatches(*samples(5), 7, rng=0, replacement=True, drop_last=True)

    assert batches.steps_per_epoch == 1
    assert batches[0][1].shape == (7,)


# ---- any transforms


@given(transformed())
def test_a_transformed_batch_can_be_computed_without_the_ones_before_it(batches: Batches) -> None:
    backwards = [batches[k] for k in reversed(range(len(batches)))]

    assert [(x.tolist(), t.tolist()) for x, t in backwards[::-1]] == listed(batches)


@given(transformed(), st.data())
def test_transformed_batches_resume_exactly_at_any_step(
    batches: Batches, data: st.DataObject
) -> None:
    step = data.draw(st.integers(0, len(batches)))

    rest = [(x.tolist(), t.tolist()) for x, t in batches.from_step(step)]

    assert rest == listed(batches)[step:]


@given(transformed())
def test_transforms_do_not_change_the_number_of_steps(batches: Batches) -> None:
    plain = attrs.evolve(batches, transforms=())

    assert len(listed(batches)) == len(batches) == len(plain)
    assert batches.steps_per_epoch == plain.steps_per_epoch


@given(transformed())
def test_a_pickled_copy_gives_the_same_transformed_batches(batches: Batches) -> None:
    assert listed(pickle.loads(pickle.dumps(batches))) == listed(batches)  # noqa: S301


@given(transformed())
def test_a_transform_leaves_the_batches_it_is_given_unchanged(batches: Batches) -> None:
    before = listed(batches)
    listed(batches.map(overwrite).map(add_noise))

    assert listed(batches) == before
    assert (batches.x == samples(len(batches.x))[0]).all()


# ---- maps


@given(runs())
def test_a_map_is_applied_to_the_rows_of_the_plain_batch(batches: Batches) -> None:
    for (x, t), (noisy, same) in zip(batches, batches.map(add_noise), strict=True):
        assert (same == t).all()
        assert ((noisy >= x) & (noisy < x + 1)).all()


def test_the_draws_of_a_map_differ_between_steps_and_seeds() -> None:
    seeds = (0, 1, 2**32, 2**64, 2**128)
    steps = (0, 1, 2, 2**32, 2**32 + 1, 2**64, 2**96)

    assert len({noise(seed, step) for seed in seeds for step in steps}) == len(seeds) * len(steps)


def test_the_draws_of_a_map_never_change() -> None:
    """A checkpoint of an older version resumes with the same augmentation."""
    drawn = [noise(0, 0)[0], noise(0, 2**32)[0], noise(1, 0)[0]]

    assert drawn == [0.987523002098696, 0.06903720881082898, 0.00272273693100622]


@given(runs(), st.integers(1, 12))
def test_the_draws_depend_on_the_step_and_not_on_the_epoch_or_the_order(
    batches: Batches, size: int
) -> None:
    """One more sample or another batch size changes which rows are drawn, but not the noise."""
    other = minibatches(*samples(40), size, rng=0, epochs=len(batches))
    other = attrs.evolve(other, seed=batches.seed, replacement=not batches.replacement)

    for (x, _), (y, _) in zip(batches.map(draw), other.map(draw), strict=False):
        rows = min(len(x), len(y))
        assert (x[:rows] == y[:rows]).all()


def test_the_draws_are_not_those_of_the_order_or_of_a_layer() -> None:
    order = np.random.default_rng(np.random.SeedSequence(7, spawn_key=(3,)))
    seed_alone = np.random.default_rng(7)
    layers = [Context(7, 3, path, shard).generator() for path in ("", "map") for shard in (0, 1)]

    others = {rng.random() for rng in (order, seed_alone, *layers)}

    assert others.isdisjoint(noise(7, 3))


def test_a_map_leaves_the_order_of_the_rows_unchanged() -> None:
    batches = minibatches(*samples(20), 6, rng=0, epochs=3)

    assert [t.tolist() for _, t in batches.map(draw)] == [t.tolist() for _, t in batches]


def test_maps_are_applied_in_order_and_draw_from_streams_of_their_own() -> None:
    batches = minibatches(*samples(20), 6, rng=0)
    order: list[str] = []
    draws: list[float] = []

    def note(name: str, x: Pixels, t: Labels, rng: np.random.Generator) -> Batch:
        order.append(name)
        draws.append(rng.random())
        return x, t

    batches.map(partial(note, "first")).map(partial(note, "second"))[4]

    assert order == ["first", "second"]
    assert len(set(draws)) == 2


def test_the_first_map_draws_the_same_with_and_without_a_second() -> None:
    batches = minibatches(*samples(20), 6, rng=0).map(draw)

    assert (batches.map(lambda x, t, rng: (x, t))[4][0] == batches[4][0]).all()


def test_a_map_can_change_the_types_of_the_arrays() -> None:
    def to_float(
        x: Pixels, t: Labels, rng: np.random.Generator
    ) -> tuple[Labels, npt.NDArray[np.float32]]:
        return t, x.astype(np.float32)

    batches = minibatches(*samples(20), 6, rng=0).map(to_float)
    assert_type(batches, Minibatches[Labels, npt.NDArray[np.float32]])
    assert_type(batches.shard(0, 2), Minibatches[Labels, npt.NDArray[np.float32]])

    x, t = batches[0]

    assert [x.dtype.name, t.dtype.name] == ["int64", "float32"]
    assert (x.shape, t.shape) == ((6,), (6, 2))


# ---- shards


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
    parts = [batches.shard(i, n).map(draw)[3][0][0, 0] for n in (1, 2, 4) for i in range(n)]
    nested = [batches.shard(0, 2).shard(i, 2).map(draw)[3][0][0, 0] for i in range(2)]

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


@given(st.integers(1, 6), st.integers(0, 5))
def test_the_combined_gradients_of_the_shards_are_those_of_the_batch(n: int, step: int) -> None:
    net = Affine.init(2, 3, rng=0, dtype=np.float64)
    x, t = samples(20)
    batches = minibatches(x / 20, t % 3, 6, rng=0, drop_last=True).map(add_noise)

    whole = batch_gradients(net, *batches[step], loss=softmax_cross_entropy)
    parts = [
        batch_gradients(net, *batches.shard(i, n)[step], loss=softmax_cross_entropy)
        for i in range(n)
    ]

    np.testing.assert_allclose(combine(parts).grads.W, whole.grads.W, rtol=0, atol=1e-14)


def test_only_the_rows_of_the_part_are_read() -> None:
    """Of equal data in which the other rows are different, the part is the same."""
    x, t = samples(20)
    part = minibatches(x, t, 20, rng=0).shard(1, 4)
    changed = np.full_like(x, np.nan)
    changed[part[0][1]] = x[part[0][1]]

    assert (minibatches(changed, t, 20, rng=0).shard(1, 4)[0][0] == part[0][0]).all()


# ---- what is refused


@pytest.mark.parametrize(
    ("i", "n", "error", "says"),
    [
        (0, 0, ValueError, "n must be >= 1, got 0"),
        (-1, 2, ValueError, "i must be >= 0, got -1"),
        (2, 2, ValueError, "i must be < n, got i = 2 and n = 2"),
        (0, 2.0, TypeError, "n must be an integer, got 2.0"),
        (True, 2, TypeError, "i must be an integer, got True"),
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


def test_without_short_batches_there_can_be_as_many_shards_as_rows() -> None:
    batches = minibatches(*samples(10), 4, rng=0, drop_last=True)

    assert [len(batches.shard(i, 4)[0][1]) for i in range(4)] == [1, 1, 1, 1]


def test_draws_with_replacement_can_have_as_many_shards_as_a_batch_has_rows() -> None:
    batches = minibatches(*samples(10), 4, rng=0, replacement=True)

    assert [len(batches.shard(i, 4)[2][1]) for i in range(4)] == [1, 1, 1, 1]


def test_a_mapped_batch_with_fewer_rows_than_shards_is_refused_at_the_batch() -> None:
    batches = minibatches(*samples(10), 5, rng=0).map(lambda x, t, rng: (x[:2], t[:2])).shard(0, 3)

    with pytest.raises(ShapeError, match="for each of 3 shards, got 2"):
        batches[0]


def test_a_map_must_be_a_function() -> None:
    with pytest.raises(TypeError, match="f must be a function of x, t and rng, got 3"):
        minibatches(*samples(5), 2, rng=0).map(3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("result", "error", "says"),
    [
        (None, TypeError, r"f must return a pair \(x, t\), got NoneType"),
        (np.zeros((2, 2)), TypeError, r"f must return a pair \(x, t\), got float64\[2, 2\]"),
        ((np.zeros(2),), TypeError, "f must return a pair"),
        (([0, 0], np.zeros(2)), DTypeError, "the x that f returned must be a NumPy array, got li"),
        ((np.zeros(2), None), DTypeError, "the t that f returned must be a NumPy array, got None"),
        ((np.zeros(2), np.zeros(3)), ShapeError, "x and t that f returned .*rows, got 2 and 3"),
        ((np.zeros(0), np.zeros(0)), ShapeError, "the x that f returned .*at least one row"),
    ],
)
def test_a_map_must_return_a_pair_of_arrays_with_equal_numbers_of_rows(
    result: object, error: type[Exception], says: str
) -> None:
    wrong: Any = lambda x, t, rng: result  # noqa: E731
    batches: Batches = minibatches(*samples(5), 2, rng=0).map(wrong)

    with pytest.raises(error, match=says):
        batches[0]
