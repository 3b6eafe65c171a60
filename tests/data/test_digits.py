"""The digits of scikit-learn."""

import subprocess
import sys
from itertools import product
from typing import assert_type

import numpy as np
import pytest

from funnet.core.arrays import Labels
from funnet.data import load_digits

Flat8 = np.ndarray[tuple[int, int], np.dtype[np.uint8]]
Flat32 = np.ndarray[tuple[int, int], np.dtype[np.float32]]
Grid8 = np.ndarray[tuple[int, int, int, int], np.dtype[np.uint8]]
Grid32 = np.ndarray[tuple[int, int, int, int], np.dtype[np.float32]]

pytest.importorskip("sklearn")


@pytest.mark.parametrize(
    ("normalize", "flatten", "one_hot_label"), list(product([True, False], repeat=3))
)
def test_the_options_say_what_comes(*, normalize: bool, flatten: bool, one_hot_label: bool) -> None:
    split = load_digits(normalize=normalize, flatten=flatten, one_hot_label=one_hot_label)

    for (x, t), n in zip(split, (1500, 297), strict=True):
        assert x.shape == ((n, 64) if flatten else (n, 1, 8, 8))
        assert x.dtype == (np.float32 if normalize else np.uint8)
        assert (x.min(), x.max()) == (0, 1 if normalize else 16)
        assert t.shape == ((n, 10) if one_hot_label else (n,))
        assert t.dtype == (np.float32 if one_hot_label else np.int64)


def test_the_options_change_the_form_and_not_the_samples() -> None:
    (x, t), _ = load_digits()
    (pixels, rows), _ = load_digits(normalize=False, flatten=False, one_hot_label=True)

    assert (x * 16 == pixels.reshape(1500, 64)).all()
    assert (t == rows.argmax(axis=1)).all()


def test_both_parts_together_are_the_samples_of_scikit_learn() -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    (x_train, t_train), (x_test, t_test) = load_digits(normalize=False)
    pixels, labels = datasets.load_digits(return_X_y=True)

    ours = np.column_stack([np.vstack([x_train, x_test]), np.hstack([t_train, t_test])])

    assert sorted(ours.tolist()) == sorted(np.column_stack([pixels, labels]).tolist())


def test_the_split_is_always_the_same() -> None:
    (_, t_train), (_, t_test) = load_digits()

    assert t_train[:12].tolist() == [0, 6, 3, 8, 1, 8, 4, 1, 5, 8, 9, 7]
    assert t_test[:12].tolist() == [4, 2, 1, 0, 2, 6, 9, 0, 6, 4, 2, 6]


def test_every_class_is_in_both_parts_about_equally_often() -> None:
    (_, t_train), (_, t_test) = load_digits()

    assert np.bincount(t_train).min() > 130
    assert np.bincount(t_test).min() > 20


def test_scikit_learn_is_not_imported() -> None:
    script = "import sys, funnet.data as d; d.load_digits(); assert 'sklearn' not in sys.modules"

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_without_scikit_learn_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)

    with pytest.raises(ImportError, match=r'pip install "funnet\[digits\]"'):
        load_digits()


def test_the_types_are_known_to_mypy() -> None:
    """No option leaves an Any behind, and a flag that is only known to be a bool is fine."""
    assert_type(load_digits(), tuple[tuple[Flat32, Labels], tuple[Flat32, Labels]])
    assert_type(load_digits(flatten=False)[0], tuple[Grid32, Labels])
    assert_type(load_digits(one_hot_label=True)[0], tuple[Flat32, Flat32])
    assert_type(load_digits(flatten=False, one_hot_label=True)[0], tuple[Grid32, Flat32])
    assert_type(load_digits(normalize=False)[0], tuple[Flat8, Labels])
    assert_type(load_digits(normalize=False, flatten=False)[0], tuple[Grid8, Labels])
    assert_type(load_digits(normalize=False, one_hot_label=True)[0], tuple[Flat8, Flat32])
    assert_type(
        load_digits(normalize=False, flatten=False, one_hot_label=True)[0], tuple[Grid8, Flat32]
    )
    flag = bool(1)
    assert_type(
        load_digits(flatten=flag)[0],
        tuple[
            np.ndarray[tuple[int, ...], np.dtype[np.float32 | np.uint8]],
            Labels | Flat32,
        ],
    )
