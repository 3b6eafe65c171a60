"""Wrong `residual`, `concatenate` and norms: mypy reports each line that ends in a code."""

from __future__ import annotations

import numpy as np

from funnet import (
    Affine,
    BatchNorm,
    Concatenate,
    Flatten,
    LayerNorm,
    Network,
    ReLU,
    Residual,
    Softmax,
    Standardize,
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
)

x = np.zeros((5, 4), np.float32)
t = np.arange(5)
images = np.zeros((5, 1, 2, 2), np.float32)


def affine() -> Affine[int, int]:
    return Affine.init(4, 4, rng=0)


def scores(net: Network[int, int]) -> None:
    predict(net, x)


net = residual(affine())
other = residual(sequential(affine(), ReLU()))
both = concatenate(affine(), ReLU())
flat = concatenate(Flatten(), sequential(Flatten(), affine()))

# No layer, too many, or one whose output has another rank than its input.
residual()  # [call-overload]
residual(3)  # [call-overload]
residual(ReLU)  # [call-overload]
residual(affine(), affine())  # [call-overload]
residual(Flatten())  # [arg-type]
residual(sequential(Flatten(), affine()))  # [arg-type]
residual(flat)  # [arg-type]
Residual()  # [call-arg]

# No layers, a list, or layers on inputs of different ranks.
concatenate()  # [call-overload]
concatenate(3)  # [call-overload]
concatenate([affine()])  # [call-overload]
concatenate(affine(), ReLU)  # [call-overload]
concatenate(affine(), Flatten())  # [misc]
concatenate(flat, affine())  # [misc]
Concatenate(affine(), affine())  # [call-arg] [type-var]

# In networks.
sequential(net, Flatten())  # [misc]
sequential(both, Flatten())  # [misc]
sequential(Flatten(), net, Flatten())  # [misc]
sequential(flat, flat)  # [misc]
scores(flat)  # [arg-type]

# Input of another rank.
predict(net, images)  # [misc]
predict(both, images)  # [misc]
predict(flat, x)  # [misc]
accuracy(predict(flat, images), images)  # [arg-type]

# The cache, the output or the gradients of another network.
y, cache = forward(net, x)
other_y, other_cache = forward(other, x)
both_y, both_cache = forward(both, x)
backward(net, other_cache, y)  # [misc]
backward(net, both_cache, y)  # [misc]
backward(both, cache, y)  # [misc]
backward(net, cache, images)  # [misc]
backward(net, y, cache)  # [misc]
input_gradient(other, cache, y)  # [misc]
grads = backward(net, cache, y)
sgd_update(other, grads, lr=0.1)  # [type-var]
sgd_update(both, grads, lr=0.1)  # [type-var]

# Assignment to a field, and fields that are not there.
net.layer = affine()  # [misc]
net.layer.W = x  # [misc]
both.layers = ()  # [misc] [assignment]
print(both.layers[2])  # [misc]
print(net.layers)  # [attr-defined]
print(both.layer)  # [attr-defined]

# Norms and dropout.
LayerNorm.init(4.0)  # [type-var]
LayerNorm.init(4, momentum=0.1)  # [call-arg]
LayerNorm.init(4, dtype=np.int64)  # [arg-type]
LayerNorm(x, x)  # [arg-type]
BatchNorm.init("4")  # [type-var]
LayerNorm(x[0], x[0], eps="small")  # [arg-type]
Standardize.fit(images)  # [arg-type]
Standardize.fit([[1.0]])  # [arg-type]
predict(LayerNorm.init(4), images)  # [misc]
predict(Standardize.fit(x), images)  # [misc]
sequential(LayerNorm.init(4), Flatten())  # [misc]

# Training.
batches = minibatches(x, t, 5, rng=0)
train(flat, batches, loss=softmax_cross_entropy, optimizer=adam())  # [arg-type]
train(residual, batches, loss=softmax_cross_entropy, optimizer=adam())  # [call-overload]
sequential(residual(affine()), residual(Softmax), affine())  # [call-overload]
