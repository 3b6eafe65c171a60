"""What a layer is, and the functions that work on any of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Never, NoReturn, Protocol, TypeVar, overload

import numpy as np
import numpy.typing as npt

from funnet.core.arrays import (
    ArrayT,
    Float,
    Images,
    Matrix,
    Ranked,
    Shaped,
    ShapeT,
    as_ndarray,
    check_count,
    plain,
)
from funnet.core.errors import DTypeError, ShapeError

X = TypeVar("X")
Y = TypeVar("Y")
C = TypeVar("C")
G = TypeVar("G")
X_contra = TypeVar("X_contra", contravariant=True)
Y_co = TypeVar("Y_co", covariant=True)
G_co = TypeVar("G_co", covariant=True)
S = TypeVar("S", bound=tuple[int, ...])
T = TypeVar("T", bound=tuple[int, ...])
D = TypeVar("D", bound=np.dtype[Float])
ArrayT_out = TypeVar("ArrayT_out", bound=npt.NDArray[Float])

ROWS_AT_ONCE = 1024


class Layer(Protocol[X, Y, C, G_co]):
    """A differentiable function whose parameters are its array fields.

    Any frozen attrs class with these two methods is a layer; nothing needs to be inherited or
    registered. The four types are those of the input, the output, the cache and the gradients.

    The laws that every layer obeys, and that the tests check:

    - `pullback` returns gradients of the layer's own class, shapes and dtypes;
    - they, and `dx()`, are the derivatives of `sum(dout * y)`;
    - no argument is written to, and the same arguments give the same bytes;
    - the dtype of the input is the dtype of everything that comes out.
    """

    def forward(self, x: X, /) -> tuple[Y, C]:
        """Return the output for a batch, and the cache that `pullback` needs."""

    def pullback(self, cache: C, dout: Y, /) -> tuple[G_co, Callable[[], X]]:
        """Return dL/dparameters, and a function that computes dL/dx when it is called."""


class Forward(Protocol[X_contra, Y_co]):
    """The half of a layer that its output depends on."""

    def forward(self, x: X_contra, /) -> tuple[Y_co, object]:
        """See `Layer`."""


AnyLayer = Layer[Any, Any, Any, Any]

# Never accepts gradients only if they are Any: those of a value that is annotated as a `Network`,
# or of a type variable with that bound, which then is the type of the result.
NetworkT = TypeVar("NetworkT", bound=Layer[Any, Any, Any, Never])


def _undefined(layer: object, method: str) -> NoReturn:
    # Methods without a body are abstract, and then mypy rejects the call of a class from a table,
    # such as {"relu": ReLU, "tanh": Tanh, "sigmoid": Sigmoid}["relu"]().
    raise TypeError(f"{type(layer).__name__} does not define {method}")


# What layers of different classes have in common, such as those of a list. mypy finds it among the
# direct bases of a class only, so our layers name each of the three that they fulfil. Any: each
# class has its own arrays and cache.


class SomeLayer(Protocol):
    """Any layer, for annotations such as `list[SomeLayer]`."""

    __slots__ = ()

    def forward(self, x: Any, /) -> tuple[Any, Any]:
        """Return the output for a batch, and the cache that `pullback` needs."""
        _undefined(self, "forward")

    def pullback(self, cache: Any, dout: Any, /) -> tuple[SomeLayer, Callable[[], Any]]:
        """Return gradients of the layer's own class; dx has the shape of x."""
        _undefined(self, "pullback")


class OnRows(SomeLayer, Protocol):
    """A layer from rows to rows, for annotations such as `list[OnRows]`."""

    __slots__ = ()

    def forward(self, x: Matrix, /) -> tuple[Matrix, Any]:
        """Return the output for a batch, and the cache that `pullback` needs."""
        _undefined(self, "forward")

    def pullback(self, cache: Any, dout: Matrix, /) -> tuple[OnRows, Callable[[], Matrix]]:
        """Return gradients of the layer's own class; dx has the shape of x."""
        _undefined(self, "pullback")


class OnImages(SomeLayer, Protocol):
    """A layer from images to images, for annotations such as `list[OnImages]`."""

    __slots__ = ()

    def forward(self, x: Images, /) -> tuple[Images, Any]:
        """Return the output for a batch, and the cache that `pullback` needs."""
        _undefined(self, "forward")

    def pullback(self, cache: Any, dout: Images, /) -> tuple[OnImages, Callable[[], Images]]:
        """Return gradients of the layer's own class; dx has the shape of x."""
        _undefined(self, "pullback")


