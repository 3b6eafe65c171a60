"""Mini-batches: the batch at step k is a function of (seed, k) alone."""

import pickle
import tracemalloc
from collections.abc import Callable
from itertools import chain, islice

import attrs
import numpy as np
import pytest
from batches import Batches, content, listed, runs, samples, transformed
from hypothesis import given, strategies as st
from strategies import LAYOUTS, AnyArray

from funnet import DTypeError, ShapeError
from funnet.data import Minibatches, minibatches


def steps(batches: Batches) -> list[list[int]]:
    return [tb.tolist() for _, tb in batches]


@given(runs())
def test_each_row_comes_once_an_epoch(batches: Batches) -> None:
    batches = attrs.evolve(batches, drop_last=False, replacement=False)
    rows = np.array(list(chain.from_iterable(steps(batches))), int).reshape(-1, len(batches.x))

    assert (np.sort(rows, axis=1) == batches.t).all()


@given(runs())
def test_only_the_last_batch_of_an_epoch_is_short(batches: Batches) -> None:
    batches = attrs.evolve(batches, drop_last=False, replacement=False)
    n, size = len(batches.x), batches.batch_size
    epoch = [size] * (n // size) + [n % size] * (n % size > 0)

    assert [len(tb) for _, tb in batches] == epoch * (batches.epochs or 0)


@given(runs(whole=True))
def test_drop_last_leaves_out_the_short_batches_and_changes_nothing_else(batches: Batches) -> None:
    plain = attrs.evolve(batches, drop_last=False)
    full = [batch for batch in listed(plain) if len(batch[1]) == batches.batch_size]

    assert listed(attrs.evolve(batches, drop_last=True)) == full


def test_drop_last_keeps_the_only_batch_of_draws_with_replacement() -> None:
    batches = minibatches(*samples(5), 7, rng=0, replacement=True, drop_last=True)

    assert batches.steps_per_epoch == 1
    assert batches[0][1].shape == (7,)


@given(runs())
def test_with_replacement_every_batch_is_full(batches: Batches) -> None:
    batches = attrs.evolve(batches, replacement=True)

    assert [len(tb) for _, tb in batches] == [batches.batch_size] * len(batches)


def test_with_replacement_rows_are_drawn_uniformly_and_independently() -> None:
    batches = minibatches(*samples(1000), 1000, rng=0, epochs=100, replacement=True)
    counts = np.bincount(np.concatenate([tb for _, tb in batches]), minlength=1000)

    assert abs(len(set(batches[0][1].tolist())) - 632) < 40
    assert abs(counts.var() - 100) < 20


@given(runs())
def test_inputs_and_targets_of_a_row_stay_together(batches: Batches) -> None:
    for xb, tb in batches:
        assert (xb == np.stack([tb, -tb], axis=1)).all()


@given(transformed())
def test_len_is_the_number_of_steps_with_and_without_transforms(batches: Batches) -> None:
    plain = attrs.evolve(batches, transforms=())

    assert len(listed(batches)) == len(batches) == len(plain)
    assert len(batches) == (batches.epochs or 0) * batches.steps_per_epoch
    assert batches.steps_per_epoch == plain.steps_per_epoch


@given(transformed())
def test_a_batch_can_be_computed_without_the_ones_before_it(batches: Batches) -> None:
    backwards = [batches[k] for k in reversed(range(len(batches)))]

    assert list(map(content, backwards[::-1])) == listed(batches)


@given(transformed(), st.data())
def test_from_step_skips_the_batches_before_the_step(batches: Batches, data: st.DataObject) -> None:
    step = data.draw(st.integers(0, len(batches)))

    assert list(map(content, batches.from_step(step))) == listed(batches)[step:]


@given(runs())
def test_two_iterators_are_independent(batches: Batches) -> None:
    pairs = list(zip(batches, batches, strict=True))

    assert [first[1].tolist() for first, _ in pairs] == steps(batches)
    assert [second[1].tolist() for _, second in pairs] == steps(batches)


@given(transformed())
def test_a_pickled_copy_gives_the_same_batches(batches: Batches) -> None:
    assert listed(pickle.loads(pickle.dumps(batches))) == listed(batches)  # noqa: S301


def test_the_batches_of_a_seed_never_change() -> None:
    """A checkpoint of an older version resumes with the same batches."""
    shuffled = minibatches(*samples(8), 3, rng=0, epochs=2)
    drawn = minibatches(*samples(8), 3, rng=0, epochs=1, replacement=True)

    assert steps(shuffled) == [[4, 7, 2], [5, 6, 3], [0, 1], [6, 0, 3], [4, 1, 2], [5, 7]]
    assert steps(drawn) == [[3, 4, 6], [4, 0, 0], [0, 6, 6]]


def test_an_int_a_seed_sequence_and_a_generator_give_the_same_batches() -> None:
    seeds = (7, np.random.SeedSequence(7), np.random.default_rng(7))

    first, *others = (steps(minibatches(*samples(50), 8, rng=rng, epochs=2)) for rng in seeds)

    assert others == [first, first]


def test_seeds_differ_and_epochs_differ() -> None:
    one, two = (minibatches(*samples(50), 50, rng=seed, epochs=2) for seed in (1, 2))

    orders = steps(one) + steps(two)

    assert len(set(map(tuple, orders))) == 4


def test_a_generator_is_advanced_once_at_the_call() -> None:
    rng, same = np.random.default_rng(3), np.random.default_rng(3)
    batches = minibatches(*samples(50), 8, rng=rng, epochs=2)
    same.integers(2**63)
    steps(batches)

    assert rng.bit_generator.state == same.bit_generator.state


def test_without_epochs_there_is_no_end() -> None:
    batches = minibatches(*samples(5), 2, rng=0)

    assert len(list(islice(batches, 100))) == 100
    with pytest.raises(TypeError, match="without end have no len"):
        len(batches)


def test_epochs_change_only_the_end() -> None:
    endless = minibatches(*samples(5), 2, rng=0)

    assert [tb.tolist() for _, tb in islice(endless, 9)] == steps(attrs.evolve(endless, epochs=3))


def test_a_far_step_costs_no_more_than_a_near_one() -> None:
    batches = minibatches(*samples(5), 2, rng=0)

    assert batches[3 * 10**15 + 2][1].shape == (1,)
    assert next(batches.from_step(10**40))[1].shape == (2,)


def test_epochs_may_be_as_many_as_one_likes() -> None:
    endless = minibatches(*samples(5), 2, rng=0)
    batches = attrs.evolve(endless, epochs=2**63)

    assert (batches[2**64][1] == endless[2**64][1]).all()
    with pytest.raises(IndexError, match=f"step must be from 0 to {3 * 2**63}, got {2**66}"):
        batches.from_step(2**66)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_the_layout_of_the_data_does_not_matter(layout: Callable[[AnyArray], AnyArray]) -> None:
    x, t = samples(20)
    batches = minibatches(layout(x), t, 6, rng=0, epochs=2)

    assert [xb.tolist() for xb, _ in batches] == [
        xb.tolist() for xb, _ in minibatches(x, t, 6, rng=0, epochs=2)
    ]
    assert all(type(xb) is np.ndarray for xb, _ in batches)


def test_no_layout_is_copied_whole_for_a_batch() -> None:
    x = np.zeros((1000, 1000))[::-1]
    batches = minibatches(x, x, 2, rng=0)
    tracemalloc.start()
    try:
        xb, _ = batches[0]
        assert tracemalloc.get_traced_memory()[1] < x.nbytes / 20
    finally:
        tracemalloc.stop()

    assert xb.shape == (2, 1000)


def test_rows_and_targets_can_have_any_rank() -> None:
    x, t = np.zeros((5, 1, 3, 2)), np.zeros((5, 4))

    xb, tb = minibatches(x, t, 2, rng=0)[0]

    assert (xb.shape, tb.shape) == ((2, 1, 3, 2), (2, 4))


def test_the_data_are_shared_and_a_batch_is_not() -> None:
    x, t = samples(6)
    batches = minibatches(x, t, 3, rng=0, epochs=2)
    for xb, tb in batches:
        xb[...] = tb[...] = 99

    assert batches.x is x
    assert batches.t is t
    assert (x == samples(6)[0]).all()
    assert (t == samples(6)[1]).all()


def test_the_value_cannot_be_changed() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        minibatches(*samples(5), 2, rng=0).seed = 1  # type: ignore[misc]


def test_the_repr_shows_no_numbers_of_the_data() -> None:
    text = repr(minibatches(*samples(5), 2, rng=0, epochs=3))

    assert text.startswith("Minibatches(x=float64[5, 2], t=int64[5], batch_size=2, seed=")


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"x": np.zeros((4, 2))}, ShapeError, "same number of rows, got 4 and 5"),
        ({"x": np.zeros((0, 2)), "t": np.zeros(0)}, ShapeError, "x must have at least one row"),
        ({"x": np.zeros(())}, ShapeError, r"x must have at least one row, got shape \(\)"),
        ({"t": np.zeros(())}, ShapeError, r"t must have at least one row, got shape \(\)"),
        ({"x": [[1.0]] * 5}, DTypeError, "x must be a NumPy array, got list"),
        ({"t": None}, DTypeError, "t must be a NumPy array, got NoneType"),
        ({"replacement": "no"}, TypeError, "replacement must be True or False, got 'no'"),
        ({"drop_last": 1}, TypeError, "drop_last must be True or False, got 1"),
        (
            {"batch_size": 6, "drop_last": True},
            ValueError,
            "batch_size must be <= 5, the number of rows, with drop_last=True, got 6",
        ),
        ({"rng": None}, TypeError, "rng .*, got None"),
    ],
)
def test_wrong_arguments_are_refused_at_the_call(
    changes: dict[str, object], error: type[Exception], says: str
) -> None:
    x, t = samples(5)
    right = {"x": x, "t": t, "batch_size": 2, "rng": 0}

    with pytest.raises(error, match=says):
        minibatches(**{**right, **changes})  # type: ignore[arg-type, type-var]


@pytest.mark.parametrize("step", [-1, 6, 7])
def test_a_step_before_the_first_or_after_the_last_batch_is_refused(step: int) -> None:
    batches = minibatches(*samples(5), 2, rng=0, epochs=2)

    with pytest.raises(IndexError, match=f"step must be .*6.*got {step}"):
        batches[step]
    if step != 6:  # a run that is complete can be resumed, without effect
        with pytest.raises(IndexError, match=f"step must be from 0 to 6, got {step}"):
            batches.from_step(step)
    with pytest.raises(IndexError, match="step must be from 0 on, got -1"):
        minibatches(*samples(5), 2, rng=0).from_step(-1)


def test_a_seed_may_be_a_numpy_integer() -> None:
    plain: Batches = Minibatches(*samples(9), 2, 3, epochs=1)

    assert steps(Minibatches(*samples(9), 2, np.int64(3), epochs=1)) == steps(plain)  # type: ignore[arg-type]
