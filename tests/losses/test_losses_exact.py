"""Losses are accurate to a few units in the last place, however certain the scores are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import scipy.special
from hypothesis import given, strategies as st
from loss_cases import CASES, Loss, class_numbers, every_dtype, numbers, shares, sizes
from strategies import (
    AnyArray,
    dtypes,
    few,
    finite,
    float_arrays,
    matrix_shapes,
    normal_array,
    seeds,
)

import funnet as fn

Exact = npt.NDArray[np.longdouble]

MARGINS = [0, 0.5, 5, 12, 15, 17, 20, 40, 80]

every_margin = pytest.mark.parametrize("margin", MARGINS)
every_loss_of_numbers = pytest.mark.parametrize(
    "loss", [loss for loss, target in CASES if target is numbers]
)


def working_eps(dtype: type[fn.Float]) -> float:
    """Return the precision of the loss: that of float32 for float16 too."""
    return float(np.finfo(np.float64 if dtype is np.float64 else np.float32).eps)


def close(actual: AnyArray | float, expected: Exact | np.longdouble, *, ulp: float) -> None:
    """Compare up to so many units in the last place and the smallest number of the dtype."""
    dtype = np.asarray(actual).dtype
    limits = np.finfo(dtype)
    np.testing.assert_allclose(
        np.asarray(actual, np.longdouble),
        expected,
        rtol=ulp * float(limits.eps),
        atol=float(limits.smallest_subnormal),
    )


def softmax_of_the_others(scores: AnyArray, t: npt.NDArray[np.int64]) -> tuple[Exact, Exact]:
    """Return the loss of each row and its gradient, with no difference of nearly equal numbers."""
    x = scores.astype(np.longdouble)
    own = np.eye(x.shape[1], dtype=bool)[t]
    ratios = np.exp(x - x[own][:, np.newaxis])  # to the sample's own class
    others = np.where(own, 0, ratios).sum(axis=1)
    gradient = np.where(own, -others[:, np.newaxis], ratios) / (1 + others[:, np.newaxis])
    return np.log1p(others), gradient


@every_dtype
@every_margin
def test_softmax_cross_entropy_is_accurate_for_a_certain_winner(
    dtype: type[fn.Float], margin: float
) -> None:
    scores: AnyArray = np.array([[margin, 0, -1], [2, -margin, 1]], dtype)
    t = np.array([0, 1])
    losses, gradient = softmax_of_the_others(scores, t)
    eps = working_eps(dtype)

    for targets in (t, np.eye(3)[t]):
        loss, dscores = fn.softmax_cross_entropy(scores, targets)
        alone, _ = fn.softmax_cross_entropy(scores[:1], targets[:1])

        assert loss == pytest.approx(float(losses.mean()), rel=8 * eps)
        assert alone == pytest.approx(float(losses[0]), rel=8 * eps)
        close(dscores, gradient / 2, ulp=8)


@given(seed=seeds, size=sizes, dtype=dtypes, scale=st.sampled_from([1, 5, 20]))
def test_softmax_cross_entropy_is_accurate_for_all_scores(
    seed: int, size: tuple[int, int], dtype: type[fn.Float], scale: float
) -> None:
    """The rounding of a score below the highest counts as often as there are units in it."""
    scores, t = normal_array(seed, *size, dtype=dtype, scale=scale), class_numbers(seed, *size)
    losses, gradient = softmax_of_the_others(scores, t)
    spread = float(np.ptp(scores.astype(np.float64)))

    for targets in (t, np.eye(size[1])[t]):
        loss, dscores = fn.softmax_cross_entropy(scores, targets)

        assert loss == pytest.approx(float(losses.mean()), rel=(8 + spread) * working_eps(dtype))
        close(dscores, gradient / len(t), ulp=8 + spread)


@every_dtype
@every_margin
def test_log_softmax_is_accurate_for_a_certain_winner(dtype: type[fn.Float], margin: float) -> None:
    x: AnyArray = np.array([[[margin, 0, -1]], [[0, 0, margin]]], dtype)

    expected = scipy.special.log_softmax(x.astype(np.longdouble), axis=-1)
    expected[0, 0, 0] = -softmax_of_the_others(x[0], np.array([0]))[0][0]
    expected[1, 0, 2] = -softmax_of_the_others(x[1], np.array([2]))[0][0]

    close(fn.log_softmax(x), expected, ulp=4)


@every_dtype
@every_margin
@pytest.mark.parametrize("sign", [-1, 1])
def test_sigmoid_cross_entropy_is_accurate_for_a_certain_output(
    dtype: type[fn.Float], margin: float, sign: int
) -> None:
    scores: AnyArray = np.array([[sign * margin]], dtype)
    t = np.array([[sign > 0]])
    small = np.exp(-np.longdouble(scores.astype(np.longdouble)[0, 0] * sign))

    loss, dscores = fn.sigmoid_cross_entropy(scores, t)

    assert loss == pytest.approx(float(np.log1p(small)), rel=8 * working_eps(dtype))
    close(dscores, np.reshape(-sign * small / (1 + small), (1, 1)), ulp=8)


@given(seed=seeds, size=sizes, dtype=dtypes)
def test_sigmoid_cross_entropy_is_accurate_for_probabilities_near_the_right_one(
    seed: int, size: tuple[int, int], dtype: type[fn.Float]
) -> None:
    scores = normal_array(seed, *size, dtype=dtype, scale=8)
    above = scores > 0
    small = (1e-4 * shares(seed, *size)).astype(np.float32).astype(np.float64)
    t = np.where(above, 1 - small, small).astype(np.float32).astype(np.float64)
    x, p = scores.astype(np.longdouble), t.astype(np.longdouble)
    off = np.where(above, 1 - p, p)  # how far t is from 0 or 1
    e = np.exp(-np.abs(x))

    loss, _ = fn.sigmoid_cross_entropy(scores, t)

    expected = float((np.abs(x) * off + np.log1p(e)).sum() / len(t))
    assert loss == pytest.approx(expected, rel=8 * working_eps(dtype))


@pytest.mark.parametrize("error", [3e-7, -3e-7, 1e-15])
def test_the_gradient_is_exact_for_rows_whose_sum_is_rounded(
    error: float,
) -> None:
    scores = normal_array(0, 3, 4, scale=3)
    t = np.random.default_rng(1).dirichlet(np.ones(4), 3) * (1 + error)
    p = scipy.special.softmax(scores, axis=1)

    _, dscores = fn.softmax_cross_entropy(scores, t)

    np.testing.assert_allclose(dscores, (p * t.sum(axis=1, keepdims=True) - t) / 3, atol=1e-15)
    np.testing.assert_allclose(dscores.sum(axis=1), 0, atol=1e-15)


@every_dtype
@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("total", [0.99, 1.01, 0.5])
def test_rows_off_by_more_than_rounding_are_refused(
    dtype: type[fn.Float], kind: type[fn.Float], total: float
) -> None:
    t: AnyArray = np.array([[0.25, 0.75, 0], [0.5 * total, 0.5 * total, 0]], kind)

    with pytest.raises(ValueError, match=r"rows of t must sum to 1, got .* in row 1$"):
        fn.softmax_cross_entropy(np.zeros((2, 3), dtype), t)


@given(
    seed=seeds,
    dtype=dtypes,
    computed=dtypes,
    n_classes=st.sampled_from([2, 3, 10, 100, 1000]),
)
def test_rows_of_probabilities_computed_in_any_float_type_are_accepted(
    seed: int, dtype: type[fn.Float], computed: type[fn.Float], n_classes: int
) -> None:
    rows: AnyArray = np.random.default_rng(seed).random((20, n_classes)).astype(computed)
    rows = rows / rows.sum(axis=1, keepdims=True)
    if computed is np.float32:
        rows = rows.astype(np.float64)  # which hides how they were computed

    loss, _ = fn.softmax_cross_entropy(np.zeros((20, n_classes), dtype), rows)

    assert loss == pytest.approx(np.log(n_classes), rel=1e-2)


@pytest.mark.parametrize("loss", [fn.softmax_cross_entropy, fn.sigmoid_cross_entropy])
def test_a_probability_rounded_beyond_0_or_1_is_accepted(loss: Loss) -> None:
    """0.1 * 3 + 0.7 is 1.0000000000000002."""
    scores = normal_array(0, 2, 2)
    t = np.array([[0.1 * 3 + 0.7, -1e-17], [0, 1]])

    value, dscores = loss(scores, t)
    rounded, drounded = loss(scores, np.round(t))

    assert value == rounded
    assert (dscores == drounded).all()


@every_dtype
def test_a_score_of_minus_infinity_removes_a_class(dtype: type[fn.Float]) -> None:
    scores: AnyArray = np.array([[1, -np.inf, 3]], dtype)

    def of(label: int, scores: AnyArray) -> list[float]:
        t = np.array([label])
        rows = np.eye(scores.shape[1])[t]
        return [fn.softmax_cross_entropy(scores, targets)[0] for targets in (t, rows)]

    assert of(0, scores) == of(0, scores[:, [0, 2]])
    assert of(1, scores) == [np.inf, np.inf]


def test_differences_of_float16_scores_do_not_overflow() -> None:
    scores = np.array([[65504, -65504]], np.float16)

    for t in (np.array([1]), np.array([[0, 1]])):
        loss, dscores = fn.softmax_cross_entropy(scores, t)

        assert loss == 2 * 65504
        assert dscores.tolist() == [[1, -1]]


@every_loss_of_numbers
@few
@given(scores=float_arrays(shapes=matrix_shapes), data=st.data())
def test_losses_of_finite_numbers_give_no_nan_or_warning(
    loss: Loss, scores: AnyArray, data: st.DataObject
) -> None:
    target_dtype = data.draw(dtypes)
    t = data.draw(
        float_arrays(shapes=st.just(scores.shape), dtypes=st.just(target_dtype), elements=finite)
    )

    value, dscores = loss(scores, t)

    assert value >= 0
    assert not np.isnan(dscores).any()


@pytest.mark.parametrize("loss", [fn.mean_squared_error, fn.sum_squared_error])
def test_a_difference_beyond_float16_is_squared_exactly(loss: Loss) -> None:
    scores = np.full((1, 4), 65504, np.float16)

    value, dscores = loss(scores, -scores)

    factor = 1 if loss is fn.mean_squared_error else 2
    assert value == factor * (2 * 65504.0) ** 2
    if loss is fn.mean_squared_error:
        assert (dscores == 65504).all()


def test_check_gradients_agrees_for_rows_off_by_rounding() -> None:
    t = np.random.default_rng(0).dirichlet(np.ones(3), 2).astype(np.float32)

    assert fn.check_gradients(fn.Identity(), normal_array(1, 2, 3), fn.softmax_cross_entropy, t)
