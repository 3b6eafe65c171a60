"""Figures of merit."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_type

import numpy as np
import pytest
from hypothesis import given, strategies as st
from strategies import LAYOUTS, AnyArray, dtypes, normal_array, seeds

from funnet import DTypeError, Float, Matrix, ShapeError, accuracy
from funnet.core.arrays import LabelsLike

sizes = st.tuples(st.integers(1, 9), st.integers(2, 5))


def class_numbers(seed: int, n: int, n_classes: int) -> LabelsLike:
    return np.random.default_rng(seed).integers(0, n_classes, n)


@given(seed=seeds, size=sizes, dtype=dtypes)
def test_accuracy_is_the_share_of_highest_scores_at_the_right_place(
    seed: int, size: tuple[int, int], dtype: type[Float]
) -> None:
    scores, t = normal_array(seed, *size, dtype=dtype), class_numbers(seed, *size)

    hits = [row.index(max(row)) == label for row, label in zip(scores.tolist(), t, strict=True)]

    assert accuracy(scores, t) == sum(hits) / len(hits)


def test_where_a_score_is_nan_none_is_the_highest() -> None:
    scores = np.array([[np.nan, 1.0], [0.0, np.nan], [0.0, 1.0]])

    assert accuracy(scores, np.array([0, 1, 1])) == 1 / 3
    assert accuracy(scores, np.array([1, 0, 1])) == 1 / 3


@given(seed=seeds, size=sizes, dtype=st.sampled_from(["i1", "u1", ">i4", "u8"]))
def test_class_numbers_may_be_of_any_integer_type(
    seed: int, size: tuple[int, int], dtype: str
) -> None:
    scores, t = normal_array(seed, *size), class_numbers(seed, *size)

    assert accuracy(scores, t.astype(dtype)) == accuracy(scores, t)


@given(seed=seeds, size=sizes, dtype=st.sampled_from(["?", "i1", "u8", "f2", ">f4", "f8"]))
def test_of_target_rows_the_highest_entry_counts(
    seed: int, size: tuple[int, int], dtype: str
) -> None:
    scores, t = normal_array(seed, *size), class_numbers(seed, *size)
    rows: Matrix = np.eye(size[1])[t].astype(dtype)

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


@pytest.mark.parametrize(
    ("scores", "error", "message"),
    [
        ([[0.0, 1.0]], DTypeError, "scores to be a NumPy array of floats, got list"),
        (np.array([[0, 1]]), DTypeError, "got int64; convert it with"),
        (np.zeros(2), ShapeError, r"one sample and two classes, got \(2,\)$"),
        (np.zeros((0, 3)), ShapeError, r"one sample and two classes, got \(0, 3\)$"),
        (np.zeros((3, 1)), ShapeError, r"one sample and two classes, got \(3, 1\)$"),
        (np.zeros((1, 2, 2)), ShapeError, r"one sample and two classes, got \(1, 2, 2\)$"),
    ],
)
def test_scores_that_are_no_batch_are_refused(
    scores: Matrix, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        accuracy(scores, np.array([0]))


@pytest.mark.parametrize(
    ("t", "error", "message"),
    [
        (np.array([0, 2]), ValueError, "class numbers from 0 to 1, got 2 at row 1$"),
        (np.array([-1, 0]), ValueError, "class numbers from 0 to 1, got -1 at row 0$"),
        (np.array([0]), ShapeError, r"class numbers of shape \(2,\), got \(1,\)$"),
        (np.array([0.0, 1.0]), DTypeError, r"integers, got float64\[2\]; .*\.astype\(np\.int64\)$"),
        ([0, 1], DTypeError, "got list; convert it with np.asarray$"),
        ([[0, 1], [1, 0]], DTypeError, "got list; convert it with np.asarray$"),
        (np.array([["a", "b"], ["c", "d"]]), DTypeError, "array of numbers, got <U1"),
        (
            np.array([[0], [1]]),
            ShapeError,
            r"\(2, 2\) like the scores, or class numbers of shape \(2,\), got \(2, 1\)$",
        ),
    ],
)
def test_targets_that_do_not_fit_are_refused(
    t: LabelsLike, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        accuracy(np.zeros((2, 2)), t)


@pytest.mark.parametrize(
    "rows",
    [
        np.array([[1, 1], [0, 1]]),
        np.array([[0, 0], [0, 1]]),
        np.array([[0.2, 0.2], [0, 1]]),
        np.array([[np.nan, 1], [0, 1]]),
        np.array([[2, -1], [0, 1]]),
    ],
    ids=["multi-hot", "zeros", "no distribution", "nan", "negative"],
)
def test_rows_that_are_not_probabilities_are_refused_as_the_loss_does(rows: Matrix) -> None:
    with pytest.raises(ValueError, match=r"(rows of t must sum to 1|t must be from 0 to 1), got"):
        accuracy(np.zeros((2, 2)), rows)


@given(seed=seeds, n=st.integers(1, 9), dtype=dtypes, threshold=st.sampled_from([0, 0.5, -1.5]))
def test_with_a_threshold_one_column_of_scores_means_class_0_or_1(
    seed: int, n: int, dtype: type[Float], threshold: float
) -> None:
    scores, t = normal_array(seed, n, 1, dtype=dtype), class_numbers(seed, n, 2)

    hits = [int(row[0] > threshold) == label for row, label in zip(scores.tolist(), t, strict=True)]

    assert accuracy(scores, t, threshold=threshold) == sum(hits) / n
    assert accuracy(scores, t[:, np.newaxis], threshold=threshold) == sum(hits) / n


def test_a_nan_is_neither_above_nor_below_a_threshold() -> None:
    scores = np.array([[np.nan], [np.nan], [1.0]])

    assert accuracy(scores, np.array([0, 1, 1]), threshold=0) == 1 / 3


def test_of_one_column_the_message_offers_the_threshold() -> None:
    with pytest.raises(ShapeError, match=r"threshold=0 \(raw scores\) or threshold=0.5"):
        accuracy(np.zeros((3, 1)), np.array([0, 1, 1]))


@pytest.mark.parametrize(
    ("scores", "t", "threshold", "error", "message"),
    [
        (np.zeros((2, 2)), [0, 1], 0, ShapeError, r"shape \(N, 1\) .*, got \(2, 2\)$"),
        (np.zeros(2), [0, 1], 0, ShapeError, r"shape \(N, 1\) .*, got \(2,\)$"),
        (np.zeros((0, 1)), [], 0, ShapeError, r"shape \(N, 1\) .*, got \(0, 1\)$"),
        (np.zeros((2, 1)), [0, 2], 0, ValueError, "class numbers from 0 to 1, got 2 at row 1$"),
        (np.zeros((2, 1)), [0, 1], np.nan, ValueError, "threshold must be finite, got nan$"),
        (np.zeros((2, 1)), [0, 1], "0", TypeError, "threshold to be a number, got '0'$"),
    ],
)
def test_what_a_threshold_does_not_fit_is_refused(
    scores: Matrix, t: list[int], threshold: float, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        accuracy(scores, np.array(t, int), threshold=threshold)
