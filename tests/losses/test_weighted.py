"""Weighted losses: a mean in which rows count as often as their weights say."""

from __future__ import annotations

import pickle
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from loss_cases import LOSSES, Draw, Loss, every_case, every_dtype, every_loss, sizes
from strategies import AnyArray, few, normal_array, seeds
from training_cases import BATCHES, NET, T, X

import funnet as fn
from funnet import DTypeError, Float, ShapeError, weighted

ROWS: AnyArray = np.array([[0.5, -1.0, 2.0], [1.0, 0.0, -1.0], [3.0, 1.0, 0.0]])
CLASSES = np.array([2, 0, 1])


def weights_of(seed: int, n: int) -> AnyArray:
    """Return weights of which about a third are 0, but not all."""
    rng = np.random.default_rng(seed)
    w = rng.gamma(1.0, size=n) * (rng.random(n) < 2 / 3)
    w[rng.integers(n)] = 1.5
    return w


def hidden(loss: Loss) -> Loss:
    """Return a loss of which only rows can be asked, as a user's."""
    return lambda y, t: loss(y, t)  # noqa: PLW0108 (the lambda has no argument `shares`)


ours_and_a_users = pytest.mark.parametrize(
    "loss", [fn.softmax_cross_entropy, hidden(fn.softmax_cross_entropy)]
)


@every_case
@given(seed=seeds, size=sizes)
def test_it_is_the_weighted_mean_of_the_losses_of_the_rows(
    loss: Loss, target: Draw, seed: int, size: tuple[int, int]
) -> None:
    y, t, w = normal_array(seed, *size, scale=2), target(seed, *size), weights_of(seed, size[0])
    rows = [loss(y[i : i + 1], t[i : i + 1]) for i in range(len(y))]
    expected = np.average([value for value, _ in rows], weights=w)
    expected_dy = np.vstack([dy for _, dy in rows]) * (w / w.sum())[:, np.newaxis]

    for f in (loss, hidden(loss)):
        value, dy = weighted(f)(y, (t, w))

        assert value == pytest.approx(expected, rel=1e-12, abs=1e-15)
        np.testing.assert_allclose(dy, expected_dy, rtol=1e-12, atol=1e-15)


@every_case
@few
@given(seed=seeds, size=sizes, data=st.data())
def test_whole_weights_repeat_the_rows(
    loss: Loss, target: Draw, seed: int, size: tuple[int, int], data: st.DataObject
) -> None:
    y, t = normal_array(seed, *size, scale=2), target(seed, *size)
    w = np.array(data.draw(st.lists(st.integers(0, 4), min_size=len(y), max_size=len(y))))
    w[0] += 1

    for f in (loss, hidden(loss)):
        value, dy = weighted(f)(y, (t, w))
        repeated, dy_repeated = loss(np.repeat(y, w, axis=0), np.repeat(t, w, axis=0))

        assert value == pytest.approx(repeated, rel=1e-12, abs=1e-15)
        sums = np.zeros_like(y)
        np.add.at(sums, np.repeat(np.arange(len(y)), w), dy_repeated)
        np.testing.assert_allclose(dy, sums, rtol=1e-12, atol=1e-15)


@every_case
@few
@given(seed=seeds, size=sizes, weight=st.sampled_from([1e-300, 0.1, 3, 1e300]))
def test_equal_weights_change_nothing_but_rounding(
    loss: Loss, target: Draw, seed: int, size: tuple[int, int], weight: float
) -> None:
    y, t = normal_array(seed, *size, scale=2), target(seed, *size)

    value, dy = weighted(loss)(y, (t, np.full(len(y), weight)))
    expected, expected_dy = loss(y, t)

    assert value == pytest.approx(expected, rel=1e-13, abs=1e-15)
    np.testing.assert_allclose(dy, expected_dy, rtol=1e-13, atol=1e-15)


@every_loss
def test_losses_of_funnet_are_asked_once(loss: Loss) -> None:
    calls = []
    asked: Any = loss

    def counted(y: Any, t: Any, *, shares: Any = None) -> Any:
        calls.append(shares.tolist())
        return asked(y, t, shares=shares)

    y, t = normal_array(0, 4, 1), np.array([[0.0], [1.0], [1.0], [0.0]])
    if loss is fn.softmax_cross_entropy:
        t = np.ones((4, 1))
    weighted(counted)(y, (t, np.array([1.0, 0.0, 2.0, 1.0])))

    assert calls == [[0.25, 0.5, 0.25]]


def test_a_users_loss_is_asked_for_each_row_that_counts() -> None:
    seen = []

    def loss(y: Any, t: Any) -> Any:
        seen.append((y.shape, t.tolist()))
        return fn.softmax_cross_entropy(y, t)

    weighted(loss)(ROWS, (CLASSES, np.array([1, 0, 3])))

    assert seen == [((1, 3), [2]), ((1, 3), [1])]


