"""A right program: mypy reports nothing, and infers the asserted types."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, assert_type

import attrs
import numpy as np
import numpy.typing as npt

import funnet as fn
from funnet.layers.affine import AffineCache

C = TypeVar("C")
G = TypeVar("G")

rng = np.random.default_rng(0)
x = rng.normal(size=(5, 784)).astype(np.float32)
t = np.arange(5)
n_in, n_hidden, n_out = 784, 80, 10  # int, with the plugin too

Rows = tuple[int, int]
Net = fn.Sequential[int, int, Rows, Rows, tuple[fn.Affine, fn.ReLU, fn.Affine]]

# A network and its training step.
net = fn.sequential(
    fn.Affine.init(n_in, n_hidden, rng=rng), fn.ReLU(), fn.Affine.init(n_hidden, n_out, rng=rng)
)
assert_type(net, Net)
y, cache = fn.forward(net, x)
assert_type(y, fn.Matrix)
assert_type(cache, fn.SequentialCache[tuple[fn.Affine, fn.ReLU, fn.Affine]])
loss, dy = fn.softmax_cross_entropy(y, t)
assert_type(loss, float)
assert_type(dy, fn.Matrix)
grads = fn.backward(net, cache, dy)
assert_type(grads, Net)
assert_type(fn.input_gradient(net, cache, dy), fn.Matrix)
assert_type(fn.sgd_update(net, grads, lr=0.1), Net)
assert_type(fn.predict(net, x, batch_size=100), fn.Matrix)
assert_type(fn.accuracy(y, t), float)
assert_type(net.layers[0], fn.Affine)
assert_type(net.layers[0].W, fn.Matrix)
assert_type(net.layers[2].b, fn.Vector)

# Single layers.
affine = fn.Affine(np.zeros((3, 2)), np.zeros(2))
assert_type(affine, fn.Affine[int, int])
assert_type(affine.n_in, int)
affine_y, affine_cache = fn.forward(affine, np.zeros((1, 3)))
assert_type(affine_y, fn.Matrix)
assert_type(affine_cache, AffineCache)
assert_type(fn.backward(affine, affine_cache, affine_y), fn.Affine[int, int])
relu_y, relu_cache = fn.forward(fn.ReLU(), np.zeros((1, 3)))
assert_type(relu_y, fn.Matrix)

# Nested networks, images, activations only, no layers.
nested = fn.sequential(
    fn.Flatten(),
    fn.sequential(fn.Affine.init(784, 80, rng=rng), fn.ReLU()),
    fn.sequential(fn.sequential(fn.Tanh(), fn.LeakyReLU(0.1)), fn.Affine.init(80, 10, rng=rng)),
)
nested_y, nested_cache = fn.forward(nested, np.zeros((2, 1, 28, 28), np.float32))
assert_type(nested_y, fn.Matrix)
assert_type(fn.input_gradient(nested, nested_cache, nested_y), fn.Images)
assert_type(nested.layers[1].layers[0].W, fn.Matrix)
assert_type(fn.predict(fn.sequential(), x), fn.Matrix)
assert_type(fn.predict(fn.sequential(fn.ReLU(), fn.Sigmoid()), x), fn.Matrix)

# Images: convolutions and pooling, then rows.
convolutional = fn.sequential(
    fn.Conv2d.init(1, 16, (3, 1), stride=(2, 1), padding=1, rng=rng),
    fn.ReLU(),
    fn.MaxPool2d(2),
    fn.Flatten(),
    fn.Affine.init(16 * 7 * 15, 10, rng=rng),
)
convolutional_y, convolutional_cache = fn.forward(
    convolutional, np.zeros((2, 1, 28, 28), np.float32)
)
assert_type(fn.input_gradient(convolutional, convolutional_cache, convolutional_y), fn.Images)
pooled = fn.sequential(fn.Conv2d.init(1, 4, 3, padding="same", rng=rng), fn.GlobalAvgPool2d())
assert_type(fn.predict(pooled, np.zeros((2, 1, 28, 28), np.float32)), fn.Matrix)
on_images: list[fn.OnImages] = [fn.AvgPool2d(2), fn.Conv2d.init(1, 4, 3, rng=0), fn.MaxPool2d(2, 1)]

assert_type(fn.summary(convolutional, (1, 28, 28)), fn.Summary)
pictures = fn.activations(convolutional, np.zeros((2, 1, 28, 28), np.float32))
assert_type(pictures["layers.0"], fn.Array)
assert_type(fn.activations(net if n_in else nested.layers[1], x), dict[str, fn.Array])
assert_type(fn.activations(fn.ReLU(), np.zeros((2, 1, 28, 28))), dict[str, fn.Array])

# Six layers, and a list of layers.
six = fn.sequential(
    fn.Affine.init(4, 4, rng=0),
    fn.ReLU(),
    fn.Affine.init(4, 4, rng=1),
    fn.ReLU(),
    fn.Affine.init(4, 4, rng=2),
    fn.Softmax(),
)
assert_type(six.layers, tuple[fn.Affine, fn.ReLU, fn.Affine, fn.ReLU, fn.Affine, fn.Softmax])
many = fn.sequential(*[fn.Affine.init(4, 4, rng=seed) for seed in range(50)])
assert_type(many, fn.Sequential[int, int, Rows, Rows, tuple[fn.Affine, ...]])
assert_type(fn.forward(many, x)[0], fn.Matrix)
sizes = [n_in, n_hidden, n_out]
assert_type(
    fn.mlp((n_in, *sizes[1:-1], n_out), rng=rng, activation=fn.Tanh()),
    fn.Sequential[int, int, Rows, Rows, tuple[fn.OnRows, ...]],
)
assert_type(fn.forward(fn.mlp(sizes, rng=rng, dropout=0.5), x)[0], fn.Matrix)


# A user-defined layer.
@attrs.frozen(eq=False)
class ScaleCache:
    x: fn.Matrix


@attrs.frozen(eq=False)
class Scale:
    gain: fn.Vector = attrs.field(converter=fn.lock_vector)

    def forward(self, x: fn.Matrix) -> tuple[fn.Matrix, ScaleCache]:
        return x * self.gain, ScaleCache(x)

    def pullback(self, cache: ScaleCache, dout: fn.Matrix) -> tuple[Scale, Callable[[], fn.Matrix]]:
        return Scale((dout * cache.x).sum(axis=0)), lambda: dout * self.gain


with_scale = fn.sequential(fn.Affine.init(4, 3, rng=0), Scale(np.ones(3, np.float32)), fn.ReLU())
assert_type(with_scale.layers, tuple[fn.Affine, Scale, fn.ReLU])
with_scale_y, with_scale_cache = fn.forward(with_scale, np.zeros((2, 4), np.float32))
with_scale_grads = fn.backward(with_scale, with_scale_cache, with_scale_y)
assert_type(with_scale_grads.layers[1].gain, fn.Vector)
assert_type(fn.sgd_update(with_scale, with_scale_grads, 0.1).layers[1], Scale)
assert_type(attrs.evolve(with_scale.layers[1], gain=np.ones(3)), Scale)


# Functions on networks.
def train(params: fn.Network[int, int], x: fn.Matrix, t: fn.Labels) -> fn.Network[int, int]:
    y, cache = fn.forward(params, x)
    _, dy = fn.softmax_cross_entropy(y, t)
    return fn.sgd_update(params, fn.backward(params, cache, dy), lr=0.1)


def score(params: fn.Layer[fn.Matrix, fn.Matrix, C, G], x: fn.Matrix, t: fn.Labels) -> float:
    return fn.accuracy(fn.predict(params, x), t)


assert_type(score(train(net, x, t), x, t), float)

# Trees.
assert_type(fn.tree_map(np.tanh, affine), fn.Affine[int, int])
assert_type(fn.astype(net, np.float64), Net)
assert_type(fn.replace_at(affine, "b", np.ones(2)), fn.Affine[int, int])
assert_type(fn.parameter_count(net), int)
assert_type(fn.numerical_gradient(lambda p: float(p.W.sum()), affine), fn.Affine[int, int])
assert_type(fn.check_gradients(net, x, fn.softmax_cross_entropy, t), fn.GradientReport)
for path, array in fn.named_leaves(net):
    assert_type(path, str)
    assert_type(array, fn.Array)
assert_type(fn.tree_leaves(net), list[fn.Array])

# Functions and losses return the type of their array.
assert_type(fn.sigmoid(x), npt.NDArray[np.float32])
assert_type(fn.mean_squared_error(y, np.zeros((5, 10))), tuple[float, fn.Matrix])
assert_type(fn.sum_squared_error(y, fn.one_hot(t, 10)), tuple[float, fn.Matrix])
row_weights = fn.class_weights(t, "balanced")
assert_type(row_weights, np.ndarray[tuple[int], np.dtype[np.float64]])
assert_type(fn.weighted(fn.softmax_cross_entropy)(y, (t, row_weights)), tuple[float, fn.Matrix])
assert_type(fn.weighted(fn.mean_squared_error)(y, (y, t > 0)), tuple[float, fn.Matrix])
row_batches = fn.minibatches(x, (t, row_weights), 2, rng=0)
weighted_run = fn.train(
    net, row_batches, loss=fn.weighted(fn.softmax_cross_entropy), optimizer=fn.adam(), n_shards=2
)
assert_type(fn.last(weighted_run).params, Net)

# Data.
(x_train, t_train), (x_test, t_test) = fn.load_mnist()
assert_type(x_train, np.ndarray[tuple[int, int], np.dtype[np.float32]])
assert_type(t_test, fn.Labels)
(images, hot), _ = fn.load_digits(flatten=False, one_hot_label=True)
assert_type(images, np.ndarray[tuple[int, int, int, int], np.dtype[np.float32]])
assert_type(hot, np.ndarray[tuple[int, int], np.dtype[np.float32]])
pixels = fn.load_digits(normalize=False)[0][0]
assert_type(pixels, np.ndarray[tuple[int, ...], np.dtype[np.float32 | np.uint8]])
for xb, tb in fn.minibatches(x_train, t_train, 100, rng=0, epochs=1):
    assert_type(xb, np.ndarray[tuple[int, int], np.dtype[np.float32]])
    assert_type(tb, fn.Labels)
pairs = t_train, np.ones(len(t_train))
weighted_batches = fn.minibatches(x_train, pairs, 100, rng=0, epochs=1)
for xb, (tb, wb) in weighted_batches:
    assert_type(xb, np.ndarray[tuple[int, int], np.dtype[np.float32]])
    assert_type(tb, fn.Labels)
    assert_type(wb, np.ndarray[tuple[int], np.dtype[np.float64]])


def jitter(x: fn.Matrix, t: fn.Labels, rng: np.random.Generator) -> tuple[fn.Matrix, fn.Labels]:
    return np.multiply(x, rng.random()), t


augmented = fn.minibatches(x_train, t_train, 100, rng=0, drop_last=True).map(jitter).shard(0, 2)
assert_type(augmented, fn.Minibatches[fn.Matrix, fn.Labels])
augmented_run = fn.train(net, augmented, loss=fn.softmax_cross_entropy, optimizer=fn.adam())
assert_type(fn.last(augmented_run).params, Net)
any_rank: npt.NDArray[fn.Float] = x
assert_type(fn.forward(net, any_rank)[0], fn.Matrix)

# Optimizers, training, checkpoints and sweeps.
optimizer = fn.clip_by_global_norm(fn.freeze(fn.adam(fn.cosine_lr(0.1, 100)), "layers.0"), 1.0)
assert_type(optimizer, fn.Optimizer)
state = optimizer.init(net)
assert_type(state, fn.OptimizerState[Net])
assert_type(state["m"], Net)
updated, new_state = optimizer.update(net, fn.backward(net, cache, dy), state)
assert_type(updated, Net)
assert_type(new_state, fn.OptimizerState[Net])
point, point_state = fn.sgd().update(np.ones(2), np.ones(2), fn.sgd().init(np.ones(2)))
batches = fn.minibatches(x_train, t_train, 100, rng=0, epochs=1)
states = fn.train(net, batches, loss=fn.softmax_cross_entropy, optimizer=optimizer)
scores = fn.early_stopping(fn.scored(states, lambda s: float(s.params.layers[0].W[0, 0])), 3)
best_state, best_score = fn.last(fn.best_so_far(scores))
assert_type(best_state, fn.TrainState[Net])
assert_type(best_score, float)
for train_state in fn.every(states, 10):
    assert_type(train_state, fn.TrainState[Net])
    resumed = fn.train(train_state, batches, loss=fn.softmax_cross_entropy, optimizer=optimizer)
    assert_type(fn.last(resumed).params, Net)
    stepped = fn.train_step(train_state, x, t, loss=fn.softmax_cross_entropy, optimizer=optimizer)
    assert_type(stepped, fn.TrainState[Net])
    fn.save("state.npz", train_state)
    loaded = fn.load("state.npz", like=train_state)
    assert_type(loaded, fn.TrainState[Net])
    assert_type(fn.load("state.npz"), object)
for average_state, average in fn.early_stopping(fn.moving_average(states, 50), 3):
    assert_type(average_state, fn.TrainState[Net])
    assert_type(average, float)
assert_type(fn.fingerprint(net), str)
for result in fn.sweep(lambda lr, _seed: f"{lr}", [0.1, 0.2]):
    assert_type(result, fn.Result[float, str])
    assert_type(result.value, str | None)
