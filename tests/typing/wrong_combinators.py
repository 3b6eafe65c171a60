"""Wrong `residual`, `concatenate` and norms: mypy reports each line that ends in a code."""

from __future__ import annotations

import numpy as np

import funnet as fn

x = np.zeros((5, 4), np.float32)
t = np.arange(5)
images = np.zeros((5, 1, 2, 2), np.float32)


def affine() -> fn.Affine[int, int]:
    return fn.Affine.init(4, 4, rng=0)


def scores(net: fn.Network[int, int]) -> None:
    fn.predict(net, x)


net = fn.residual(affine())
other = fn.residual(fn.sequential(affine(), fn.ReLU()))
both = fn.concatenate(affine(), fn.ReLU())
flat = fn.concatenate(fn.Flatten(), fn.sequential(fn.Flatten(), affine()))

# No layer, too many, or one whose output has another rank than its input.
fn.residual()  # [call-overload]
fn.residual(3)  # [call-overload]
fn.residual(fn.ReLU)  # [call-overload]
fn.residual(affine(), affine())  # [call-overload]
fn.residual(fn.Flatten())  # [arg-type]
fn.residual(fn.sequential(fn.Flatten(), affine()))  # [arg-type]
fn.residual(flat)  # [arg-type]
fn.Residual()  # [call-arg]

# No layers, a list, or layers on inputs of different ranks.
fn.concatenate()  # [call-overload]
fn.concatenate(3)  # [call-overload]
fn.concatenate([affine()])  # [call-overload]
fn.concatenate(affine(), fn.ReLU)  # [call-overload]
fn.concatenate(affine(), fn.Flatten())  # [misc]
fn.concatenate(flat, affine())  # [misc]
fn.Concatenate(affine(), affine())  # [call-arg] [type-var]

# In networks.
fn.sequential(net, fn.Flatten())  # [misc]
fn.sequential(both, fn.Flatten())  # [misc]
fn.sequential(fn.Flatten(), net, fn.Flatten())  # [misc]
fn.sequential(flat, flat)  # [misc]
scores(flat)  # [arg-type]

# Input of another rank.
fn.predict(net, images)  # [misc]
fn.predict(both, images)  # [misc]
fn.predict(flat, x)  # [misc]
fn.accuracy(fn.predict(flat, images), images)  # [arg-type]

# The cache, the output or the gradients of another network.
y, cache = fn.forward(net, x)
other_y, other_cache = fn.forward(other, x)
both_y, both_cache = fn.forward(both, x)
fn.backward(net, other_cache, y)  # [misc]
fn.backward(net, both_cache, y)  # [misc]
fn.backward(both, cache, y)  # [misc]
fn.backward(net, cache, images)  # [misc]
fn.backward(net, y, cache)  # [misc]
fn.input_gradient(other, cache, y)  # [misc]
grads = fn.backward(net, cache, y)
fn.sgd_update(other, grads, lr=0.1)  # [type-var]
fn.sgd_update(both, grads, lr=0.1)  # [type-var]

# Assignment to a field, and fields that are not there.
net.layer = affine()  # [misc]
net.layer.W = x  # [misc]
both.layers = ()  # [misc] [assignment]
print(both.layers[2])  # [misc]
print(net.layers)  # [attr-defined]
print(both.layer)  # [attr-defined]

# Norms and dropout.
fn.LayerNorm.init(4.0)  # [type-var]
fn.LayerNorm.init(4, momentum=0.1)  # [call-arg]
fn.LayerNorm.init(4, dtype=np.int64)  # [arg-type]
fn.LayerNorm(x, x)  # [arg-type]
fn.BatchNorm.init("4")  # [type-var]
fn.LayerNorm(x[0], x[0], eps="small")  # [arg-type]
fn.Standardize.fit(images)  # [arg-type]
fn.Standardize.fit([[1.0]])  # [arg-type]
fn.predict(fn.LayerNorm.init(4), images)  # [misc]
fn.predict(fn.Standardize.fit(x), images)  # [misc]
fn.sequential(fn.LayerNorm.init(4), fn.Flatten())  # [misc]

# Training.
loss, batches = fn.softmax_cross_entropy, fn.minibatches(x, t, 5, rng=0)
fn.train(flat, batches, loss=loss, optimizer=fn.adam())  # [arg-type]
fn.train(fn.residual, batches, loss=loss, optimizer=fn.adam())  # [call-overload]
fn.sequential(fn.residual(affine()), fn.residual(fn.Softmax), affine())  # [call-overload]
