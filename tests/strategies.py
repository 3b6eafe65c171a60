"""Float arrays for property tests: of every dtype and shape, in every memory layout."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import settings, strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from funnet import Float

Floats = npt.NDArray[Float]
# Any is the shape's type: an array of these is as good for a Matrix as for a Vector.
AnyArray = np.ndarray[Any, np.dtype[Float]]

dtypes: st.SearchStrategy[type[Float]] = st.sampled_from([np.float16, np.float32, np.float64])
seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=settings().max_examples // 8)  # for what hardly depends on numbers
shapes = array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5)
matrix_shapes = array_shapes(min_dims=2, max_dims=2, max_side=4)


def finite(dtype: type[Float]) -> st.SearchStrategy[float]:
    """Every finite number of a dtype; the extreme ones come often."""
    limits = np.finfo(dtype)
    extremes = np.array([limits.max, limits.min, limits.tiny, limits.smallest_subnormal, -0.0, 0.0])
    return st.sampled_from(extremes.tolist()) | st.floats(
        width=limits.bits,  # type: ignore[arg-type]  # of a float type, it is 16, 32 or 64
        allow_nan=False,
        allow_infinity=False,
    )


@st.composite
def float_arrays(
    draw: st.DrawFn,
    shapes: st.SearchStrategy[tuple[int, ...]] = shapes,
    dtypes: st.SearchStrategy[type[Float]] = dtypes,
    elements: Callable[[type[Float]], st.SearchStrategy[float]] = finite,
) -> AnyArray:
    dtype = draw(dtypes)
    return draw(arrays(dtype, draw(shapes), elements=elements(dtype)))


def normal_array(
    seed: int, *shape: int, dtype: type[Float] = np.float64, scale: float = 1
) -> AnyArray:
    return (scale * np.random.default_rng(seed).standard_normal(shape)).astype(dtype)


def strided(x: AnyArray) -> AnyArray:
    return np.repeat(x[..., np.newaxis], 2, axis=-1)[..., 0]


def back_to_front(x: AnyArray) -> AnyArray:
    return np.asarray(np.flip(np.copy(np.flip(x), order="C")))  # of rank 0, flip makes a scalar


def fortran(x: AnyArray) -> AnyArray:
    return np.array(x, order="F")


def big_endian(x: AnyArray) -> AnyArray:
    return x.astype(x.dtype.newbyteorder(">"))


def misaligned(x: AnyArray) -> AnyArray:
    return np.frombuffer(b"\0" + x.tobytes(), x.dtype, offset=1).reshape(x.shape)


def read_only(x: AnyArray) -> AnyArray:
    copied = x.copy()
    copied.setflags(write=False)
    return copied


def memory_mapped(x: AnyArray) -> AnyArray:
    if x.size == 0:  # which no file can be mapped to
        return x
    with tempfile.TemporaryFile() as file:
        file.write(x.tobytes())
        file.flush()
        return np.memmap(file, x.dtype, "r", shape=x.shape)


LAYOUTS = {
    layout.__name__: layout
    for layout in (
        strided,
        back_to_front,
        fortran,
        big_endian,
        misaligned,
        read_only,
        memory_mapped,
    )
}
