"""The losses, and targets for each of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import strategies as st
from strategies import LAYOUTS, AnyArray, float_arrays, matrix_shapes, normal_array

import funnet as fn

# Any: the tests hand over right and wrong targets of every type.
Loss = Callable[[Any, Any], tuple[float, fn.Matrix]]
Target = npt.NDArray[np.generic]
Draw = Callable[[int, int, int], Target]
Layout = Callable[[Target], Target]

LOSSES: dict[str, Loss] = {
    "softmax_cross_entropy": fn.softmax_cross_entropy,
    "sigmoid_cross_entropy": fn.sigmoid_cross_entropy,
    "mean_squared_error": fn.mean_squared_error,
    "mean_absolute_error": fn.mean_absolute_error,
    "huber_loss": fn.huber_loss,
    "sum_squared_error": fn.sum_squared_error,
}

every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())
every_dtype = pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])

scores_of_any_size = float_arrays(shapes=matrix_shapes) | float_arrays(
    shapes=matrix_shapes, elements=lambda _: st.floats(-20, 20, width=16)
)
sizes = st.tuples(st.integers(1, 6), st.integers(1, 6))
layouts = st.sampled_from(list(LAYOUTS.values()))
integers = st.sampled_from(["i1", "u1", "i2", ">u2", "i4", ">i4", "u4", "i8", "u8"])


def class_numbers(seed: int, n: int, n_classes: int) -> npt.NDArray[np.int64]:
    return np.random.default_rng(seed).integers(0, n_classes, n)


def one_hot_rows(seed: int, n: int, n_classes: int) -> npt.NDArray[np.int64]:
    return np.eye(n_classes, dtype=np.int64)[class_numbers(seed, n, n_classes)]


def distributions(seed: int, n: int, n_classes: int) -> npt.NDArray[np.float64]:
    return np.random.default_rng(seed).dirichlet(np.ones(n_classes), n)


def bits(seed: int, n: int, n_outputs: int) -> npt.NDArray[np.bool]:
    return np.random.default_rng(seed).random((n, n_outputs)) < 0.5


def shares(seed: int, n: int, n_outputs: int) -> npt.NDArray[np.float64]:
    return np.random.default_rng(seed).random((n, n_outputs))


def numbers(seed: int, n: int, n_outputs: int) -> AnyArray:
    return normal_array(seed, n, n_outputs)


CASES: list[tuple[Loss, Draw]] = [
    (fn.softmax_cross_entropy, class_numbers),
    (fn.softmax_cross_entropy, one_hot_rows),
    (fn.softmax_cross_entropy, distributions),
    (fn.sigmoid_cross_entropy, bits),
    (fn.sigmoid_cross_entropy, shares),
    (fn.mean_squared_error, numbers),
    (fn.mean_squared_error, one_hot_rows),
    (fn.mean_absolute_error, numbers),
    (fn.huber_loss, numbers),
    (fn.sum_squared_error, numbers),
    (fn.sum_squared_error, one_hot_rows),
]

every_case = pytest.mark.parametrize(
    ("loss", "target"), CASES, ids=[f"{loss.__name__} of {t.__name__}" for loss, t in CASES]
)


def same(result: tuple[float, AnyArray], other: tuple[float, AnyArray]) -> bool:
    (loss, dscores), (other_loss, other_dscores) = result, other
    return loss == other_loss and dscores.tobytes() == other_dscores.tobytes()


def is_smooth(loss: Loss, scores: AnyArray, t: Target) -> bool:
    """Return whether a loss has no kink in reach of `derivatives`."""
    if loss not in (fn.mean_absolute_error, fn.huber_loss):
        return True
    distance = np.abs(scores - np.asarray(t, np.float64))
    kinks = (0, 1) if loss is fn.huber_loss else (0,)
    return all(bool((np.abs(distance - kink) > 0.005).all()) for kink in kinks)


def derivatives(f: Callable[[AnyArray], float], x: AnyArray, h: float = 1e-3) -> AnyArray:
    """Return the gradient by central differences of fourth order (Fornberg 1988, table 1)."""
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        unit = np.zeros_like(x)
        unit[index] = h
        near, far = (f(x + k * unit) - f(x - k * unit) for k in (1, 2))
        gradient[index] = (8 * near - far) / (12 * h)
    return gradient
