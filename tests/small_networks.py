"""Small networks, batches, and one layer of each class, for tests of invalid input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from strategies import AnyArray
from zoo import AnyLayer

import funnet as fn

Run = Callable[[AnyLayer, AnyArray], object]
Pull = Callable[[AnyLayer, object, AnyArray], object]
Wrong = Any  # an argument of any type

every_run = pytest.mark.parametrize("run", [fn.forward, fn.predict])
every_pull = pytest.mark.parametrize("pull", [fn.backward, fn.input_gradient])


def affine(n_in: int, n_out: int, dtype: type[fn.Float] = np.float32) -> fn.Affine:
    return fn.Affine.init(n_in, n_out, rng=0, dtype=dtype)


def network(dtype: type[fn.Float] = np.float32) -> AnyLayer:
    return fn.sequential(affine(3, 4, dtype), fn.ReLU(), affine(4, 2, dtype))


def batch(*shape: int, dtype: type[fn.Float] = np.float32) -> AnyArray:
    return np.ones(shape, dtype)


def kind(value: Wrong) -> str:
    """Return the dtype of an array, or the class of another value, as messages name it."""
    return str(value.dtype) if isinstance(value, np.ndarray) else type(value).__name__


ACTIVATIONS = [fn.ELU, fn.Identity, fn.LeakyReLU, fn.ReLU, fn.Sigmoid, fn.Softmax, fn.Step, fn.Tanh]
LAYERS: dict[str, AnyLayer] = {
    "Affine": affine(3, 3),
    "Flatten": fn.Flatten(),
    **{cls.__name__: cls() for cls in ACTIVATIONS},
}
