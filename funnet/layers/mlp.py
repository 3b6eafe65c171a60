"""Multilayer perceptrons: networks of fully connected layers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, overload

import numpy as np

from funnet.core.arrays import Float, RNGLike, RowShape
from funnet.core.checks import check_count, generator
from funnet.core.layer import OnRows
from funnet.layers.affine import Affine, I, O
from funnet.layers.combinators import Sequential
from funnet.layers.dropout import Dropout, drop_rate
from funnet.layers.initializers import Initializer, he
from funnet.layers.nesting import check_layer
from funnet.layers.relu import ReLU


@overload
def mlp(
    sizes: tuple[I, *tuple[int, ...], O],
    *,
    activation: OnRows = ...,
    rng: RNGLike,
    weights: Initializer = ...,
    dropout: float = ...,
    dtype: type[Float] = ...,
) -> Sequential[I, O, RowShape, RowShape, tuple[OnRows, ...]]: ...
@overload
def mlp(
    sizes: Sequence[int],
    *,
    activation: OnRows = ...,
    rng: RNGLike,
    weights: Initializer = ...,
    dropout: float = ...,
    dtype: type[Float] = ...,
) -> Sequential[int, int, RowShape, RowShape, tuple[OnRows, ...]]: ...
def mlp(
    sizes: Sequence[int],
    *,
    activation: OnRows = ReLU(),
    rng: RNGLike,
    weights: Initializer = he,
    dropout: float = 0.0,
    dtype: type[Float] = np.float32,
) -> Sequential[Any, Any, RowShape, RowShape, tuple[OnRows, ...]]:
    """Return a network of fully connected layers: one `Affine` between each two widths.

    After each of them but the last come the activation and, if its rate is not 0, dropout.

    Parameters
    ----------
    sizes
        The widths, from the number of input features to the number of outputs: two or more
        integers >= 1.
    activation
        A layer that keeps the width. Default: `ReLU()`.
    rng
        Seed, or a Generator, which is advanced.
    weights
        Initializer. Default: `he`.
    dropout
        Rate of `Dropout`, >= 0 and < 1. Default: 0.
    dtype
        `np.float16`, `np.float32` or `np.float64`. Default: `np.float32`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.
    ShapeError
        If the activation does not fit a width.

    Examples
    --------
    >>> from funnet import mlp
    >>> mlp((784, 100, 10), rng=0)
    Sequential(
      layers.0: Affine(W=float32[784, 100], b=float32[100])
      layers.1: ReLU()
      layers.2: Affine(W=float32[100, 10], b=float32[10])
    )
    """
    if not isinstance(sizes, Sequence):
        raise TypeError(f"sizes must be a tuple of widths, such as (784, 100, 10), got {sizes!r}")
    widths = [check_count(width, f"sizes[{i}]") for i, width in enumerate(sizes)]
    if len(widths) < 2:
        raise ValueError(f"sizes must have at least two widths, got {sizes!r}")
    check_layer(activation, "activation")
    between = (activation, Dropout(dropout)) if drop_rate(dropout, "dropout") else (activation,)
    rng = generator(rng)
    layers: list[OnRows] = []
    for n_in, n_out in pairwise(widths):
        layers += between if layers else ()
        layers.append(Affine.init(n_in, n_out, rng=rng, weights=weights, dtype=dtype))
    return Sequential(tuple(layers))
