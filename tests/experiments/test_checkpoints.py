"""`load` returns what `save` wrote."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from collections import OrderedDict, defaultdict
from pathlib import Path

import attrs
import numpy as np
import pytest
from checkpoint_values import NET, NORMS, VALUES, Point, Pruned, Scale, content, trained
from programs import python
from strategies import LAYOUTS
from zoo import all_arrays

import funnet as fn
from funnet.experiments.checkpoints.storage import TYPES

# The same structure with other numbers.
SAVED, LIKE = (
    fn.sequential(fn.Affine.init(4, 6, rng=rng), fn.Tanh(), fn.Affine.init(6, 3, rng=rng))
    for rng in range(2)
)


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_load_returns_what_was_saved_with_locked_arrays_and_the_same_bytes(
    value: object, path: Path
) -> None:
    fn.save(path, value)
    first, loaded = path.read_bytes(), fn.load(path, types=[Pruned])
    fn.save(path, loaded)

    assert content(loaded) == content(value)
    assert repr(loaded) == repr(value)
    assert not any(array.flags.writeable for array in all_arrays(loaded).values())
    assert path.read_bytes() == first


def test_the_bytes_do_not_depend_on_the_process(path: Path, tmp_path: Path) -> None:
    fn.save(path, NET)
    other = tmp_path / f"other{path.suffix}"
    program = """
import sys
from checkpoint_values import NET
from funnet import save
save(sys.argv[1], NET)
"""
    python(program, other)

    assert other.read_bytes() == path.read_bytes()


def test_the_layout_or_class_of_an_array_changes_neither_the_file_nor_the_fingerprint(
    path: Path, tmp_path: Path
) -> None:
    plain = np.arange(6.0).reshape(2, 3)
    fn.save(path, plain)
    matrix = plain.view(np.matrix)  # its constructor warns
    for same in (matrix, *(layout(plain) for layout in LAYOUTS.values())):
        other = tmp_path / f"other{path.suffix}"
        fn.save(other, same)
        assert other.read_bytes() == path.read_bytes()
        assert fn.fingerprint(same) == fn.fingerprint(plain)


def test_numpy_opens_the_file(tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    fn.save(path, NET)
    with np.load(path, allow_pickle=False) as arrays:
        for name, array in fn.named_leaves(NET):
            assert (arrays[name] == array).all()
        assert json.loads(arrays["structure.json"])["format"] == "funnet"


def test_the_headers_of_an_npz_are_those_of_numpy(tmp_path: Path) -> None:
    path = tmp_path / "arrays.npz"
    fn.save(path, [np.zeros(shape, np.float16) for shape in [(), (3,), (2, 3), (1,) * 30]])
    with zipfile.ZipFile(path) as members:
        for i, shape in enumerate([(), (3,), (2, 3), (1,) * 30]):
            data = io.BytesIO(members.read(f"{i}.npy"))
            assert np.lib.format.read_magic(data) == (1, 0)
            header = np.lib.format.read_array_header_1_0(data)
            assert header == (shape, False, np.dtype(np.float16))
            assert data.tell() % 64 == 0


@pytest.mark.parametrize(
    ("value", "own", "where"),
    [
        (fn.sequential(fn.Affine.init(4, 3, rng=0), Scale(np.ones((1, 3), np.float32), 2, "mine")),
         Scale, r"layers\.1: "),
        (Point(np.ones(2), {"a": Point(1, 2)}), Point, ""),
    ],
    ids=["layer", "named tuple"],
)  # fmt: skip
def test_a_class_of_the_user_is_loaded_only_if_it_is_passed(
    value: object, own: type[object], where: str, path: Path
) -> None:
    fn.save(path, value)

    assert content(fn.load(path, types=[own])) == content(value)
    assert content(fn.load(path, like=value)) == content(value)
    with pytest.raises(
        fn.CheckpointError, match=f"{where}the class {own.__name__} is not one of funnet's"
    ):
        fn.load(path)


def test_classes_of_the_same_name_are_refused(path: Path) -> None:
    own = attrs.make_class("Affine", ["W"], frozen=True)
    fn.save(path, NET)
    with pytest.raises(ValueError, match="two classes are named Affine"):
        fn.load(path, types=[own])
    with pytest.raises(ValueError, match="two classes are named Affine"):
        fn.save(path, own(np.zeros(2)))
    assert content(fn.load(path)) == content(NET)


def test_load_knows_all_layers_of_funnet() -> None:
    public = [getattr(fn, name) for name in vars(fn)["__all__"]]
    layers = {v for v in public if isinstance(v, type) and attrs.has(v) and hasattr(v, "pullback")}

    assert layers | {fn.OptimizerState, fn.TrainState} == set(TYPES.values())


@pytest.mark.parametrize(
    ("saved", "other", "message"),
    [
        (SAVED, fn.sequential(fn.Affine.init(4, 5, rng=0), fn.Tanh(), fn.Affine.init(5, 3, rng=0)),
         r"layers\.0\.W: expected float32\[4, 5\], the file has float32\[4, 6\]"),
        (SAVED, fn.sequential(SAVED.layers[0], fn.Sigmoid(), SAVED.layers[2]),
         r"layers\.1: expected Sigmoid, the file has Tanh"),
        (SAVED, fn.sequential(fn.Affine.init(4, 3, rng=0)),
         r"layers: expected tuple of 1, the file has tuple of 3"),
        (SAVED, fn.astype(LIKE, np.float64),
         r"layers\.0\.W: expected float64\[4, 6\], the file has float32\[4, 6\]"),
        (SAVED, SAVED.layers[0], "expected Affine with W, b, the file has Sequential"),
        (NORMS, fn.astype(NORMS, np.float64),  # the first array is a buffer
         r"layers\.0\.mean: expected float64\[4\], the file has float32\[4"),
        ({"W": 1.0}, {"W": np.zeros(2)}, r"W: expected float64\[2\], the file has float$"),
    ],
)  # fmt: skip
def test_like_names_the_first_difference(
    saved: object, other: object, message: str, path: Path
) -> None:
    fn.save(path, saved)
    with pytest.raises(fn.CheckpointError, match=message) as caught:
        fn.load(path, like=other)
    assert str(path) in str(caught.value)


def test_like_does_not_compare_constants(path: Path) -> None:
    state = trained()
    fn.save(path, state)
    start = fn.TrainState.init(LIKE, fn.adam())

    assert content(fn.load(path, like=start)) == content(state)


def test_the_error_for_a_missing_extra_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    (tmp_path / "a.safetensors").write_bytes(b"")
    with pytest.raises(ImportError, match=r"funnet\[safetensors\]"):
        fn.save(tmp_path / "a.safetensors", NET)
    with pytest.raises(ImportError, match=r"funnet\[safetensors\]"):
        fn.load(tmp_path / "a.safetensors")


def test_a_dict_that_load_could_not_make_is_refused(path: Path) -> None:
    with pytest.raises(ValueError, match=r"^a: a defaultdict cannot be .* with dict\(\.\.\.\)$"):
        fn.save(path, {"a": defaultdict(None, b=np.zeros(2))})
    assert not path.exists()


def test_subclasses_of_containers_are_saved_and_loaded_as_such(path: Path) -> None:
    value = OrderedDict(b=np.zeros(2), a=[1.5])

    fn.save(path, value)
    loaded = fn.load(path, like=value)

    assert type(loaded) is OrderedDict
    assert list(loaded) == ["b", "a"]
