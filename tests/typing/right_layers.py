"""A right program with user-defined layers, and with many layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, assert_type, cast

import attrs
import numpy as np
import numpy.typing as npt

from funnet import (
    Affine,
    Array,
    Elementwise,
    Flatten,
    Images,
    Layer,
    Matrix,
    OnRows,
    ReLU,
    Shaped,
    ShapeT,
    Softmax,
    SomeLayer,
    accuracy,
    backward,
    forward,
    lock,
    predict,
    sequential,
    sgd_update,
)

K = TypeVar("K")

x = np.zeros((5, 4), np.float32)
t = np.arange(5)
images = np.zeros((5, 1, 2, 2), np.float32)
one = np.ones(4, np.float32)
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]


def affine() -> Affine[int, int]:
    return Affine.init(4, 4, rng=0)


@attrs.frozen(eq=False)
class OnArray:
    """Layer on arrays of any rank."""

    gain: Array = attrs.field(converter=lock)

    def forward(self, x: Array) -> tuple[Array, Array]:
        return x * self.gain, x

    def pullback(self, cache: Array, dout: Array) -> tuple[OnArray, Callable[[], Array]]:
        return OnArray((dout * cache).sum(axis=0)), lambda: dout * self.gain


@attrs.frozen(eq=False)
class OnFloat32:
    """Layer on arrays of one dtype."""

    gain: F32

    def forward(self, x: F32) -> tuple[F32, F32]:
        return x * self.gain, x

    def pullback(self, cache: F32, dout: F32) -> tuple[OnFloat32, Callable[[], F32]]:
        return OnFloat32((dout * cache).sum(axis=0)), lambda: dout * self.gain


@attrs.frozen(eq=False)
class OnFloat64:
    def forward(self, x: F64) -> tuple[F64, None]:
        return x, None

    def pullback(self, cache: None, dout: F64) -> tuple[OnFloat64, Callable[[], F64]]:
        return self, lambda: dout


@attrs.frozen(eq=False)
class Loose:
    """Layer on arrays of any type."""

    def forward(self, x: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], None]:
        return x, None

    def pullback(
        self, cache: None, dout: npt.NDArray[Any]
    ) -> tuple[Loose, Callable[[], npt.NDArray[Any]]]:
        return self, lambda: dout


@attrs.frozen(eq=False)
class Square(Elementwise, OnRows, SomeLayer):
    """Layer that keeps the shape, and joins with those of funnet in lists."""

    def forward(self, x: Shaped[ShapeT]) -> tuple[Shaped[ShapeT], Shaped[ShapeT]]:
        return cast("Shaped[ShapeT]", x * x), x

    def pullback(
        self, cache: Shaped[ShapeT], dout: Shaped[ShapeT]
    ) -> tuple[Square, Callable[[], Shaped[ShapeT]]]:
        return self, lambda: cast("Shaped[ShapeT]", 2 * cache * dout)


@attrs.frozen(eq=False)
class Cube:
    """Layer that keeps the shape, without base classes."""

    def forward(self, x: Shaped[ShapeT]) -> tuple[Shaped[ShapeT], Shaped[ShapeT]]:
        return x**3, x

    def pullback(
        self, cache: Shaped[ShapeT], dout: Shaped[ShapeT]
    ) -> tuple[Cube, Callable[[], Shaped[ShapeT]]]:
        return self, lambda: cast("Shaped[ShapeT]", 3 * cache**2 * dout)


@attrs.frozen(eq=False)
class Pixelwise:
    def forward(self, x: Images) -> tuple[Images, Images]:
        return x, x

    def pullback(self, cache: Images, dout: Images) -> tuple[Pixelwise, Callable[[], Images]]:
        return self, lambda: dout


@attrs.frozen(eq=False)
class Residual(Generic[K]):
    """y = x + inner(x)."""

    inner: Layer[Matrix, Matrix, K, Any]

    def forward(self, x: Matrix) -> tuple[Matrix, K]:
        y, cache = forward(self.inner, x)
        return x + y, cache

    def pullback(self, cache: K, dout: Matrix) -> tuple[Residual[K], Callable[[], Matrix]]:
        grads, dx = self.inner.pullback(cache, dout)
        return Residual(grads), lambda: dout + dx()


# Between layers of funnet, at the ends, and next to each other.
net = sequential(affine(), OnArray(one), ReLU(), affine())
assert_type(net.layers, tuple[Affine, OnArray, ReLU, Affine])
assert_type(predict(net, x), Matrix)
net32 = sequential(affine(), OnFloat32(one), ReLU(), affine())
y, cache = forward(net32, x)
assert_type(y, Matrix)
net32 = sgd_update(net32, backward(net32, cache, y), lr=0.1)
predict(sequential(OnFloat32(one), affine()), x)
predict(sequential(affine(), OnFloat32(one)), x)
predict(sequential(OnArray(one), affine()), x)
sequential(OnArray(one), OnFloat32(one), Loose(), OnFloat64())
sequential(affine(), Loose(), affine(), OnFloat64(), affine())
square = sequential(Pixelwise(), Square(), OnFloat32(one), Flatten(), Cube(), affine())
assert_type(predict(square, images), Matrix)
twice = sequential(Pixelwise(), ReLU(), Flatten(), affine(), ReLU(), affine())
accuracy(predict(twice, images), t)
assert_type(predict(Square(), images), Images)
residual = sequential(Residual(affine()), ReLU(), Residual(sequential(affine(), ReLU())))
predict(residual, x)

# Lists.
for layers in ([affine(), Cube(), ReLU()], [Cube(), ReLU(), affine()], [ReLU(), Cube()]):
    predict(sequential(*layers), x)
squares = [Square(), ReLU()]
predict(sequential(Pixelwise(), *squares), images)
pixels = [Pixelwise(), ReLU()]
predict(sequential(*pixels, Flatten(), affine()), images)
predict(sequential(Pixelwise(), *pixels, Flatten(), affine()), images)
same = [Pixelwise() for _ in range(3)]
predict(sequential(*same, ReLU(), Flatten(), affine()), images)
convolutional = [*same, Flatten(), affine(), ReLU()]
predict(sequential(*convolutional), images)
some: list[SomeLayer] = [Pixelwise(), Flatten()]
head = sequential(*some, affine(), ReLU())
head_y, head_cache = forward(head, images)
accuracy(head_y, t)
head = sgd_update(head, backward(head, head_cache, head_y), lr=0.1)

# Nine layers or more.
# fmt: off
rows20 = sequential(
    affine(), ReLU(), affine(), ReLU(), affine(), ReLU(), affine(), ReLU(), affine(), ReLU(),
    affine(), ReLU(), affine(), ReLU(), affine(), ReLU(), affine(), ReLU(), affine(), Softmax(),
)
assert_type(predict(rows20, x), Matrix)
flat20 = sequential(
    Flatten(), affine(), ReLU(), affine(), ReLU(), affine(), ReLU(), affine(), ReLU(), affine(),
    ReLU(), affine(), ReLU(), affine(), ReLU(), affine(), ReLU(), affine(), ReLU(), affine(),
)
assert_type(predict(flat20, images), Matrix)
convolutional20 = sequential(
    Pixelwise(), ReLU(), Pixelwise(), ReLU(), Pixelwise(), Pixelwise(), ReLU(), Pixelwise(),
    ReLU(), Pixelwise(), Pixelwise(), ReLU(), Pixelwise(), ReLU(), Pixelwise(), Flatten(),
    affine(), ReLU(), affine(), Softmax(),
)
assert_type(convolutional20.layers[0], Pixelwise)
accuracy(predict(convolutional20, images), t)
convolutional9 = sequential(
    Pixelwise(), ReLU(), Pixelwise(), ReLU(), Flatten(), affine(), Cube(), OnFloat32(one), affine(),
)
accuracy(predict(convolutional9, images), t)
activations = sequential(
    ReLU(), ReLU(), ReLU(), ReLU(), ReLU(), ReLU(), ReLU(), ReLU(), ReLU(), ReLU(), ReLU()
)
assert_type(predict(activations, x), Matrix)
