"""Kernels that slide over images: where they stop, and the windows that they see there."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from types import EllipsisType

import attrs
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from funnet.core.arrays import Array, Images, Vector, wide
from funnet.core.halves import in_halves
from funnet.core.kernels import channel_sums

quiet = np.errstate(over="ignore", invalid="ignore")
"""Numbers beyond the range of the dtype are infinite, and their differences NaN."""

CACHE = 1 << 19
"""Bytes to work on at a time, which fit the second-level cache of a core."""

FEW_STOPS = 256
"""Up to here, a product by a contiguous copy takes three quarters of the time (OpenBLAS)."""

Index = tuple[EllipsisType, slice, slice]
"""Some rows and columns of images."""


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

    def met(self, pixel: int) -> tuple[slice, slice]:
        """Return at which stops a pixel of the kernel meets which pixels of the image."""
        if self.gap == 1:
            return meeting(self.stops, pixel - self.start, self.stride, self.size)
        pixels, stops = meeting(self.size, self.start - pixel, self.gap, self.stops)
        return stops, pixels

    def seen(self) -> list[slice]:
        """Return, for each pixel of the kernel, which pixels of the canvas it sees at the stops."""
        return [slice(i, i + self.stride * self.stops, self.stride) for i in range(self.kernel)]

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
    rows, cols = ([s.met(i) for i in range(s.kernel)] for s in (down, across))
    return [
        ((..., stop_row, stop_col), (..., row, col))
        for stop_row, row in rows
        for stop_col, col in cols
    ]


def columns(
    x: Images, down: Slide, across: Slide, *, by_rows: bool, results: int
) -> Iterator[tuple[slice, Array]]:
    """Yield images, a few at a time, and the windows that a kernel sees, as columns of matrices.

    An image is copied once for each column of the kernel, moved by one pixel. By rows, there is a
    matrix (C x width, stops) for each row of the kernel; with stride 1 all of them show the same
    copies, one row further down. Otherwise the windows are copied again, to a single matrix
    (C x height x width, stops). Their type is the one to compute in, and the next ones may
    overwrite them: those of a whole batch would not fit the cache.

    As many images are taken at a time as fit the cache, with what is computed from them, `results`
    numbers for each: in few long calls, two threads wait less for the interpreter.
    """
    if len(x) == 0:  # to ask for a shape takes no memory
        return
    channels, dtype = x.shape[1], wide(x.dtype)
    parts, n_stops = down.kernel if by_rows else 1, down.stops * across.stops
    copied = channels * down.kernel * across.kernel * n_stops // parts
    n = min(len(x), CACHE // ((copied + results) * dtype.itemsize) + 1)

    moved = np.zeros((n, channels, across.kernel, down.canvas, across.stops), dtype)
    windows = sliding_window_view(moved, down.kernel, 3)[:, :, :, :: down.stride]
    windows = np.moveaxis(windows, -1, 1 if by_rows else 2)
    rows, laid_rows = down.laid()
    met = [across.met(j) for j in range(across.kernel)]
    laid = [(moved[:, :, j, laid_rows, stops], pixels) for j, (stops, pixels) in enumerate(met)]

    for start in range(0, len(x), n):
        images = x[start : start + n, :, rows]
        for place, pixels in laid:
            place[: len(images)] = images[..., pixels]
        shape = len(images), parts, copied // n_stops, n_stops
        yield slice(start, start + n), windows[: len(images)].reshape(shape)


@quiet
def correlate(W: Images, x: Images, down: Slide, across: Slide) -> Images:
    """Return the cross-correlation of W (O, C, height, width) and x (N, C, H, W).

    For each image it is a product of the kernels as rows and the windows as columns: the sum of one
    for each row of the kernels, or a single one, if there is less to copy for that than to add.
    """
    O, C, height, width = W.shape
    by_rows = height > 1 and down.stride == 1 and C * width >= O
    parts = height if by_rows else 1
    kernels = W.reshape(O, C, parts, -1).transpose(2, 0, 1, 3).reshape(parts, O, -1)
    kernels = kernels.astype(wide(W.dtype), copy=False)
    stops = down.stops * across.stops
    y, results = np.empty((len(x), O, stops), kernels.dtype), parts * O * stops

    def fill(half: slice) -> None:
        for some, windows in columns(x[half], down, across, by_rows=by_rows, results=results):
            if by_rows:
                np.add.reduce(kernels @ windows, axis=1, out=y[half][some])
            else:
                np.matmul(kernels[0], windows[:, 0], out=y[half][some])

    in_halves(fill, len(x), len(x) * W[0].size * stops, kernels[0].size * stops)
    return y.astype(x.dtype, copy=False).reshape(len(x), O, down.stops, across.stops)


@quiet
def correlate_gradient(W: Images, x: Images, dout: Images, down: Slide, across: Slide) -> Images:
    """Return dL/dW: the sum over images of the windows as columns times dout, a column a kernel.

    The windows are copied once more: to keep those of a batch takes more time than that. This
    product is the transpose of dL/dW; dout times the windows takes up to 1.7 times as long.
    """
    O, C, height, width = W.shape
    stops, dtype = down.stops * across.stops, wide(W.dtype)
    douts = dout.reshape(len(dout), 1, O, stops).swapaxes(2, 3)

    def part(half: slice) -> Array:
        sums = np.zeros((height, C * width, O), dtype)
        for some, windows in columns(x[half], down, across, by_rows=True, results=W.size):
            d = douts[half][some]
            if stops <= FEW_STOPS:
                d = np.ascontiguousarray(d, dtype)
            sums += np.add.reduce(windows @ d)
        return sums

    work, product = len(x) * W[0].size * stops, O * C * width * stops
    first, *others = in_halves(part, len(x), work, product)
    transposed = sum(others, first).reshape(height, C, width, O)
    return np.ascontiguousarray(transposed.transpose(3, 1, 0, 2), W.dtype)


@quiet
def bias_gradient(dout: Images) -> Vector:
    """Return dL/db: the sum of each channel over all images."""
    sums = channel_sums(dout.astype(wide(dout.dtype), copy=False))
    return sums.astype(dout.dtype, copy=False)


def window_maxima(x: Images, down: Slide, across: Slide) -> Images:
    """Return the maximum of each window; NaN where the window has a NaN.

    Maxima down the columns of windows, and then those of these, take two thirds of the time of
    maxima of all pixels. A reduction of windows would take an inner loop for each of them.
    """
    y = np.empty((*x.shape[:2], down.stops, across.stops), x.dtype)

    def fill(half: slice) -> None:
        canvas = x[half]
        if down.start or across.start:
            canvas = np.full((*canvas.shape[:2], down.canvas, across.canvas), -np.inf, x.dtype)
            canvas[:, :, down.laid()[1], across.laid()[1]] = x[half]
        tall = reduce(np.maximum, (canvas[:, :, rows] for rows in down.seen()))
        y[half] = reduce(np.maximum, (tall[..., cols] for cols in across.seen()))

    in_halves(fill, len(x), y.size * down.kernel * across.kernel)
    return y


@quiet
def to_first_maxima(x: Images, y: Images, dout: Images, down: Slide, across: Slide) -> Images:
    """Return dx: the gradient of each window goes to the first pixel that has its maximum.

    What no pixel before the last has taken belongs to the last one, which need not be compared.
    Where windows do not overlap, their parts are written in place of being added, which takes three
    quarters of the time.
    """
    dx = np.empty(x.shape, x.dtype)
    overlap = down.stride < down.kernel or across.stride < across.kernel
    *others, (last_stops, last_pixels) = met = taps(down, across)

    def fill(rows: slice) -> None:
        inputs, maxima, gradient, rest = x[rows], y[rows], dx[rows], dout[rows].copy()
        gradient.fill(0)

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
    y = np.zeros((*x.shape[:2], down.stops, across.stops), wide(x.dtype))
    _add(y, x, taps(down, across))
    return y


def to_all(dout: Images, down: Slide, across: Slide) -> Images:
    """Return dx: the gradient of each window goes to each of its pixels."""
    dx = np.zeros((*dout.shape[:2], down.size, across.size), wide(dout.dtype))
    _add(dx, dout, [(pixels, stops) for stops, pixels in taps(down, across)])
    return dx


@quiet
def _add(sums: Images, x: Images, pairs: list[tuple[Index, Index]]) -> None:
    """Add what is at the second index of each pair to what is at the first."""

    def fill(rows: slice) -> None:
        for at, seen in pairs:
            sums[rows][at] += x[rows][seen]

    in_halves(fill, len(x), min(x.size, sums.size) * len(pairs))
