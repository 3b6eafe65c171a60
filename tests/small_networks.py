"""Small networks, batches, and one layer of each class, for tests of invalid input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from strategies import AnyArray
from zoo import AnyLayer

from funnet import (
    Affine,
    Flatten,
    Float,
    Identity,
    LeakyReLU,
    ReLU,
    Sigmoid,
    Softmax,
    Step,
    Tanh,
    backward,
    forward,
    input_gradient,
    predict,
    sequential,
)

Run = Callable[[AnyLayer, AnyArray], object]
Pull = Callable[[AnyLayer, object, AnyArray], object]
Wrong = Any  # an argument of whatever type

every_run = pytest.mark.parametrize("run", [forward, predict])
every_pull = pytest.mark.parametrize("pull", [backward, input_gradient])


def affine(n_in: int, n_out: int, dtype: type[Float] = np.float32) -> Affine:
    return Affine.init(n_in, n_out, rng=0, dtype=dtype)


def network(dtype: type[Float] = np.float32) -> AnyLayer:
    return sequential(affine(3, 4, dtype), ReLU(), affine(4, 2, dtype))


def batch(*shape: int, dtype: type[Float] = np.float32) -> AnyArray:
    return np.ones(shape, dtype)


LAYERS: dict[str, AnyLayer] = {
    type(layer).__name__: layer
    for layer in (
        affine(3, 3),
        Flatten(),
        Identity(),
        LeakyReLU(),
        ReLU(),
        Sigmoid(),
        Softmax(),
        Step(),
        Tanh(),
    )
}

every_layer = pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS.keys())
