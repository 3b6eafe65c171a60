"""The pitfalls of the textbook's code that funnet does not share, each shown for both."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

import funnet as fn

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.generic]


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

    def forward(self, x: npt.NDArray[fn.Float]) -> Floats:
        self.x = x
        out: Floats = np.dot(x, self.W) + self.b
        return out

    def backward(self, dout: Floats) -> Floats:
        self.dW: Floats = np.dot(self.x.T, dout)
        dx: Floats = np.dot(dout, self.W.T)
        return dx


def textbook_numerical_gradient(f: Callable[[Numbers], float], x: Numbers) -> Numbers:
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


def squares(x: Numbers) -> float:
    return float(np.sum(x.astype(np.float64) ** 2))


def test_backward_of_relu_overwrites_dout_in_the_textbook_only() -> None:
    x, dout, ours = np.array([[-1.0, 1.0]]), np.ones((1, 2)), np.ones((1, 2))
    relu = TextbookRelu()
    relu.forward(x)
    relu.backward(dout)

    _, cache = fn.forward(fn.ReLU(), x)
    dx = fn.input_gradient(fn.ReLU(), cache, ours)

    assert dout.tolist() == dx.tolist() == [[0, 1]]
    assert ours.tolist() == [[1, 1]]


def test_a_forward_pass_on_other_data_changes_the_gradients_in_the_textbook_only() -> None:
    batch, test = np.array([[1.0, 2.0]]), np.array([[30.0, 40.0]])
    W, b = np.ones((2, 1)), np.zeros(1)
    textbook, ours = TextbookAffine(W, b), fn.Affine(W, b)
    y = textbook.forward(batch)
    textbook.forward(test)
    textbook.backward(np.ones_like(y))

    y, cache = fn.forward(ours, batch)
    _ = fn.predict(ours, test)
    grads = fn.backward(ours, cache, np.ones_like(y))

    assert textbook.dW.tolist() == [[30], [40]]
    assert grads.W.tolist() == [[1], [2]]


def test_float32_images_become_float64_in_the_textbook_only() -> None:
    images = np.ones((2, 784), np.float32)
    W = 0.01 * np.random.default_rng(0).standard_normal((784, 80))  # as np.random.randn returns
    net = fn.sequential(fn.Affine.init(784, 80, rng=0), fn.ReLU(), fn.Affine.init(80, 10, rng=1))

    y, cache = fn.forward(net, images)
    _, dy = fn.softmax_cross_entropy(y, np.array([0, 1]))
    arrays = [y, dy, *fn.tree_leaves(fn.backward(net, cache, dy))]

    assert TextbookAffine(W, np.zeros(80)).forward(images).dtype == np.float64
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


def test_mixed_float_types_are_an_error() -> None:
    with pytest.raises(fn.DTypeError, match=r"convert it with .astype\(np.float32\)"):
        fn.forward(fn.Affine.init(784, 80, rng=0), np.ones((2, 784)))


def test_sigmoid_warns_of_an_overflow_in_the_textbook_only() -> None:
    """The suite turns warnings into errors."""
    x = np.array([-1000.0, 1000.0])
    with pytest.warns(RuntimeWarning, match="overflow"):
        1 / (1 + np.exp(-x))

    assert fn.sigmoid(x).tolist() == [0, 1]


def test_the_cross_entropy_has_a_ceiling_in_the_textbook_only() -> None:
    scores = np.array([[1000.0, 0.0]])

    textbook = -np.log(fn.softmax(scores)[0, 1] + 1e-7)
    ours, _ = fn.softmax_cross_entropy(scores, np.array([1]))

    assert textbook == pytest.approx(16.118, abs=1e-3)
    assert ours == 1000


def test_the_numerical_gradient_of_integers_is_wrong_in_the_textbook_and_an_error_here() -> None:
    assert textbook_numerical_gradient(squares, np.array([3.0, 4.0])) == pytest.approx([6, 8])
    assert textbook_numerical_gradient(squares, np.array([3, 4])).tolist() == [25000, 35000]
    with pytest.raises(fn.DTypeError, match="float16, float32 or float64, got int64"):
        fn.numerical_gradient(squares, np.array([3, 4]))
