"""What is saved comes back as it was."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import assert_type

import attrs
import numpy as np
import pytest
from checkpoint_values import NET, VALUES, Scale, content, trained

import funnet
from funnet import (
    Affine,
    CheckpointError,
    Layer,
    Matrix,
    OptimizerState,
    ReLU,
    Sequential,
    Sigmoid,
    StructureError,
    Tanh,
    TrainState,
    adam,
    astype,
    forward,
    load,
    named_leaves,
    save,
    sequential,
    tree_leaves,
)
from funnet.experiments.checkpoints.storage import TYPES


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_what_is_saved_comes_back(value: object, path: Path) -> None:
    save(path, value)
    loaded = load(path)

    assert content(loaded) == content(value)
    assert not any(array.flags.writeable for array in tree_leaves(loaded))


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_equal_values_give_equal_bytes(value: object, path: Path) -> None:
    save(path, value)
    first = path.read_bytes()
    save(path, load(path))

    assert path.read_bytes() == first


def test_the_bytes_do_not_depend_on_the_process(path: Path, tmp_path: Path) -> None:
    save(path, NET)
    other = tmp_path / f"other{path.suffix}"
    script = (
        "from funnet import *\n"
        "save({!r}, sequential(Flatten(), Affine.init(4, 6, rng=2), LeakyReLU(0.3), "
        "sequential(Affine.init(6, 3, rng=3))))"
    )
    subprocess.run([sys.executable, "-c", script.format(str(other))], check=True)

    assert other.read_bytes() == path.read_bytes()


def test_the_layout_of_an_array_does_not_matter(path: Path, tmp_path: Path) -> None:
    plain = np.arange(6.0).reshape(2, 3)
    save(path, plain)
    for i, layout in enumerate(
        [
            np.asfortranarray(plain),
            plain[::-1][::-1],
            plain.astype(">f8"),
            np.repeat(plain, 2, 0)[::2],
        ]
    ):
        other = tmp_path / f"{i}{path.suffix}"
        save(other, layout)
        assert other.read_bytes() == path.read_bytes()


def test_numpy_opens_the_file(tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    save(path, NET)
    with np.load(path, allow_pickle=False) as arrays:
        for name, array in named_leaves(NET):
            assert (arrays[name] == array).all()
        assert json.loads(arrays["structure.json"])["format"] == "funnet"


def test_a_header_is_that_which_numpy_writes(tmp_path: Path) -> None:
    path = tmp_path / "arrays.npz"
    save(path, [np.zeros(shape, np.float16) for shape in [(), (3,), (2, 3), (1,) * 30]])
    with zipfile.ZipFile(path) as members:
        for i, shape in enumerate([(), (3,), (2, 3), (1,) * 30]):
            data = io.BytesIO(members.read(f"{i}.npy"))
            assert np.lib.format.read_magic(data) == (1, 0)
            header = np.lib.format.read_array_header_1_0(data)
            assert header == (shape, False, np.dtype(np.float16))
            assert data.tell() % 64 == 0


def test_a_class_of_the_user_comes_back_when_it_is_handed_over(path: Path) -> None:
    net = sequential(Affine.init(4, 3, rng=0), Scale(np.ones((1, 3), np.float32), 2, "mine"))
    save(path, net)

    assert content(load(path, types=[Scale])) == content(net)
    assert content(load(path, like=net)) == content(net)
    with pytest.raises(CheckpointError, match=r"layers\.1: the class Scale is not one of funnet's"):
        load(path)


def test_classes_of_the_same_name_are_refused(path: Path) -> None:
    own = attrs.make_class("Affine", ["W"], frozen=True)
    save(path, NET)
    with pytest.raises(ValueError, match="two classes are named Affine"):
        load(path, types=[own])
    with pytest.raises(ValueError, match="two classes are named Affine"):
        save(path, own(np.zeros(2)))
    assert content(load(path)) == content(NET)


def test_all_layers_of_funnet_are_in_the_table() -> None:
    public = [getattr(funnet, name) for name in funnet.__all__]
    layers = {v for v in public if isinstance(v, type) and attrs.has(v) and hasattr(v, "pullback")}

    assert layers | {OptimizerState, TrainState} == set(TYPES.values())


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (sequential(Affine.init(4, 5, rng=0), Tanh(), Affine.init(5, 3, rng=0)),
         r"layers\.0\.W: expected float32\[4, 5\], the file has float32\[4, 6\]"),
        (sequential(Affine.init(4, 6, rng=0), Sigmoid(), Affine.init(6, 3, rng=0)),
         r"layers\.1: expected Sigmoid, the file has Tanh"),
        (sequential(Affine.init(4, 3, rng=0)),
         r"layers: expected tuple of 1, the file has tuple of 3"),
        (astype(sequential(Affine.init(4, 6, rng=0), Tanh(), Affine.init(6, 3, rng=0)), np.float64),
         r"layers\.0\.W: expected float64\[4, 6\], the file has float32\[4, 6\]"),
        (Affine.init(4, 6, rng=0), "expected Affine with W, b, the file has Sequential"),
    ],
)  # fmt: skip
def test_like_names_the_first_difference(
    other: Layer[Matrix, Matrix, object, object], message: str, path: Path
) -> None:
    save(path, sequential(Affine.init(4, 6, rng=2), Tanh(), Affine.init(6, 3, rng=3)))
    with pytest.raises(CheckpointError, match=message) as caught:
        load(path, like=other)
    assert str(path) in str(caught.value)


def test_like_does_not_compare_constants(path: Path) -> None:
    state = trained()
    save(path, state)
    net = sequential(Affine.init(4, 6, rng=0), Tanh(), Affine.init(6, 3, rng=0))
    start = TrainState.init(net, adam())

    assert content(load(path, like=start)) == content(state)


def test_like_knows_the_type(path: Path) -> None:
    layer = Affine.init(4, 6, rng=2)
    save(path, layer)

    assert_type(load(path, like=layer), Affine[int, int])
    assert_type(load(path), object)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1, {"a": (print,)}], r"1\.a\.0: a value of builtin_function_or_method can't be written"),
        (sequential(ReLU(), Scale(np.zeros((1, 1)), np.int64(3))), r"layers\.1\.power: .* int64"),  # type: ignore[arg-type]
        ({"a.b": 1}, r"expected keys to be names, got 'a\.b'"),
        ({1: 1}, "expected keys to be names, got 1"),
        ([np.array(["text"])], r"0: an array of <U4 can't be written"),
        ([np.zeros(2, complex)], r"0: an array of complex128 can't be written"),
        ([np.array([object()])], r"0: an array of object can't be written"),
    ],
)
def test_what_cannot_be_written_is_named(value: object, message: str, path: Path) -> None:
    with pytest.raises(StructureError, match=message):
        save(path, value)
    assert not path.exists()


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    (tmp_path / "a.safetensors").write_bytes(b"")
    with pytest.raises(ImportError, match=r"funnet\[safetensors\]"):
        save(tmp_path / "a.safetensors", NET)
    with pytest.raises(ImportError, match=r"funnet\[safetensors\]"):
        load(tmp_path / "a.safetensors")


def test_a_network_that_was_loaded_gives_the_same_output(path: Path) -> None:
    net = sequential(Affine.init(4, 6, rng=0), Tanh())
    save(path, net)
    loaded = load(path, like=net)
    x = np.ones((2, 4), np.float32)

    assert isinstance(loaded, Sequential)
    assert (forward(loaded, x)[0] == forward(net, x)[0]).all()