@every_loss
def test_scores_may_have_any_rank_that_the_loss_accepts(loss: Loss) -> None:
    if loss in (fn.softmax_cross_entropy, fn.sigmoid_cross_entropy):
        return
    y, t = normal_array(0, 3, 2, 4), normal_array(1, 3, 2, 4)
    w = np.array([1.0, 2.0, 0.0])

    value, dy = weighted(loss)(y, (t, w))
    flat_value, flat_dy = weighted(loss)(y.reshape(3, 8), (t.reshape(3, 8), w))

    assert value == flat_value
    assert dy.tobytes() == flat_dy.tobytes()
    assert dy.shape == y.shape


@ours_and_a_users
def test_a_row_of_weight_0_is_not_looked_at(loss: Loss) -> None:
    """So a mask ignores rows without a label."""
    y, t = ROWS.copy(), CLASSES.copy()
    y[1], t[1] = np.nan, -1

    value, dy = weighted(loss)(y, (t, t >= 0))
    expected, expected_dy = fn.softmax_cross_entropy(ROWS[[0, 2]], CLASSES[[0, 2]])

    assert value == pytest.approx(expected, rel=1e-15)
    np.testing.assert_allclose(dy[[0, 2]], expected_dy, rtol=1e-15)
    assert dy[1].tolist() == [0, 0, 0]


@every_dtype
@pytest.mark.parametrize("numeric", ["f2", "f4", ">f8", "g", "i8", "u1", "?"])
@ours_and_a_users
def test_the_gradient_has_the_dtype_of_the_scores(
    dtype: type[Float], numeric: str, loss: Loss
) -> None:
    w = np.array([1, 0, 1]).astype(numeric)

    for weights in (w, 0 * w):
        value, dy = weighted(loss)(ROWS.astype(dtype), (CLASSES, weights))

        assert type(value) is float
        assert dy.dtype == dtype
        assert dy.shape == ROWS.shape

    _, dy = weighted(loss)(ROWS.astype(dtype), (CLASSES, w))
    _, exact = weighted(loss)(ROWS, (CLASSES, w))
    np.testing.assert_allclose(dy, exact, rtol=8 * float(np.finfo(dtype).eps))


@every_loss
def test_no_weight_at_all_gives_zero(loss: Loss) -> None:
    y = np.full((2, 1), np.inf)

    value, dy = weighted(loss)(y, (np.zeros((2, 1)), np.zeros(2)))

    assert value == 0
    assert dy.tolist() == [[0], [0]]


def test_weights_whose_share_is_rounded_to_0_do_not_count() -> None:
    y = np.array([[0.0, 0.0], [0.0, np.inf]])

    value, dy = weighted(fn.softmax_cross_entropy)(y, (np.array([0, 0]), np.array([1e300, 1e-300])))

    assert value == pytest.approx(np.log(2))
    assert dy.tolist() == [[-0.5, 0.5], [0, 0]]


# A value


def scaled(y: Any, t: Any, *, by: float) -> tuple[float, Any]:
    """Return a multiple of the squared error."""
    value, dy = fn.mean_squared_error(y, t)
    return by * value, by * dy


def test_weighted_losses_of_equal_losses_are_equal() -> None:
    twice = weighted(partial(scaled, by=2))

    assert twice == weighted(partial(scaled, by=2))
    assert hash(twice) == hash(weighted(partial(scaled, by=2)))
    assert twice != weighted(partial(scaled, by=3))
    assert weighted(fn.mean_squared_error) == weighted(fn.mean_squared_error)
    assert weighted(fn.mean_squared_error) != weighted(fn.sum_squared_error)


def test_a_weighted_loss_prints_its_loss() -> None:
    assert repr(weighted(fn.mean_squared_error)) == "weighted(mean_squared_error)"
    assert repr(weighted(partial(scaled, by=2))) == "weighted(partial(scaled, by=2))"


@pytest.mark.parametrize("loss", LOSSES.values())
def test_a_weighted_loss_is_pickled(loss: Loss) -> None:
    y, t = normal_array(0, 2, 1), (np.array([[1.0], [1.0]]), np.array([1.0, 2.0]))

    copied = pickle.loads(pickle.dumps(weighted(loss)))  # noqa: S301

    assert copied == weighted(loss)
    assert copied(y, t)[0] == weighted(loss)(y, t)[0]


def test_a_weighted_loss_is_immutable() -> None:
    with pytest.raises(AttributeError):
        weighted(fn.mean_squared_error).loss = fn.sum_squared_error  # type: ignore[attr-defined]


# What is refused


