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


class TextbookDropout:
    """The layer as the textbook writes it."""

    def __init__(self, rng: np.random.Generator, dropout_ratio: float = 0.5) -> None:
        self.rng, self.dropout_ratio = rng, dropout_ratio

    def forward(self, x: Floats, *, train_flg: bool = True) -> Floats:
        if train_flg:
            mask = self.rng.random(x.shape) > self.dropout_ratio
            return x * mask
        return x * (1.0 - self.dropout_ratio)


class TextbookBatchNormalization:
    """The training pass of the layer as the textbook writes it, without running averages."""

    def __init__(self, gamma: float, beta: float) -> None:
        self.gamma, self.beta = gamma, beta

    def forward(self, x: Floats) -> Floats:
        rows = x.reshape(len(x), -1)
        self.mean: Floats = rows.mean(axis=0)
        self.xc: Floats = rows - self.mean
        self.std: Floats = np.sqrt(np.mean(self.xc**2, axis=0) + 10e-7)
        self.xn: Floats = self.xc / self.std
        out: Floats = self.gamma * self.xn + self.beta
        return out.reshape(x.shape)

    def backward(self, dout: Floats) -> Floats:
        n = len(dout)
        self.dgamma: Floats = np.sum(self.xn * dout, axis=0)
        dxn = self.gamma * dout
        dstd = -np.sum((dxn * self.xc) / (self.std * self.std), axis=0)
        dxc: Floats = dxn / self.std + (2.0 / n) * self.xc * (0.5 * dstd / self.std)
        dx: Floats = dxc - np.sum(dxc, axis=0) / n
        return dx


def textbook_im2col(
    x: npt.NDArray[fn.Float], filter_h: int, filter_w: int, stride: int = 1, pad: int = 0
) -> Floats:
    n, c, h, w = x.shape
    out_h = (h + 2 * pad - filter_h) // stride + 1
    out_w = (w + 2 * pad - filter_w) // stride + 1
    img = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], "constant")
    col = np.zeros((n, c, filter_h, filter_w, out_h, out_w))
    for i in range(filter_h):
        for j in range(filter_w):
            rows = slice(i, i + stride * out_h, stride)
            col[:, :, i, j] = img[:, :, rows, j : j + stride * out_w : stride]
    return col.transpose(0, 4, 5, 1, 2, 3).reshape(n * out_h * out_w, -1)


def textbook_pooling(
    x: npt.NDArray[fn.Float], pool_h: int, pool_w: int, stride: int, pad: int
) -> Floats:
    n, c, h, w = x.shape
    out_h = int(1 + (h - pool_h) / stride)
    out_w = int(1 + (w - pool_w) / stride)
    col = textbook_im2col(x, pool_h, pool_w, stride, pad).reshape(-1, pool_h * pool_w)
    out: Floats = np.max(col, axis=1).reshape(n, out_h, out_w, c)
    return out.transpose(0, 3, 1, 2)


def textbook_nesterov(
    param: float, grad: float, v: float, lr: float, momentum: float
) -> tuple[float, float]:
    v = v * momentum - lr * grad
    param = param + momentum * momentum * v
    return param - (1 + momentum) * lr * grad, v


