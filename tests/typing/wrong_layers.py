"""A wrong program with user-defined layers, lists and unions; see wrong.py."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np

import funnet as fn

x = np.zeros((5, 4), np.float32)
t = np.arange(5)
images = np.zeros((5, 1, 2, 2), np.float32)
batches = fn.minibatches(x, t, 5, rng=0)
of_images = fn.minibatches(images, t, 5, rng=0)
loss, optimizer = fn.softmax_cross_entropy, fn.adam()


def affine() -> fn.Affine[int, int]:
    return fn.Affine.init(4, 4, rng=0)


# Classes that are not layers.
@attrs.frozen(eq=False)
class NoCache:
    def forward(self, x: fn.Matrix) -> fn.Matrix:
        return x

    def pullback(
        self, cache: fn.Matrix, dout: fn.Matrix
    ) -> tuple[NoCache, Callable[[], fn.Matrix]]:
        return self, lambda: dout


@attrs.frozen(eq=False)
class OtherCache:
    def forward(self, x: fn.Matrix) -> tuple[fn.Matrix, fn.Matrix]:
        return x, x

    def pullback(
        self, cache: list[fn.Matrix], dout: fn.Matrix
    ) -> tuple[OtherCache, Callable[[], fn.Matrix]]:
        return self, lambda: dout


@attrs.frozen(eq=False)
class DictOfGradients:
    def forward(self, x: fn.Matrix) -> tuple[fn.Matrix, fn.Matrix]:
        return x, x

    def pullback(
        self, cache: fn.Matrix, dout: fn.Matrix
    ) -> tuple[dict[str, fn.Matrix], Callable[[], fn.Matrix]]:
        return {}, lambda: dout


@attrs.frozen(eq=False)
class OnlyADict:
    def forward(self, x: fn.Matrix) -> tuple[fn.Matrix, fn.Matrix]:
        return x, x

    def pullback(self, cache: fn.Matrix, dout: fn.Matrix) -> dict[str, fn.Matrix]:
        return {}


@attrs.frozen(eq=False)
class EagerGradient:
    def forward(self, x: fn.Matrix) -> tuple[fn.Matrix, fn.Matrix]:
        return x, x

    def pullback(self, cache: fn.Matrix, dout: fn.Matrix) -> tuple[EagerGradient, fn.Matrix]:
        return self, dout


@attrs.frozen(eq=False)
class NoPullback:
    def forward(self, x: fn.Matrix) -> tuple[fn.Matrix, fn.Matrix]:
        return x, x


@attrs.frozen(eq=False)
class WithAMode:
    def forward(self, x: fn.Matrix, mode: str) -> tuple[fn.Matrix, fn.Matrix]:
        return x, x

    def pullback(
        self, cache: fn.Matrix, dout: fn.Matrix
    ) -> tuple[WithAMode, Callable[[], fn.Matrix]]:
        return self, lambda: dout


fn.sequential(affine(), NoCache(), fn.ReLU())  # [call-overload]
fn.sequential(affine(), OtherCache(), fn.ReLU())  # [misc]
fn.sequential(affine(), DictOfGradients(), fn.ReLU())  # [type-var]
fn.sequential(affine(), OnlyADict(), fn.ReLU())  # [call-overload]
fn.sequential(affine(), EagerGradient(), fn.ReLU())  # [call-overload]
fn.sequential(affine(), NoPullback(), fn.ReLU())  # [call-overload]
fn.sequential(affine(), WithAMode(), fn.ReLU())  # [call-overload]
fn.sequential(NoCache())  # [call-overload]
fn.sequential(OtherCache())  # [misc]
fn.sequential(DictOfGradients())  # [type-var]
fn.sequential(OnlyADict())  # [call-overload]
fn.sequential(OtherCache(), OtherCache())  # [misc]
fn.sequential(*[NoCache()])  # [call-overload]
fn.sequential(*[DictOfGradients()])  # [type-var]
fn.sequential(*[OnlyADict(), OnlyADict()])  # [call-overload]
full, relu = affine(), fn.ReLU()
fn.sequential(full, relu, full, relu, full, relu, full, relu, full, NoCache())  # [call-overload]
fn.sequential(full, relu, full, relu, full, relu, full, relu, DictOfGradients())  # [type-var]
fn.forward(NoCache(), x)  # [call-overload]
fn.train(OnlyADict(), batches, loss=loss, optimizer=optimizer)  # [call-overload]

# Lists and dictionaries.
stack = [affine(), fn.ReLU()]
fn.sequential(*stack, fn.Flatten())  # [arg-type]
fn.sequential(fn.Flatten(), *stack, fn.Flatten())  # [arg-type]
fn.forward(fn.sequential(*stack), images)  # [misc]
fn.predict(fn.sequential(*stack), t)  # [misc]
fn.sequential(*[affine(), affine()], fn.Flatten())  # [arg-type]
fn.sequential(affine(), fn.Flatten(), *stack)  # [arg-type]
fn.sequential(*[x])  # [call-overload]
fn.sequential(stack)  # [call-overload]
fn.sequential(*[fn.ReLU, fn.Tanh])  # [call-overload]
stack.append(fn.Flatten())  # [arg-type]
stack.append(x)  # [arg-type]
table = {"relu": fn.ReLU, "tanh": fn.Tanh, "softmax": fn.Softmax}
fn.sequential(affine(), table["relu"])  # [call-overload]

# Nine layers or more.
flat = fn.Flatten()
fn.sequential(full, relu, full, relu, full, relu, full, relu, full, relu, full, flat)  # [arg-type]
fn.sequential(full, relu, full, relu, full, relu, full, relu, flat, relu, full)  # [arg-type]
fn.sequential(full, flat, full, relu, full, relu, full, relu, full, relu, full)  # [arg-type]
fn.sequential(flat, full, relu, full, relu, full, relu, full, relu, full, relu, flat)  # [arg-type]
deep = fn.sequential(flat, full, relu, full, relu, full, relu, full, relu, full, relu, full)
fn.forward(deep, x)  # [misc]

# Gradients.
net = fn.sequential(affine(), fn.ReLU(), affine())
other = fn.sequential(affine(), fn.Tanh(), affine())
y, cache = fn.forward(net, x)
grads = fn.backward(net, cache, y)
fn.sgd_update(net.layers[0], net, lr=0.1)  # [type-var]
fn.sgd_update(net.layers[0], net.layers[1], lr=0.1)  # [type-var]
fn.sgd_update(net, cache, lr=0.1)  # [call-overload]
fn.sgd_update(x, x, lr=0.1)  # [call-overload]
fn.sgd_update(net, {"W": x}, lr=0.1)  # [call-overload]
fn.sgd_update(net, None, lr=0.1)  # [call-overload]
fn.sgd_update(net, grads, None)  # [call-overload]
short = fn.sequential(affine(), fn.ReLU())
short_y, short_cache = fn.forward(short, x)
fn.sgd_update(net, fn.backward(short, short_cache, short_y), lr=0.1)  # [type-var]
fn.backward(net, short_cache, y)  # [misc]
fn.backward(short, cache, y)  # [misc]
optimizer.update(net, net.layers[0], optimizer.init(net))  # [misc]


def union(*, deep: bool) -> None:
    both = net if deep else other
    fn.forward(both, images)  # [misc]
    fn.predict(both, images)  # [misc]
    fn.backward(both, cache, images)  # [misc]
    fn.sgd_update(both, y, 0.1)  # [call-overload]
    fn.sgd_update(both, net.layers[0], 0.1)  # [type-var]
    mixed = net if deep else fn.Flatten()
    fn.predict(mixed, x)  # [misc]
    fn.train(mixed, batches, loss=loss, optimizer=optimizer)  # [arg-type]


def annotated(n: fn.Network[int, int]) -> None:
    fn.forward(n, images)  # [misc]
    fn.predict(n, images)  # [misc]
    fn.backward(n, 0, images)  # [misc]
    fn.sgd_update(n, x, 0.1)  # [call-overload]
    fn.train(n, of_images, loss=loss, optimizer=optimizer)  # [arg-type]
    fn.train(n, batches, loss=fn.mean_squared_error, optimizer=optimizer)  # [arg-type]


def constants() -> None:
    fn.Dropout("half")  # [arg-type]
    fn.BatchNorm.init(3, momentum="slow")  # [arg-type]
    fn.Context(seed="seed", step=0)  # [arg-type]
    fn.Context(seed=0, step="first")  # [arg-type]
