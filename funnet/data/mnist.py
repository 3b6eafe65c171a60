"""MNIST: 70,000 handwritten digits of 28 x 28 pixels."""

from __future__ import annotations

import os
from functools import partial
from itertools import starmap
from typing import overload

from funnet.core.arrays import Labels
from funnet.data.samples import AnySplit, Flat, Grid, No, OneHot, Split, Yes, arrange

Folder = str | os.PathLike[str] | None


@overload
def load_mnist(
    *, normalize: Yes = ..., flatten: Yes = ..., one_hot_label: No = ..., data_dir: Folder = ...
) -> Split[Flat, Labels]: ...
@overload
def load_mnist(
    *, normalize: Yes = ..., flatten: Yes = ..., one_hot_label: Yes, data_dir: Folder = ...
) -> Split[Flat, OneHot]: ...
@overload
def load_mnist(
    *, normalize: Yes = ..., flatten: No, one_hot_label: No = ..., data_dir: Folder = ...
) -> Split[Grid, Labels]: ...
@overload
def load_mnist(
    *, normalize: Yes = ..., flatten: No, one_hot_label: Yes, data_dir: Folder = ...
) -> Split[Grid, OneHot]: ...
@overload
def load_mnist(
    *, normalize: bool = ..., flatten: bool = ..., one_hot_label: bool = ..., data_dir: Folder = ...
) -> AnySplit: ...
def load_mnist(
    *,
    normalize: bool = True,
    flatten: bool = True,
    one_hot_label: bool = False,
    data_dir: Folder = None,
) -> AnySplit:
    """Return `(x_train, t_train), (x_test, t_test)` of MNIST: 60,000 and 10,000 samples.

    Parameters
    ----------
    normalize
        If True, pixels are float32 from 0 to 1, else uint8 from 0 to 255. Default: True.
    flatten
        If True, inputs have shape (N, 784), else (N, 1, 28, 28). Default: True.
    one_hot_label
        If True, targets are float32 (N, 10), else class numbers, int64 (N,). Default: False.
    data_dir
        A folder with the four files, gzipped or not. Default: the environment variable
        FUNNET_DATA_DIR; if that is not set either, the user's cache, into which missing files are
        downloaded.

    Raises
    ------
    DataError
        If a file is missing and cannot be downloaded, or its content is not the official one.

    References
    ----------
    Y. LeCun, C. Cortes and C. Burges, "The MNIST database of handwritten digits".

    Examples
    --------
    >>> from funnet.data import load_mnist
    >>> (x_train, t_train), (x_test, t_test) = load_mnist()  # doctest: +SKIP
    >>> x_train.shape, t_train.shape  # doctest: +SKIP
    ((60000, 784), (60000,))
    """
    from funnet.data.mnist_files import read_files  # noqa: PLC0415  (urllib is slow to import)

    arranged = partial(
        arrange, white=255, normalize=normalize, flatten=flatten, one_hot_label=one_hot_label
    )
    # By starmap, which does not keep the bytes of the first split while the second is read.
    train, test = starmap(arranged, read_files(data_dir))
    return train, test
