"""Right programs on layers and networks of several classes: lists, tables, unions and helpers."""

from __future__ import annotations

from itertools import pairwise
from typing import TypeVar, assert_type

import numpy as np

from funnet import (
    Affine,
    Elementwise,
    Flatten,
    Labels,
    LeakyReLU,
    Matrix,
    Network,
    OnRows,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
    TrainState,
    adam,
    astype,
    backward,
    check_gradients,
    forward,
    input_gradient,
    last,
    mean_squared_error,
    minibatches,
    named_leaves,
    parameter_count,
    predict,
    save,
    sequential,
    sgd_update,
    softmax_cross_entropy,
    train,
    train_step,
    tree_map,
)

Rows = tuple[int, int]

rng = np.random.default_rng(0)
x = rng.normal(size=(5, 4)).astype(np.float32)
t = np.arange(5)
images = np.zeros((5, 1, 2, 2), np.float32)
batches = minibatches(x, t, 5, rng=0, epochs=1)

# Lists.
layers = [Affine.init(4, 8, rng=0), ReLU()]
assert_type(layers, list[OnRows])
layers.append(Tanh())
layers.append(Affine.init(8, 4, rng=0))
net = sequential(*layers)
assert_type(net, Sequential[int, int, Rows, Rows, tuple[OnRows, ...]])
y, cache = forward(net, x)
assert_type(y, Matrix)
loss, dy = softmax_cross_entropy(y, t)
net = sgd_update(net, backward(net, cache, dy), lr=0.1)
for layer in net.layers:
    layer_y, layer_cache = forward(layer, x)
    sgd_update(layer, backward(layer, layer_cache, layer_y), lr=0.1)
assert_type([ReLU(), Tanh()], list[Elementwise])
for mixed in (
    [ReLU(), Affine.init(4, 4, rng=0)],
    [Affine.init(4, 4, rng=0), sequential(Affine.init(4, 4, rng=0), ReLU())],
):
    predict(sequential(*mixed), x)
with_flatten = [Flatten(), Affine.init(4, 4, rng=0), ReLU()]
predict(sequential(*with_flatten), images)
predict(sequential(*with_flatten, Affine.init(4, 2, rng=0)), images)

# Depths that a loop decides.
blocks = [sequential(Affine.init(4, 4, rng=i), ReLU()) for i in range(3)]
predict(sequential(*blocks, Affine.init(4, 2, rng=0)), x)
predict(sequential(Flatten(), *blocks, Affine.init(4, 2, rng=0)), images)
sizes = [4, 8, 8, 3]
stack = [Affine.init(n, m, rng=0) for n, m in pairwise(sizes)]
assert_type(predict(sequential(*stack), x), Matrix)
pairs = [layer for n, m in pairwise(sizes) for layer in (Affine.init(n, m, rng=0), ReLU())]
predict(sequential(*pairs[:-1], Softmax()), x)
hidden = []
annotated: list[OnRows] = []
for n, m in pairwise(sizes):
    hidden += [Affine.init(n, m, rng=0), ReLU()]
    annotated.append(Affine.init(n, m, rng=0))
    annotated.append(ReLU())
predict(sequential(*hidden, Affine.init(3, 3, rng=0)), x)
predict(sequential(*annotated[:-1]), x)
grown: Network[int, int] = Affine.init(4, 4, rng=0)
for _ in range(3):
    grown = sequential(grown, ReLU(), Affine.init(4, 4, rng=0))
assert_type(predict(grown, x), Matrix)

# Tables.
by_class = {"relu": ReLU, "tanh": Tanh, "sigmoid": Sigmoid}
activation = by_class["relu"]()
assert_type(activation, Elementwise)
predict(sequential(Affine.init(4, 8, rng=0), activation, Affine.init(8, 3, rng=0)), x)
predict(sequential(activation, Flatten(), Affine.init(4, 3, rng=0)), images)
by_value = {"relu": ReLU(), "leaky": LeakyReLU(0.1), "softmax": Softmax()}
predict(sequential(Affine.init(4, 8, rng=0), by_value["leaky"]), x)

