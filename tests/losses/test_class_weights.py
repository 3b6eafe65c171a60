"""Weights of rows by class are those of scikit-learn, or those of a table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from strategies import few

import funnet as fn
from funnet import DTypeError, ShapeError


@few
@given(t=st.lists(st.integers(0, 5), min_size=1, max_size=30))
def test_balanced_weights_are_those_of_scikit_learn(t: list[int]) -> None:
    utils = pytest.importorskip("sklearn.utils.class_weight")

    ours = fn.class_weights(np.array(t), "balanced")

    np.testing.assert_allclose(ours, utils.compute_sample_weight("balanced", t), rtol=1e-15)


@pytest.mark.parametrize(
    "table", [{0: 1, 1: 2.5, 2: 0, 7: -1}, [1, 2.5, 0], (1.0, 2.5, 0), np.array([1, 2.5, 0])]
)
@pytest.mark.parametrize("integer", ["i1", "u8", ">i4"])
def test_weights_of_classes_are_looked_up(table: Any, integer: str) -> None:
    w = fn.class_weights(np.array([2, 0, 1, 1]).astype(integer), table)

    assert w.dtype == np.float64
    assert w.tolist() == [0, 1, 2.5, 2.5]


def test_a_mapping_may_weigh_rows_without_a_label() -> None:
    assert fn.class_weights(np.array([-1, 0]), {-1: 0, 0: 1}).tolist() == [0, 1]


def test_no_rows_have_no_weights() -> None:
    t = np.array([], np.int64)

    assert fn.class_weights(t, "balanced").shape == (0,)
    assert fn.class_weights(t, {}).shape == (0,)


@pytest.mark.parametrize(
    ("t", "weights", "error", "message"),
    [
        ([0, 1], "balanced", DTypeError, "labels must be an array of integers, got list"),
        (np.array([0.0, 1.0]), "balanced", DTypeError, r"integers, got float64\[2\]"),
        (np.array(["a", "b"]), "balanced", DTypeError, "number them by classes, t = np.unique"),
        (np.eye(2, dtype=int), "balanced", ShapeError, r"must have shape \(N,\), got \(2, 2\)"),
        (np.array([0, 1]), "auto", ValueError, "weights must be \"balanced\" or .*, got 'auto'"),
        (np.array([0, 3]), {0: 1.0}, ValueError, "weights must have a number for class 3"),
        (np.array([0, 3]), [1.0, 1.0], ValueError, "weights must have a number for class 3"),
        (np.array([0, -1]), [1.0, 1.0], ValueError, "weights must have a number for class -1"),
        (np.array([0]), {0: -1}, ValueError, "weight of class 0 must be finite and >= 0, got -1"),
        (np.array([0]), [np.nan], ValueError, "weight of class 0 must be finite and >= 0, got nan"),
        (np.array([0]), [np.inf], ValueError, "weight of class 0 must be finite and >= 0, got inf"),
        (np.array([0]), {0: "1"}, TypeError, "weight of class 0 must be a number, got '1'"),
        (np.array([0]), None, TypeError, 'weights must be "balanced", .*, got NoneType'),
        (
            np.array([0]),
            np.array(2.0),
            TypeError,
            r'weights must be "balanced", .*, got float64\[\]',
        ),
        (
            np.array([0]),
            np.array(["1"]),
            TypeError,
            r"weight of class 0 must be a number, got .*'1'",
        ),
        (np.array([0]), 2.0, TypeError, 'weights must be "balanced", .*, got float'),
    ],
)
def test_class_weights_that_do_not_fit_are_refused(
    t: Any, weights: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        fn.class_weights(t, weights)
