"""The layer protocol, and the functions on any layer.

`params` is a layer, such as a network, and `x` a batch with one row per sample. The cache that
`forward` returns refers to `x`, so leave `x` unchanged until `backward`. `backward` and
`input_gradient` take the same `params`, that cache, and `dout`, the derivative dL/dy of a loss,
with the shape and dtype of y. They raise ShapeError or DTypeError if `dout` does not match, and
StructureError for the cache of other layers, even of layers with the same architecture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, Never, NoReturn, Protocol, TypeVar, overload

import numpy as np
import numpy.typing as npt

from funnet.core.arrays import (
    Array,
    ArrayT,
    Float,
    Images,
    Matrix,
    Ranked,
    Shaped,
    ShapeT,
    array_type,
    plain,
)
from funnet.core.checks import as_samples, check_count
from funnet.core.live import check_at_rest
from funnet.core.tree import named_arrays

X = TypeVar("X")
Y = TypeVar("Y")
C = TypeVar("C")
G = TypeVar("G")
X_contra = TypeVar("X_contra", contravariant=True)
Y_co = TypeVar("Y_co", covariant=True)
G_co = TypeVar("G_co", covariant=True)
# Shapes of input and output. Not whole array types, which would make a network's type too long.
S = TypeVar("S", bound=tuple[int, ...])
T = TypeVar("T", bound=tuple[int, ...])
D = TypeVar("D", bound=np.dtype[Float])
ArrayT_out = TypeVar("ArrayT_out", bound=npt.NDArray[Float])

ROWS_AT_ONCE = 1024


class Layer(Protocol[X, Y, C, G_co]):
    """A differentiable function whose parameters are its array fields.

    Any frozen attrs class with these two methods is a layer; no base class or registration is
    needed. The type arguments are the input, the output, the cache and the gradients.

    Every layer obeys these laws, which the tests check:

    - `pullback` returns gradients with the layer's own class, shapes and dtypes;
    - the gradients and `dx()` are the derivatives of `sum(dout * y)`;
    - arguments are not modified, and equal arguments give equal bytes;
    - all results have the dtype of the input.
    """

    def forward(self, x: X, /) -> tuple[Y, C]:
        """Return the output for a batch, and the cache that `pullback` needs."""

    def pullback(self, cache: C, dout: Y, /) -> tuple[G_co, Callable[[], X]]:
        """Return the gradients of the parameters, and a function that computes dL/dx."""


class Forward(Protocol[X_contra, Y_co]):
    """The forward half of a layer."""

    def forward(self, x: X_contra, /) -> tuple[Y_co, object]:
        """See `Layer`."""


AnyLayer = Layer[Any, Any, Any, Any]

# Only gradients of type Any match Never: those of a value annotated as `Network`, or as a type
# variable with that bound. The result then has the type of the value.
NetworkT = TypeVar("NetworkT", bound=Layer[Any, Any, Any, Never])


def _undefined(layer: object, method: str) -> NoReturn:
    # Methods without a body are abstract, and then mypy rejects the call of a class from a table,
    # such as {"relu": ReLU, "tanh": Tanh, "sigmoid": Sigmoid}["relu"]().
    raise TypeError(f"{type(layer).__name__} does not define {method}")


# The types that mypy joins layers of different classes to, for example in a list. It considers
# direct bases only, so our layers list each of the three that they implement. Any: each class has
# its own arrays and cache.


class SomeLayer(Protocol):
    """Any layer, for annotations such as `list[SomeLayer]`."""

    __slots__ = ()

    def forward(self, x: Any, /) -> tuple[Any, Any]:
        """Return the output for a batch, and the cache that `pullback` needs."""
        _undefined(self, "forward")

    def pullback(self, cache: Any, dout: Any, /) -> tuple[SomeLayer, Callable[[], Any]]:
        """Return gradients of the layer's class, and a function that computes dx."""
        _undefined(self, "pullback")


class OnRows(SomeLayer, Protocol):
    """A layer from rows to rows, for annotations such as `list[OnRows]`."""

    __slots__ = ()

    def forward(self, x: Matrix, /) -> tuple[Matrix, Any]:
        """Return the output for a batch, and the cache that `pullback` needs."""
        _undefined(self, "forward")

    def pullback(self, cache: Any, dout: Matrix, /) -> tuple[OnRows, Callable[[], Matrix]]:
        """Return gradients of the layer's class, and a function that computes dx."""
        _undefined(self, "pullback")


class OnImages(SomeLayer, Protocol):
    """A layer from images to images, for annotations such as `list[OnImages]`."""

    __slots__ = ()

    def forward(self, x: Images, /) -> tuple[Images, Any]:
        """Return the output for a batch, and the cache that `pullback` needs."""
        _undefined(self, "forward")

    def pullback(self, cache: Any, dout: Images, /) -> tuple[OnImages, Callable[[], Images]]:
        """Return gradients of the layer's class, and a function that computes dx."""
        _undefined(self, "pullback")


class Elementwise(OnRows, SomeLayer, Protocol):
    """A layer on arrays of any rank, whose output has the shape of its input."""

    __slots__ = ()

    @property
    def keeps_width(self) -> Literal[True]:
        """The output is as wide as the input."""
        return True

    def forward(self, x: Shaped[ShapeT], /) -> tuple[Shaped[ShapeT], Any]:
        """Return y, with the shape of x, and a cache."""
        _undefined(self, "forward")

    def pullback(
        self, cache: Any, dout: Shaped[ShapeT], /
    ) -> tuple[Elementwise, Callable[[], Shaped[ShapeT]]]:
        """Return gradients of the layer's class, and a function that computes dx."""
        _undefined(self, "pullback")


