"""A damaged file never loads as another value."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from checkpoint_values import HARD, content

from funnet import CheckpointError, LeakyReLU, load, save

SMALL = (np.arange(3.0), LeakyReLU(0.3))


def damaged(path: Path, data: bytes) -> object:
    """Return the content of what a file loads as, or None if it is refused."""
    path.write_bytes(data)
    try:
        return content(load(path))
    except CheckpointError:
        return None


def test_a_single_flipped_bit_is_detected_or_harmless(path: Path) -> None:
    """Each bit with FUNNET_HARD_TESTS=1, one bit of each byte without."""
    save(path, SMALL)
    data = path.read_bytes()
    expected = content(SMALL)
    for place in range(0, 8 * len(data), 1 if HARD else 9):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8
        assert damaged(path, bytes(flipped)) in (None, expected), place


def test_a_truncated_file_is_refused_at_any_length(path: Path) -> None:
    save(path, SMALL)
    data = path.read_bytes()
    assert not any(damaged(path, data[:length]) for length in range(len(data)))


def test_swapped_tensors_are_detected(tmp_path: Path) -> None:
    package = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "a.safetensors"
    save(path, [np.zeros(3), np.ones(3)])
    data = path.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    tensors = package.load_file(path)
    package.save_file({"0": tensors["1"], "1": tensors["0"]}, path, header["__metadata__"])
    with pytest.raises(CheckpointError, match="its SHA-256 does not match its content"):
        load(path)
