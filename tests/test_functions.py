"""Activation functions on arrays."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
import scipy.special
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import array_shapes
from strategies import LAYOUTS, AnyArray, dtypes, few, float_arrays, normal_array

import funnet as fn

Function = Callable[[AnyArray], AnyArray]
Exact = npt.NDArray[np.longdouble]

ELEMENTWISE: dict[str, Function] = {
    f.__name__: f for f in (fn.identity, fn.relu, fn.sigmoid, fn.step_function, fn.tanh)
}
OVER_CLASSES: dict[str, Function] = {f.__name__: f for f in (fn.softmax, fn.log_softmax)}
FUNCTIONS = ELEMENTWISE | OVER_CLASSES

every_function = pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS.keys())
every_elementwise = pytest.mark.parametrize("f", ELEMENTWISE.values(), ids=ELEMENTWISE.keys())
every_over_classes = pytest.mark.parametrize("f", OVER_CLASSES.values(), ids=OVER_CLASSES.keys())
every_layout = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
every_dtype = pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])

scores = float_arrays(shapes=array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=6))
near_zero = float_arrays(elements=lambda _: st.floats(-20, 20, width=16))
near_scores = float_arrays(
    shapes=array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=6),
    elements=lambda _: st.floats(-20, 20, width=16),
)


def exact(f: Callable[[Exact], Exact], x: AnyArray) -> Exact:
    """Return a reference result in the widest float type."""
    with np.errstate(all="ignore"):
        return f(x.astype(np.longdouble))


def assert_close(y: AnyArray, expected: Exact, *, rtol: float = 4, atol: float = 0) -> None:
    """Compare with tolerances in epsilons of the dtype, and its smallest numbers."""
    limits = np.finfo(y.dtype)
    np.testing.assert_allclose(
        y.astype(np.longdouble),
        np.clip(expected, limits.min, limits.max),
        rtol=rtol * float(limits.eps),
        atol=atol * float(limits.eps) + 4 * float(limits.smallest_subnormal),
    )


@given(x=float_arrays() | near_zero)
def test_sigmoid_agrees_with_scipy(x: AnyArray) -> None:
    assert_close(fn.sigmoid(x), exact(scipy.special.expit, x))


@given(x=float_arrays() | near_zero)
def test_tanh_agrees_with_long_double(x: AnyArray) -> None:
    assert_close(fn.tanh(x), exact(np.tanh, x))


@given(x=scores | near_scores)
def test_softmax_agrees_with_scipy(x: AnyArray) -> None:
    """The rounding of a score below the highest counts as often as there are units in it."""
    furthest = -np.log(float(np.finfo(x.dtype).smallest_subnormal))

    expected = exact(lambda x: scipy.special.softmax(x, axis=-1), x)

    assert_close(fn.softmax(x), expected, rtol=4 + furthest)


@given(x=scores | near_scores)
def test_log_softmax_agrees_with_scipy_or_is_the_lowest_number(x: AnyArray) -> None:
    expected = exact(lambda x: scipy.special.log_softmax(x, axis=-1), x)

    assert_close(fn.log_softmax(x), expected, atol=4)


@given(x=float_arrays())
def test_relu_is_the_larger_of_x_and_zero(x: AnyArray) -> None:
    assert fn.relu(x).ravel().tolist() == [max(value, 0) for value in x.ravel().tolist()]


@given(x=float_arrays())
def test_step_is_one_above_zero_only(x: AnyArray) -> None:
    assert fn.step_function(x).ravel().tolist() == [int(value > 0) for value in x.ravel().tolist()]


@given(x=float_arrays())
def test_identity_is_the_array_itself(x: AnyArray) -> None:
    assert fn.identity(x) is x


@given(dtype=dtypes, n=st.integers(1, 400), c=st.floats(-1000, 1000, width=16))
def test_equal_scores_have_equal_probabilities(dtype: type[fn.Float], n: int, c: float) -> None:
    p = fn.softmax(np.full(n, c, dtype))

    assert set(p.tolist()) == {float(dtype(Fraction(1, n)))}


@every_dtype
@pytest.mark.parametrize("order", ["C", "F"])
def test_no_number_of_classes_is_too_large(dtype: type[fn.Float], order: str) -> None:
    """In float16, a running sum of ones stops at 2048, and sums above 65504 are infinite."""
    x = np.zeros((2, 70000), dtype, order)  # type: ignore[call-overload]

    assert_close(fn.softmax(x), np.full(x.shape, 1 / 70000, np.longdouble))
    assert_close(fn.log_softmax(x), np.full(x.shape, -np.log(np.longdouble(70000))))


@every_function
@given(x=scores)
def test_finite_input_gives_finite_output_of_its_dtype_and_shape_and_is_not_modified(
    f: Function, x: AnyArray
) -> None:
    before = x.tobytes()

    y = f(x)

    assert np.isfinite(y).all()
    assert type(y) is np.ndarray
    assert (y.dtype, y.shape) == (x.dtype, x.shape)
    assert x.tobytes() == before


@every_function
@given(x=scores | near_scores, layout=st.sampled_from(list(LAYOUTS.values())))
def test_the_layout_of_the_input_changes_no_bit(f: Function, x: AnyArray, layout: Function) -> None:
    y = f(layout(x))

    assert y.dtype.type is x.dtype.type
    assert y.astype(x.dtype).tobytes() == f(x).tobytes()


@every_over_classes
@every_layout
@every_dtype
def test_the_layout_of_the_input_changes_no_bit_of_a_long_sum(
    f: Function, layout: Function, dtype: type[fn.Float]
) -> None:
    x = normal_array(0, 5, 100, dtype=dtype)

    assert f(layout(x)).tobytes() == f(x).tobytes()


@pytest.mark.parametrize(
    "f", [fn.relu, fn.sigmoid, fn.step_function, fn.tanh, fn.softmax, fn.log_softmax]
)
@every_layout
def test_the_result_is_a_new_plain_array(f: Function, layout: Function) -> None:
    x = layout(np.ones((3, 2)))

    y = f(x)

    assert type(y) is np.ndarray
    assert y.flags.writeable
    assert not np.shares_memory(x, y)


@every_elementwise
@given(x=float_arrays(elements=lambda dtype: st.just(np.nan) | st.floats(-9, 9, width=16)))
def test_nan_passes_through(f: Function, x: AnyArray) -> None:
    assert (np.isnan(f(x)) == np.isnan(x)).all()


@every_over_classes
@given(
    x=float_arrays(
        shapes=array_shapes(min_dims=1, max_side=4),
        elements=lambda dtype: st.just(np.nan) | st.floats(-9, 9, width=16),
    )
)
def test_nan_makes_exactly_its_row_nan(f: Function, x: AnyArray) -> None:
    rows_with_nan = np.isnan(x).any(axis=-1, keepdims=True)

    assert (np.isnan(f(x)) == rows_with_nan).all()


@every_over_classes
def test_a_score_of_minus_infinity_removes_a_class(f: Function) -> None:
    x = np.array([1.0, -np.inf, 3.0])

    np.testing.assert_array_equal(f(x)[[0, 2]], f(x[[0, 2]]))


@every_function
@every_dtype
def test_an_empty_array_gives_an_empty_array(f: Function, dtype: type[fn.Float]) -> None:
    y = f(np.empty((0, 4), dtype))

    assert (y.dtype.type, y.shape) == (dtype, (0, 4))


@every_over_classes
@pytest.mark.parametrize("shape", [(), (0,), (3, 0)])
def test_softmax_requires_at_least_one_class(f: Function, shape: tuple[int, ...]) -> None:
    with pytest.raises(fn.ShapeError, match="expected x with at least one class in its last axis"):
        f(np.empty(shape))


@every_elementwise
@few
@given(x=float_arrays(shapes=st.just(())))
def test_an_array_of_rank_0_gives_an_array_of_rank_0(f: Function, x: AnyArray) -> None:
    y = f(x)

    assert type(y) is np.ndarray
    assert (y.dtype, y.shape) == (x.dtype, ())
    assert y.tolist() == f(x.reshape(1)).tolist()[0]


@every_function
@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([1.0, 2.0], r"NumPy array of floats, got list; convert it with np\.asarray\("),
        (1.0, "got float;"),
        (np.float32(1), "got float32;"),
        (None, "got NoneType;"),
        (np.array([1, 2]), r"float16, float32 or float64, got int64; .* \.astype\(np\.float32\)"),
        (np.array([True]), "got bool;"),
        (np.array([1j]), "got complex128;"),
        (np.array(["a"]), "got <U1;"),
        (np.array([1], object), "got object;"),
        (np.array([1], "M8[s]"), r"got datetime64\[s\];"),
    ],
)
def test_a_value_other_than_a_float_array_is_refused(
    f: Function, x: AnyArray, message: str
) -> None:
    with pytest.raises(fn.DTypeError, match=f"^x must .*{message}"):
        f(x)


@given(x=scores)
def test_softmax_sums_to_one(x: AnyArray) -> None:
    sums = fn.softmax(x).sum(axis=-1, dtype=np.float64)

    np.testing.assert_allclose(sums, 1, atol=6 * float(np.finfo(x.dtype).eps))


@given(x=near_scores, shift=st.integers(-8, 8))
def test_softmax_is_invariant_to_a_shift_of_all_scores(x: AnyArray, shift: int) -> None:
    whole = np.round(x)

    assert (fn.softmax(whole + x.dtype.type(shift)) == fn.softmax(whole)).all()
