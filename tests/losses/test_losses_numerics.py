"""Losses: properties for scores of any size, dtype and layout."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
from hypothesis import given, strategies as st
from loss_cases import (
    CASES,
    Draw,
    Layout,
    Loss,
    class_numbers,
    every_case,
    every_dtype,
    every_loss,
    layouts,
    same,
    scores_of_any_size,
    sizes,
)
from strategies import LAYOUTS, AnyArray, dtypes, few, normal_array, seeds

import funnet as fn


@every_case
@given(scores=scores_of_any_size, seed=seeds)
def test_finite_scores_give_a_float_and_an_array_like_the_scores_without_nan_or_a_warning(
    loss: Loss, target: Draw, scores: AnyArray, seed: int
) -> None:
    value, dscores = loss(scores, target(seed, *scores.shape))

    assert type(value) is float
    assert value >= 0
    assert type(dscores) is np.ndarray
    assert (dscores.dtype, dscores.shape) == (scores.dtype, scores.shape)
    assert not np.isnan(dscores).any()


@every_case
@few
@given(scores=scores_of_any_size, seed=seeds)
def test_the_arguments_are_not_modified(
    loss: Loss, target: Draw, scores: AnyArray, seed: int
) -> None:
    t = target(seed, *scores.shape)
    before = scores.tobytes(), t.tobytes()

    _, dscores = loss(scores, t)
    dscores[...] = 7

    assert (scores.tobytes(), t.tobytes()) == before


@every_case
@given(scores=scores_of_any_size, seed=seeds, layouts=st.tuples(layouts, layouts))
def test_the_layout_of_the_arguments_changes_no_bit(
    loss: Loss, target: Draw, scores: AnyArray, seed: int, layouts: tuple[Layout, Layout]
) -> None:
    t = target(seed, *scores.shape)
    layout_of_scores, layout_of_t = layouts

    value, dscores = loss(layout_of_scores(scores), layout_of_t(t))

    assert same((value, dscores.astype(scores.dtype)), loss(scores, t))


@every_case
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_the_layout_changes_no_bit_of_a_long_sum(loss: Loss, target: Draw, layout: Layout) -> None:
    """Another order of summation changes the last bit of one sum in four."""
    for seed in range(20):
        scores, t = normal_array(seed, 60, 40), target(seed + 1, 60, 40)

        assert same(loss(layout(scores), layout(t)), loss(scores, t))


@given(scores=scores_of_any_size, seed=seeds)
def test_the_gradients_of_a_cross_entropy_are_at_most_one_over_the_batch(
    scores: AnyArray, seed: int
) -> None:
    limit = scores.dtype.type(1 / len(scores))

    for loss, target in CASES[:5]:
        _, dscores = loss(scores, target(seed, *scores.shape))

        assert (np.abs(dscores) <= limit).all()


def test_probabilities_that_underflow_are_no_error_where_a_user_wants_errors() -> None:
    scores, zeros = np.array([[0.0, 1e3], [-1e3, 0.0]], np.float32), np.zeros(2, int)
    one_hot = np.eye(2, dtype=np.float32)[zeros]
    with np.errstate(all="raise"):
        for loss in (fn.softmax_cross_entropy, fn.sigmoid_cross_entropy):
            assert loss(scores, one_hot)[0] > 0
        assert fn.softmax_cross_entropy(scores, zeros)[0] == 1000
        for function in (fn.sigmoid, fn.softmax, fn.log_softmax):
            assert np.isfinite(function(scores)).all()


@given(scores=scores_of_any_size, seed=seeds)
def test_softmax_cross_entropy_is_accurate_or_infinite(scores: AnyArray, seed: int) -> None:
    t = class_numbers(seed, *scores.shape)
    with np.errstate(all="ignore"):
        log_p = scipy.special.log_softmax(scores.astype(np.longdouble), axis=1)
        largest = np.finfo(np.promote_types(scores.dtype, np.float32)).max  # what it computes in
        losses = np.minimum(-log_p[np.arange(len(t)), t], largest)
        expected = float(losses.sum() / len(t))

    loss, _ = fn.softmax_cross_entropy(scores, t)

    eps = float(np.finfo(scores.dtype).eps)
    assert loss == pytest.approx(expected, rel=4 * eps, abs=4 * eps) or loss == np.inf


@every_loss
@every_dtype
def test_a_perfect_output_has_a_loss_of_0_without_a_sign(loss: Loss, dtype: type[fn.Float]) -> None:
    t = np.eye(3, dtype=dtype)
    perfect = 3000 * (2 * t - 1) if "cross_entropy" in loss.__name__ else t
    classes = [np.arange(3)] if loss is fn.softmax_cross_entropy else []

    for targets in (t, *classes):
        value, dscores = loss(perfect, targets)

        assert str(value) == "0.0"
        assert not dscores.any()


@every_case
@given(seed=seeds, size=sizes, dtype=dtypes)
def test_the_loss_is_the_mean_over_the_samples(
    loss: Loss, target: Draw, seed: int, size: tuple[int, int], dtype: type[fn.Float]
) -> None:
    """It is summed in float64, whatever the dtype of the scores."""
    scores, t = normal_array(seed, *size, dtype=dtype), target(seed, *size)

    value, dscores = loss(scores, t)
    values, rows = zip(*(loss(scores[[i]], t[[i]]) for i in range(len(t))), strict=True)

    eps = float(np.finfo(dtype).eps)
    assert value == pytest.approx(np.mean(values), rel=1e-13)
    np.testing.assert_allclose(dscores, np.concatenate(rows) / len(t), rtol=4 * eps, atol=eps)


@given(scores=scores_of_any_size)
def test_squares_beyond_the_range_of_the_dtype_are_exact(scores: AnyArray) -> None:
    """300² is beyond float16."""
    with np.errstate(over="ignore"):
        expected = (scores.astype(np.float64) ** 2).sum()

    loss, _ = fn.sum_squared_error(scores, np.zeros_like(scores))

    assert loss == pytest.approx(expected / (2 * len(scores)), rel=1e-13)


@every_loss
@every_dtype
def test_gradients_of_a_large_batch_are_not_zero_or_nan(loss: Loss, dtype: type[fn.Float]) -> None:
    """In float16, the number of rows is infinite for 65520 rows and more."""
    n = 70000
    scores, t = np.zeros((n, 1), dtype), np.ones((n, 1))
    if loss is fn.softmax_cross_entropy:
        scores, t = np.zeros((n, 2), dtype), np.eye(2)[np.zeros(n, int)]

    _, dscores = loss(scores, t)

    expected = loss(scores[:1], t[:1])[1].astype(np.float64) / n
    np.testing.assert_allclose(dscores[:1], expected, rtol=1e-2)


@every_case
def test_nan_passes_through(loss: Loss, target: Draw) -> None:
    scores = normal_array(0, 3, 2)
    scores[1, 1] = np.nan

    value, dscores = loss(scores, target(0, 3, 2))

    assert np.isnan(value)
    assert np.isnan(dscores).any(axis=1).tolist() == [False, True, False]


@pytest.mark.parametrize("order", [[1, 0, 2], [2, 1, 0], [1, 2, 0]])
def test_the_loss_of_few_rows_does_not_depend_on_their_order(order: list[int]) -> None:
    """It is an exact sum, so that large losses of other rows do not round a small one."""
    scores = np.array([[0.0, 1e30], [0.0, 1.0], [1e30, 0.0]], np.float32)
    t = np.array([0, 1, 0])

    assert (
        fn.softmax_cross_entropy(scores, t)[0]
        == fn.softmax_cross_entropy(scores[order], t[order])[0]
    )


def test_a_sum_of_losses_beyond_float64_is_infinite() -> None:
    loss, dscores = fn.softmax_cross_entropy(np.array([[1.5e308, 0.0]] * 2), np.array([1, 1]))

    assert loss == np.inf
    assert dscores.tolist() == [[0.5, -0.5]] * 2
