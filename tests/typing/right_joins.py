"""A right program with layers of different classes in lists, dictionaries and unions."""

from __future__ import annotations

from itertools import pairwise
from typing import TypeVar, assert_type

import numpy as np

import funnet as fn

Rows = tuple[int, int]

rng = np.random.default_rng(0)
x = rng.normal(size=(5, 4)).astype(np.float32)
t = np.arange(5)
images = np.zeros((5, 1, 2, 2), np.float32)
batches = fn.minibatches(x, t, 5, rng=0, epochs=1)

# Lists.
layers = [fn.Affine.init(4, 8, rng=0), fn.ReLU()]
assert_type(layers, list[fn.OnRows])
layers.append(fn.Tanh())
layers.append(fn.Affine.init(8, 4, rng=0))
net = fn.sequential(*layers)
assert_type(net, fn.Sequential[int, int, Rows, Rows, tuple[fn.OnRows, ...]])
y, cache = fn.forward(net, x)
assert_type(y, fn.Matrix)
loss, dy = fn.softmax_cross_entropy(y, t)
net = fn.sgd_update(net, fn.backward(net, cache, dy), lr=0.1)
for layer in net.layers:
    layer_y, layer_cache = fn.forward(layer, x)
    fn.sgd_update(layer, fn.backward(layer, layer_cache, layer_y), lr=0.1)
assert_type([fn.ReLU(), fn.Tanh()], list[fn.Elementwise])
for mixed in (
    [fn.ReLU(), fn.Affine.init(4, 4, rng=0)],
    [fn.Affine.init(4, 4, rng=0), fn.sequential(fn.Affine.init(4, 4, rng=0), fn.ReLU())],
):
    fn.predict(fn.sequential(*mixed), x)
with_flatten = [fn.Flatten(), fn.Affine.init(4, 4, rng=0), fn.ReLU()]
fn.predict(fn.sequential(*with_flatten), images)
fn.predict(fn.sequential(*with_flatten, fn.Affine.init(4, 2, rng=0)), images)

# Depths that depend on data.
blocks = [fn.sequential(fn.Affine.init(4, 4, rng=i), fn.ReLU()) for i in range(3)]
fn.predict(fn.sequential(*blocks, fn.Affine.init(4, 2, rng=0)), x)
fn.predict(fn.sequential(fn.Flatten(), *blocks, fn.Affine.init(4, 2, rng=0)), images)
sizes = [4, 8, 8, 3]
stack = [fn.Affine.init(n, m, rng=0) for n, m in pairwise(sizes)]
assert_type(fn.predict(fn.sequential(*stack), x), fn.Matrix)
pairs = [layer for n, m in pairwise(sizes) for layer in (fn.Affine.init(n, m, rng=0), fn.ReLU())]
fn.predict(fn.sequential(*pairs[:-1], fn.Softmax()), x)
hidden = []
annotated: list[fn.OnRows] = []
for n, m in pairwise(sizes):
    hidden += [fn.Affine.init(n, m, rng=0), fn.ReLU()]
    annotated.append(fn.Affine.init(n, m, rng=0))
    annotated.append(fn.ReLU())
fn.predict(fn.sequential(*hidden, fn.Affine.init(3, 3, rng=0)), x)
fn.predict(fn.sequential(*annotated[:-1]), x)
grown: fn.Network[int, int] = fn.Affine.init(4, 4, rng=0)
for _ in range(3):
    grown = fn.sequential(grown, fn.ReLU(), fn.Affine.init(4, 4, rng=0))
assert_type(fn.predict(grown, x), fn.Matrix)

# Dictionaries.
by_class = {"relu": fn.ReLU, "tanh": fn.Tanh, "sigmoid": fn.Sigmoid}
activation = by_class["relu"]()
assert_type(activation, fn.Elementwise)
fn.predict(fn.sequential(fn.Affine.init(4, 8, rng=0), activation, fn.Affine.init(8, 3, rng=0)), x)
fn.predict(fn.sequential(activation, fn.Flatten(), fn.Affine.init(4, 3, rng=0)), images)
by_value = {"relu": fn.ReLU(), "leaky": fn.LeakyReLU(0.1), "softmax": fn.Softmax()}
fn.predict(fn.sequential(fn.Affine.init(4, 8, rng=0), by_value["leaky"]), x)

# One name for networks of different classes.
small = fn.sequential(fn.Affine.init(4, 5, rng=0))
large = fn.sequential(fn.Affine.init(4, 3, rng=0), fn.ReLU(), fn.Affine.init(3, 5, rng=0))


