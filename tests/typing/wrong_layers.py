"""A wrong program with user-defined layers, lists and unions; see wrong.py."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np

from funnet import (
    Affine,
    BatchNorm,
    Context,
    Dropout,
    Flatten,
    Images,
    Matrix,
    Network,
    ReLU,
    Softmax,
    Tanh,
    adam,
    backward,
    forward,
    mean_squared_error,
    minibatches,
    predict,
    sequential,
    sgd_update,
    softmax_cross_entropy,
    train,
)

x = np.zeros((5, 4), np.float32)
t = np.arange(5)
images = np.zeros((5, 1, 2, 2), np.float32)
batches = minibatches(x, t, 5, rng=0)
of_images = minibatches(images, t, 5, rng=0)
optimizer = adam()


def affine() -> Affine[int, int]:
    return Affine.init(4, 4, rng=0)


# Classes that are not layers.
@attrs.frozen(eq=False)
class NoCache:
    def forward(self, x: Matrix) -> Matrix:
        return x

    def pullback(self, cache: Matrix, dout: Matrix) -> tuple[NoCache, Callable[[], Matrix]]:
        return self, lambda: dout


@attrs.frozen(eq=False)
class OtherCache:
    def forward(self, x: Matrix) -> tuple[Matrix, Matrix]:
        return x, x

    def pullback(
        self, cache: list[Matrix], dout: Matrix
    ) -> tuple[OtherCache, Callable[[], Matrix]]:
        return self, lambda: dout


@attrs.frozen(eq=False)
class DictOfGradients:
    def forward(self, x: Matrix) -> tuple[Matrix, Matrix]:
        return x, x

    def pullback(
        self, cache: Matrix, dout: Matrix
    ) -> tuple[dict[str, Matrix], Callable[[], Matrix]]:
        return {}, lambda: dout


@attrs.frozen(eq=False)
class OnlyADict:
    def forward(self, x: Matrix) -> tuple[Matrix, Matrix]:
        return x, x

    def pullback(self, cache: Matrix, dout: Matrix) -> dict[str, Matrix]:
        return {}


@attrs.frozen(eq=False)
class EagerGradient:
    def forward(self, x: Matrix) -> tuple[Matrix, Matrix]:
        return x, x

    def pullback(self, cache: Matrix, dout: Matrix) -> tuple[EagerGradient, Matrix]:
        return self, dout


@attrs.frozen(eq=False)
class NoPullback:
    def forward(self, x: Matrix) -> tuple[Matrix, Matrix]:
        return x, x


@attrs.frozen(eq=False)
class WithAMode:
    def forward(self, x: Matrix, mode: str) -> tuple[Matrix, Matrix]:
        return x, x

    def pullback(self, cache: Matrix, dout: Matrix) -> tuple[WithAMode, Callable[[], Matrix]]:
        return self, lambda: dout


@attrs.frozen(eq=False)
class Pixelwise:
    def forward(self, x: Images) -> tuple[Images, Images]:
        return x, x

    def pullback(self, cache: Images, dout: Images) -> tuple[Pixelwise, Callable[[], Images]]:
        return self, lambda: dout


sequential(affine(), NoCache(), ReLU())  # [call-overload]
sequential(affine(), OtherCache(), ReLU())  # [misc]
sequential(affine(), DictOfGradients(), ReLU())  # [type-var]
sequential(affine(), OnlyADict(), ReLU())  # [call-overload]
sequential(affine(), EagerGradient(), ReLU())  # [call-overload]
sequential(affine(), NoPullback(), ReLU())  # [call-overload]
sequential(affine(), WithAMode(), ReLU())  # [call-overload]
sequential(NoCache())  # [call-overload]
sequential(OtherCache())  # [misc]
sequential(DictOfGradients())  # [type-var]
sequential(OnlyADict())  # [call-overload]
sequential(OtherCache(), OtherCache())  # [misc]
sequential(*[NoCache()])  # [call-overload]
sequential(*[DictOfGradients()])  # [type-var]
sequential(*[OnlyADict(), OnlyADict()])  # [call-overload]
full, relu = affine(), ReLU()
sequential(full, relu, full, relu, full, relu, full, relu, full, NoCache())  # [call-overload]
sequential(full, relu, full, relu, full, relu, full, relu, DictOfGradients())  # [type-var]
forward(NoCache(), x)  # [call-overload]
train(OnlyADict(), batches, loss=softmax_cross_entropy, optimizer=optimizer)  # [call-overload]

# Lists and dictionaries.
stack = [affine(), ReLU()]
sequential(*stack, Flatten())  # [arg-type]
sequential(Flatten(), *stack, Flatten())  # [arg-type]
forward(sequential(*stack), images)  # [misc]
predict(sequential(*stack), t)  # [misc]
sequential(*[affine(), affine()], Flatten())  # [arg-type]
sequential(affine(), Flatten(), *stack)  # [arg-type]
sequential(*[x])  # [call-overload]
sequential(stack)  # [call-overload]
sequential(*[ReLU, Tanh])  # [call-overload]
stack.append(Flatten())  # [arg-type]
stack.append(x)  # [arg-type]
table = {"relu": ReLU, "tanh": Tanh, "softmax": Softmax}
sequential(affine(), table["relu"])  # [call-overload]

# Nine layers or more.
flat = Flatten()
sequential(full, relu, full, relu, full, relu, full, relu, full, relu, full, flat)  # [arg-type]
sequential(full, relu, full, relu, full, relu, full, relu, flat, relu, full)  # [arg-type]
sequential(full, flat, full, relu, full, relu, full, relu, full, relu, full)  # [arg-type]
sequential(flat, full, relu, full, relu, full, relu, full, relu, full, relu, flat)  # [arg-type]
deep = sequential(flat, full, relu, full, relu, full, relu, full, relu, full, relu, full)
forward(deep, x)  # [misc]

# Gradients.
net = sequential(affine(), ReLU(), affine())
other = sequential(affine(), Tanh(), affine())
y, cache = forward(net, x)
other_y, other_cache = forward(other, x)
grads = backward(net, cache, y)
other_grads = backward(other, other_cache, other_y)
sgd_update(net, net.layers[0], lr=0.1)  # [type-var]
sgd_update(net.layers[0], net, lr=0.1)  # [type-var]
sgd_update(net.layers[0], net.layers[1], lr=0.1)  # [type-var]
sgd_update(net, other_grads, lr=0.1)  # [type-var]
sgd_update(net, cache, lr=0.1)  # [call-overload]
sgd_update(x, x, lr=0.1)  # [call-overload]
sgd_update(net, {"W": x}, lr=0.1)  # [call-overload]
sgd_update(net, None, lr=0.1)  # [call-overload]
sgd_update(net, grads, None)  # [call-overload]
short = sequential(affine(), ReLU())
short_y, short_cache = forward(short, x)
sgd_update(net, backward(short, short_cache, short_y), lr=0.1)  # [type-var]
backward(net, short_cache, y)  # [misc]
backward(short, cache, y)  # [misc]
optimizer.update(net, other_grads, optimizer.init(net))  # [misc]
optimizer.update(net, net.layers[0], optimizer.init(net))  # [misc]


def union(*, deep: bool) -> None:
    both = net if deep else other
    forward(both, images)  # [misc]
    predict(both, images)  # [misc]
    backward(both, cache, images)  # [misc]
    sgd_update(both, y, 0.1)  # [call-overload]
    sgd_update(both, net.layers[0], 0.1)  # [type-var]
    mixed = net if deep else Flatten()
    predict(mixed, x)  # [misc]
    train(mixed, batches, loss=softmax_cross_entropy, optimizer=optimizer)  # [arg-type]


def annotated(n: Network[int, int]) -> None:
    forward(n, images)  # [misc]
    predict(n, images)  # [misc]
    backward(n, 0, images)  # [misc]
    sgd_update(n, x, 0.1)  # [call-overload]
    train(n, of_images, loss=softmax_cross_entropy, optimizer=optimizer)  # [arg-type]
    train(n, batches, loss=mean_squared_error, optimizer=optimizer)  # [arg-type]


def constants() -> None:
    Dropout("half")  # [arg-type]
    BatchNorm.init(3, momentum="slow")  # [arg-type]
    Context(seed="seed", step=0)  # [arg-type]
    Context(seed=0, step="first")  # [arg-type]
