"""`one_hot`."""

from typing import assert_type

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays

from funnet import DTypeError, ShapeError
from funnet.core.arrays import Float, LabelsLike
from funnet.data import one_hot

Integers = st.sampled_from(["i1", "u1", ">i2", "i4", "i8", "u8"])


@given(data=st.data(), dtype=Integers, n_classes=st.integers(1, 12))
def test_each_row_is_the_unit_vector_of_its_label(
    data: st.DataObject, dtype: str, n_classes: int
) -> None:
    t = data.draw(arrays(dtype, st.integers(0, 9), elements=st.integers(0, n_classes - 1)))

    assert np.array_equal(one_hot(t, n_classes), np.eye(n_classes)[t.astype(np.int64)])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_rows_have_the_given_dtype(dtype: type[Float]) -> None:
    assert one_hot(np.array([1, 0]), 2, dtype).dtype == dtype


def test_mypy_knows_the_type() -> None:
    t = np.array([1, 0])

    assert_type(one_hot(t, 2), np.ndarray[tuple[int, int], np.dtype[np.float32]])
    assert_type(one_hot(t, 2, np.float64), np.ndarray[tuple[int, int], np.dtype[np.float64]])


@pytest.mark.parametrize(
    ("t", "error", "says"),
    [
        ([0, 1], DTypeError, "integers, got list"),
        (np.array([[0, 1]]), ShapeError, r"got \(1, 2\)"),
        (np.array(1), ShapeError, r"got \(\)"),
    ],
)
def test_labels_must_be_a_vector(t: LabelsLike, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        one_hot(t, 3)


def test_the_dtype_must_be_a_float_type() -> None:
    with pytest.raises(TypeError, match=r"dtype must be np\.float16"):
        one_hot(np.array([0]), 1, np.int64)  # type: ignore[type-var]


def test_labels_may_be_read_only_and_are_not_modified() -> None:
    t: npt.NDArray[np.int64] = np.array([2, 0, 1])
    t.setflags(write=False)

    assert one_hot(t, 3).argmax(axis=1).tolist() == t.tolist() == [2, 0, 1]
