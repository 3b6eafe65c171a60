"""Maps of mini-batches: what they draw, and what they may return."""

from __future__ import annotations

from functools import partial
from typing import Any, assert_type

import attrs
import numpy as np
import numpy.typing as npt
import pytest
from batches import Batch, Batches, Pixels, add_noise, draw_all, listed, runs, samples, transformed
from hypothesis import given, strategies as st

from funnet import Context, DTypeError, ShapeError
from funnet.core.arrays import Labels
from funnet.data import Minibatches, minibatches


def overwrite(x: Any, t: Any, rng: np.random.Generator) -> Any:
    for array in (x, *t) if isinstance(t, tuple) else (x, t):
        array[...] = 99
    return x, t


def noise(seed: int, step: int) -> tuple[float, ...]:
    """Return what a map draws at a step."""
    return tuple(Minibatches(*samples(2), 2, seed).map(draw_all)[step][0].ravel().tolist())


@given(transformed())
def test_a_transform_leaves_the_batches_it_is_given_unchanged(batches: Batches) -> None:
    before = listed(batches)
    listed(batches.map(overwrite).map(add_noise))

    assert listed(batches) == before
    assert (batches.x == samples(len(batches.x))[0]).all()


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

    for (x, _), (y, _) in zip(batches.map(draw_all), other.map(draw_all), strict=False):
        rows = min(len(x), len(y))
        assert (x[:rows] == y[:rows]).all()


def test_the_draws_are_not_those_of_the_order_or_of_a_layer() -> None:
    order = np.random.default_rng(np.random.SeedSequence(7, spawn_key=(3,)))
    seed_alone = np.random.default_rng(7)
    layers = [Context(7, 3, path, shard).generator() for path in ("", "map") for shard in (0, 1)]

    others = {rng.random() for rng in (order, seed_alone, *layers)}

    assert others.isdisjoint(noise(7, 3))


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
    batches = minibatches(*samples(20), 6, rng=0).map(draw_all)

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


def test_a_map_must_be_a_function() -> None:
    with pytest.raises(TypeError, match="f must be a function of x, t and rng, got 3"):
        minibatches(*samples(5), 2, rng=0).map(3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("result", "error", "says"),
    [
        (None, TypeError, r"f must return a pair \(x, t\), got NoneType"),
        (np.zeros((2, 2)), TypeError, r"f must return a pair \(x, t\), got float64\[2, 2\]"),
        ((np.zeros(2),), TypeError, r"f must return a pair \(x, t\), got a tuple of 1"),
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
