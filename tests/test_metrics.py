"""`accuracy`."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_type

import numpy as np
import pytest
from hypothesis import given, strategies as st
from loss_cases import class_numbers
from strategies import LAYOUTS, AnyArray, dtypes, normal_array, seeds

from funnet import DTypeError, Float, Matrix, ShapeError, accuracy

sizes = st.tuples(st.integers(1, 9), st.integers(2, 5))


@given(seed=seeds, size=sizes, dtype=dtypes)
def test_accuracy_is_the_fraction_of_samples_whose_highest_score_is_right(
    seed: int, size: tuple[int, int], dtype: type[Float]
) -> None:
    scores, t = normal_array(seed, *size, dtype=dtype), class_numbers(seed, *size)

    hits = [row.index(max(row)) == label for row, label in zip(scores.tolist(), t, strict=True)]

    assert accuracy(scores, t) == sum(hits) / len(hits)


def test_a_sample_with_a_nan_score_is_wrong() -> None:
    scores = np.array([[np.nan, 1.0], [0.0, np.nan], [0.0, 1.0]])

    assert accuracy(scores, np.array([0, 1, 1])) == 1 / 3
    assert accuracy(scores, np.array([1, 0, 1])) == 1 / 3
    assert accuracy(scores[:, :1], np.array([0, 1, 1]), threshold=-1) == 2 / 3


@given(seed=seeds, size=sizes)
def test_the_highest_entry_of_a_target_row_counts(seed: int, size: tuple[int, int]) -> None:
    scores, t = normal_array(seed, *size), class_numbers(seed, *size)
    rows = (np.eye(size[1])[t] + 1 / size[1]) / 2

    assert accuracy(scores, rows) == accuracy(scores, t)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_the_layout_of_the_scores_does_not_matter(
    layout: Callable[[AnyArray], AnyArray],
) -> None:
    scores, t = normal_array(0, 50, 3), class_numbers(1, 50, 3)

    assert accuracy(layout(scores), t) == accuracy(scores, t)


def test_accuracy_is_a_float() -> None:
    result = accuracy(np.array([[0.0, 1.0]]), np.array([1]))

    assert_type(result, float)
    assert type(result) is float


@given(seed=seeds, n=st.integers(1, 9), dtype=dtypes, threshold=st.sampled_from([0, 0.5, -1.5]))
def test_scores_above_a_threshold_mean_class_1(
    seed: int, n: int, dtype: type[Float], threshold: float
) -> None:
    scores, t = normal_array(seed, n, 1, dtype=dtype), class_numbers(seed, n, 2)

    hits = [int(row[0] > threshold) == label for row, label in zip(scores.tolist(), t, strict=True)]

    assert accuracy(scores, t, threshold=threshold) == sum(hits) / n
    assert accuracy(scores, t[:, np.newaxis], threshold=threshold) == sum(hits) / n


@pytest.mark.parametrize(
    ("scores", "t", "threshold", "error", "message"),
    [
        (np.zeros((3, 1)), [0, 1, 1], None, ShapeError, r"threshold=0\.5 for prob.* \(3, 1\)$"),
        (np.zeros(2, int), [0, 1], None, DTypeError, r"got int64\[2\]; for predicted class num"),
        (np.zeros((2, 2)), [0, 1], 0, ShapeError, r"shape \(N, 1\) .*, got \(2, 2\)$"),
        (np.zeros(2), [0, 1], 0, ShapeError, r"shape \(N, 1\) .*, got \(2,\)$"),
        (np.zeros((0, 1)), [], 0, ShapeError, r"shape \(N, 1\) .*, got \(0, 1\)$"),
        (
            np.zeros((2, 1)),
            [0, 2],
            0,
            ValueError,
            "labels must be from 0 to 1, got 2 at row 1$",
        ),
        (np.zeros((2, 1)), [0, 1], np.nan, ValueError, "threshold must be finite, got nan$"),
        (np.zeros((2, 1)), [0, 1], "0", TypeError, "threshold must be a number, got '0'$"),
    ],
)
def test_scores_and_threshold_must_fit(
    scores: Matrix, t: list[int], threshold: float | None, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        accuracy(scores, np.array(t, int), threshold=threshold)
