"""IDX, the file format of MNIST: a header with dtype and shape, then the numbers of an array.

The format is described by Y. LeCun, C. Cortes and C. Burges, "The MNIST database of handwritten
digits", section "File formats": two zero bytes, one byte each for the type and the rank, the sizes
as 32-bit numbers, then the elements in C order; all big-endian.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase

import numpy as np

Element = np.uint8 | np.int8 | np.int16 | np.int32 | np.float32 | np.float64
"""The number types of IDX files."""

ELEMENTS: dict[int, np.dtype[Element]] = {
    0x08: np.dtype("u1"),
    0x09: np.dtype("i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}

# The most that deflate can compress: two bits for 258 bytes.
MAX_RATIO = 4 * 258

# gzip decompresses each piece at once, so small pieces limit the memory that a bomb can take.
PIECE = 1 << 20


class IDXError(ValueError):
    """Raised if a file is not a complete and valid IDX file."""


def read_idx(path: str | os.PathLike[str]) -> np.ndarray[tuple[int, ...], np.dtype[Element]]:
    """Return the array in an IDX file: uint8, int8, int16, int32, float32 or float64.

    It is new, of any rank, and in native byte order. Gzip is recognized by the content, whatever
    the name. The file need not be trusted: memory is limited to a small multiple of what the header
    declares, and of what a file of its size can hold.

    Raises
    ------
    IDXError
        If the file is damaged, too short, too long, or not an IDX file.
    OSError
        If the file cannot be opened, such as FileNotFoundError.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from funnet.data import read_idx
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "labels")
    ...     _ = path.write_bytes(bytes([0, 0, 0x08, 1, 0, 0, 0, 3]) + bytes([5, 0, 4]))
    ...     read_idx(path)
    array([5, 0, 4], dtype=uint8)
    """
    with open_idx(path) as (stream, capacity):
        start = stream.read(4)
        if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in ELEMENTS:
            raise IDXError(
                f"{path}: expected an IDX file, which starts with 00 00, a type of "
                f"{', '.join(f'{code:02x}' for code in ELEMENTS)}, and a rank, "
                f"found {start.hex(' ') or 'nothing'}"
            )
        dtype, rank = ELEMENTS[start[2]], start[3]
        sizes = stream.read(4 * rank)
        if len(sizes) < 4 * rank:
            raise IDXError(
                f"{path}: expected {rank} sizes of 4 bytes in the header, "
                f"found only {len(sizes)} bytes"
            )
        shape = struct.unpack(f">{rank}I", sizes)
        n_bytes = math.prod(shape) * dtype.itemsize
        if n_bytes > capacity:
            raise IDXError(
                f"{path}: expected {n_bytes} bytes of data, as the header says "
                f"({dtype.name}, shape {shape}), found a file that can hold {capacity} at most"
            )
        body = read_exactly(stream, n_bytes, path)
    try:
        array = np.ndarray(shape, dtype, buffer=body)
    except ValueError as error:  # a rank or sizes beyond NumPy's, such as (0, 2**32 - 1, 2**32 - 1)
        raise IDXError(
            f"{path}: expected a shape that NumPy can hold, found {shape}: {error}"
        ) from None
    return array.astype(dtype.newbyteorder("="), copy=False)


@contextmanager
def open_idx(path: str | os.PathLike[str]) -> Iterator[tuple[BufferedIOBase, int]]:
    """Open a gzipped or plain file, and return its content as a stream and its size at most.

    Damaged gzip data raise IDXError while they are read.
    """
    import gzip  # noqa: PLC0415  (slow to import)
    import zlib  # noqa: PLC0415

    # A number would be an open file, which would be closed.
    with open(os.fspath(path), "rb") as file:  # noqa: PTH123  (pathlib is slow to import)
        n_bytes = os.fstat(file.fileno()).st_size
        gzipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if not gzipped:
            yield file, n_bytes
            return
        try:
            with gzip.GzipFile(fileobj=file) as stream:
                yield stream, n_bytes * MAX_RATIO
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise IDXError(f"{path}: expected complete gzip data, found damage: {error}") from None


def read_exactly(
    stream: BufferedIOBase, n_bytes: int, path: str | os.PathLike[str], *, trusted: bool = False
) -> bytearray:
    """Return the rest of a stream; raise IDXError if it has fewer bytes than expected, or more.

    At most one byte beyond them is read. If the number is trusted, the memory is allocated at once:
    an array that grows leaves as much behind.
    """
    content, n_read = bytearray(n_bytes if trusted else 0), 0
    while piece := stream.read(min(PIECE, n_bytes + 1 - n_read)):
        content[n_read : n_read + len(piece)] = piece
        n_read += len(piece)
    if n_read != n_bytes:
        found = "more" if n_read > n_bytes else f"only {n_read}"
        raise IDXError(f"{path}: expected {n_bytes} bytes of data, found {found}")
    return content
