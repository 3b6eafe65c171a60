"""What the loaders of digits share: the types of their results, and the options' meaning."""

from __future__ import annotations

from typing import Literal, TypeVar

import numpy as np

from funnet.core.arrays import Labels, ShapeT
from funnet.data.labels import one_hot

Yes = Literal[True]
No = Literal[False]

Flat = tuple[int, int]
Grid = tuple[int, int, int, int]
OneHot = np.ndarray[tuple[int, int], np.dtype[np.float32]]

TargetT = TypeVar("TargetT", bound=Labels | OneHot)

Samples = tuple[np.ndarray[ShapeT, np.dtype[np.float32]], TargetT]
"""Normalized inputs of a shape, and their targets."""

Split = tuple[Samples[ShapeT, TargetT], Samples[ShapeT, TargetT]]
"""The training set and the test set."""

Bytes = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
AnySamples = tuple[np.ndarray[tuple[int, ...], np.dtype[np.float32 | np.uint8]], Labels | OneHot]
AnySplit = tuple[AnySamples, AnySamples]
"""The type of a split if the options are not known to mypy, or pixels are not normalized."""


class DataError(OSError):
    """A data set is missing, or its files have the wrong content."""


def arrange(
    images: Bytes,
    labels: Bytes,
    *,
    white: int,
    normalize: bool,
    flatten: bool,
    one_hot_label: bool,
) -> AnySamples:
    """Return pixels (N, height, width) and class numbers (N,) as the options of a loader say.

    A pixel of value `white` becomes 1 if `normalize` is true.
    """
    n, height, width = images.shape
    x = images.reshape((n, height * width) if flatten else (n, 1, height, width))
    t = labels.reshape(n)
    return (
        # Divided in float32 block by block, without another array of this size.
        np.divide(x, white, dtype=np.float32) if normalize else x,
        one_hot(t, 10) if one_hot_label else t.astype(np.int64),
    )
