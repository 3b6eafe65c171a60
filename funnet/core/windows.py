"""Kernels that slide over images: where they stop, and the windows that they see there."""

from __future__ import annotations

from collections.abc import Iterator
from types import EllipsisType

import attrs
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from funnet.core.arrays import Float, Images, Matrix, Vector
from funnet.core.halves import in_halves
from funnet.core.kernels import channel_sums

quiet = np.errstate(over="ignore", invalid="ignore")
"""Numbers beyond the range of the dtype are infinite, and their differences NaN."""

Index = tuple[EllipsisType, slice, slice]
"""Some rows and columns of images."""


def computing_dtype(dtype: np.dtype[Float]) -> np.dtype[Float]:
    """Return the type to compute in: float32 for float16, which has no BLAS and rounds sums."""
    return np.promote_types(dtype, np.float32)


@attrs.frozen
class Slide:
    """How a kernel slides along one axis of a canvas of zeros, on which an image is laid.

    Parameters
    ----------
    size, kernel, canvas
        Sizes of the image, the kernel, and the canvas.
    stride
        Step between the stops of the kernel.
    start
        Where the first pixel of the image is laid, which may be outside of the canvas.
    gap
        Distance on the canvas between neighbouring pixels of the image.
    """

    size: int
    kernel: int
    stride: int
    start: int
    gap: int
    canvas: int

    @property
    def stops(self) -> int:
        """Size of the output; pixels that the stride leaves over at the end are dropped."""
        return (self.canvas - self.kernel) // self.stride + 1

    def laid(self) -> tuple[slice, slice]:
        """Return the pixels of the image that are on the canvas, and where they are."""
        return meeting(self.size, self.start, self.gap, self.canvas)

    def back(self) -> Slide:
        """Return how the turned kernel slides over the gradient of the output.

        Each pixel of the image gets what every stop contributes to it: the image of the gradients,
        its pixels one stride apart, is seen by the turned kernel at every pixel of the input.
        """
        return Slide(
            size=self.stops,
            kernel=self.kernel,
            stride=1,
            start=self.kernel - 1 - self.start,
            gap=self.stride,
            canvas=self.size + self.kernel - 1,
        )


