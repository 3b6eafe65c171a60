"""y = x W + b."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Generic, Literal, cast

import attrs
import numpy as np

from funnet.core.arrays import Float, Matrix, RNGLike, Vector, describe_cache
from funnet.core.checks import check_batch, check_cache, check_count, check_dtype, check_shape
from funnet.core.describe import describe
from funnet.core.kernels import column_sums
from funnet.core.layer import OnRows, SomeLayer
from funnet.core.locks import lock_in_place, lock_matrix, lock_vector
from funnet.core.nodes import filler
from funnet.core.tree import reduce_to_constructor
from funnet.layers.initializers import Initializer, draw, he

if TYPE_CHECKING:
    # The defaults make `Affine(W, b)`, whose widths mypy cannot infer, Affine[int, int].
    from typing_extensions import TypeVar

    I_co = TypeVar("I_co", bound=int, covariant=True, default=int)
    O_co = TypeVar("O_co", bound=int, covariant=True, default=int)
else:
    from typing import TypeVar

    I_co = TypeVar("I_co", bound=int, covariant=True)
    O_co = TypeVar("O_co", bound=int, covariant=True)

I = TypeVar("I", bound=int)
O = TypeVar("O", bound=int)


@attrs.frozen(eq=False, repr=False)
class AffineCache:
    """Cache of `Affine`: its input."""

    x: Matrix

    __repr__ = describe_cache


_cache = filler(AffineCache)


@attrs.frozen(eq=False)
class Affine(OnRows, SomeLayer, Generic[I_co, O_co]):
    """Fully connected layer with weights `W` (n_in, n_out) and bias `b` (n_out,).

    Products outside the range of the dtype are infinite or NaN, with the warning of NumPy's `dot`;
    in `train`, whose steps check them, without it.

    Raises
    ------
    ShapeError, DTypeError
        If the shapes or dtypes of `W` and `b` do not match.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import Affine, forward
    >>> AND = Affine(np.array([[0.5], [0.5]]), np.array([-0.7]))
    >>> y, _ = forward(AND, np.array([[0.0, 1.0], [1.0, 1.0]]))
    >>> y > 0
    array([[False],
           [ True]])
    """

    W: Matrix = attrs.field(converter=lock_matrix)
    b: Vector = attrs.field(converter=lock_vector)

    constructor_only_checks: ClassVar[Literal[True]] = True

    __repr__ = describe
    __reduce__ = reduce_to_constructor

    def __attrs_post_init__(self) -> None:
        W, b = self.W, self.b
        check_dtype(b, W.dtype, "b of Affine")
        check_shape(b, W.shape[1:], "b of Affine")

    @staticmethod
    def init(
        n_in: I,
        n_out: O,
        *,
        rng: RNGLike,
        weights: Initializer = he,
        dtype: type[Float] = np.float32,
    ) -> Affine[I, O]:
        """Return a layer with random weights and zero bias.

        Parameters
        ----------
        n_in, n_out
            Number of input and output features, each >= 1.
        rng
            Seed, or a Generator, which is advanced.
        weights
            Initializer. Default: `he`.
        dtype
            `np.float16`, `np.float32` or `np.float64`. Default: `np.float32`.

        Raises
        ------
        TypeError, ValueError
            If an argument is not as described.
        ShapeError, DTypeError
            If `weights` returns an array of another shape or dtype.

        Examples
        --------
        >>> from funnet import Affine
        >>> Affine.init(784, 80, rng=0)
        Affine(W=float32[784, 80], b=float32[80])
        """
        shape = check_count(n_in, "n_in"), check_count(n_out, "n_out")
        W = draw(weights, rng, shape, shape, dtype)
        return Affine(cast(Matrix, W), np.zeros(n_out, dtype))

    @property
    def n_in(self) -> I_co:
        """Number of input features."""
        return cast(I_co, self.W.shape[0])

    @property
    def n_out(self) -> O_co:
        """Number of output features."""
        return cast(O_co, self.W.shape[1])

    def forward(self, x: Matrix, /) -> tuple[Matrix, AffineCache]:
        """Return x W + b, of shape (N, n_out), for x of shape (N, n_in)."""
        W = self.W
        check_batch(x, len(W), W.dtype, "x of Affine")
        y: Matrix = x.dot(W)
        y += self.b
        return y, _cache(x)

    def pullback(
        self, cache: AffineCache, dout: Matrix, /
    ) -> tuple[Affine[I_co, O_co], Callable[[], Matrix]]:
        """Return dW = xᵀ dout and db, the column sums of dout; dx = dout Wᵀ."""
        check_cache(cache, AffineCache)
        x, W = cache.x, self.W
        n_in, n_out = W.shape
        check_batch(x, n_in, W.dtype, "the cached x of Affine")
        check_batch(dout, n_out, W.dtype, "dout of Affine", len(x))
        grads: Affine[I_co, O_co] = _gradients(
            lock_in_place(x.T.dot(dout)), lock_in_place(column_sums(dout))
        )
        return grads, lambda: dout.dot(W.T)


_gradients = filler(Affine)
