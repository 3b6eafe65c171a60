"""y[n, o] = b[o] + the sum over c of W[o, c] * x[n, c], where * is the cross-correlation."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Generic, Literal, cast

import attrs
import numpy as np

from funnet.core.arrays import Float, Images, RNGLike, Vector, describe_cache
from funnet.core.checks import check_cache, check_count, check_dtype, check_shape
from funnet.core.describe import describe
from funnet.core.layer import OnImages, SomeLayer
from funnet.core.locks import lock_in_place, lock_vector
from funnet.core.tree import reduce_to_constructor, refill
from funnet.core.windows import Slide, bias_gradient, correlate, correlate_gradient
from funnet.layers.affine import I, I_co, O, O_co
from funnet.layers.images import (
    Padding,
    Pair,
    Size,
    check_images,
    kernel_size_of,
    lock_kernels,
    padding_of,
    slides,
    stride_of,
)
from funnet.layers.initializers import Initializer, draw, he


@attrs.frozen(eq=False, repr=False)
class Conv2dCache:
    """Cache of `Conv2d`: its input."""

    x: Images

    __repr__ = describe_cache


@attrs.frozen(eq=False)
class Conv2d(OnImages, SomeLayer, Generic[I_co, O_co]):
    """Convolution of images (as in every framework, a cross-correlation).

    Images of height H become images of height (H + 2 padding - kernel height) // stride + 1, and
    so do widths. Large batches are computed on two threads where BLAS uses one: set
    `OPENBLAS_NUM_THREADS=1` for that, and `OMP_NUM_THREADS=1` for one thread in all.

    Parameters
    ----------
    W
        Weights of shape (out_channels, in_channels, kernel height, kernel width).
    b
        Bias of shape (out_channels,), with the dtype of `W`.
    stride
        Step of the kernel: a number, or a pair (down, across). Default: 1.
    padding
        Zeros around an image: a number, or a pair (above and below, left and right); or "valid",
        which is 0, or, for stride 1, "same", which keeps the size. Default: 0.

    Raises
    ------
    ShapeError, DTypeError
        If the shapes or dtypes of `W` and `b` do not match.
    ValueError, TypeError
        If `stride` is not an integer >= 1, or `padding` not an integer >= 0, or a pair of such;
        if `padding` is "same" and `stride` is not 1.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import Conv2d, predict
    >>> edges = Conv2d(np.array([[[[-1.0, 1.0]]]]), np.zeros(1))
    >>> predict(edges, np.array([[[[0.0, 0.0, 1.0, 1.0]]]]))
    array([[[[0., 1., 0.]]]])
    """

    W: Images = attrs.field(converter=lock_kernels)
    b: Vector = attrs.field(converter=lock_vector)
    stride: Pair = attrs.field(default=(1, 1), converter=stride_of)
    padding: Pair | Literal["same"] = attrs.field(default=(0, 0), converter=padding_of)

    constructor_only_checks: ClassVar[Literal[True]] = True

    __repr__ = describe
    __reduce__ = reduce_to_constructor

    def __attrs_post_init__(self) -> None:
        check_dtype(self.b, self.W.dtype, "b of Conv2d")
        check_shape(self.b, self.W.shape[:1], "b of Conv2d")
        if self.padding == "same" and self.stride != (1, 1):
            raise ValueError(f"expected stride 1 with padding 'same', got {self.stride}")

    @staticmethod
    def init(
        in_channels: I,
        out_channels: O,
        kernel_size: Size,
        *,
        stride: Size = 1,
        padding: Padding = 0,
        rng: RNGLike,
        weights: Initializer = he,
        dtype: type[Float] = np.float32,
    ) -> Conv2d[I, O]:
        """Return a layer with random weights and zero bias.

        Parameters
        ----------
        in_channels, out_channels
            Number of channels of the input and of the output, each >= 1.
        kernel_size
            Size of the kernel: a number, or a pair (height, width).
        stride, padding
            See `Conv2d`, also for what is raised.
        rng, weights, dtype
            See `Affine.init`. The fan-in is in_channels x kernel height x kernel width.

        Examples
        --------
        >>> from funnet import Conv2d
        >>> Conv2d.init(1, 30, 5, rng=0)
        Conv2d(W=float32[30, 1, 5, 5], b=float32[30], stride=(1, 1), padding=(0, 0))
        """
        n_in = check_count(in_channels, "in_channels")
        n_out = check_count(out_channels, "out_channels")
        height, width = kernel_size_of(kernel_size)
        fans = n_in * height * width, n_out * height * width
        W = draw(weights, rng, (n_out, n_in, height, width), fans, dtype)
        return Conv2d(cast(Images, W), np.zeros(n_out, dtype), stride, padding)

    @property
    def n_in(self) -> I_co:
        """Number of input channels."""
        return cast(I_co, self.W.shape[1])

    @property
    def n_out(self) -> O_co:
        """Number of output channels."""
        return cast(O_co, self.W.shape[0])

    def forward(self, x: Images, /) -> tuple[Images, Conv2dCache]:
        """Return y = W * x + b, for x of shape (N, in_channels, H, W)."""
        y = correlate(self.W, x, *self._slides(x, "x of Conv2d"))
        with np.errstate(over="ignore"):
            y += self.b[:, np.newaxis, np.newaxis]
        return y, Conv2dCache(x)

    def pullback(
        self, cache: Conv2dCache, dout: Images, /
    ) -> tuple[Conv2d[I_co, O_co], Callable[[], Images]]:
        """Return dW = dout * x and db = the sums of dout; dx = dout * W, turned by 180 degrees."""
        check_cache(cache, Conv2dCache)
        x, W = cache.x, self.W
        down, across = self._slides(x, "the cached x of Conv2d")
        check_dtype(dout, W.dtype, "dout of Conv2d")
        check_shape(dout, (len(x), len(W), down.stops, across.stops), "dout of Conv2d")
        dW = correlate_gradient(W, x, dout, down, across)
        db = bias_gradient(dout)
        fields = lock_in_place(dW), lock_in_place(db), self.stride, self.padding
        grads: Conv2d[I_co, O_co] = refill(Conv2d, fields)

        def dx() -> Images:
            turned = W[:, :, ::-1, ::-1].swapaxes(0, 1)
            return correlate(turned, dout, down.back(), across.back())

        return grads, dx

    def _slides(self, x: Images, name: str) -> tuple[Slide, Slide]:
        _, channels, height, width = self.W.shape
        check_dtype(x, self.W.dtype, name)
        check_images(x, name, channels)
        return slides(x, (height, width), self.stride, self.padding, name)