# Networks of several classes under one name.
small = sequential(Affine.init(4, 5, rng=0))
large = sequential(Affine.init(4, 3, rng=0), ReLU(), Affine.init(3, 5, rng=0))


def one_of(x: Matrix, t: Labels, *, deep: bool) -> None:
    net = large if deep else small
    y, cache = forward(net, x)
    assert_type(y, Matrix)
    _, dy = softmax_cross_entropy(predict(net, x), t)
    input_gradient(net, cache, dy)
    net = sgd_update(net, backward(net, cache, dy), lr=0.1)
    check_gradients(net, x, softmax_cross_entropy, t)
    state = last(train(net, batches, loss=softmax_cross_entropy, optimizer=adam()))
    predict(state.params, x)
    TrainState.init(net, adam())
    adam().init(net)
    save("net.npz", net)
    parameter_count(net)
    list(named_leaves(net))
    predict(tree_map(np.tanh, astype(net, np.float64)), x)

    known: Network[int, int] = large if deep else small
    known_y, known_cache = forward(known, x)
    known = sgd_update(known, backward(known, known_cache, known_y), lr=0.1)
    state_of_known = adam().init(known)
    grads = backward(known, known_cache, known_y)
    known, state_of_known = adam().update(known, grads, state_of_known)


for each in (small, large):
    assert_type(predict(each, x), Matrix)
    y, each_cache = forward(each, x)
for each_of_list in [small, large, Affine.init(4, 2, rng=0)]:
    y, list_cache = forward(each_of_list, x)
    sgd_update(each_of_list, backward(each_of_list, list_cache, y), lr=0.1)
for name, named in {"small": small, "large": large}.items():
    y, named_cache = forward(named, x)
    updated = sgd_update(named, backward(named, named_cache, y), lr=0.1)
    save(f"{name}.npz", updated)

# Helpers that return what they are given.
N = TypeVar("N", bound=Network[int, int])


def fit_by_hand(net: N, x: Matrix, t: Labels) -> N:
    for x_batch, t_batch in minibatches(x, t, 10, rng=0, epochs=1):
        y, cache = forward(net, x_batch)
        _, dy = softmax_cross_entropy(y, t_batch)
        net = sgd_update(net, backward(net, cache, dy), lr=0.1)
    return net


def fit_with_an_optimizer(net: N, x: Matrix, t: Labels) -> N:
    optimizer = adam()
    state = optimizer.init(net)
    for x_batch, t_batch in minibatches(x, t, 10, rng=0, epochs=1):
        y, cache = forward(net, x_batch)
        _, dy = softmax_cross_entropy(y, t_batch)
        net, state = optimizer.update(net, backward(net, cache, dy), state)
    return net


def fit(net: N, x: Matrix, t: Labels) -> N:
    batches = minibatches(x, t, 10, rng=0, epochs=1)
    return last(train(net, batches, loss=softmax_cross_entropy, optimizer=adam())).params


def fit_further(state: TrainState[N], x: Matrix, t: Labels) -> N:
    batches = minibatches(x, t, 10, rng=0, epochs=1)
    state = train_step(state, x, t, loss=softmax_cross_entropy, optimizer=adam())
    return last(train(state, batches, loss=softmax_cross_entropy, optimizer=adam())).params


def distil(teacher: Network[int, int], student: N, x: Matrix) -> N:
    y, cache = forward(student, x)
    _, dy = mean_squared_error(y, predict(teacher, x))
    return sgd_update(student, backward(student, cache, dy), lr=0.1)


Large = Sequential[int, int, Rows, Rows, tuple[Affine, ReLU, Affine]]
assert_type(fit_by_hand(large, x, t), Large)
assert_type(fit_with_an_optimizer(large, x, t), Large)
assert_type(fit(large, x, t), Large)
assert_type(fit_further(TrainState.init(large, adam()), x, t), Large)
assert_type(distil(small, large, x), Large)
single: Affine[int, int] = Affine.init(4, 3, rng=0)
assert_type(fit(single, x, t), Affine[int, int])

# A result under the name of the input, whose type says float32.
z = np.ones((5, 4), np.float32)
z, _ = forward(large, z)
z = predict(large, z)
for affine in stack:
    z, _ = forward(affine, z)