def one_of(x: fn.Matrix, t: fn.Labels, *, deep: bool) -> None:
    net = large if deep else small
    y, cache = fn.forward(net, x)
    assert_type(y, fn.Matrix)
    _, dy = fn.softmax_cross_entropy(fn.predict(net, x), t)
    fn.input_gradient(net, cache, dy)
    net = fn.sgd_update(net, fn.backward(net, cache, dy), lr=0.1)
    fn.check_gradients(net, x, fn.softmax_cross_entropy, t)
    state = fn.last(fn.train(net, batches, loss=fn.softmax_cross_entropy, optimizer=fn.adam()))
    fn.predict(state.params, x)
    fn.TrainState.init(net, fn.adam())
    fn.adam().init(net)
    fn.save("net.npz", net)
    fn.parameter_count(net)
    list(fn.named_leaves(net))
    fn.predict(fn.tree_map(np.tanh, fn.astype(net, np.float64)), x)

    known: fn.Network[int, int] = large if deep else small
    known_y, known_cache = fn.forward(known, x)
    known = fn.sgd_update(known, fn.backward(known, known_cache, known_y), lr=0.1)
    state_of_known = fn.adam().init(known)
    grads = fn.backward(known, known_cache, known_y)
    known, state_of_known = fn.adam().update(known, grads, state_of_known)


for each in (small, large):
    assert_type(fn.predict(each, x), fn.Matrix)
    y, each_cache = fn.forward(each, x)
for each_of_list in [small, large, fn.Affine.init(4, 2, rng=0)]:
    y, list_cache = fn.forward(each_of_list, x)
    fn.sgd_update(each_of_list, fn.backward(each_of_list, list_cache, y), lr=0.1)
for name, named in {"small": small, "large": large}.items():
    y, named_cache = fn.forward(named, x)
    updated = fn.sgd_update(named, fn.backward(named, named_cache, y), lr=0.1)
    fn.save(f"{name}.npz", updated)

# Functions that return a network of the class that they are given.
N = TypeVar("N", bound=fn.Network[int, int])


def fit_by_hand(net: N, x: fn.Matrix, t: fn.Labels) -> N:
    for x_batch, t_batch in fn.minibatches(x, t, 10, rng=0, epochs=1):
        y, cache = fn.forward(net, x_batch)
        _, dy = fn.softmax_cross_entropy(y, t_batch)
        net = fn.sgd_update(net, fn.backward(net, cache, dy), lr=0.1)
    return net


def fit_with_an_optimizer(net: N, x: fn.Matrix, t: fn.Labels) -> N:
    optimizer = fn.adam()
    state = optimizer.init(net)
    for x_batch, t_batch in fn.minibatches(x, t, 10, rng=0, epochs=1):
        y, cache = fn.forward(net, x_batch)
        _, dy = fn.softmax_cross_entropy(y, t_batch)
        net, state = optimizer.update(net, fn.backward(net, cache, dy), state)
    return net


def fit(net: N, x: fn.Matrix, t: fn.Labels) -> N:
    batches = fn.minibatches(x, t, 10, rng=0, epochs=1)
    return fn.last(
        fn.train(net, batches, loss=fn.softmax_cross_entropy, optimizer=fn.adam())
    ).params


def fit_further(state: fn.TrainState[N], x: fn.Matrix, t: fn.Labels) -> N:
    batches = fn.minibatches(x, t, 10, rng=0, epochs=1)
    state = fn.train_step(state, x, t, loss=fn.softmax_cross_entropy, optimizer=fn.adam())
    return fn.last(
        fn.train(state, batches, loss=fn.softmax_cross_entropy, optimizer=fn.adam())
    ).params


def distil(teacher: fn.Network[int, int], student: N, x: fn.Matrix) -> N:
    y, cache = fn.forward(student, x)
    _, dy = fn.mean_squared_error(y, fn.predict(teacher, x))
    return fn.sgd_update(student, fn.backward(student, cache, dy), lr=0.1)


Large = fn.Sequential[int, int, Rows, Rows, tuple[fn.Affine, fn.ReLU, fn.Affine]]
assert_type(fit_by_hand(large, x, t), Large)
assert_type(fit_with_an_optimizer(large, x, t), Large)
assert_type(fit(large, x, t), Large)
assert_type(fit_further(fn.TrainState.init(large, fn.adam()), x, t), Large)
assert_type(distil(small, large, x), Large)
single: fn.Affine[int, int] = fn.Affine.init(4, 3, rng=0)
assert_type(fit(single, x, t), fn.Affine[int, int])

# An output bound to the name of the input, whose type is float32.
z = np.ones((5, 4), np.float32)
z, _ = fn.forward(large, z)
z = fn.predict(large, z)
for affine in stack:
    z, _ = fn.forward(affine, z)
