"""A wrong program: mypy reports the lines that end in an error code, and no others."""

import numpy as np

import funnet as fn
from funnet.sklearn import NetworkClassifier, NetworkRegressor

x = np.zeros((5, 4), np.float32)
images = np.zeros((5, 1, 2, 2), np.float32)
t = np.arange(5)
net = fn.sequential(fn.Affine.init(4, 3, rng=0), fn.ReLU(), fn.Affine.init(3, 2, rng=0))
other = fn.sequential(fn.Affine.init(4, 3, rng=0), fn.Sigmoid(), fn.Affine.init(3, 2, rng=0))
y, cache = fn.forward(net, x)
other_y, other_cache = fn.forward(other, x)
grads = fn.backward(net, cache, y)
other_grads = fn.backward(other, other_cache, other_y)

# Layers whose ranks do not fit.
fn.sequential(fn.Affine.init(4, 3, rng=0), fn.Flatten())  # [misc]
fn.sequential(fn.Affine.init(4, 3, rng=0), fn.ReLU(), fn.Flatten(), fn.Softmax())  # [misc]
fn.sequential(fn.sequential(fn.Flatten(), fn.Affine.init(4, 3, rng=0)), fn.Flatten())  # [misc]
fn.forward(net, images)  # [misc]
fn.forward(fn.sequential(fn.Flatten(), net), x)  # [misc]
fn.sequential(fn.Conv2d.init(1, 4, 3, rng=0), fn.Affine.init(4, 3, rng=0))  # [misc]
fn.sequential(fn.Flatten(), fn.MaxPool2d(2))  # [misc]
fn.sequential(fn.GlobalAvgPool2d(), fn.Conv2d.init(1, 4, 3, rng=0))  # [misc]
fn.predict(fn.Affine.init(4, 3, rng=0), images)  # [misc]
fn.sequential(fn.Conv2d.init(1, 4, 3, rng=0), fn.mlp((4, 3, 2), rng=0))  # [misc]
fn.mlp((4, 3, 2), rng=0, activation=fn.ReLU)  # [call-overload]
fn.activations(net, images)  # [misc]
fn.summary(net, 4)  # [arg-type]
fn.summary(x, (4,))  # [arg-type]

# Caches of another layer or network.
fn.backward(net, other_cache, y)  # [misc]
fn.backward(fn.ReLU(), cache, y)  # [misc]
fn.backward(fn.Affine.init(4, 3, rng=0), fn.forward(fn.ReLU(), x)[1], y)  # [misc]
fn.input_gradient(other, cache, y)  # [misc]
fn.backward(net, cache, images)  # [misc]
fn.backward(net, y, cache)  # [misc]

# Gradients of another network.
fn.sgd_update(net, other_grads, lr=0.1)  # [type-var]
fn.sgd_update(net, net.layers[0], lr=0.1)  # [type-var]
fn.sgd_update(net, y, lr=0.1)  # [call-overload]
fn.sgd_update(net, grads, lr="fast")  # [call-overload]
fn.sgd_update(net, grads)  # [call-overload]

# Lists and integers in place of arrays of floats.
fn.forward(net, [[1.0, 2.0, 3.0, 4.0]])  # [misc]
fn.forward(net, np.zeros((5, 4), np.int64))  # [misc]
fn.Affine([[1.0]], np.zeros(1))  # [arg-type]
fn.Affine(x, x)  # [arg-type]
fn.Affine(x, t)  # [arg-type]
fn.softmax_cross_entropy(y, [0, 1])  # [arg-type]
fn.softmax_cross_entropy(t, y)  # [arg-type]
fn.accuracy(images, t)  # [arg-type]
fn.check_gradients(net, x, fn.accuracy, t)  # [arg-type]

# Assignment to fields.
net.layers = ()  # [misc] [assignment]
net.layers[0].W = x  # [misc]
net.layers[0] = net.layers[0]  # [index]
fn.LeakyReLU().slope = 0.1  # [misc]

# Arguments that are missing or have a wrong type.
fn.Affine.init(4, 3)  # [call-arg]
fn.Affine.init(4.0, 3, rng=0)  # [type-var]
fn.Affine.init(4, 3, rng=None)  # [arg-type]
fn.Affine.init(4, 3, rng=0, weights=0.01)  # [arg-type]
fn.Affine.init(4, 3, rng=0, weights=fn.normal)  # [arg-type]
fn.Affine.init(4, 3, rng=0, dtype=np.int64)  # [arg-type]
fn.sequential(fn.ReLU, fn.Affine.init(4, 3, rng=0))  # [call-overload]
fn.sequential([fn.ReLU()])  # [call-overload]
fn.minibatches(x, t, 10)  # [call-arg]
print(net.layers[3])  # [misc]
print(net.weights)  # [attr-defined]

# Optimizers, training, checkpoints and sweeps.
optimizer = fn.adam(lr=0.1)
state = optimizer.init(net)
batches = fn.minibatches(x, t, 2, rng=0)
of_images = fn.minibatches(images, t, 2, rng=0)
to_images = batches.map(lambda x, t, rng: (images, t))
fn.train(net, to_images, loss=fn.softmax_cross_entropy, optimizer=optimizer)  # [arg-type]
of_images.map(lambda x, t: (x, t))  # [arg-type] [misc]
batches.map(lambda x, t, rng: x)  # [arg-type] [return-value]
optimizer.update(net, other_grads, state)  # [misc]
optimizer.update(net, grads, optimizer.init(other))  # [misc]
optimizer.update(net, grads)  # [call-arg]
fn.adam(lr="0.1")  # [arg-type]
fn.freeze(net, "layers.0")  # [arg-type]
state.step = 3  # [misc]
fn.train(net, batches, loss=fn.mean_squared_error, optimizer=optimizer)  # [arg-type]
of_weights = fn.weighted(fn.softmax_cross_entropy)
fn.train(net, batches, loss=of_weights, optimizer=optimizer)  # [arg-type]
fn.train(net, of_images, loss=fn.softmax_cross_entropy, optimizer=optimizer)  # [arg-type]
fn.train(net, [x, x], loss=fn.softmax_cross_entropy, optimizer=optimizer)  # [list-item] [arg-type]
fn.train(net, batches, loss=fn.softmax_cross_entropy, optimizer=fn.sgd_update)  # [call-overload]
for train_state in fn.train(net, batches, loss=fn.softmax_cross_entropy, optimizer=optimizer):
    train_state.params = net  # [misc]
    fn.forward(train_state, x)  # [call-overload]
fn.forward(fn.load("net.npz"), x)  # [call-overload]
fn.every(net, 3)  # [arg-type]
fn.early_stopping([train_state], 3)  # [arg-type]
fn.sweep(lambda config: config, [1])  # [arg-type] [misc]

# Estimators.
NetworkClassifier(hiden=(100,))  # [call-arg]
NetworkClassifier(hidden=100)  # [arg-type]
NetworkClassifier(network=net)  # [arg-type]
NetworkClassifier(class_weight="even")  # [arg-type]
NetworkRegressor(class_weight="balanced")  # [call-arg]
NetworkRegressor().partial_fit(x, t, classes=[0, 1])  # [call-arg]