@ours_and_a_users
@pytest.mark.parametrize(
    ("y", "t", "error", "message"),
    [
        (ROWS, CLASSES, TypeError, r"needs a pair \(t, w\) .*, got int64\[3\]$"),
        (ROWS, (CLASSES,), TypeError, r"needs a pair \(t, w\)"),
        (ROWS, (CLASSES, [1.0, 1.0, 1.0]), DTypeError, "w must be an array of numbers, got list;"),
        (ROWS, (CLASSES, np.array(["a"] * 3)), DTypeError, "w must be an array of numbers, got <U"),
        (ROWS, (CLASSES, np.ma.array([1.0] * 3)), DTypeError, "w must be an array without a mask"),
        (ROWS, (CLASSES, np.ones(2)), ShapeError, r"w must have one number .*, got float64\[2\]"),
        (ROWS, (CLASSES, np.ones((3, 1))), ShapeError, r"w must have one number .*\[3, 1\]"),
        (ROWS, (CLASSES, np.array(1.0)), ShapeError, "w must have one number"),
        (ROWS[:0], (CLASSES[:0], np.ones(0)), ShapeError, "at least one"),
        (ROWS, (CLASSES[:2], np.ones(3)), ShapeError, r"t must have 3 rows, as y, got shape \(2,"),
        (ROWS, (CLASSES[:2], np.eye(3)[0]), ShapeError, "t must have 3 rows"),
        (ROWS, (CLASSES.tolist(), np.ones(3)), DTypeError, "t must be a NumPy array, got list"),
        (ROWS, (CLASSES, np.array([1, -1, 1])), ValueError, "finite and >= 0, got -1 at row 1"),
        (ROWS, (CLASSES, np.array([1, 1, np.nan])), ValueError, ">= 0, got nan at row 2"),
        (ROWS, (CLASSES, np.array([np.inf, 1, 1])), ValueError, ">= 0, got inf at row 0"),
        (ROWS, (CLASSES, np.array([1, -np.inf, 1])), ValueError, ">= 0, got -inf at row 1"),
        (ROWS, (CLASSES, np.full(3, 1e308)), ValueError, "sum in the range of float64"),
        (ROWS.tolist(), (CLASSES, np.ones(3)), DTypeError, "y must be a NumPy array of floats"),
        (np.array(1.0), (CLASSES, np.ones(3)), ShapeError, "one number for each row of y"),
        (ROWS, (CLASSES + 2, np.ones(3)), ValueError, "class labels must be from 0 to 2"),
    ],
)
def test_weights_that_do_not_fit_are_refused(
    loss: Loss, y: Any, t: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        weighted(loss)(y, t)


def no_pair(y: Any, t: Any, *, scale: float = 1, shares: Any = None) -> Any:
    """Return the loss only."""
    return scale * float(y.sum())


def test_what_is_no_loss_is_refused() -> None:
    for w in (np.ones(3), np.array([1, 0, 1])):
        with pytest.raises(TypeError, match=r"expected no_pair to return a pair \(loss, dy\)"):
            weighted(partial(no_pair, scale=2))(ROWS, (CLASSES, w))
    with pytest.raises(TypeError, match=r"loss must be a function \(y, t\) -> \(loss, dy\), got"):
        weighted(np.ones(3))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"expected <lambda> to return a pair"):
        weighted(lambda y, t: 1.0)(ROWS, (CLASSES, np.ones(3)))  # type: ignore[arg-type, return-value]


# Training


def test_the_weight_of_a_batch_is_the_sum_of_its_weights() -> None:
    loss = weighted(fn.softmax_cross_entropy)
    w = weights_of(0, 23).astype(np.float32)

    whole = fn.batch_gradients(NET, X, (T, w), loss=loss)
    parts = [
        fn.batch_gradients(NET, X[rows], (T[rows], w[rows]), loss=loss)
        for rows in (slice(0, 4), slice(4, 17), slice(17, 23))
    ]

    assert whole.weight == pytest.approx(float(w.sum(dtype=np.float64)), rel=1e-15)
    assert fn.combine(parts).weight == pytest.approx(whole.weight, rel=1e-15)


def test_a_batch_without_weight_leaves_the_network_as_it_is() -> None:
    loss = weighted(fn.softmax_cross_entropy)
    parts = [fn.batch_gradients(NET, X, (T, np.zeros(23)), loss=loss)] * 2

    state = fn.apply_gradients(
        fn.TrainState.init(NET, fn.sgd()), fn.combine(parts), optimizer=fn.sgd()
    )

    assert (state.loss, fn.combine(parts).weight) == (0, 0)
    assert fn.fingerprint(state.params) == fn.fingerprint(NET)


def test_training_with_equal_weights_is_training_without() -> None:
    loss = fn.softmax_cross_entropy
    plain = fn.train(NET, BATCHES, loss=loss, optimizer=fn.sgd())
    pairs = ((x, (t, np.full(len(t), 2.0))) for x, t in BATCHES)
    of_weights = fn.train(NET, pairs, loss=weighted(loss), optimizer=fn.sgd())

    for _ in range(10):
        state, other = next(plain), next(of_weights)
        assert state.loss == pytest.approx(other.loss, rel=1e-6)


# Class weights


def test_a_loss_without_a_signature_may_be_weighted() -> None:
    """As a function written in C may be; then it is called once for each row."""
    assert repr(weighted(max)) == "weighted(max)"