@overload
def forward(params: Layer[X, Y, C, object], x: X) -> tuple[Y, C]: ...
@overload  # for a union of networks, and for a result that is bound to the name of the input
def forward(
    params: Forward[Ranked[S], Ranked[T]], x: np.ndarray[S, D]
) -> tuple[np.ndarray[T, D], Any]: ...
def forward(params: Forward[Any, Any], x: Any) -> tuple[Any, Any]:
    """Return the output of a layer or network, and the cache for `backward`.

    Raises
    ------
    ShapeError, DTypeError
        If the shape or dtype of `x` does not match; the message names the layer by its path.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import ReLU, forward
    >>> y, cache = forward(ReLU(), np.array([[-1.0, 2.0]]))
    >>> y
    array([[0., 2.]])
    """
    return params.forward(plain(x))


def backward(params: Layer[X, Y, C, G], cache: C, dout: Y) -> G:
    """Return the gradients of the loss: `params` with each array replaced by its gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import Affine, backward, forward
    >>> layer = Affine(np.array([[2.0], [3.0]]), np.array([0.5]))
    >>> y, cache = forward(layer, np.array([[1.0, 10.0]]))
    >>> backward(layer, cache, np.ones_like(y)).W
    array([[ 1.],
           [10.]])
    """
    grads, _ = params.pullback(cache, plain(dout, "dout"))
    return grads


def input_gradient(params: Layer[X, Y, C, object], cache: C, dout: Y) -> X:
    """Return the gradient of the loss with respect to the input, dL/dx.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import Tanh, forward, input_gradient
    >>> y, cache = forward(Tanh(), np.array([[0.0]]))
    >>> input_gradient(Tanh(), cache, np.ones_like(y))
    array([[1.]])
    """
    _, dx = params.pullback(cache, plain(dout, "dout"))
    return dx()


@overload
def predict(
    params: Forward[ArrayT, ArrayT_out], x: ArrayT, batch_size: int | None = None
) -> ArrayT_out: ...
@overload  # for a result that is bound to the name of the input
def predict(
    params: Forward[Ranked[S], Ranked[T]],
    x: np.ndarray[S, D],
    batch_size: int | None = None,
) -> np.ndarray[T, D]: ...
def predict(
    params: Forward[Any, Any], x: npt.NDArray[Float], batch_size: int | None = None
) -> npt.NDArray[Float]:
    """Return the output for all rows of `x`, computed in batches without keeping caches.

    It equals the output of `forward` up to rounding in the matrix products.

    Parameters
    ----------
    params
        A layer or network that treats each row independently.
    x
        Any number of rows, one per sample.
    batch_size
        Number of rows computed at once, >= 1, which bounds the memory beyond the output. Default:
        1024.

    Raises
    ------
    ValueError
        If `batch_size` is less than 1, or the network is in training mode.
    ShapeError, DTypeError
        As for `forward`.
    TypeError
        If `params` is not a layer, such as a training state.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import Sigmoid, predict
    >>> predict(Sigmoid(), np.zeros((5, 1)), batch_size=2).shape
    (5, 1)
    """
    rows = ROWS_AT_ONCE if batch_size is None else check_count(batch_size, "batch_size")
    check_resting_network(params, "predict")
    x = as_samples(x)
    first: npt.NDArray[Float]
    first, _ = forward(params, x[:rows])
    if len(x) <= rows:
        return first
    y = np.empty((len(x), *first.shape[1:]), first.dtype)
    y[:rows] = first
    for start in range(rows, len(x), rows):
        y[start : start + rows], _ = forward(params, x[start : start + rows])
    return y


def check_resting_network(params: object, what: str) -> None:
    """Raise TypeError unless a value is a layer or network, ValueError if it is live."""
    if isinstance(params, type) or not hasattr(params, "forward"):
        got = f"the class {params.__name__}" if isinstance(params, type) else array_type(params)
        raise TypeError(f"{what} needs a layer or network, such as state.params, got {got}")
    check_at_rest(params, what)


def output_shape(params: Forward[Any, Any], input_shape: Sequence[int]) -> tuple[int, ...]:
    """Return the shape of the output for one sample of a shape, computed with an empty batch.

    Parameters
    ----------
    params
        A layer or network at rest.
    input_shape
        Shape of one sample, such as (784,) or (1, 28, 28).

    Raises
    ------
    ShapeError
        If a layer does not accept that shape; the message names the layer by its path.
    TypeError, ValueError
        If a size is not an integer >= 0, or `params` not a network at rest.

    Examples
    --------
    >>> from funnet import Conv2d, Flatten, MaxPool2d, output_shape, sequential
    >>> net = sequential(Conv2d.init(1, 30, 5, rng=0), MaxPool2d(2), Flatten())
    >>> output_shape(net, (1, 28, 28))
    (4320,)
    """
    check_resting_network(params, "output_shape")
    y, _ = forward(params, empty_batch(params, input_shape))
    return tuple(y.shape[1:])


def empty_batch(params: object, input_shape: Sequence[int]) -> Array:
    """Return a batch without rows, of the shape of one sample and in the dtype of a network."""
    shape: object = input_shape
    if not isinstance(shape, Iterable):
        raise TypeError(
            f"input_shape must be the shape of one sample, such as (784,), got {shape!r}"
        )
    sizes = [check_count(size, f"input_shape[{i}]", 0) for i, size in enumerate(shape)]
    # Buffers count as well: a network may consist of layers without parameters.
    dtypes = (array.dtype for _, array in named_arrays(params) if array.dtype.kind == "f")
    return np.empty((0, *sizes), next(dtypes, np.dtype(np.float32)))
