"""The handwritten digits of 8 x 8 pixels that ship inside scikit-learn."""

from __future__ import annotations

import importlib.util
from typing import overload

import numpy as np

from funnet.core.arrays import Labels
from funnet.data.mnist import AnySplit, Flat, Grid, No, OneHot, Split, Yes, arrange

N_TRAIN = 1500


@overload
def load_digits(
    *, normalize: Yes = ..., flatten: Yes = ..., one_hot_label: No = ...
) -> Split[Flat, np.float32, Labels]: ...
@overload
def load_digits(
    *, normalize: Yes = ..., flatten: Yes = ..., one_hot_label: Yes
) -> Split[Flat, np.float32, OneHot]: ...
@overload
def load_digits(
    *, normalize: Yes = ..., flatten: No, one_hot_label: No = ...
) -> Split[Grid, np.float32, Labels]: ...
@overload
def load_digits(
    *, normalize: Yes = ..., flatten: No, one_hot_label: Yes
) -> Split[Grid, np.float32, OneHot]: ...
@overload
def load_digits(
    *, normalize: No, flatten: Yes = ..., one_hot_label: No = ...
) -> Split[Flat, np.uint8, Labels]: ...
@overload
def load_digits(
    *, normalize: No, flatten: Yes = ..., one_hot_label: Yes
) -> Split[Flat, np.uint8, OneHot]: ...
@overload
def load_digits(
    *, normalize: No, flatten: No, one_hot_label: No = ...
) -> Split[Grid, np.uint8, Labels]: ...
@overload
def load_digits(
    *, normalize: No, flatten: No, one_hot_label: Yes
) -> Split[Grid, np.uint8, OneHot]: ...
@overload
def load_digits(
    *, normalize: bool = ..., flatten: bool = ..., one_hot_label: bool = ...
) -> AnySplit: ...
def load_digits(
    *, normalize: bool = True, flatten: bool = True, one_hot_label: bool = False
) -> AnySplit:
    """Return the digits of scikit-learn: 1500 samples to train on, and 297 to test on.

    They are split in one fixed random order, which spreads the classes evenly. The 13 people who
    wrote them wrote for both parts, so a network is tested on hands that it has seen.

    Parameters
    ----------
    normalize
        If true, pixels are float32 from 0 to 1, else uint8 from 0 to 16.
    flatten
        If true, inputs have shape (N, 64), else (N, 1, 8, 8).
    one_hot_label
        If true, targets are float32 (N, 10), else class numbers, int64 (N,).

    Returns
    -------
    split
        `(x_train, t_train), (x_test, t_test)`.

    Raises
    ------
    ImportError
        If scikit-learn is not installed.

    References
    ----------
    E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
    Repository, 1998, the test set.

    Examples
    --------
    >>> from funnet.data import load_digits
    >>> (x_train, t_train), (x_test, t_test) = load_digits()
    >>> x_train.shape, x_train.dtype, t_test.shape
    ((1500, 64), dtype('float32'), (297,))
    """
    table = np.loadtxt(_data_file(), dtype=np.uint8, delimiter=",")
    # Sorted by the generator's raw stream, which, unlike its permutations, no NumPy may change.
    order = np.random.PCG64(0).random_raw(len(table)).argsort()
    train, test = (
        arrange(
            table[rows, :64].reshape(-1, 8, 8),
            table[rows, 64],
            white=16,
            normalize=normalize,
            flatten=flatten,
            one_hot_label=one_hot_label,
        )
        for rows in np.split(order, [N_TRAIN])
    )
    return train, test


def _data_file() -> str:
    # scikit-learn is found but not imported: that takes a second, and all that is wanted is a
    # file of 57 kB, which has had its place and its content since 2010.
    spec = importlib.util.find_spec("sklearn")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError('load_digits needs scikit-learn: pip install "funnet[digits]"')
    return f"{spec.submodule_search_locations[0]}/datasets/data/digits.csv.gz"
