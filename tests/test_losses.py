"""Losses: their values, and dscores against central differences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, assert_type

import numpy as np
import numpy.typing as npt
import pytest
import scipy.special
from hypothesis import given, strategies as st
from strategies import (
    LAYOUTS,
    AnyArray,
    dtypes,
    few,
    float_arrays,
    matrix_shapes,
    normal_array,
    seeds,
)

from funnet import (
    DTypeError,
    Float,
    Matrix,
    ShapeError,
    mean_squared_error,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
    sum_squared_error,
)

# Any: the tests hand over right and wrong targets of every type.
Loss = Callable[[Any, Any], tuple[float, Matrix]]
Target = npt.NDArray[np.generic]
Draw = Callable[[int, int, int], Target]
Layout = Callable[[Target], Target]

LOSSES: dict[str, Loss] = {
    "softmax_cross_entropy": softmax_cross_entropy,
    "sigmoid_cross_entropy": sigmoid_cross_entropy,
    "mean_squared_error": mean_squared_error,
    "sum_squared_error": sum_squared_error,
}

every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())
every_dtype = pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])

scores_of_any_size = float_arrays(shapes=matrix_shapes) | float_arrays(
    shapes=matrix_shapes, elements=lambda _: st.floats(-20, 20, width=16)
)
sizes = st.tuples(st.integers(1, 6), st.integers(1, 6))
layouts = st.sampled_from(list(LAYOUTS.values()))
integers = st.sampled_from(["i1", "u1", "i2", ">u2", "i4", ">i4", "u4", "i8", "u8"])


def class_numbers(seed: int, n: int, n_classes: int) -> npt.NDArray[np.int64]:
    return np.random.default_rng(seed).integers(0, n_classes, n)


def one_hot_rows(seed: int, n: int, n_classes: int) -> npt.NDArray[np.int64]:
    return np.eye(n_classes, dtype=np.int64)[class_numbers(seed, n, n_classes)]


def distributions(seed: int, n: int, n_classes: int) -> npt.NDArray[np.float64]:
    return np.random.default_rng(seed).dirichlet(np.ones(n_classes), n)


def bits(seed: int, n: int, n_outputs: int) -> npt.NDArray[np.bool]:
    return np.random.default_rng(seed).random((n, n_outputs)) < 0.5


def bit_numbers(seed: int, n: int, _: int) -> npt.NDArray[np.int64]:
    return class_numbers(seed, n, 2)


def shares(seed: int, n: int, n_outputs: int) -> npt.NDArray[np.float64]:
    return np.random.default_rng(seed).random((n, n_outputs))


def numbers(seed: int, n: int, n_outputs: int) -> AnyArray:
    return normal_array(seed, n, n_outputs)


CASES: list[tuple[Loss, Draw]] = [
    (softmax_cross_entropy, class_numbers),
    (softmax_cross_entropy, one_hot_rows),
    (softmax_cross_entropy, distributions),
    (sigmoid_cross_entropy, bits),
    (sigmoid_cross_entropy, shares),
    (mean_squared_error, numbers),
    (mean_squared_error, one_hot_rows),
    (sum_squared_error, numbers),
    (sum_squared_error, one_hot_rows),
]

every_case = pytest.mark.parametrize(
    ("loss", "target"), CASES, ids=[f"{loss.__name__} of {t.__name__}" for loss, t in CASES]
)

worst_error = {"figure": 0.0}


@pytest.fixture(scope="module", autouse=True)
def _print_the_worst_error() -> Iterator[None]:
    yield
    print(f"\nworst relative error of dscores: {worst_error['figure']:.1e}")


def derivatives(f: Callable[[AnyArray], float], x: AnyArray, h: float = 1e-3) -> AnyArray:
    """Return the gradient by central differences of fourth order (Fornberg 1988, table 1)."""
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        unit = np.zeros_like(x)
        unit[index] = h
        near, far = (f(x + k * unit) - f(x - k * unit) for k in (1, 2))
        gradient[index] = (8 * near - far) / (12 * h)
    return gradient


@every_case
@given(seed=seeds, size=sizes)
def test_dscores_is_the_derivative_of_the_loss(
    loss: Loss, target: Draw, seed: int, size: tuple[int, int]
) -> None:
    scores, t = normal_array(seed, *size, scale=2), target(seed, *size)

    _, dscores = loss(scores, t)
    numerical = derivatives(lambda x: loss(x, t)[0], scores)

    error = np.abs(dscores - numerical).max() / max(np.abs(numerical).max(), 1e-2)
    worst_error["figure"] = max(worst_error["figure"], float(error))
    assert error < 1e-9


def scores_and_classes(
    seed: int, dtype: type[Float] = np.float64
) -> tuple[AnyArray, npt.NDArray[np.int64]]:
    return normal_array(seed, 5, 3, dtype=dtype, scale=4), class_numbers(seed, 5, 3)


@pytest.mark.parametrize("seed", range(10))
def test_softmax_cross_entropy_is_the_log_loss_of_scikit_learn(seed: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    scores, t = scores_and_classes(seed)

    loss, _ = softmax_cross_entropy(scores, t)

    expected = metrics.log_loss(t, scipy.special.softmax(scores, axis=1), labels=[0, 1, 2])
    assert loss == pytest.approx(expected, rel=1e-9)


@given(seed=seeds, size=sizes)
def test_softmax_cross_entropy_weighs_log_softmax_with_the_probabilities(
    seed: int, size: tuple[int, int]
) -> None:
    scores, t = normal_array(seed, *size, scale=9), distributions(seed, *size)

    loss, dscores = softmax_cross_entropy(scores, t)

    expected = -(t * scipy.special.log_softmax(scores, axis=1)).sum() / size[0]
    assert loss == pytest.approx(expected, rel=1e-13, abs=1e-15)
    np.testing.assert_allclose(
        dscores, (scipy.special.softmax(scores, axis=1) - t) / size[0], atol=1e-15
    )


@given(seed=seeds, size=sizes)
def test_sigmoid_cross_entropy_adds_up_the_outputs_of_a_sample(
    seed: int, size: tuple[int, int]
) -> None:
    scores, t = normal_array(seed, *size, scale=9), shares(seed, *size)

    loss, dscores = sigmoid_cross_entropy(scores, t)

    log_y, log_not_y = scipy.special.log_expit(scores), scipy.special.log_expit(-scores)
    assert loss == pytest.approx(-(t * log_y + (1 - t) * log_not_y).sum() / size[0], rel=1e-13)
    np.testing.assert_allclose(dscores, (scipy.special.expit(scores) - t) / size[0], atol=1e-15)


@pytest.mark.parametrize("seed", range(10))
def test_mean_squared_error_is_that_of_scikit_learn(seed: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    scores, t = normal_array(seed, 5, 3), numbers(seed + 1, 5, 3)

    loss, dscores = mean_squared_error(scores, t)

    assert loss == pytest.approx(metrics.mean_squared_error(t, scores), rel=1e-13)
    np.testing.assert_allclose(dscores, 2 * (scores - t) / scores.size, rtol=1e-15)


@given(seed=seeds, size=sizes)
def test_sum_squared_error_is_half_the_sum_over_the_batch_size(
    seed: int, size: tuple[int, int]
) -> None:
    scores, t = normal_array(seed, *size), numbers(seed + 1, *size)

    loss, dscores = sum_squared_error(scores, t)

    assert loss == pytest.approx(0.5 * ((scores - t) ** 2).sum() / size[0], rel=1e-13)
    np.testing.assert_allclose(dscores, (scores - t) / size[0], rtol=1e-15)


def test_the_textbook_s_example_of_a_two_is_met() -> None:
    """Deep Learning from Scratch, section 4.2: outputs for a digit 2, of 0.0975."""
    y = np.array([[0.1, 0.05, 0.6, 0.0, 0.05, 0.1, 0.0, 0.1, 0.0, 0.0]])

    loss, _ = sum_squared_error(y, np.eye(10, dtype=int)[[2]])

    assert loss == pytest.approx(0.0975)


@given(seed=seeds, size=sizes)
def test_squared_errors_take_a_batch_of_any_rank(seed: int, size: tuple[int, int]) -> None:
    scores, t = normal_array(seed, *size, 2, 3), normal_array(seed + 1, *size, 2, 3)
    rows = size[0], -1

    for loss in (mean_squared_error, sum_squared_error):
        value, dscores = loss(scores, t)
        flat_value, flat_dscores = loss(scores.reshape(rows), t.reshape(rows))

        assert value == flat_value
        assert dscores.tobytes() == flat_dscores.tobytes()
        assert dscores.shape == scores.shape


def same(result: tuple[float, AnyArray], other: tuple[float, AnyArray]) -> bool:
    (loss, dscores), (other_loss, other_dscores) = result, other
    return loss == other_loss and dscores.tobytes() == other_dscores.tobytes()


@given(seed=seeds, dtype=dtypes, integer=integers)
def test_class_numbers_may_be_of_any_integer_type(
    seed: int, dtype: type[Float], integer: str
) -> None:
    scores, t = scores_and_classes(seed, dtype)

    assert same(softmax_cross_entropy(scores, t.astype(integer)), softmax_cross_entropy(scores, t))


@given(seed=seeds, dtype=dtypes, kind=integers | st.sampled_from(["?", "f2", ">f4", "f8", "g"]))
def test_one_hot_rows_may_be_of_any_type_of_number(
    seed: int, dtype: type[Float], kind: str
) -> None:
    scores, t = scores_and_classes(seed, dtype)
    rows = np.eye(3)[t]

    assert same(
        softmax_cross_entropy(scores, rows.astype(kind)), softmax_cross_entropy(scores, rows)
    )


@given(seed=seeds, dtype=dtypes)
def test_class_numbers_and_one_hot_rows_agree(seed: int, dtype: type[Float]) -> None:
    scores, t = scores_and_classes(seed, dtype)

    loss, dscores = softmax_cross_entropy(scores, t)
    loss_of_rows, dscores_of_rows = softmax_cross_entropy(scores, np.eye(3)[t])

    assert loss == pytest.approx(loss_of_rows, rel=1e-15)
    np.testing.assert_allclose(dscores, dscores_of_rows, atol=float(np.finfo(dtype).eps))


@given(seed=seeds, integer=integers)
def test_of_one_output_sigmoid_cross_entropy_takes_class_numbers(seed: int, integer: str) -> None:
    scores, t = normal_array(seed, 5, 1), class_numbers(seed, 5, 2)

    of_classes = sigmoid_cross_entropy(scores, t.astype(integer))

    assert same(of_classes, sigmoid_cross_entropy(scores, t[:, np.newaxis]))


@given(seed=seeds)
def test_one_sigmoid_output_is_a_softmax_over_itself_and_zero(seed: int) -> None:
    scores, t = normal_array(seed, 5, 1, scale=4), class_numbers(seed, 5, 2)

    loss, dscores = sigmoid_cross_entropy(scores, t)
    loss_of_two, dscores_of_two = softmax_cross_entropy(np.hstack([0 * scores, scores]), t)

    assert loss == pytest.approx(loss_of_two, rel=1e-13)
    np.testing.assert_allclose(dscores, dscores_of_two[:, 1:], atol=1e-15)


@every_case
@few
@given(scores=scores_of_any_size, seed=seeds)
def test_the_loss_is_a_float_and_dscores_like_the_scores(
    loss: Loss, target: Draw, scores: AnyArray, seed: int
) -> None:
    value, dscores = loss(scores, target(seed, *scores.shape))

    assert type(value) is float
    assert type(dscores) is np.ndarray
    assert (dscores.dtype, dscores.shape) == (scores.dtype, scores.shape)


@every_case
@few
@given(scores=scores_of_any_size, seed=seeds)
def test_the_arguments_are_left_alone(
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
    """Another order of adding up shows in the last bit of one sum in four."""
    for seed in range(20):
        scores, t = normal_array(seed, 60, 40), target(seed + 1, 60, 40)

        assert same(loss(layout(scores), layout(t)), loss(scores, t))


@every_case
@given(scores=scores_of_any_size, seed=seeds)
def test_no_finite_scores_give_nan_or_a_warning(
    loss: Loss, target: Draw, scores: AnyArray, seed: int
) -> None:
    value, dscores = loss(scores, target(seed, *scores.shape))

    assert value >= 0
    assert not np.isnan(dscores).any()


@given(scores=scores_of_any_size, seed=seeds)
def test_the_gradients_of_a_cross_entropy_are_at_most_one_over_the_batch(
    scores: AnyArray, seed: int
) -> None:
    limit = scores.dtype.type(1 / len(scores))

    for loss, target in CASES[:5]:
        _, dscores = loss(scores, target(seed, *scores.shape))

        assert (np.abs(dscores) <= limit).all()


@given(scores=scores_of_any_size, seed=seeds)
def test_softmax_cross_entropy_is_right_as_far_as_the_dtype_reaches(
    scores: AnyArray, seed: int
) -> None:
    t = class_numbers(seed, *scores.shape)
    with np.errstate(all="ignore"):
        log_p = scipy.special.log_softmax(scores.astype(np.longdouble), axis=1)
        losses = np.minimum(-log_p[np.arange(len(t)), t], np.finfo(scores.dtype).max)
        expected = float(losses.sum() / len(t))

    loss, _ = softmax_cross_entropy(scores, t)

    eps = float(np.finfo(scores.dtype).eps)
    assert loss == pytest.approx(expected, rel=4 * eps, abs=4 * eps) or loss == np.inf


@every_loss
@every_dtype
def test_a_perfect_output_has_a_loss_of_plain_zero(loss: Loss, dtype: type[Float]) -> None:
    """Not -0.0, which would puzzle whoever sees it printed."""
    t = np.eye(3, dtype=dtype)
    perfect = 3000 * (2 * t - 1) if "cross_entropy" in loss.__name__ else t

    value, dscores = loss(perfect, t)

    assert str(value) == "0.0"
    assert not dscores.any()


def test_of_class_numbers_a_perfect_output_has_a_loss_of_plain_zero() -> None:
    assert str(softmax_cross_entropy(np.array([[1000.0, 0.0]]), np.array([0]))[0]) == "0.0"


@every_case
@given(seed=seeds, size=sizes, dtype=dtypes)
def test_the_loss_is_the_mean_of_those_of_the_samples(
    loss: Loss, target: Draw, seed: int, size: tuple[int, int], dtype: type[Float]
) -> None:
    """It is summed in float64, whatever the dtype of the scores."""
    scores, t = normal_array(seed, *size, dtype=dtype), target(seed, *size)

    value, dscores = loss(scores, t)
    values, rows = zip(*(loss(scores[[i]], t[[i]]) for i in range(len(t))), strict=True)

    eps = float(np.finfo(dtype).eps)
    assert value == pytest.approx(np.mean(values), rel=1e-13)
    np.testing.assert_allclose(dscores, np.concatenate(rows) / len(t), rtol=4 * eps, atol=eps)


@given(scores=scores_of_any_size)
def test_squares_are_right_beyond_the_dtype_of_the_scores(scores: AnyArray) -> None:
    """300² is beyond float16."""
    with np.errstate(over="ignore"):
        expected = (scores.astype(np.float64) ** 2).sum()

    loss, _ = sum_squared_error(scores, np.zeros_like(scores))

    assert loss == pytest.approx(expected / (2 * len(scores)), rel=1e-13)


@every_loss
@every_dtype
def test_no_batch_is_too_large_for_its_gradients(loss: Loss, dtype: type[Float]) -> None:
    """In float16, the number of rows is infinite from 65520 on."""
    n = 70000
    scores, t = np.zeros((n, 1), dtype), np.ones((n, 1))
    if loss is softmax_cross_entropy:
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
        (np.full((3, 3), 0.5), ValueError, "rows of t that sum to 1, got 1.5 in row 0$"),
        (
            np.array([[1, 0, 0], [0, 1, 1], [0, 0, 1]]),
            ValueError,
            "rows of t that sum to 1, got 2 in row 1$",
        ),
        (np.array([[1, 0, 0], [2, -1, 0], [0, 0, 1]]), ValueError, "numbers from -1.0 to 2.0$"),
        (np.full((3, 3), np.nan), ValueError, "t from 0 to 1, got numbers from nan to nan$"),
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
        (np.array([[0], [1], [2]]), ValueError, "t from 0 to 1, got numbers from 0.0 to 2.0$"),
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
    with pytest.raises(ValueError, match="expected t from 0 to 1, got numbers from"):
        loss(np.zeros((1, 1), np.float16), np.full((1, 1), 1e9))


def test_a_column_of_outputs_is_not_broadcast_against_a_vector_of_targets() -> None:
    with pytest.raises(ShapeError, match=r"t of shape \(5, 1\) like the scores, got \(5,\)$"):
        mean_squared_error(np.zeros((5, 1)), np.zeros(5))
