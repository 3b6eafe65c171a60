"""The scores and targets that losses, `accuracy` and `one_hot` accept, and those they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from loss_cases import LOSSES, Loss, Target, class_numbers, integers, sizes
from strategies import dtypes, normal_array, seeds

import funnet as fn
from funnet import DTypeError, Float, Matrix, ShapeError
from funnet.data import one_hot

# Any: the tests pass right and wrong arguments of every type.
OnTargets = Callable[[Any, Any], Any]


def one_hot_like(scores: Matrix, t: Target) -> Matrix:
    return one_hot(t, scores.shape[1])  # type: ignore[arg-type]


ON_ROWS: dict[str, OnTargets] = LOSSES | {"accuracy": fn.accuracy}
ON_CLASSES: dict[str, OnTargets] = {
    "softmax_cross_entropy": fn.softmax_cross_entropy,
    "accuracy": fn.accuracy,
    "one_hot": one_hot_like,
}
ON_DISTRIBUTIONS = ("softmax_cross_entropy", "accuracy")

every_function = pytest.mark.parametrize("f", ON_ROWS.values(), ids=ON_ROWS.keys())
of_classes = pytest.mark.parametrize("f", ON_CLASSES.values(), ids=ON_CLASSES.keys())
of_distributions = pytest.mark.parametrize(
    "f", [ON_ROWS[name] for name in ON_DISTRIBUTIONS], ids=ON_DISTRIBUTIONS
)
every_cross_entropy = pytest.mark.parametrize(
    "loss", [fn.softmax_cross_entropy, fn.sigmoid_cross_entropy]
)


def data(result: Any) -> list[bytes]:
    """Return the bytes of a number, of an array, or of each element of a pair."""
    return [np.asarray(x).tobytes() for x in (result if isinstance(result, tuple) else [result])]


@of_classes
@given(seed=seeds, size=sizes, dtype=dtypes, integer=integers)
def test_class_numbers_may_have_any_integer_dtype(
    f: OnTargets, seed: int, size: tuple[int, int], dtype: type[Float], integer: str
) -> None:
    n, n_classes = size[0], size[1] + 1
    scores, t = normal_array(seed, n, n_classes, dtype=dtype), class_numbers(seed, n, n_classes)

    assert data(f(scores, t.astype(integer))) == data(f(scores, t))


@of_distributions
@given(seed=seeds, dtype=dtypes, numeric=integers | st.sampled_from(["?", "f2", ">f4", "f8", "g"]))
def test_one_hot_rows_may_have_any_numeric_dtype(
    f: OnTargets, seed: int, dtype: type[Float], numeric: str
) -> None:
    scores, rows = normal_array(seed, 5, 3, dtype=dtype), np.eye(3)[class_numbers(seed, 5, 3)]

    assert data(f(scores, rows.astype(numeric))) == data(f(scores, rows))


@every_function
@pytest.mark.parametrize(
    ("scores", "error", "message"),
    [
        ([[1.0, 2.0]], DTypeError, r"NumPy array of floats, got list; .* np\.asarray\("),
        (None, DTypeError, "got NoneType;"),
        (
            np.array([[1, 2]]),
            DTypeError,
            r"got int64(; convert it with \.astype\(|\[1, 2\]; for pred)",
        ),
        (np.array([[True]]), DTypeError, "got bool;"),
        (np.array([[1j]]), DTypeError, "got complex128;"),
        (np.float64(1), DTypeError, "got float64;"),
        (np.array(1.0), ShapeError, r"at least one sample.*, got (shape )?\(\)$"),
        (np.empty((0, 3)), ShapeError, r"at least one sample.*, got (shape )?\(0, 3\)$"),
        (np.empty((3, 0)), ShapeError, r"at least one sample.*, got (shape )?\(3, 0\)$"),
    ],
)
def test_scores_must_be_a_batch_of_floats(
    f: OnTargets, scores: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"scores .*{message}"):
        f(scores, scores)


@pytest.mark.parametrize(
    "f", [fn.softmax_cross_entropy, fn.sigmoid_cross_entropy, fn.accuracy], ids=lambda f: f.__name__
)
@pytest.mark.parametrize("shape", [(3,), (3, 2, 2)])
def test_scores_of_a_classification_must_have_rank_2(f: OnTargets, shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"scores of shape \(N, C\) .*, got \(3,"):
        f(np.zeros(shape), np.zeros(shape))


@pytest.mark.parametrize(
    "loss", [fn.mean_squared_error, fn.sum_squared_error, fn.mean_absolute_error, fn.huber_loss]
)
@pytest.mark.parametrize("shape", [(3,), (1,), ()])
def test_squared_errors_refuse_one_sample_without_an_axis_of_samples(
    loss: Loss, shape: tuple[int, ...]
) -> None:
    """Deep Learning from Scratch, section 4.2, passes one vector."""
    hint = r".*pass y\[np\.newaxis\] and t\[np\.newaxis\]" if shape else "$"
    y, t = np.full(shape, 0.6), np.ones(shape)

    with pytest.raises(ShapeError, match=rf"one row per sample.*, got shape \([\d,]*\){hint}"):
        loss(y, t)

    if shape:
        assert loss(y[np.newaxis], t[np.newaxis])[0] > 0


@every_function
@pytest.mark.parametrize(
    ("t", "error", "message"),
    [
        ([[1, 0], [0, 1]], DTypeError, "array of numbers, got list; convert it with np.asarray"),
        (None, DTypeError, "array of numbers, got NoneType"),
        (np.array([["a", "b"], ["c", "d"]]), DTypeError, r"numbers, got <U1\[2, 2\]"),
        (np.full((2, 2), 1j), DTypeError, r"numbers, got complex128\[2, 2\]"),
        (np.full((2, 2), 1, object), DTypeError, r"numbers, got object\[2, 2\]"),
        (
            np.zeros((2, 1)),
            ShapeError,
            r"t must have shape \(2, 2\), .*, got \(2, 1\)",
        ),
        (
            np.zeros((1, 2)),
            ShapeError,
            r"t must have shape \(2, 2\), .*, got \(1, 2\)",
        ),
        (np.array(1), ShapeError, r"t must have shape \(2, 2\), .*, got \(\)"),
    ],
)
def test_targets_must_be_numbers_with_the_shape_of_the_scores(
    f: OnTargets, t: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        f(np.zeros((2, 2)), t)


@of_classes
@pytest.mark.parametrize(
    ("t", "error", "message"),
    [
        (np.array([0, 3, -1]), ValueError, "class labels must be from 0 to 2, got 3 at row 1$"),
        (np.array([0, -1, 3]), ValueError, "class labels must be from 0 to 2, got -1 at row 1$"),
        (np.array([0, 1, 255], np.uint8), ValueError, "got 255 at row 2$"),
        (np.array([2**64 - 1, 0, 0], np.uint64), ValueError, f"got {2**64 - 1} at row 0$"),
        (
            np.array([0.0, 1.0, 2.0]),
            DTypeError,
            r"an array of integers, got float64\[3\]; convert them with \.astype\(np\.int64\)$",
        ),
        (np.array([True, False, True]), DTypeError, r"integers, got bool\[3\]"),
        (np.array(["a", "b", "c"]), DTypeError, r"number them by classes, t = np\.unique\(t, "),
        (np.array([0, 1, 2], "m8[s]"), DTypeError, "integers, got timedelta64"),
    ],
)
def test_class_numbers_must_be_integers_from_0_to_the_last_class(
    f: OnTargets, t: Target, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        f(np.zeros((3, 3)), t)


def test_two_classes_and_one_column_need_another_cross_entropy() -> None:
    with pytest.raises(ValueError, match=r"got 1 at row 1; for two .*, use sigmoid_cross_entropy$"):
        fn.softmax_cross_entropy(np.zeros((2, 1)), np.array([0, 1]))


@of_distributions
@pytest.mark.parametrize(
    ("t", "error", "message"),
    [
        (np.array([0, 1]), ShapeError, r"class labels must have shape \(3,\), got \(2,\)$"),
        (np.array([], int), ShapeError, r"class labels must have shape \(3,\), got \(0,\)$"),
        (
            np.array([[0], [1], [2]]),
            ShapeError,
            r"\(3, 3\), as the scores, or \(3,\) for class labels, got \(3, 1\)$",
        ),
        (np.full((3, 3), 0.5), ValueError, "rows of t must sum to 1, got 1.5 in row 0$"),
        (np.diag([1, 1, 0]), ValueError, "rows of t must sum to 1, got 0 in row 2$"),
        (
            np.array([[1, 0, 0], [0, 1, 1], [0, 0, 1]]),
            ValueError,
            "rows of t must sum to 1, got 2 in row 1$",
        ),
        (np.array([[1, 0, 0], [2, -1, 0], [0, 0, 1]]), ValueError, "numbers from -1.0 to 2.0$"),
        (np.full((3, 3), np.nan), ValueError, "t must be from 0 to 1, got numbers from nan to nan"),
    ],
)
def test_targets_must_be_one_class_or_one_distribution_per_sample(
    f: OnTargets, t: Target, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        f(np.zeros((3, 3)), t)


@pytest.mark.parametrize(
    ("t", "error", "message"),
    [
        (np.array([0, 1, 2]), ValueError, "class labels must be from 0 to 1, got 2 at row 2$"),
        (np.array([0, 1]), ShapeError, r"class labels must have shape \(3,\), got \(2,\)$"),
        (np.array([0.0, 1.0, 1.0]), DTypeError, "class labels must be an array of integers"),
        (np.array([[0], [1], [2]]), ValueError, "t must be from 0 to 1, got numbers from 0.0 to 2"),
        (np.array([[0], [1], [-0.5]]), ValueError, "numbers from -0.5 to 1.0$"),
        (np.full((3, 1), np.nan), ValueError, "numbers from nan to nan$"),
        (np.zeros((3, 2)), ShapeError, r"as the scores, or \(3,\) for class labels"),
    ],
)
def test_targets_of_sigmoid_cross_entropy_must_be_probabilities(
    t: Target, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        fn.sigmoid_cross_entropy(np.zeros((3, 1)), t)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("loss", "n_outputs", "hint"),
    [
        (fn.sigmoid_cross_entropy, 2, ""),
        (fn.mean_squared_error, 2, ""),
        (fn.mean_squared_error, 1, r"; use t\[:, np\.newaxis\]"),
    ],
)
def test_a_vector_of_targets_is_not_broadcast_against_the_outputs(
    loss: Loss, n_outputs: int, hint: str
) -> None:
    says = rf"^t must have shape \(3, {n_outputs}\), as the scores, got \(3,\){hint}$"
    with pytest.raises(ShapeError, match=says):
        loss(np.zeros((3, n_outputs)), np.array([0, 1, 1]))


@every_cross_entropy
def test_targets_beyond_the_range_of_the_scores_are_refused_without_a_warning(loss: Loss) -> None:
    with pytest.raises(ValueError, match="t must be from 0 to 1, got numbers from"):
        loss(np.zeros((1, 1), np.float16), np.full((1, 1), 1e9))
