"""Losses: their values, and dscores against central differences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from inspect import isfunction
from typing import Any

import numpy as np
import pytest
import scipy.special
from hypothesis import assume, given, strategies as st
from loss_cases import (
    CASES,
    LOSSES,
    Draw,
    Loss,
    class_numbers,
    derivatives,
    distributions,
    every_case,
    integers,
    is_smooth,
    numbers,
    same,
    shares,
    sizes,
)
from strategies import AnyArray, dtypes, normal_array, seeds

import funnet as fn
from funnet import losses

worst_error = {"figure": 0.0}


@pytest.fixture(scope="module", autouse=True)
def _print_the_worst_error() -> Iterator[None]:
    yield
    print(f"\nworst relative error of dscores: {worst_error['figure']:.1e}")


def test_the_laws_are_tried_on_every_loss() -> None:
    functions = {name: value for name, value in vars(losses).items() if isfunction(value)}

    assert functions.keys() - {"class_weights", "weighted"} == LOSSES.keys()
    assert {loss for loss, _ in CASES} == set(LOSSES.values())


@every_case
@given(seed=seeds, size=sizes, weighted=st.booleans())
def test_dscores_is_the_derivative_of_the_loss(
    loss: Loss,
    target: Draw,
    seed: int,
    size: tuple[int, int],
    weighted: bool,  # noqa: FBT001
) -> None:
    scores, t = normal_array(seed, *size, scale=2), target(seed, *size)
    assume(is_smooth(loss, scores, t))
    f: Loss = loss
    targets: Any = t
    if weighted:
        weights = np.random.default_rng(seed).gamma(1.0, size=len(t))
        f, targets = fn.weighted(loss), (t, weights)

    _, dscores = f(scores, targets)
    numerical = derivatives(lambda x: f(x, targets)[0], scores)

    error = np.abs(dscores - numerical).max() / max(np.abs(numerical).max(), 1e-2)
    worst_error["figure"] = max(worst_error["figure"], float(error))
    assert error < 1e-9


@given(seed=seeds, size=sizes)
def test_softmax_cross_entropy_is_log_softmax_weighted_by_the_probabilities(
    seed: int, size: tuple[int, int]
) -> None:
    scores, t = normal_array(seed, *size, scale=9), distributions(seed, *size)

    loss, dscores = fn.softmax_cross_entropy(scores, t)

    expected = -(t * scipy.special.log_softmax(scores, axis=1)).sum() / size[0]
    assert loss == pytest.approx(expected, rel=1e-13, abs=1e-15)
    np.testing.assert_allclose(
        dscores, (scipy.special.softmax(scores, axis=1) - t) / size[0], atol=1e-15
    )


@given(seed=seeds, size=sizes)
def test_sigmoid_cross_entropy_is_the_sum_over_the_outputs_of_a_sample(
    seed: int, size: tuple[int, int]
) -> None:
    scores, t = normal_array(seed, *size, scale=9), shares(seed, *size)

    loss, dscores = fn.sigmoid_cross_entropy(scores, t)

    log_y, log_not_y = scipy.special.log_expit(scores), scipy.special.log_expit(-scores)
    assert loss == pytest.approx(-(t * log_y + (1 - t) * log_not_y).sum() / size[0], rel=1e-13)
    np.testing.assert_allclose(dscores, (scipy.special.expit(scores) - t) / size[0], atol=1e-15)


Formula = Callable[[AnyArray], AnyArray]


@pytest.mark.parametrize(
    ("loss", "of_entries", "slopes"),
    [
        (fn.mean_squared_error, lambda d: d**2 / d[0].size, lambda d: 2 * d / d.size),
        (fn.sum_squared_error, lambda d: d**2 / 2, lambda d: d / len(d)),
        (fn.mean_absolute_error, lambda d: np.abs(d) / d[0].size, lambda d: np.sign(d) / d.size),
    ],
)
@given(seed=seeds, size=sizes)
def test_a_loss_of_numbers_is_its_formula_summed_over_the_outputs_of_a_sample(
    loss: Loss, of_entries: Formula, slopes: Formula, seed: int, size: tuple[int, int]
) -> None:
    scores, t = normal_array(seed, *size), numbers(seed + 1, *size)

    value, dscores = loss(scores, t)

    assert value == pytest.approx(of_entries(scores - t).sum() / size[0], rel=1e-13)
    np.testing.assert_allclose(dscores, slopes(scores - t), rtol=1e-15)


@given(seed=seeds, size=sizes, delta=st.floats(0.1, 10))
def test_the_huber_loss_is_that_of_scipy(seed: int, size: tuple[int, int], delta: float) -> None:
    scores, t = normal_array(seed, *size, scale=3), numbers(seed + 1, *size)

    loss, dscores = fn.huber_loss(scores, t, delta=delta)

    expected = scipy.special.huber(delta, scores - t).mean()
    assert loss == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose(
        dscores * scores.size, np.clip(scores - t, -delta, delta), rtol=1e-14
    )


@given(seed=seeds, size=sizes)
def test_losses_of_numbers_accept_a_batch_of_any_rank(seed: int, size: tuple[int, int]) -> None:
    scores, t = normal_array(seed, *size, 2, 3), normal_array(seed + 1, *size, 2, 3)
    rows = size[0], -1

    for loss in (
        fn.mean_squared_error,
        fn.sum_squared_error,
        fn.mean_absolute_error,
        fn.huber_loss,
    ):
        value, dscores = loss(scores, t)
        flat_value, flat_dscores = loss(scores.reshape(rows), t.reshape(rows))

        assert value == flat_value
        assert dscores.tobytes() == flat_dscores.tobytes()
        assert dscores.shape == scores.shape


@given(seed=seeds, dtype=dtypes)
def test_class_numbers_and_one_hot_rows_agree(seed: int, dtype: type[fn.Float]) -> None:
    scores, t = normal_array(seed, 5, 3, dtype=dtype, scale=4), class_numbers(seed, 5, 3)

    loss, dscores = fn.softmax_cross_entropy(scores, t)
    loss_of_rows, dscores_of_rows = fn.softmax_cross_entropy(scores, np.eye(3)[t])

    eps = float(np.finfo(dtype).eps)
    assert loss == pytest.approx(loss_of_rows, rel=4 * eps)
    np.testing.assert_allclose(dscores, dscores_of_rows, rtol=8 * eps, atol=eps)


@given(seed=seeds, integer=integers)
def test_sigmoid_cross_entropy_of_one_output_accepts_class_numbers(seed: int, integer: str) -> None:
    scores, t = normal_array(seed, 5, 1), class_numbers(seed, 5, 2)

    of_classes = fn.sigmoid_cross_entropy(scores, t.astype(integer))

    assert same(of_classes, fn.sigmoid_cross_entropy(scores, t[:, np.newaxis]))


@given(seed=seeds)
def test_one_sigmoid_output_is_a_softmax_over_itself_and_zero(seed: int) -> None:
    scores, t = normal_array(seed, 5, 1, scale=4), class_numbers(seed, 5, 2)

    loss, dscores = fn.sigmoid_cross_entropy(scores, t)
    loss_of_two, dscores_of_two = fn.softmax_cross_entropy(np.hstack([0 * scores, scores]), t)

    assert loss == pytest.approx(loss_of_two, rel=1e-13)
    np.testing.assert_allclose(dscores, dscores_of_two[:, 1:], atol=1e-15)
