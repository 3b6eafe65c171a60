"""Right programs with `residual`, `concatenate` and norms: mypy infers what assert_type says."""

from __future__ import annotations

from typing import assert_type

import numpy as np

from funnet import (
    Affine,
    BatchNorm,
    Concatenate,
    Dropout,
    Flatten,
    Identity,
    Images,
    LayerNorm,
    Matrix,
    Network,
    ReLU,
    Residual,
    ResidualCache,
    Sequential,
    Standardize,
    Tanh,
    accuracy,
    adam,
    backward,
    concatenate,
    forward,
    input_gradient,
    minibatches,
    predict,
    residual,
    sequential,
    sgd_update,
    softmax_cross_entropy,
    train,
    training_mode,
    update_statistics,
)
from funnet.core.arrays import RowShape

x = np.zeros((5, 4), np.float32)
t = np.arange(5)
images = np.zeros((5, 1, 2, 2), np.float32)


def affine() -> Affine[int, int]:
    return Affine.init(4, 4, rng=0)


def scores(net: Network[int, int]) -> Matrix:
    return predict(net, x)


# A residual network, its training step, and everything that comes out of it.
net = residual(affine())
assert_type(net, Residual[int, RowShape, Affine])
y, cache = forward(net, x)
assert_type(y, Matrix)
assert_type(cache, ResidualCache[RowShape, Affine])
loss, dy = softmax_cross_entropy(y, t)
grads = backward(net, cache, dy)
assert_type(grads, Residual[int, RowShape, Affine])
assert_type(input_gradient(net, cache, dy), Matrix)
net = sgd_update(net, grads, lr=0.1)
assert_type(net.layer.W, Matrix)
assert_type(net.n_in, int | None)
scores(net)

# What is around a layer takes what the layer takes.
assert_type(residual(ReLU()), Residual[int, RowShape, ReLU])
assert_type(residual(BatchNorm.init(len(t) - 1)), Residual[int, RowShape, BatchNorm])
assert_type(residual(LayerNorm.init(4)).layer, LayerNorm)
assert_type(residual(residual(affine())).layer.layer, Affine)
block = residual(sequential(affine(), BatchNorm.init(4), ReLU(), Dropout(0.5), affine()))
assert_type(block.layer.layers[0], Affine)
scores(block)
scores(residual(ReLU()))

# Side by side.
both = concatenate(affine(), ReLU())
assert_type(both, Concatenate[int, int, RowShape, RowShape, tuple[Affine, ReLU]])
both_y, both_cache = forward(both, x)
assert_type(both_y, Matrix)
both = sgd_update(both, backward(both, both_cache, both_y), lr=0.1)
assert_type(both.layers[1], ReLU)
assert_type(both.n_out, int | None)
scores(both)
three = concatenate(Identity(), sequential(affine(), ReLU()), block)
assert_type(three.layers[0], Identity)
assert_type(three.layers[1].layers[0].W, Matrix)
scores(concatenate(ReLU(), Tanh()))
scores(concatenate(affine(), LayerNorm.init(4), BatchNorm.init(4), residual(affine())))
many = concatenate(*[affine() for _ in range(6)])
assert_type(many, Concatenate[int, int, RowShape, RowShape, tuple[Affine, ...]])
flat = concatenate(sequential(Flatten(), affine()), Flatten())
assert_type(predict(flat, images), Matrix)
flat_y, flat_cache = forward(flat, images)
assert_type(input_gradient(flat, flat_cache, flat_y), Images)

# In networks, in lists, and in training.
deep = sequential(
    Standardize.fit(x), block, residual(concatenate(affine(), affine())), affine(), Tanh()
)
assert_type(deep.layers[0], Standardize)
assert_type(predict(deep, x), Matrix)
on_images = sequential(flat, residual(affine()), Affine.init(4, 3, rng=0))
assert_type(on_images.layers[1], Residual[int, RowShape, Affine])
accuracy(predict(on_images, images), t)
assert_type(
    sequential(*[residual(affine()) for _ in range(9)]),
    Sequential[int, int, RowShape, RowShape, tuple[Residual[int, RowShape, Affine], ...]],
)
mixed = [affine(), residual(affine()), concatenate(affine(), affine()), ReLU()]
predict(sequential(*mixed), x)
live = training_mode(block, seed=0, step=0)
live_y, live_cache = forward(live, x)
assert_type(update_statistics(block, live_cache).layer.layers[1], BatchNorm)
batches = minibatches(x, t, 5, rng=0)
for state in train(net, batches, loss=softmax_cross_entropy, optimizer=adam()):
    assert_type(state.params, Residual[int, RowShape, Affine])
