"""A right program: mypy reports nothing, and infers the asserted types."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, assert_type

import attrs
import numpy as np
import numpy.typing as npt

import funnet as fn
from funnet import (
    Affine,
    Flatten,
    Float,
    Images,
    LeakyReLU,
    Matrix,
    Network,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
    Vector,
    accuracy,
    astype,
    backward,
    check_gradients,
    forward,
    input_gradient,
    load_digits,
    load_mnist,
    lock_vector,
    mean_squared_error,
    minibatches,
    named_leaves,
    numerical_gradient,
    one_hot,
    parameter_count,
    predict,
    replace_at,
    sequential,
    sgd_update,
    sigmoid,
    softmax_cross_entropy,
    sum_squared_error,
    tree_leaves,
    tree_map,
)
from funnet.layers.affine import AffineCache

C = TypeVar("C")
G = TypeVar("G")

rng = np.random.default_rng(0)
x = rng.normal(size=(5, 784)).astype(np.float32)
t = np.arange(5)
n_in, n_hidden, n_out = 784, 80, 10  # int, with the plugin too

Rows = tuple[int, int]
Net = Sequential[int, int, Rows, Rows, tuple[Affine, ReLU, Affine]]

# A network and its training step.
net = sequential(
    Affine.init(n_in, n_hidden, rng=rng), ReLU(), Affine.init(n_hidden, n_out, rng=rng)
)
assert_type(net, Net)
y, cache = forward(net, x)
assert_type(y, Matrix)
assert_type(cache, fn.SequentialCache[tuple[Affine, ReLU, Affine]])
loss, dy = softmax_cross_entropy(y, t)
assert_type(loss, float)
assert_type(dy, Matrix)
grads = backward(net, cache, dy)
assert_type(grads, Net)
assert_type(input_gradient(net, cache, dy), Matrix)
assert_type(sgd_update(net, grads, lr=0.1), Net)
assert_type(predict(net, x, batch_size=100), Matrix)
assert_type(accuracy(y, t), float)
assert_type(net.layers[0], Affine)
assert_type(net.layers[0].W, Matrix)
assert_type(net.layers[2].b, Vector)

# Single layers.
affine = Affine(np.zeros((3, 2)), np.zeros(2))
assert_type(affine, Affine[int, int])
assert_type(affine.n_in, int)
affine_y, affine_cache = forward(affine, np.zeros((1, 3)))
assert_type(affine_y, Matrix)
assert_type(affine_cache, AffineCache)
assert_type(backward(affine, affine_cache, affine_y), Affine[int, int])
relu_y, relu_cache = forward(ReLU(), np.zeros((1, 3)))
assert_type(relu_y, Matrix)

# Nested networks, images, activations only, no layers.
nested = sequential(
    Flatten(),
    sequential(Affine.init(784, 80, rng=rng), ReLU()),
    sequential(sequential(Tanh(), LeakyReLU(0.1)), Affine.init(80, 10, rng=rng)),
)
nested_y, nested_cache = forward(nested, np.zeros((2, 1, 28, 28), np.float32))
assert_type(nested_y, Matrix)
assert_type(input_gradient(nested, nested_cache, nested_y), Images)
assert_type(nested.layers[1].layers[0].W, Matrix)
assert_type(predict(sequential(), x), Matrix)
assert_type(predict(sequential(ReLU(), Sigmoid()), x), Matrix)

# Images: convolutions and pooling, then rows.
convolutional = sequential(
    fn.Conv2d.init(1, 16, (3, 1), stride=(2, 1), padding=1, rng=rng),
    ReLU(),
    fn.MaxPool2d(2),
    Flatten(),
    Affine.init(16 * 7 * 15, 10, rng=rng),
)
convolutional_y, convolutional_cache = forward(convolutional, np.zeros((2, 1, 28, 28), np.float32))
assert_type(input_gradient(convolutional, convolutional_cache, convolutional_y), Images)
pooled = sequential(fn.Conv2d.init(1, 4, 3, padding="same", rng=rng), fn.GlobalAvgPool2d())
assert_type(predict(pooled, np.zeros((2, 1, 28, 28), np.float32)), Matrix)
on_images: list[fn.OnImages] = [fn.AvgPool2d(2), fn.Conv2d.init(1, 4, 3, rng=0), fn.MaxPool2d(2, 1)]

assert_type(fn.summary(convolutional, (1, 28, 28)), fn.Summary)
pictures = fn.activations(convolutional, np.zeros((2, 1, 28, 28), np.float32))
assert_type(pictures["layers.0"], fn.Array)
assert_type(fn.activations(net if n_in else nested.layers[1], x), dict[str, fn.Array])
assert_type(fn.activations(ReLU(), np.zeros((2, 1, 28, 28))), dict[str, fn.Array])

# Six layers, and a list of layers.
six = sequential(
    Affine.init(4, 4, rng=0),
    ReLU(),
    Affine.init(4, 4, rng=1),
    ReLU(),
    Affine.init(4, 4, rng=2),
    Softmax(),
)
assert_type(six.layers, tuple[Affine, ReLU, Affine, ReLU, Affine, Softmax])
many = sequential(*[Affine.init(4, 4, rng=seed) for seed in range(50)])
assert_type(many, Sequential[int, int, Rows, Rows, tuple[Affine, ...]])
assert_type(forward(many, x)[0], Matrix)
sizes = [n_in, n_hidden, n_out]
assert_type(
    fn.mlp((n_in, *sizes[1:-1], n_out), rng=rng, activation=Tanh()),
    Sequential[int, int, Rows, Rows, tuple[fn.OnRows, ...]],
)
assert_type(forward(fn.mlp(sizes, rng=rng, dropout=0.5), x)[0], Matrix)


# A user-defined layer.
@attrs.frozen(eq=False)
class ScaleCache:
    x: Matrix


@attrs.frozen(eq=False)
class Scale:
    gain: Vector = attrs.field(converter=lock_vector)

    def forward(self, x: Matrix) -> tuple[Matrix, ScaleCache]:
        return x * self.gain, ScaleCache(x)

    def pullback(self, cache: ScaleCache, dout: Matrix) -> tuple[Scale, Callable[[], Matrix]]:
        return Scale((dout * cache.x).sum(axis=0)), lambda: dout * self.gain


with_scale = sequential(Affine.init(4, 3, rng=0), Scale(np.ones(3, np.float32)), ReLU())
assert_type(with_scale.layers, tuple[Affine, Scale, ReLU])
with_scale_y, with_scale_cache = forward(with_scale, np.zeros((2, 4), np.float32))
with_scale_grads = backward(with_scale, with_scale_cache, with_scale_y)
assert_type(with_scale_grads.layers[1].gain, Vector)
assert_type(sgd_update(with_scale, with_scale_grads, 0.1).layers[1], Scale)
assert_type(attrs.evolve(with_scale.layers[1], gain=np.ones(3)), Scale)


# Functions on networks.
def train(params: Network[int, int], x: Matrix, t: fn.Labels) -> Network[int, int]:
    y, cache = forward(params, x)
    _, dy = softmax_cross_entropy(y, t)
    return sgd_update(params, backward(params, cache, dy), lr=0.1)


def score(params: fn.Layer[Matrix, Matrix, C, G], x: Matrix, t: fn.Labels) -> float:
    return accuracy(predict(params, x), t)


assert_type(score(train(net, x, t), x, t), float)

# Trees.
assert_type(tree_map(np.tanh, affine), Affine[int, int])
assert_type(astype(net, np.float64), Net)
assert_type(replace_at(affine, "b", np.ones(2)), Affine[int, int])
assert_type(parameter_count(net), int)
assert_type(numerical_gradient(lambda p: float(p.W.sum()), affine), Affine[int, int])
assert_type(check_gradients(net, x, softmax_cross_entropy, t), fn.GradientReport)
for path, array in named_leaves(net):
    assert_type(path, str)
    assert_type(array, fn.Array)
assert_type(tree_leaves(net), list[fn.Array])

# Functions and losses return the type of their array.
assert_type(sigmoid(x), npt.NDArray[np.float32])
assert_type(mean_squared_error(y, np.zeros((5, 10))), tuple[float, Matrix])
assert_type(sum_squared_error(y, one_hot(t, 10)), tuple[float, Matrix])
row_weights = fn.class_weights(t, "balanced")
assert_type(row_weights, np.ndarray[tuple[int], np.dtype[np.float64]])
assert_type(fn.weighted(softmax_cross_entropy)(y, (t, row_weights)), tuple[float, Matrix])
assert_type(fn.weighted(mean_squared_error)(y, (y, t > 0)), tuple[float, Matrix])
row_batches = minibatches(x, (t, row_weights), 2, rng=0)
weighted_run = fn.train(
    net, row_batches, loss=fn.weighted(softmax_cross_entropy), optimizer=fn.adam(), n_shards=2
)
assert_type(fn.last(weighted_run).params, Net)

# Data.
(x_train, t_train), (x_test, t_test) = load_mnist()
assert_type(x_train, np.ndarray[tuple[int, int], np.dtype[np.float32]])
assert_type(t_test, fn.Labels)
(images, hot), _ = load_digits(flatten=False, one_hot_label=True)
assert_type(images, np.ndarray[tuple[int, int, int, int], np.dtype[np.float32]])
assert_type(hot, np.ndarray[tuple[int, int], np.dtype[np.float32]])
pixels = load_digits(normalize=False)[0][0]
assert_type(pixels, np.ndarray[tuple[int, ...], np.dtype[np.float32 | np.uint8]])
for xb, tb in minibatches(x_train, t_train, 100, rng=0, epochs=1):
    assert_type(xb, np.ndarray[tuple[int, int], np.dtype[np.float32]])
    assert_type(tb, fn.Labels)
pairs = t_train, np.ones(len(t_train))
weighted_batches = minibatches(x_train, pairs, 100, rng=0, epochs=1)
for xb, (tb, wb) in weighted_batches:
    assert_type(xb, np.ndarray[tuple[int, int], np.dtype[np.float32]])
    assert_type(tb, fn.Labels)
    assert_type(wb, np.ndarray[tuple[int], np.dtype[np.float64]])


def jitter(x: Matrix, t: fn.Labels, rng: np.random.Generator) -> tuple[Matrix, fn.Labels]:
    return np.multiply(x, rng.random()), t


augmented = minibatches(x_train, t_train, 100, rng=0, drop_last=True).map(jitter).shard(0, 2)
assert_type(augmented, fn.Minibatches[Matrix, fn.Labels])
augmented_run = fn.train(net, augmented, loss=softmax_cross_entropy, optimizer=fn.adam())
assert_type(fn.last(augmented_run).params, Net)
any_rank: npt.NDArray[Float] = x
assert_type(forward(net, any_rank)[0], Matrix)

# Optimizers, training, checkpoints and sweeps.
optimizer = fn.clip_by_global_norm(fn.freeze(fn.adam(fn.cosine_lr(0.1, 100)), "layers.0"), 1.0)
assert_type(optimizer, fn.Optimizer)
state = optimizer.init(net)
assert_type(state, fn.OptimizerState[Net])
assert_type(state["m"], Net)
updated, new_state = optimizer.update(net, backward(net, cache, dy), state)
assert_type(updated, Net)
assert_type(new_state, fn.OptimizerState[Net])
point, point_state = fn.sgd().update(np.ones(2), np.ones(2), fn.sgd().init(np.ones(2)))
batches = minibatches(x_train, t_train, 100, rng=0, epochs=1)
states = fn.train(net, batches, loss=softmax_cross_entropy, optimizer=optimizer)
scores = fn.early_stopping(fn.scored(states, lambda s: float(s.params.layers[0].W[0, 0])), 3)
best_state, best_score = fn.last(fn.best_so_far(scores))
assert_type(best_state, fn.TrainState[Net])
assert_type(best_score, float)
for train_state in fn.every(states, 10):
    assert_type(train_state, fn.TrainState[Net])
    resumed = fn.train(train_state, batches, loss=softmax_cross_entropy, optimizer=optimizer)
    assert_type(fn.last(resumed).params, Net)
    stepped = fn.train_step(train_state, x, t, loss=softmax_cross_entropy, optimizer=optimizer)
    assert_type(stepped, fn.TrainState[Net])
    fn.save("state.npz", train_state)
    loaded = fn.load("state.npz", like=train_state)
    assert_type(loaded, fn.TrainState[Net])
for average_state, average in fn.early_stopping(fn.moving_average(states, 50), 3):
    assert_type(average_state, fn.TrainState[Net])
    assert_type(average, float)
assert_type(fn.fingerprint(net), str)
for result in fn.sweep(lambda lr, _seed: f"{lr}", [0.1, 0.2]):
    assert_type(result, fn.Result[float, str])
