"""Right programs with `residual`, `concatenate` and norms: mypy infers what assert_type says."""

from __future__ import annotations

from typing import assert_type

import numpy as np

import funnet as fn
from funnet.core.arrays import RowShape

x = np.zeros((5, 4), np.float32)
t = np.arange(5)
images = np.zeros((5, 1, 2, 2), np.float32)


def affine() -> fn.Affine[int, int]:
    return fn.Affine.init(4, 4, rng=0)


def scores(net: fn.Network[int, int]) -> fn.Matrix:
    return fn.predict(net, x)


# A residual network, its training step, and everything that comes out of it.
net = fn.residual(affine())
assert_type(net, fn.Residual[int, RowShape, fn.Affine])
y, cache = fn.forward(net, x)
assert_type(y, fn.Matrix)
assert_type(cache, fn.ResidualCache[RowShape, fn.Affine])
loss, dy = fn.softmax_cross_entropy(y, t)
grads = fn.backward(net, cache, dy)
assert_type(grads, fn.Residual[int, RowShape, fn.Affine])
assert_type(fn.input_gradient(net, cache, dy), fn.Matrix)
net = fn.sgd_update(net, grads, lr=0.1)
assert_type(net.layer.W, fn.Matrix)
assert_type(net.n_in, int | None)
scores(net)

# What is around a layer takes what the layer takes.
assert_type(fn.residual(fn.ReLU()), fn.Residual[int, RowShape, fn.ReLU])
assert_type(fn.residual(fn.BatchNorm.init(len(t) - 1)), fn.Residual[int, RowShape, fn.BatchNorm])
assert_type(fn.residual(fn.LayerNorm.init(4)).layer, fn.LayerNorm)
assert_type(fn.residual(fn.residual(affine())).layer.layer, fn.Affine)
block = fn.residual(
    fn.sequential(affine(), fn.BatchNorm.init(4), fn.ReLU(), fn.Dropout(0.5), affine())
)
assert_type(block.layer.layers[0], fn.Affine)
scores(block)
scores(fn.residual(fn.ReLU()))

# Side by side.
both = fn.concatenate(affine(), fn.ReLU())
assert_type(both, fn.Concatenate[int, int, RowShape, RowShape, tuple[fn.Affine, fn.ReLU]])
both_y, both_cache = fn.forward(both, x)
assert_type(both_y, fn.Matrix)
both = fn.sgd_update(both, fn.backward(both, both_cache, both_y), lr=0.1)
assert_type(both.layers[1], fn.ReLU)
assert_type(both.n_out, int | None)
scores(both)
three = fn.concatenate(fn.Identity(), fn.sequential(affine(), fn.ReLU()), block)
assert_type(three.layers[0], fn.Identity)
assert_type(three.layers[1].layers[0].W, fn.Matrix)
scores(fn.concatenate(fn.ReLU(), fn.Tanh()))
scores(fn.concatenate(affine(), fn.LayerNorm.init(4), fn.BatchNorm.init(4), fn.residual(affine())))
many = fn.concatenate(*[affine() for _ in range(6)])
assert_type(many, fn.Concatenate[int, int, RowShape, RowShape, tuple[fn.Affine, ...]])
flat = fn.concatenate(fn.sequential(fn.Flatten(), affine()), fn.Flatten())
assert_type(fn.predict(flat, images), fn.Matrix)
flat_y, flat_cache = fn.forward(flat, images)
assert_type(fn.input_gradient(flat, flat_cache, flat_y), fn.Images)

# In networks, in lists, and in training.
deep = fn.sequential(
    fn.Standardize.fit(x),
    block,
    fn.residual(fn.concatenate(affine(), affine())),
    affine(),
    fn.Tanh(),
)
assert_type(deep.layers[0], fn.Standardize)
assert_type(fn.predict(deep, x), fn.Matrix)
on_images = fn.sequential(flat, fn.residual(affine()), fn.Affine.init(4, 3, rng=0))
assert_type(on_images.layers[1], fn.Residual[int, RowShape, fn.Affine])
fn.accuracy(fn.predict(on_images, images), t)
assert_type(
    fn.sequential(*[fn.residual(affine()) for _ in range(9)]),
    fn.Sequential[int, int, RowShape, RowShape, tuple[fn.Residual[int, RowShape, fn.Affine], ...]],
)
mixed = [affine(), fn.residual(affine()), fn.concatenate(affine(), affine()), fn.ReLU()]
fn.predict(fn.sequential(*mixed), x)
live = fn.training_mode(block, seed=0, step=0)
live_y, live_cache = fn.forward(live, x)
assert_type(fn.update_statistics(block, live_cache).layer.layers[1], fn.BatchNorm)
batches = fn.minibatches(x, t, 5, rng=0)
for state in fn.train(net, batches, loss=fn.softmax_cross_entropy, optimizer=fn.adam()):
    assert_type(state.params, fn.Residual[int, RowShape, fn.Affine])
