"""The handwritten digits of 8 x 8 pixels that ship with scikit-learn."""

from __future__ import annotations

from functools import partial
from typing import overload

import numpy as np

from funnet.core.arrays import Labels
from funnet.data.samples import AnySplit, Flat, Grid, No, OneHot, Split, Yes, arrange

N_TRAIN = 1500


@overload
def load_digits(
    *, normalize: Yes = ..., flatten: Yes = ..., one_hot_label: No = ...
) -> Split[Flat, Labels]: ...
@overload
def load_digits(
    *, normalize: Yes = ..., flatten: Yes = ..., one_hot_label: Yes
) -> Split[Flat, OneHot]: ...
@overload
def load_digits(
    *, normalize: Yes = ..., flatten: No, one_hot_label: No = ...
) -> Split[Grid, Labels]: ...
@overload
def load_digits(
    *, normalize: Yes = ..., flatten: No, one_hot_label: Yes
) -> Split[Grid, OneHot]: ...
@overload
def load_digits(
    *, normalize: bool = ..., flatten: bool = ..., one_hot_label: bool = ...
) -> AnySplit: ...
def load_digits(
    *, normalize: bool = True, flatten: bool = True, one_hot_label: bool = False
) -> AnySplit:
    """Return `(x_train, t_train), (x_test, t_test)` of scikit-learn's digits: 1500 and 297 samples.

    The split is random but fixed, with similar class frequencies in both parts. The same 13 people
    wrote the digits of both, so the test set holds no unseen handwriting.

    Parameters
    ----------
    normalize, flatten, one_hot_label
        As for `load_mnist`, with pixels up to 16, and inputs of shape (N, 64) or (N, 1, 8, 8).

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
    # Sorted by the raw stream of the generator: unlike permutations, NumPy guarantees it forever.
    order = np.random.PCG64(0).random_raw(len(table)).argsort()
    arranged = partial(
        arrange, white=16, normalize=normalize, flatten=flatten, one_hot_label=one_hot_label
    )
    train, test = (
        arranged(table[rows, :64].reshape(-1, 8, 8), table[rows, 64])
        for rows in np.split(order, [N_TRAIN])
    )
    return train, test


def _data_file() -> str:
    # scikit-learn takes a second to import, and only this file of 57 kB is needed, whose path and
    # content have not changed since 2010.
    from importlib.util import find_spec  # noqa: PLC0415  (slow to import)

    spec = find_spec("sklearn")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError('load_digits needs scikit-learn: pip install "funnet[digits]"')
    return f"{spec.submodule_search_locations[0]}/datasets/data/digits.csv.gz"
