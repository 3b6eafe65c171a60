"""Label smoothing: a part of each target goes to all classes in equal parts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from loss_cases import class_numbers, distributions, every_dtype, one_hot_rows, same, sizes
from strategies import normal_array, seeds

from funnet import DTypeError, Float, ShapeError, softmax_cross_entropy

amounts = st.sampled_from([1e-3, 0.1, 0.5, 1.0])
of_all_targets = pytest.mark.parametrize(
    "target", [class_numbers, one_hot_rows, distributions], ids=lambda f: f.__name__
)


@of_all_targets
@given(seed=seeds, size=sizes, amount=amounts)
def test_it_is_the_loss_of_targets_that_are_mixed_with_equal_probabilities(
    target: Any, seed: int, size: tuple[int, int], amount: float
) -> None:
    scores, t = normal_array(seed, *size, scale=3), target(seed, *size)
    rows = t if t.ndim == 2 else np.eye(size[1])[t]

    loss, dscores = softmax_cross_entropy(scores, t, label_smoothing=amount)
    expected, dexpected = softmax_cross_entropy(scores, (1 - amount) * rows + amount / size[1])

    assert loss == pytest.approx(expected, rel=1e-14, abs=1e-15)
    np.testing.assert_allclose(dscores, dexpected, rtol=1e-13, atol=1e-15)


@of_all_targets
@given(seed=seeds, size=sizes)
def test_no_smoothing_changes_nothing(target: Any, seed: int, size: tuple[int, int]) -> None:
    scores, t = normal_array(seed, *size), target(seed, *size)

    smoothed = softmax_cross_entropy(scores, t, label_smoothing=0)

    assert same(smoothed, softmax_cross_entropy(scores, t))


@every_dtype
@pytest.mark.parametrize("amount", [0.1, np.float32(0.1), np.float64(0.1), np.array(0.1)])
def test_the_gradient_has_the_dtype_of_the_scores(dtype: type[Float], amount: Any) -> None:
    scores, t = normal_array(0, 5, 3, dtype=dtype), class_numbers(0, 5, 3)

    loss, dscores = softmax_cross_entropy(scores, t, label_smoothing=amount)
    exact, dexact = softmax_cross_entropy(scores.astype(np.float64), t, label_smoothing=0.1)

    assert dscores.dtype == dtype
    eps = float(np.finfo(np.float64 if dtype is np.float64 else np.float32).eps)
    assert loss == pytest.approx(exact, rel=max(8 * eps, 1e-7))
    np.testing.assert_allclose(dscores, dexact, atol=8 * float(np.finfo(dtype).eps), rtol=1e-3)


def test_targets_are_not_changed() -> None:
    t = np.eye(3)

    loss, _ = softmax_cross_entropy(np.zeros((3, 3)), t, label_smoothing=0.3)

    assert loss == pytest.approx(np.log(3))
    assert t.tolist() == np.eye(3).tolist()


@pytest.mark.parametrize(
    ("amount", "t", "error", "message"),
    [
        (0.1, np.array([0, 2]), ValueError, "class labels must be from 0 to 1, got 2"),
        (0.1, np.array([0.0, 1.0]), DTypeError, "class labels must be an array of integers"),
        (0.1, np.array([0]), ShapeError, r"class labels must have shape \(2,\)"),
        (0.9, np.array([[0.5, 0.4], [1, 0]]), ValueError, "rows of t must sum to 1, got 0.9"),
        (0.1, [0, 1], DTypeError, "t must be an array of numbers, got list"),
    ],
)
def test_what_cannot_be_smoothed_is_refused(
    amount: Any, t: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        softmax_cross_entropy(np.zeros((2, 2)), t, label_smoothing=amount)