def textbook_accuracy(y: Floats, t: npt.NDArray[np.int64], batch_size: int = 100) -> float:
    acc = 0.0
    for i in range(len(y) // batch_size):
        rows = slice(i * batch_size, (i + 1) * batch_size)
        acc += np.sum(np.argmax(y[rows], axis=1) == t[rows])
    return acc / len(y)


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


def test_dropout_without_a_flag_drops_in_the_textbook_only() -> None:
    x = np.ones((10, 100))
    dropout = fn.Dropout(0.5)

    assert 0 in TextbookDropout(np.random.default_rng(0)).forward(x)
    assert fn.predict(dropout, x).tolist() == x.tolist()
    with pytest.raises(ValueError, match="predict needs a network at rest"):
        fn.predict(fn.training_mode(dropout, seed=7, step=0), x)


def test_dropout_scales_its_output_at_inference_in_the_textbook_and_in_training_here() -> None:
    x = np.ones((10, 100))
    live, _ = fn.forward(fn.training_mode(fn.Dropout(0.5), seed=7, step=0), x)

    textbook = TextbookDropout(np.random.default_rng(0))
    assert set(textbook.forward(x, train_flg=False).flat) == {0.5}
    assert set(live.flat) == {0, 2}


def test_scores_are_dropped_at_the_end_of_the_textbooks_deep_network_only() -> None:
    """Its last layer is dropout; here, dropout is before the last affine layer."""
    rng = np.random.default_rng(0)
    hidden, W, b = rng.standard_normal((100, 50)), rng.standard_normal((50, 10)), np.zeros(10)
    ours = fn.training_mode(fn.sequential(fn.Dropout(0.5), fn.Affine(W, b)), seed=7, step=0)

    scores = TextbookDropout(rng).forward(TextbookAffine(W, b).forward(hidden))

    assert np.mean(scores == 0) == pytest.approx(0.5, abs=0.1)
    assert not (fn.forward(ours, hidden)[0] == 0).any()


def test_batch_norm_has_one_mean_per_pixel_in_the_textbook_and_one_per_channel_here() -> None:
    images = np.random.default_rng(0).standard_normal((6, 3, 4, 5))
    textbook, ours = TextbookBatchNormalization(1, 0), fn.BatchNorm.init(3, dtype=np.float64)
    textbook.forward(images)

    _, cache = fn.forward(fn.training_mode(ours, seed=7, step=0), images)
    ours = fn.update_statistics(ours, cache)

    assert textbook.mean.shape == (60,)
    assert ours.mean == pytest.approx(images.mean(axis=(0, 2, 3)))


def test_a_batch_of_one_row_checks_nothing_of_batch_norm_in_the_textbook_and_is_refused_here() -> (
    None
):
    """As in its check of gradients, where all are 0, right or wrong."""
    row = np.array([[3.0, 4.0]])
    textbook = TextbookBatchNormalization(1, 0)
    live = fn.training_mode(fn.BatchNorm.init(2, dtype=np.float64), seed=7, step=0)

    assert textbook.forward(row).tolist() == [[0, 0]]
    assert textbook.backward(np.array([[5.0, -7.0]])).tolist() == [[0, 0]]
    assert textbook.dgamma.tolist() == [0, 0]
    with pytest.raises(fn.ShapeError, match="drop_last=True"):
        fn.forward(live, row)


def test_columns_of_float32_images_are_float64_in_the_textbook_only() -> None:
    images = np.ones((2, 1, 8, 8), np.float32)
    net = fn.sequential(fn.Conv2d.init(1, 3, 5, rng=0), fn.MaxPool2d(2), fn.Flatten())

    y, cache = fn.forward(net, images)
    arrays = [y, *fn.tree_leaves(fn.backward(net, cache, y))]

    assert textbook_im2col(images, 5, 5).dtype == np.float64
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


def test_pooling_pads_a_maximum_with_0_in_the_textbook_and_with_minus_infinity_here() -> None:
    images = np.full((1, 1, 4, 4), -1.0)

    padded = textbook_im2col(images, 2, 2, stride=2, pad=1).max(axis=1)

    assert set(padded) == {0, -1}
    assert set(fn.predict(fn.MaxPool2d(2, padding=1), images).flat) == {-1}


def test_pooling_leaves_padding_out_of_its_size_in_the_textbook_only() -> None:
    images = np.ones((1, 1, 4, 4))

    assert textbook_pooling(images, 2, 2, stride=2, pad=0).shape == (1, 1, 2, 2)
    with pytest.raises(ValueError, match="cannot reshape array of size 9"):
        textbook_pooling(images, 2, 2, stride=2, pad=1)
    assert fn.predict(fn.MaxPool2d(2, padding=1), images).shape == (1, 1, 3, 3)


def test_nesterov_counts_the_first_gradient_twice_in_the_textbook_only() -> None:
    """The first step, from velocity 0, is (1 + momentum) lr grad."""
    optimizer = fn.nesterov(0.1, 0.9)
    params, grads = np.zeros(1), np.ones(1)

    textbook, _ = textbook_nesterov(0.0, 1.0, 0.0, lr=0.1, momentum=0.9)
    ours, _ = optimizer.update(params, grads, optimizer.init(params))

    assert textbook == pytest.approx(-(1.9 + 0.81) * 0.1)
    assert ours == pytest.approx(-1.9 * 0.1)


def test_accuracy_leaves_out_the_last_rows_in_the_textbook_only() -> None:
    t = np.arange(250) % 10
    scores = np.eye(10)[t]

    assert textbook_accuracy(scores, t) == 0.8
    assert fn.accuracy(scores, t) == 1


def test_convolution_and_pooling_are_those_of_the_textbook() -> None:
    rng = np.random.default_rng(0)
    x, W = rng.standard_normal((2, 3, 7, 7)), rng.standard_normal((4, 3, 3, 3))
    col = textbook_im2col(x, 3, 3, stride=2, pad=1)
    conv = fn.Conv2d(W, np.ones(4), stride=2, padding=1)
    y, cache = fn.forward(conv, x)
    dy = rng.standard_normal(y.shape)
    grads = fn.backward(conv, cache, dy)
    dout = dy.transpose(0, 2, 3, 1).reshape(-1, 4)

    assert y.transpose(0, 2, 3, 1).reshape(-1, 4) == pytest.approx(col @ W.reshape(4, -1).T + 1)
    assert grads.W.reshape(4, -1) == pytest.approx(dout.T @ col)
    assert fn.predict(fn.MaxPool2d(2), y).tolist() == textbook_pooling(y, 2, 2, 2, 0).tolist()


def test_the_weight_of_a_batch_is_that_of_the_textbook_after_the_first_batches() -> None:
    """Its running mean is 0.9 * mean + 0.1 * batch mean from the first batch on."""
    norm = fn.BatchNorm.init(1, momentum=0.1, dtype=np.float64)
    means = [norm.mean]
    for step in range(20):
        x = np.array([[step], [step + 2.0]])
        _, cache = fn.forward(fn.training_mode(norm, seed=7, step=step), x)
        norm = fn.update_statistics(norm, cache)
        means.append(norm.mean)

    assert means[-1] == pytest.approx(0.9 * means[-2] + 0.1 * 20)


def test_weight_decay_is_that_of_the_textbook() -> None:
    """It adds weight_decay_lambda * W to the gradients of weights, and nothing to biases."""
    net, grads = fn.Affine(np.ones((2, 1)), np.ones(1)), fn.Affine(np.ones((2, 1)), np.ones(1))
    optimizer = fn.weight_decay(fn.sgd(0.5), 0.1)

    updated, _ = optimizer.update(net, grads, optimizer.init(net))

    weights, biases = fn.tree_leaves(updated)
    assert weights == pytest.approx(np.full((2, 1), 1 - 0.5 * (1 + 0.1)))
    assert biases == pytest.approx(np.full(1, 1 - 0.5))
