"""Four small files in place of the official ones of MNIST."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from funnet.data import DataError, load_mnist

N_TRAIN, N_TEST = 200, 100
IMAGES = "train-images-idx3-ubyte"
LABELS = "t10k-labels-idx1-ubyte"


def idx(array: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


CONTENTS = {
    "train-images": np.arange(N_TRAIN * 6, dtype=np.uint8).reshape(N_TRAIN, 2, 3),
    "train-labels": np.arange(N_TRAIN, dtype=np.uint8) % 10,
    "t10k-images": np.arange(N_TEST * 6, dtype=np.uint8)[::-1].reshape(N_TEST, 2, 3),
    "t10k-labels": np.arange(N_TEST, dtype=np.uint8) % 7,
}


def write_files(folder: Path, pattern: str = "{stem}-idx{rank}-ubyte.gz") -> Path:
    folder.mkdir(parents=True)
    for stem, array in CONTENTS.items():
        content = idx(array)
        name = pattern.format(stem=stem, rank=array.ndim)
        (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return folder


def failure(data_dir: Path | None = None) -> str:
    """Return the message of the error that loading raises."""
    with pytest.raises(DataError) as caught:
        load_mnist(data_dir=data_dir)
    return str(caught.value)
