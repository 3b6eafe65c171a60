"""The pitfalls of the textbook's code that funnet does not share, each one shown on both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from funnet import (
    Affine,
    DTypeError,
    Float,
    ReLU,
    backward,
    forward,
    input_gradient,
    numerical_gradient,
    predict,
    sequential,
    sigmoid,
    softmax,
    softmax_cross_entropy,
    tree_leaves,
)

ROOT = Path(__file__).parent.parent
Floats = npt.NDArray[np.float64]


class TextbookRelu:
    """The layer as the textbook writes it."""

    mask: npt.NDArray[np.bool]

    def forward(self, x: Floats) -> Floats:
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout: Floats) -> Floats:
        dout[self.mask] = 0
        return dout


class TextbookAffine:
    """The layer as the textbook writes it."""

    def __init__(self, W: Floats, b: Floats) -> None:
        self.W, self.b = W, b

    def forward(self, x: npt.NDArray[Float]) -> Floats:
        self.x = x
        out: Floats = np.dot(x, self.W) + self.b
        return out

    def backward(self, dout: Floats) -> Floats:
        self.dW: Floats = np.dot(self.x.T, dout)
        dx: Floats = np.dot(dout, self.W.T)
        return dx


def textbook_numerical_gradient(
    f: Callable[[npt.NDArray[np.generic]], float], x: npt.NDArray[np.generic]
) -> npt.NDArray[np.generic]:
    h = 1e-4
    grad = np.zeros_like(x)
    for i in range(x.size):
        before = x[i]
        x[i] = float(before) + h
        above = f(x)
        x[i] = float(before) - h
        below = f(x)
        grad[i] = (above - below) / (2 * h)
        x[i] = before
    return grad


def squares(x: npt.NDArray[np.generic]) -> float:
    return float(np.sum(x.astype(np.float64) ** 2))


def test_the_textbook_s_backward_overwrites_the_caller_s_array() -> None:
    dout = np.ones((1, 2))
    relu = TextbookRelu()
    relu.forward(np.array([[-1.0, 1.0]]))

    relu.backward(dout)

    assert dout.tolist() == [[0, 1]]


def test_ours_does_not() -> None:
    dout = np.ones((1, 2))
    _, cache = forward(ReLU(), np.array([[-1.0, 1.0]]))

    dx = input_gradient(ReLU(), cache, dout)

    assert dx.tolist() == [[0, 1]]
    assert dout.tolist() == [[1, 1]]


def test_a_look_at_other_data_spoils_the_textbook_s_gradients() -> None:
    batch, test = np.array([[1.0, 2.0]]), np.array([[30.0, 40.0]])
    affine = TextbookAffine(np.ones((2, 1)), np.zeros(1))
    y = affine.forward(batch)

    affine.forward(test)
    affine.backward(np.ones_like(y))

    assert affine.dW.tolist() == [[30], [40]]


def test_ours_stay_those_of_the_batch() -> None:
    batch, test = np.array([[1.0, 2.0]]), np.array([[30.0, 40.0]])
    affine = Affine(np.ones((2, 1)), np.zeros(1))
    y, cache = forward(affine, batch)

    _ = predict(affine, test)
    grads = backward(affine, cache, np.ones_like(y))

    assert grads.W.tolist() == [[1], [2]]


def test_float32_images_become_float64_in_the_textbook() -> None:
    images = np.ones((2, 784), np.float32)
    W = 0.01 * np.random.default_rng(0).standard_normal((784, 80))  # as np.random.randn returns

    assert TextbookAffine(W, np.zeros(80)).forward(images).dtype == np.float64


def test_ours_stay_float32_to_the_last_gradient() -> None:
    images = np.ones((2, 784), np.float32)
    net = sequential(Affine.init(784, 80, rng=0), ReLU(), Affine.init(80, 10, rng=1))

    y, cache = forward(net, images)
    _, dy = softmax_cross_entropy(y, np.array([0, 1]))
    arrays = [y, dy, *tree_leaves(backward(net, cache, dy))]

    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


def test_mixed_float_types_are_an_error() -> None:
    with pytest.raises(DTypeError, match=r"convert it with .astype\(np.float32\)"):
        forward(Affine.init(784, 80, rng=0), np.ones((2, 784)))


def test_the_textbook_s_sigmoid_warns_of_an_overflow() -> None:
    with pytest.warns(RuntimeWarning, match="overflow"):
        1 / (1 + np.exp(-np.array([-1000.0])))


def test_ours_does_not_warn() -> None:
    """The suite turns warnings into errors."""
    assert sigmoid(np.array([-1000.0, 1000.0])).tolist() == [0, 1]


def test_the_textbook_s_cross_entropy_has_a_ceiling() -> None:
    probabilities = softmax(np.array([[1000.0, 0.0]]))

    loss = -np.sum(np.log(probabilities[0, 1] + 1e-7))

    assert loss == pytest.approx(16.118, abs=1e-3)


def test_ours_is_exact() -> None:
    loss, _ = softmax_cross_entropy(np.array([[1000.0, 0.0]]), np.array([1]))

    assert loss == 1000


def test_the_textbook_s_numerical_gradient_of_integers_is_nonsense() -> None:
    assert textbook_numerical_gradient(squares, np.array([3.0, 4.0])) == pytest.approx([6, 8])
    assert textbook_numerical_gradient(squares, np.array([3, 4])).tolist() == [25000, 35000]


def test_ours_refuses_integers() -> None:
    with pytest.raises(DTypeError, match="float16, float32 or float64, got int64"):
        numerical_gradient(squares, np.array([3, 4]))
