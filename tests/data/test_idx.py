"""`read_idx` reads what was written and refuses everything else."""

import gzip
import os
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from funnet.data import IDXError, read_idx

CODES = {
    "uint8": 0x08,
    "int8": 0x09,
    "int16": 0x0B,
    "int32": 0x0C,
    "float32": 0x0D,
    "float64": 0x0E,
}
MB = 1 << 20

Arrays = st.sampled_from(sorted(CODES)).flatmap(
    lambda dtype: arrays(dtype, array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
)
Packing = st.sampled_from([bytes, gzip.compress])


def header(dtype: str, *shape: int) -> bytes:
    return struct.pack(f">HBB{len(shape)}I", 0, CODES[dtype], len(shape), *shape)


def encode(array: npt.NDArray[np.generic]) -> bytes:
    body = array.astype(array.dtype.newbyteorder(">")).tobytes()
    return header(array.dtype.name, *array.shape) + body


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("idx") / "array.idx"


def message(path: Path, content: bytes) -> str:
    """Return the message of the error that a file raises."""
    path.write_bytes(content)
    with pytest.raises(IDXError) as caught:
        read_idx(path)
    return str(caught.value)


def peak_memory(read: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        read()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@given(array=Arrays, pack=Packing)
def test_an_array_is_read_as_it_was_written_native_and_writeable(
    path: Path, array: npt.NDArray[np.generic], pack: Callable[[bytes], bytes]
) -> None:
    path.write_bytes(pack(encode(array)))

    read = read_idx(path)

    assert (read.dtype, read.shape, read.tobytes()) == (array.dtype, array.shape, array.tobytes())
    assert read.dtype.isnative
    assert read.flags.behaved


def test_the_path_can_be_a_string(path: Path) -> None:
    path.write_bytes(encode(np.arange(3, dtype=np.uint8)))

    assert read_idx(os.fspath(path)).tolist() == [0, 1, 2]


def test_gzip_is_recognized_by_the_content(tmp_path: Path) -> None:
    content = encode(np.arange(3, dtype=np.int16))
    (tmp_path / "plain.gz").write_bytes(content)
    (tmp_path / "gzipped").write_bytes(gzip.compress(content))

    assert (read_idx(tmp_path / "plain.gz") == read_idx(tmp_path / "gzipped")).all()


def test_a_gzip_file_may_have_several_members(path: Path) -> None:
    content = encode(np.arange(9, dtype=np.int32))
    path.write_bytes(gzip.compress(content[:10]) + gzip.compress(content[10:]))

    assert read_idx(path).tolist() == list(range(9))


@given(array=Arrays, pack=Packing, data=st.data())
def test_a_file_cut_anywhere_before_or_after_gzip_is_refused(
    path: Path,
    array: npt.NDArray[np.generic],
    pack: Callable[[bytes], bytes],
    data: st.DataObject,
) -> None:
    content = encode(array)
    packed = gzip.compress(content)
    n_bytes = data.draw(st.integers(0, len(content) - 1))
    n_packed = data.draw(st.integers(0, len(packed) - 1))

    assert "expected" in message(path, pack(content[:n_bytes]))
    assert "expected" in message(path, packed[:n_packed])


@given(array=Arrays, pack=Packing, extra=st.binary(min_size=1, max_size=9))
def test_trailing_bytes_are_refused(
    path: Path, array: npt.NDArray[np.generic], pack: Callable[[bytes], bytes], extra: bytes
) -> None:
    assert "bytes of data, found more" in message(path, pack(encode(array) + extra))


@given(
    array=Arrays,
    pack=Packing,
    changes=st.lists(st.tuples(st.integers(0), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_a_damaged_file_gives_an_array_or_an_idx_error(
    path: Path,
    array: npt.NDArray[np.generic],
    pack: Callable[[bytes], bytes],
    changes: list[tuple[int, int]],
) -> None:
    content = bytearray(pack(encode(array)))
    for place, byte in changes:
        content[place % len(content)] = byte
    path.write_bytes(content)

    try:
        read = read_idx(path)
    except IDXError:
        return

    assert read.dtype.name in CODES


@given(content=st.binary(max_size=64))
def test_noise_gives_an_array_or_an_idx_error(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    try:
        read = read_idx(path)
    except IDXError:
        return

    assert encode(read) == content


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "found nothing"),
        (b"PK\x03\x04", "expected an IDX file, which starts with 00 00"),
        (b"\1\0\x08\0" + b"7", "which starts with 00 00"),
        (b"\0\1\x08\0" + b"7", "which starts with 00 00"),
        (b"\0\0\x0a\x01\0\0\0\0", "a type of 08, 09, 0b, 0c, 0d, 0e, and a rank, found 00 00 0a"),
        (b"\0\0\x08\x02\0\0\0\1", "expected 2 sizes of 4 bytes in the header, found only 4"),
        (header("int32", 2, 3) + bytes(23), "expected 24 bytes of data, found only 23"),
        (header("int32", 2, 3) + bytes(25), "expected 24 bytes of data, found more"),
        (
            header("int16", 1000, 1000) + bytes(84),
            "expected 2000000 bytes of data, as the header says (int16, shape (1000, 1000)), ",
        ),
        (header("float64", *[2**31] * 9), f"expected {2**282} bytes of data"),
        (header("uint8", *[1] * 70) + b"7", "expected a shape that NumPy can hold"),
        (header("uint8", 0, *[2**32 - 1] * 3), "expected a shape that NumPy can hold"),
        (b"\x1f\x8b but no gzip", "expected complete gzip data, found damage"),
        (gzip.compress(header("uint8", 0))[:-8] + bytes(8), "CRC check failed"),
        (gzip.compress(header("uint8", 0)) + b"more", "expected complete gzip data"),
    ],
)
def test_the_message_says_the_file_and_what_was_found(
    path: Path, content: bytes, says: str
) -> None:
    text = message(path, content)

    assert text.startswith(f"{path}: ")
    assert says in text


def test_a_missing_file_is_a_file_not_found_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("declared", "body", "limit"),
    [
        (10, bytes(100 * MB), 4 * MB),
        (2**31, bytes(100 * MB), 4 * MB),  # more than deflate can hold in this file
        (1000 * MB, np.random.default_rng(0).bytes(MB), 8 * MB),
    ],
    ids=["after a small array", "a larger array", "not in the file"],
)
def test_memory_is_not_allocated_for_what_an_array_does_not_need_or_the_file_does_not_hold(
    declared: int, body: bytes, limit: int, path: Path
) -> None:
    content = gzip.compress(header("uint8", declared) + body, compresslevel=1)

    assert peak_memory(lambda: message(path, content)) < limit


def test_reading_takes_little_more_memory_than_the_array(path: Path) -> None:
    path.write_bytes(gzip.compress(encode(np.zeros(32 * MB, np.uint8))))

    assert path.stat().st_size < 32 * MB / 1000  # as small as gzip can make a file
    assert peak_memory(lambda: read_idx(path)) < 42 * MB


def test_a_number_is_not_taken_for_an_open_file(path: Path) -> None:
    path.write_bytes(encode(np.zeros(3, np.uint8)))
    with path.open("rb") as file:
        number: Any = file.fileno()  # Any: mypy refuses it as well
        with pytest.raises(TypeError, match=r"expected str, bytes or os\.PathLike object, not int"):
            read_idx(number)
        assert file.read()  # it is still open
