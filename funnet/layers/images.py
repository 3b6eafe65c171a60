"""What image layers share: sizes, padding, and the check of a batch.

Images are arrays of shape (N, C, H, W): samples, channels, height, width.
"""

# Without `from __future__ import annotations`: attrs copies the annotations of converters to the
# classes of layers, where the names of this module mean nothing.
from collections.abc import Sequence
from typing import Literal, Protocol

from funnet.core.arrays import Images
from funnet.core.checks import check_count, check_float, check_shape
from funnet.core.errors import ShapeError
from funnet.core.locks import lock
from funnet.core.windows import Slide

Pair = tuple[int, int]
Size = int | Sequence[int]
"""A number, or a pair of one for the height and one for the width."""

Padding = Size | Literal["valid", "same"]
"""Zeros on each side of an image; "valid" for none, "same" to keep the size of an image."""


def pair(size: Size, name: str, least: int = 1) -> Pair:
    """Return a size as a pair of integers, each of at least `least`.

    Examples
    --------
    >>> from funnet.layers.images import pair
    >>> pair(2, "stride"), pair([2, 1], "stride")
    ((2, 2), (2, 1))
    """
    sizes = size if isinstance(size, tuple | list) else (size, size)
    if len(sizes) != 2:
        raise TypeError(f"{name} must be an integer or a pair of integers, got {size!r}")
    return check_count(sizes[0], name, least), check_count(sizes[1], name, least)


def kernel_size_of(size: Size) -> Pair:
    """Return a kernel size as a pair."""
    return pair(size, "kernel_size")


def stride_of(size: Size) -> Pair:
    """Return a stride as a pair."""
    return pair(size, "stride")


def padding_of(padding: Padding) -> Pair | Literal["same"]:
    """Return padding as a pair, or as "same", which depends on the kernel."""
    if isinstance(padding, str):
        if padding not in {"valid", "same"}:
            raise ValueError(f"padding must be a size, 'valid' or 'same', got {padding!r}")
        return "same" if padding == "same" else (0, 0)
    return pair(padding, "padding", 0)


def pool_padding_of(size: Size) -> Pair:
    """Return the padding of a pooling layer as a pair."""
    return pair(size, "padding", 0)


class Pooling(Protocol):
    """A layer with one number for each window."""

    @property
    def kernel_size(self) -> Pair:
        """Size of a window."""

    @property
    def stride(self) -> Pair | None:
        """Step between windows, or None, which means the kernel size."""

    @property
    def padding(self) -> Pair:
        """Pixels around an image."""


def at_most_half(pool: Pooling, _: object, padding: Pair) -> None:
    """Raise ValueError for padding of more than half of the kernel.

    Some windows would hold nothing else.
    """
    size = pool.kernel_size
    if 2 * padding[0] > size[0] or 2 * padding[1] > size[1]:
        raise ValueError(f"expected padding of at most half of kernel_size {size}, got {padding}")


def lock_kernels(W: Images) -> Images:
    """Return `lock(W)`; raise ShapeError if its rank is not 4 or a size is 0."""
    locked = lock(W)
    check_shape(locked, ("O", "C", "H", "W"), "W of Conv2d")
    if locked.size == 0:
        raise ShapeError(f"expected W of Conv2d to have at least one weight, got {locked.shape}")
    return locked


def check_images(x: Images, name: str, channels: int | str = "C") -> None:
    """Raise DTypeError unless `x` is an array of floats, ShapeError unless it is of images.

    Those have shape (N, channels, H, W), with any number of channels by default, and pixels.
    """
    check_float(x, name)
    check_shape(x, ("N", channels, "H", "W"), name)
    if 0 in x.shape[2:]:
        raise ShapeError(f"expected {name} to have at least one pixel, got shape {x.shape}")


def slides(
    x: Images, kernel_size: Pair, stride: Pair, padding: Pair | Literal["same"], name: str
) -> tuple[Slide, Slide]:
    """Return how a kernel slides down and across; raise ShapeError if it is too large."""
    size = x.shape[2:]
    # As in PyTorch, "same" puts the odd one of an even kernel at the end.
    twice = [k - 1 for k in kernel_size] if padding == "same" else [2 * p for p in padding]
    down, across = (
        Slide(size[i], kernel_size[i], stride[i], twice[i] // 2, gap=1, canvas=size[i] + twice[i])
        for i in (0, 1)
    )
    if down.stops < 1 or across.stops < 1:
        padded = f" ({down.canvas} x {across.canvas} with padding)" if any(twice) else ""
        raise ShapeError(
            f"{name} must have images of at least {kernel_size[0]} x {kernel_size[1]}, "
            f"the size of the kernel, got {size[0]} x {size[1]}{padded}"
        )
    return down, across


def pool_slides(pool: Pooling, x: Images, name: str) -> tuple[Slide, Slide]:
    """Return how the windows of a pooling layer slide over images, which are checked."""
    check_images(x, name)
    return slides(x, pool.kernel_size, pool.stride or pool.kernel_size, pool.padding, name)
