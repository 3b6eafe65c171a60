"""Wrong programs: mypy reports each line that ends in a code, and no other."""

import numpy as np

from funnet import (
    Affine,
    Conv2d,
    Flatten,
    GlobalAvgPool2d,
    LeakyReLU,
    MaxPool2d,
    ReLU,
    Sigmoid,
    accuracy,
    adam,
    backward,
    check_gradients,
    every,
    forward,
    freeze,
    input_gradient,
    load,
    mean_squared_error,
    minibatches,
    normal,
    predict,
    sequential,
    sgd_update,
    softmax_cross_entropy,
    sweep,
    train,
)

x = np.zeros((5, 4), np.float32)
images = np.zeros((5, 1, 2, 2), np.float32)
t = np.arange(5)
net = sequential(Affine.init(4, 3, rng=0), ReLU(), Affine.init(3, 2, rng=0))
other = sequential(Affine.init(4, 3, rng=0), Sigmoid(), Affine.init(3, 2, rng=0))
y, cache = forward(net, x)
other_y, other_cache = forward(other, x)
grads = backward(net, cache, y)
other_grads = backward(other, other_cache, other_y)

# The order of layers, by the rank of what passes between them.
sequential(Affine.init(4, 3, rng=0), Flatten())  # [misc]
sequential(Affine.init(4, 3, rng=0), ReLU(), Flatten(), Affine.init(3, 2, rng=0))  # [misc]
sequential(sequential(Flatten(), Affine.init(4, 3, rng=0)), Flatten())  # [misc]
forward(net, images)  # [misc]
forward(sequential(Flatten(), net), x)  # [misc]
sequential(Conv2d.init(1, 4, 3, rng=0), Affine.init(4, 3, rng=0))  # [misc]
sequential(Flatten(), MaxPool2d(2))  # [misc]
sequential(GlobalAvgPool2d(), Conv2d.init(1, 4, 3, rng=0))  # [misc]
predict(Affine.init(4, 3, rng=0), images)  # [misc]

# A cache of another layer or network.
backward(net, other_cache, y)  # [misc]
backward(ReLU(), cache, y)  # [misc]
backward(Affine.init(4, 3, rng=0), forward(ReLU(), x)[1], y)  # [misc]
input_gradient(other, cache, y)  # [misc]
backward(net, cache, images)  # [misc]
backward(net, y, cache)  # [misc]

# Gradients of another network.
sgd_update(net, other_grads, lr=0.1)  # [type-var]
sgd_update(net, net.layers[0], lr=0.1)  # [type-var]
sgd_update(net, y, lr=0.1)  # [call-overload]
sgd_update(net, grads, lr="fast")  # [call-overload]
sgd_update(net, grads)  # [call-overload]

# A list, or integers, where an array of floats belongs.
forward(net, [[1.0, 2.0, 3.0, 4.0]])  # [misc]
forward(net, np.zeros((5, 4), np.int64))  # [misc]
Affine([[1.0]], np.zeros(1))  # [arg-type]
Affine(x, x)  # [arg-type]
Affine(x, t)  # [arg-type]
softmax_cross_entropy(y, [0, 1])  # [arg-type]
softmax_cross_entropy(t, y)  # [arg-type]
accuracy(images, t)  # [arg-type]
check_gradients(net, x, accuracy, t)  # [arg-type]

# Assignment to a field.
net.layers = ()  # [misc] [assignment]
net.layers[0].W = x  # [misc]
net.layers[0] = net.layers[0]  # [index]
LeakyReLU().slope = 0.1  # [misc]

# Arguments that are missing, or of another type.
Affine.init(4, 3)  # [call-arg]
Affine.init(4.0, 3, rng=0)  # [type-var]
Affine.init(4, 3, rng=None)  # [arg-type]
Affine.init(4, 3, rng=0, weights=0.01)  # [arg-type]
Affine.init(4, 3, rng=0, weights=normal)  # [arg-type]
Affine.init(4, 3, rng=0, dtype=np.int64)  # [arg-type]
sequential(ReLU, Affine.init(4, 3, rng=0))  # [call-overload]
sequential([ReLU()])  # [call-overload]
minibatches(x, t, 10)  # [call-arg]
print(net.layers[3])  # [misc]
print(net.weights)  # [attr-defined]

# Optimizers, training, checkpoints and sweeps.
optimizer = adam(lr=0.1)
state = optimizer.init(net)
batches = minibatches(x, t, 2, rng=0)
of_images = minibatches(images, t, 2, rng=0)
optimizer.update(net, other_grads, state)  # [misc]
optimizer.update(net, grads, optimizer.init(other))  # [misc]
optimizer.update(net, grads)  # [call-arg]
adam(lr="0.1")  # [arg-type]
freeze(net, "layers.0")  # [arg-type]
state.step = 3  # [misc]
train(net, batches, loss=mean_squared_error, optimizer=optimizer)  # [arg-type]
train(net, of_images, loss=softmax_cross_entropy, optimizer=optimizer)  # [arg-type]
train(net, [x, x], loss=softmax_cross_entropy, optimizer=optimizer)  # [list-item] [arg-type]
train(net, batches, loss=softmax_cross_entropy, optimizer=sgd_update)  # [call-overload]
for train_state in train(net, batches, loss=softmax_cross_entropy, optimizer=optimizer):
    train_state.params = net  # [misc]
    forward(train_state, x)  # [call-overload]
forward(load("net.npz"), x)  # [call-overload]
every(net, 3)  # [arg-type]
sweep(lambda config: config, [1])  # [arg-type] [misc]
