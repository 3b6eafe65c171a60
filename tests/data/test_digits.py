"""`load_digits`."""

import sys
from itertools import product
from typing import assert_type

import numpy as np
import pytest
from programs import python

from funnet.core.arrays import Labels
from funnet.data import load_digits

Flat = np.ndarray[tuple[int, int], np.dtype[np.float32]]
Grid = np.ndarray[tuple[int, int, int, int], np.dtype[np.float32]]
AnySamples = tuple[np.ndarray[tuple[int, ...], np.dtype[np.float32 | np.uint8]], Labels | Flat]

pytest.importorskip("sklearn")


@pytest.mark.parametrize(
    ("normalize", "flatten", "one_hot_label"), list(product([True, False], repeat=3))
)
def test_options_decide_shapes_and_dtypes(
    *, normalize: bool, flatten: bool, one_hot_label: bool
) -> None:
    split = load_digits(normalize=normalize, flatten=flatten, one_hot_label=one_hot_label)

    for (x, t), n in zip(split, (1500, 297), strict=True):
        assert x.shape == ((n, 64) if flatten else (n, 1, 8, 8))
        assert x.dtype == (np.float32 if normalize else np.uint8)
        assert x.min() == 0
        assert x.max() == (1 if normalize else 16)
        assert t.shape == ((n, 10) if one_hot_label else (n,))
        assert t.dtype == (np.float32 if one_hot_label else np.int64)


def test_both_parts_together_hold_the_samples_of_scikit_learn() -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    (x_train, t_train), (x_test, t_test) = load_digits(normalize=False)
    pixels, labels = datasets.load_digits(return_X_y=True)

    ours = np.column_stack([np.vstack([x_train, x_test]), np.hstack([t_train, t_test])])

    assert sorted(ours.tolist()) == sorted(np.column_stack([pixels, labels]).tolist())


def test_the_split_is_fixed() -> None:
    (_, t_train), (_, t_test) = load_digits()

    assert t_train[:12].tolist() == [0, 6, 3, 8, 1, 8, 4, 1, 5, 8, 9, 7]
    assert t_test[:12].tolist() == [4, 2, 1, 0, 2, 6, 9, 0, 6, 4, 2, 6]


def test_class_frequencies_are_similar_in_both_parts() -> None:
    (_, t_train), (_, t_test) = load_digits()

    assert np.bincount(t_train).min() > 130
    assert np.bincount(t_test).min() > 20


def test_scikit_learn_is_not_imported() -> None:
    python("import sys, funnet.data as d; d.load_digits(); assert 'sklearn' not in sys.modules")


def test_without_scikit_learn_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)

    with pytest.raises(ImportError, match=r'pip install "funnet\[digits\]"'):
        load_digits()


def test_mypy_knows_the_types_of_normalized_samples() -> None:
    assert_type(load_digits(), tuple[tuple[Flat, Labels], tuple[Flat, Labels]])
    assert_type(load_digits(one_hot_label=True)[0], tuple[Flat, Flat])
    assert_type(load_digits(flatten=False)[0], tuple[Grid, Labels])
    assert_type(load_digits(flatten=False, one_hot_label=True)[0], tuple[Grid, Flat])
    assert_type(load_digits(normalize=False)[0], AnySamples)
    assert_type(load_digits(flatten=bool(1))[0], AnySamples)
