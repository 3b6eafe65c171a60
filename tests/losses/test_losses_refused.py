"""Scores and targets that a loss refuses, and what it says of them."""

from __future__ import annotations

from typing import assert_type

import numpy as np
import pytest
from loss_cases import (
    Loss,
    Target,
    every_loss,
)
from strategies import (
    normal_array,
)

from funnet import (
    DTypeError,
    Matrix,
    ShapeError,
    mean_squared_error,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
)


def test_mypy_knows_the_results() -> None:
    scores: Matrix = normal_array(0, 2, 3)

    assert_type(softmax_cross_entropy(scores, np.array([0, 1])), tuple[float, Matrix])
    assert_type(mean_squared_error(scores, scores), tuple[float, Matrix])


@every_loss
@pytest.mark.parametrize(
    ("scores", "error", "message"),
    [
        ([[1.0, 2.0]], DTypeError, r"NumPy array of floats, got list; .* np\.asarray\("),
        (None, DTypeError, "got NoneType;"),
        (np.array([[1, 2]]), DTypeError, r"got int64; convert it with \.astype\(np\.float32\)"),
        (np.array([[True]]), DTypeError, "got bool;"),
        (np.array([[1j]]), DTypeError, "got complex128;"),
        (np.float64(1), DTypeError, "got float64;"),
        (np.array(1.0), ShapeError, r"at least one sample.*, got (shape )?\(\)$"),
        (np.empty((0, 3)), ShapeError, r"at least one sample.*, got (shape )?\(0, 3\)$"),
        (np.empty((3, 0)), ShapeError, r"at least one sample.*, got (shape )?\(3, 0\)$"),
    ],
)
def test_scores_that_are_no_batch_of_floats_are_refused(
    loss: Loss, scores: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^expected scores .*{message}"):
        loss(scores, scores)


@pytest.mark.parametrize("loss", [softmax_cross_entropy, sigmoid_cross_entropy])
@pytest.mark.parametrize("shape", [(3,), (3, 2, 2)])
def test_a_cross_entropy_is_of_scores_of_rank_2(loss: Loss, shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"scores of shape \(N, C\) .*, got \(3,"):
        loss(np.zeros(shape), np.zeros(shape))


@every_loss
@pytest.mark.parametrize(
    ("t", "error", "message"),
    [
        ([[1, 0], [0, 1]], DTypeError, "array of numbers, got list; convert it with np.asarray"),
        (None, DTypeError, "array of numbers, got NoneType"),
        (np.array([["a", "b"], ["c", "d"]]), DTypeError, r"numbers, got <U1\[2, 2\]"),
        (np.full((2, 2), 1j), DTypeError, r"numbers, got complex128\[2, 2\]"),
        (np.full((2, 2), 1, object), DTypeError, r"numbers, got object\[2, 2\]"),
        (np.zeros((2, 1)), ShapeError, r"t of shape \(2, 2\) like the scores.*, got \(2, 1\)"),
        (np.zeros((1, 2)), ShapeError, r"t of shape \(2, 2\) like the scores.*, got \(1, 2\)"),
        (np.array(1), ShapeError, r"t of shape \(2, 2\) like the scores.*, got \(\)"),
    ],
)
def test_targets_of_the_wrong_type_or_shape_are_refused(
    loss: Loss, t: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        loss(np.zeros((2, 2)), t)


@pytest.mark.parametrize(
    ("t", "error", "message"),
    [
        (np.array([0, 3, -1]), ValueError, "class numbers from 0 to 2, got 3 at row 1$"),
        (np.array([0, -1, 3]), ValueError, "class numbers from 0 to 2, got -1 at row 1$"),
        (np.array([0, 1, 255], np.uint8), ValueError, "got 255 at row 2$"),
        (np.array([2**64 - 1, 0, 0], np.uint64), ValueError, f"got {2**64 - 1} at row 0$"),
        (np.array([0, 1]), ShapeError, r"class numbers of shape \(3,\), got \(2,\)$"),
        (np.array([], int), ShapeError, r"class numbers of shape \(3,\), got \(0,\)$"),
        (
            np.array([0.0, 1.0, 2.0]),
            DTypeError,
            r"an array of integers, got float64\[3\]; convert them with \.astype\(np\.int64\)$",
        ),
        (np.array([True, False, True]), DTypeError, r"integers, got bool\[3\]"),
        (np.array([0, 1, 2], "m8[s]"), DTypeError, "integers, got timedelta64"),
        (
            np.array([[0], [1], [2]]),
            ShapeError,
            r"\(3, 3\) like the scores, or class numbers of shape \(3,\), got \(3, 1\)$",
        ),
        (np.full((3, 3), 0.5), ValueError, "rows of t must sum to 1, got 1.5 in row 0$"),
        (
            np.array([[1, 0, 0], [0, 1, 1], [0, 0, 1]]),
            ValueError,
            "rows of t must sum to 1, got 2 in row 1$",
        ),
        (np.array([[1, 0, 0], [2, -1, 0], [0, 0, 1]]), ValueError, "numbers from -1.0 to 2.0$"),
        (
            np.full((3, 3), np.nan),
            ValueError,
            "t must be from 0 to 1, got numbers from nan to nan$",
        ),
    ],
)
def test_softmax_cross_entropy_refuses_what_is_no_class_and_no_distribution(
    t: Target, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        softmax_cross_entropy(np.zeros((3, 3)), t)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("t", "error", "message"),
    [
        (np.array([0, 1, 2]), ValueError, "class numbers from 0 to 1, got 2 at row 2$"),
        (np.array([0, 1]), ShapeError, r"class numbers of shape \(3,\), got \(2,\)$"),
        (np.array([0.0, 1.0, 1.0]), DTypeError, "class numbers as an array of integers"),
        (
            np.array([[0], [1], [2]]),
            ValueError,
            "t must be from 0 to 1, got numbers from 0.0 to 2.0$",
        ),
        (np.array([[0], [1], [-0.5]]), ValueError, "numbers from -0.5 to 1.0$"),
        (np.full((3, 1), np.nan), ValueError, "numbers from nan to nan$"),
        (np.zeros((3, 2)), ShapeError, r"like the scores, or class numbers of shape \(3,\)"),
    ],
)
def test_sigmoid_cross_entropy_refuses_what_is_no_probability(
    t: Target, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        sigmoid_cross_entropy(np.zeros((3, 1)), t)  # type: ignore[arg-type]


def test_of_several_outputs_sigmoid_cross_entropy_takes_no_class_numbers() -> None:
    with pytest.raises(ShapeError, match=r"t of shape \(3, 2\) like the scores, got \(3,\)$"):
        sigmoid_cross_entropy(np.zeros((3, 2)), np.array([0, 1, 1]))


@pytest.mark.parametrize("loss", [softmax_cross_entropy, sigmoid_cross_entropy])
def test_targets_beyond_the_range_of_the_scores_are_refused_without_a_warning(loss: Loss) -> None:
    with pytest.raises(ValueError, match="t must be from 0 to 1, got numbers from"):
        loss(np.zeros((1, 1), np.float16), np.full((1, 1), 1e9))


def test_a_column_of_outputs_is_not_broadcast_against_a_vector_of_targets() -> None:
    with pytest.raises(ShapeError, match=r"t of shape \(5, 1\) like the scores, got \(5,\)$"):
        mean_squared_error(np.zeros((5, 1)), np.zeros(5))