def meeting(n: int, start: int, step: int, size: int) -> tuple[slice, slice]:
    """Return the k from 0 to n - 1 for which start + step k is from 0 to size - 1, and these.

    Examples
    --------
    >>> from funnet.core.windows import meeting
    >>> meeting(5, -1, 2, 6)  # -1, 1, 3, 5, 7
    (slice(1, 4, None), slice(1, 7, 2))
    """
    first = max(0, -(start // step))
    count = max(0, min(n, (size - 1 - start) // step + 1) - first)
    begin = start + step * first
    return slice(first, first + count), slice(begin, begin + step * count, step)


def taps(down: Slide, across: Slide) -> list[tuple[Index, Index]]:
    """Return, for each pixel of the kernel in reading order, at which stops it meets which pixels.

    The stops are an index of the output, and the pixels one of the input, of the same shape.
    """
    rows, cols = (
        [meeting(s.stops, i - s.start, s.stride, s.size) for i in range(s.kernel)]
        for s in (down, across)
    )
    return [
        ((..., stop_row, stop_col), (..., row, col))
        for stop_row, row in rows
        for stop_col, col in cols
    ]


def columns(x: Images, down: Slide, across: Slide) -> Iterator[Matrix]:
    """Yield for each image the windows that a kernel sees, as the columns of a matrix.

    Its shape is (C x kernel, stops), with rows before columns in both, and its type the one to
    compute in. The windows of all images would not fit the processor's cache, and take a hundred
    times the memory: each matrix overwrites the one before. It is filled in two steps, first with
    the columns of the kernel and then with its rows, so that all but 1 / height of what is copied
    is copied in long runs: that takes two thirds of the time of a single step.
    """
    if len(x) == 0:  # to ask for a shape takes no memory
        return
    channels, dtype = x.shape[1], computing_dtype(x.dtype)
    canvas = np.zeros((channels, down.canvas, across.canvas), dtype)
    rows, laid_rows = down.laid()
    cols, laid_cols = across.laid()
    laid = canvas[:, laid_rows, laid_cols]

    shifted = np.empty((channels, across.kernel, down.canvas, across.stops), dtype)
    seen_across = sliding_window_view(canvas, across.kernel, 2)[:, :, :: across.stride]
    windows = np.empty((channels, down.kernel, across.kernel, down.stops, across.stops), dtype)
    seen_down = sliding_window_view(shifted, down.kernel, 2)[:, :, :: down.stride]

    seen_across = seen_across.transpose(0, 3, 1, 2)
    seen_down = seen_down.transpose(0, 4, 1, 2, 3)
    matrix = windows.reshape(-1, down.stops * across.stops)
    for image in x[:, :, rows, cols]:
        laid[...] = image
        shifted[...] = seen_across
        windows[...] = seen_down
        yield matrix


@quiet
def correlate(W: Images, x: Images, down: Slide, across: Slide) -> Images:
    """Return the cross-correlation of W (O, C, height, width) and x (N, C, H, W).

    For each image it is one product: the kernels as rows times the windows as columns.
    """
    kernels = W.reshape(len(W), -1).astype(computing_dtype(W.dtype), copy=False)
    y = np.empty((len(x), len(W), down.stops * across.stops), x.dtype)

    def fill(rows: slice) -> None:
        for image, windows in zip(y[rows], columns(x[rows], down, across), strict=True):
            np.matmul(kernels, windows, out=image)

    stops = y.shape[2]
    in_halves(fill, len(x), len(x) * kernels.shape[1] * stops, kernels.size * stops)
    return y.reshape(len(x), len(W), down.stops, across.stops)


@quiet
def correlate_gradient(W: Images, x: Images, dout: Images, down: Slide, across: Slide) -> Images:
    """Return dL/dW: the sum over images of the windows as columns times dout, a column a kernel.

    The windows are copied once more: to keep those of a batch takes more time than that. This
    product is the transpose of dL/dW; dout times the windows takes up to twice the time.
    """
    shape, dtype = (W[0].size, len(W)), computing_dtype(W.dtype)
    stops = down.stops * across.stops
    douts = dout.reshape(len(dout), len(W), stops)

    def part(rows: slice) -> Matrix:
        sums = np.zeros(shape, dtype)
        for d, windows in zip(douts[rows], columns(x[rows], down, across), strict=True):
            sums += windows @ d.T
        return sums

    first, *others = in_halves(part, len(x), len(x) * shape[0] * stops, W.size * stops)
    transposed = sum(others, first)
    dW = np.ascontiguousarray(transposed.T, W.dtype)
    return dW.reshape(W.shape)


@quiet
def bias_gradient(dout: Images) -> Vector:
    """Return dL/db: the sum of each channel over all images."""
    sums = channel_sums(dout.astype(computing_dtype(dout.dtype), copy=False))
    return sums.astype(dout.dtype, copy=False)


def window_maxima(x: Images, down: Slide, across: Slide) -> Images:
    """Return the maximum of each window; NaN where the window has a NaN.

    By pixels of the kernel, since a reduction of windows takes an inner loop for each of them.
    """
    y = np.full((*x.shape[:2], down.stops, across.stops), -np.inf, x.dtype)
    met = taps(down, across)

    def fill(rows: slice) -> None:
        for stops, pixels in met:
            part = y[rows][stops]
            np.maximum(part, x[rows][pixels], out=part)

    in_halves(fill, len(x), y.size * len(met))
    return y


def to_first_maxima(x: Images, y: Images, dout: Images, down: Slide, across: Slide) -> Images:
    """Return dx: the gradient of each window goes to the first pixel that has its maximum.

    What no pixel before the last has taken belongs to the last one, which need not be compared.
    Where windows do not overlap, their parts are written in place of being added, which takes three
    quarters of the time.
    """
    dx = np.zeros(x.shape, x.dtype)
    overlap = down.stride < down.kernel or across.stride < across.kernel
    *others, (last_stops, last_pixels) = met = taps(down, across)

    def fill(rows: slice) -> None:
        inputs, maxima, gradient, rest = x[rows], y[rows], dx[rows], dout[rows].copy()

        def give(pixels: Index, part: Images) -> None:
            gradient[pixels] = gradient[pixels] + part if overlap else part

        for stops, pixels in others:
            taken = (inputs[pixels] == maxima[stops]).astype(x.dtype)
            taken *= rest[stops]
            rest[stops] -= taken
            give(pixels, taken)
        give(last_pixels, rest[last_stops])

    in_halves(fill, len(x), y.size * len(met))
    return dx


def window_sums(x: Images, down: Slide, across: Slide) -> Images:
    """Return the sum of each window, of the type to compute in."""
    y = np.zeros((*x.shape[:2], down.stops, across.stops), computing_dtype(x.dtype))
    _add(y, x, taps(down, across))
    return y


def to_all(dout: Images, down: Slide, across: Slide) -> Images:
    """Return dx: the gradient of each window goes to each of its pixels."""
    dx = np.zeros((*dout.shape[:2], down.size, across.size), computing_dtype(dout.dtype))
    _add(dx, dout, [(pixels, stops) for stops, pixels in taps(down, across)])
    return dx


@quiet
def _add(sums: Images, x: Images, pairs: list[tuple[Index, Index]]) -> None:
    """Add what is at the second index of each pair to what is at the first."""

    def fill(rows: slice) -> None:
        for at, seen in pairs:
            sums[rows][at] += x[rows][seen]

    in_halves(fill, len(x), min(x.size, sums.size) * len(pairs))
