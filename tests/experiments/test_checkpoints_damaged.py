"""A damaged file never loads as another value; the error for a foreign file says how to read it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from checkpoint_values import HARD, NET, content

from funnet import CheckpointError, LeakyReLU, fingerprint, load, save
from funnet.core.encoding import encode, to_json
from funnet.experiments.checkpoints import npz, safetensors

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


def structure_of(value: object) -> str:
    return json.dumps({"format": "funnet", "version": 1, "value": to_json(encode(value, {}))})


def test_a_safetensors_file_without_a_digest_is_read(tmp_path: Path) -> None:
    """Other writers than `save` need not compute one."""
    package = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "a.safetensors"
    value = {"a": np.arange(3.0), "b": 1}
    package.save_file({"a": value["a"]}, path, {"funnet": structure_of(value)})

    assert content(load(path)) == content(value)


FOREIGN: Mapping[str, tuple[str, Callable[[Path], None], str]] = {
    "no metadata": (
        "safetensors",
        lambda path: pytest.importorskip("safetensors.numpy").save_file({"W": np.ones(3)}, path),
        r"not a funnet checkpoint.*; read its arrays by safetensors\.numpy\.load_file\(path\)",
    ),
    "other metadata": (
        "safetensors",
        lambda path: pytest.importorskip("safetensors.numpy").save_file(
            {"W": np.ones(3)}, path, {"format": "pt"}
        ),
        "not a funnet checkpoint",
    ),
    "npz": (
        "npz",
        lambda path: np.savez(path, W=np.zeros(3)),
        r"structure\.json is missing, so it is not a funnet checkpoint; read .* by np\.load",
    ),
    "compressed npz": (
        "npz",
        lambda path: np.savez_compressed(path, W=np.zeros(3)),
        "it has compressed members, so it is not a funnet checkpoint",
    ),
}


@pytest.mark.parametrize(("ending", "make", "message"), FOREIGN.values(), ids=FOREIGN)
def test_the_error_for_a_file_of_another_program_says_so(
    ending: str, make: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    path = tmp_path / f"foreign.{ending}"
    make(path)
    with pytest.raises(CheckpointError, match=message) as caught:
        load(path)
    assert str(path) in str(caught.value)


def header_only(header: bytes) -> bytes:
    return len(header).to_bytes(8, "little") + header


@pytest.mark.parametrize(
    "data",
    [
        header_only(b"{}"),
        header_only(b'{"__metadata__":null}'),
        header_only(b'{"__metadata__":[]}'),
        header_only(b'{"__metadata__":{"funnet":1}}'),
        header_only(b'{"__metadata__":{"funnet":""}}'),
        header_only(b'{"__metadata__":{"funnet":"\\ud800"}}'),
        header_only(b'{"__metadata__":{"funnet":"' + b"[" * 100_000 + b'"}}'),
        header_only(b"[]"),
        header_only(b"[" * 100_000),
        header_only(b"\xff\xfe"),
        b"\xff" * 8 + b"{}",
        b"\0" * 8,
    ],
    ids=range(12),
)
def test_headers_without_a_valid_structure_are_refused(data: bytes, tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    path = tmp_path / "a.safetensors"
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=path.name):
        load(path)


@pytest.mark.parametrize("shape", [[10**30], [10**30, 0], [2**62, 2**62, 0], [10**4000] * 64])
def test_impossible_shapes_are_refused(path: Path, shape: list[int]) -> None:
    """Even with valid checksums, and without allocating memory for them."""
    kind = npz if path.suffix == ".npz" else safetensors
    node = {"array": "float32", "shape": shape}
    structure = json.dumps({"format": "funnet", "version": 1, "value": node})
    path.write_bytes(kind.pack(structure.encode(), {"": np.zeros(0, np.float32)}))
    with pytest.raises(CheckpointError, match=path.name):
        load(path)


NAMES = ["a.pt", "a", "a.npy", "a.npz.bak", "a.safetensors.gz", "npz", "a.npz "]


@pytest.mark.parametrize("name", NAMES)
def test_other_endings_are_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    message = f"path must end in .npz or .safetensors, got '{path}'$"
    with pytest.raises(ValueError, match=message):
        save(path, NET)
    assert list(tmp_path.iterdir()) == []

    path.write_bytes(b"something")
    with pytest.raises(CheckpointError, match=message):
        load(path)


def test_endings_are_not_case_sensitive(path: Path) -> None:
    capitals = path.with_name(path.name.upper())
    save(str(capitals), NET)

    assert fingerprint(load(capitals)) == fingerprint(NET)