class Elementwise(OnRows, SomeLayer, Protocol):
    """A layer on arrays of any rank, whose output has the shape of its input."""

    __slots__ = ()

    @property
    def keeps_width(self) -> Literal[True]:
        """Says so."""
        return True

    def forward(self, x: Shaped[ShapeT], /) -> tuple[Shaped[ShapeT], Any]:
        """Return y, of the shape of x, and a cache of the layer's own."""
        _undefined(self, "forward")

    def pullback(
        self, cache: Any, dout: Shaped[ShapeT], /
    ) -> tuple[Elementwise, Callable[[], Shaped[ShapeT]]]:
        """Return gradients of the layer's own class; dx has the shape of dout."""
        _undefined(self, "pullback")


@overload
def forward(params: Layer[X, Y, C, object], x: X) -> tuple[Y, C]: ...
@overload  # for a union of networks, and for a result that is bound to the name of the input
def forward(
    params: Forward[Ranked[S], Ranked[T]], x: np.ndarray[S, D]
) -> tuple[np.ndarray[T, D], Any]: ...
def forward(params: Forward[Any, Any], x: Any) -> tuple[Any, Any]:
    """Return the output of a layer or network, and the cache for the way back.

    Parameters
    ----------
    params
        Any layer; a network is one.
    x
        A batch, one row a sample. The cache refers to it, so leave it unchanged until `backward`.

    Returns
    -------
    y, cache
        The output, and what `backward` and `input_gradient` want to have back.

    Raises
    ------
    ShapeError
        If a layer takes another width or rank; the message names the layer by its path.
    DTypeError
        If `x` is not of the network's float type.

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
    """Return the gradients of the loss with respect to every parameter.

    Parameters
    ----------
    params
        The layer or network that `forward` was called with.
    cache
        What `forward` returned beside the output.
    dout
        dL/dy, of the output's shape and dtype.

    Returns
    -------
    grads
        A value of the class of `params`, with each array replaced by its gradient.

    Raises
    ------
    ShapeError, DTypeError
        If `dout` is not like the output.
    StructureError
        If the cache is not that of these very layers: networks of one architecture are told apart.

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
    """Return the gradient of the loss with respect to the input.

    Parameters
    ----------
    params
        The layer or network that `forward` was called with.
    cache
        What `forward` returned beside the output.
    dout
        dL/dy, of the output's shape and dtype.

    Returns
    -------
    dx
        dL/dx, of the input's shape and dtype.

    Raises
    ------
    ShapeError, DTypeError
        If `dout` is not like the output.
    StructureError
        If the cache is not that of these very layers: networks of one architecture are told apart.

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
    """Return the output for all rows of `x`, a batch at a time, and keep no caches.

    Parameters
    ----------
    params
        Any layer or network that treats each row by itself.
    x
        The input, one row a sample; any number of rows.
    batch_size
        How many rows are computed at once: 1024 unless told. It bounds the memory in use beyond
        the output. The output is that of `forward` up to the rounding of the matrix products.

    Returns
    -------
    y
        The output, one row a sample.

    Raises
    ------
    ValueError
        If `batch_size` is not positive.
    ShapeError, DTypeError
        As `forward`.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import Sigmoid, predict
    >>> predict(Sigmoid(), np.zeros((5, 1)), batch_size=2).shape
    (5, 1)
    """
    rows = ROWS_AT_ONCE if batch_size is None else check_count(batch_size, "batch_size")
    x = as_ndarray(x)
    if type(x) is not np.ndarray:
        raise DTypeError(
            f"expected x to be a NumPy array with one row a sample, got {type(x).__name__}; "
            "convert it with np.asarray"
        )
    if x.ndim == 0:
        raise ShapeError("expected x to have one row a sample, got a scalar")
    first: npt.NDArray[Float]
    first, _ = forward(params, x[:rows])
    if len(x) <= rows:
        return first
    y = np.empty((len(x), *first.shape[1:]), first.dtype)
    y[:rows] = first
    for start in range(rows, len(x), rows):
        y[start : start + rows], _ = forward(params, x[start : start + rows])
    return y
