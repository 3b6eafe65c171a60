"""`load` refuses files that `save` did not write, even with valid checksums."""

from __future__ import annotations

import copy
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkpoint_values import NET, content

from funnet import Affine, CheckpointError, load, save
from funnet.core.encoding import encode, to_json
from funnet.experiments.checkpoints import npz, safetensors


@pytest.mark.parametrize(
    ("types", "message"),
    [
        (Affine, r"types must be a list of classes, got <class"),
        (None, r"types must be a list of classes, got None"),
        ([NET], r"types must contain only classes, got Sequential\("),
    ],
)
def test_types_must_be_classes(types: Any, message: str, path: Path) -> None:
    # Any: mypy refuses them as well.
    save(path, NET)
    with pytest.raises(TypeError, match=message):
        load(path, types=types)


Change = Callable[[dict[str, bytes]], None]


def rewrite(path: Path, change: Change) -> None:
    """Rewrite a file with valid checksums after a change to its members."""
    with zipfile.ZipFile(path) as members:
        contents = {name: members.read(name) for name in members.namelist()}
    change(contents)
    with zipfile.ZipFile(path, "w") as members:
        for name, data in contents.items():
            members.writestr(name, data)


def structure(old: str, new: str) -> Change:
    def change(members: dict[str, bytes]) -> None:
        before = members["structure.json"].decode()
        members["structure.json"] = before.replace(old, new).encode()
        assert before.encode() != members["structure.json"]

    return change


def member(name: str, data: bytes | None) -> Change:
    def change(members: dict[str, bytes]) -> None:
        if data is None:
            del members[name]
        else:
            members[name] = data

    return change


def pickled(members: dict[str, bytes]) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.array([print], object), allow_pickle=True)
    members["layers.1.b.npy"] = buffer.getvalue()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (structure('"version":1', '"version":2'), "expected format and version"),
        (structure('"shape":[4,6]', '"shape":[1000000000,6]'), "must have .* bytes"),
        (structure('"shape":[4,6]', f'"shape":[{10**30},{10**30}]'), "must have .* bytes"),
        (structure('"shape":[4,6]', '"shape":[6,4]'), "the header of layers.1.W.npy"),
        (structure('"shape":[4,6]', '"shape":[-4,-6]'), r"layers\.1\.W: expected a value"),
        (structure('"float32","shape":[4,6]', '"int32","shape":[4,6]'), "the header of"),
        (structure('"float32","shape":[4,6]', '"object","shape":[4,6]'), "expected a value"),
        (structure('"Flatten"', '"os"'), r"layers\.0: the class os is not one of funnet's"),
        (structure('"LeakyReLU","items":{"slope":0.3}', '"ReLU","items":{"slope":0.3}'),
         r"layers\.2: expected ReLU with no fields, got slope"),
        (structure('"slope":0.3', '"slope":"steep"'), r"layers\.2: .*"),
        (structure('"slope":0.3', '"slope":{"float":"nan"}'), r"layers\.2: slope must"),
        (structure('"slope":0.3', '"slope":NaN'), "expected finite numbers, got NaN"),
        (structure('"type":"tuple"', '"type":"dict"'), "layer 0 must be a value"),
        (structure('{"type":"Flatten","items":{}}', "7"), "layer 0 must be a value"),
        (structure('"items"', '"things"'), "expected a value, got"),
        (structure("{", "["), "Expecting"),
        (structure("4,6", "[" * 100_000), "recursion|Expecting"),
        (member("structure.json", b"\xff\xfe"), "codec can't decode"),
        (member("structure.json", b"[]"), "it does not contain the structure"),
        (member("layers.1.W.npy", None), "its arrays do not match its structure: layers.1.W.npy"),
        (member("more.npy", b""), "its arrays do not match its structure: more.npy"),
        (member("layers.1.W.npy", b"\x93NUMPY"), "layers.1.W.npy must have 224 bytes .*, got 6"),
        (pickled, "must have .* bytes"),
    ],
)  # fmt: skip
def test_a_file_with_valid_checksums_is_not_trusted(
    change: Change, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "net.npz"
    save(path, NET)
    rewrite(path, change)
    with pytest.raises(CheckpointError, match=message):
        load(path)


def test_a_zip_whose_members_overlap_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    with zipfile.ZipFile(path, "w") as members:
        members.writestr("structure.json", bytes(1000))
        (first,) = members.filelist
        for i in range(10):
            other = copy.copy(first)
            other.filename = f"{i}.npy"
            members.filelist.append(other)
    with pytest.raises(CheckpointError, match="its members are larger than the file"):
        load(path)


def test_a_network_whose_layers_do_not_fit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    save(path, {"layers": (Affine.init(3, 4, rng=0), Affine.init(5, 6, rng=0))})
    rewrite(path, structure('"dict"', '"Sequential"'))
    with pytest.raises(CheckpointError, match=r"layer 1 \(Affine\)"):
        load(path)


def document(node: object) -> str:
    return json.dumps({"format": "funnet", "version": 1, "value": node})


def test_a_safetensors_file_without_a_digest_is_read(tmp_path: Path) -> None:
    """Other writers than `save` need not compute one."""
    package = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "a.safetensors"
    value = {"a": np.arange(3.0), "b": 1}
    package.save_file({"a": value["a"]}, path, {"funnet": document(to_json(encode(value, {})))})

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
        b"",
        b"PK",
        b"PK\5\6" + bytes(18),
        b"\0" * 1000,
        b"{}",
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
    ids=range(17),
)
def test_files_without_a_valid_structure_are_refused(data: bytes, path: Path) -> None:
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=path.name):
        load(path)


@pytest.mark.parametrize("shape", [[10**30], [10**30, 0], [2**62, 2**62, 0], [10**4000] * 64])
def test_impossible_shapes_are_refused(path: Path, shape: list[int]) -> None:
    """Even with valid checksums, and without allocating memory for them."""
    kind = npz if path.suffix == ".npz" else safetensors
    node = {"array": "float32", "shape": shape}
    path.write_bytes(kind.pack(document(node).encode(), {"": np.zeros(0, np.float32)}))
    with pytest.raises(CheckpointError, match=path.name):
        load(path)
