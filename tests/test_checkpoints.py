"""What is saved comes back as it was, and what is damaged is an error."""

from __future__ import annotations

import copy
import io
import json
import os
import shutil
import stat
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import assert_type, cast

import attrs
import numpy as np
import pytest

import funnet
from funnet import (
    Affine,
    CheckpointError,
    Flatten,
    Layer,
    LeakyReLU,
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
    clip_by_global_norm,
    describe,
    forward,
    load,
    lock_matrix,
    minibatches,
    momentum,
    named_leaves,
    rebuild,
    save,
    sequential,
    softmax_cross_entropy,
    train,
    tree_leaves,
)
from funnet.checkpoints.storage import TYPES

NET = sequential(
    Flatten(), Affine.init(4, 6, rng=2), LeakyReLU(0.3), sequential(Affine.init(6, 3, rng=3))
)
SUFFIXES = ["npz", "safetensors"]


@attrs.frozen(eq=False)
class Scale:
    """A user's layer."""

    factors: Matrix = attrs.field(converter=lock_matrix)
    power: int = 1
    _note: str = "a constant"

    __repr__ = describe
    __reduce__ = rebuild

    def forward(self, x: Matrix, /) -> tuple[Matrix, Matrix]:
        """Return x, scaled."""
        return x * self.factors, x

    def pullback(self, cache: Matrix, dout: Matrix, /) -> tuple[Scale, Callable[[], Matrix]]:
        """Return the gradients."""
        factors = (cache * dout).sum(axis=0, keepdims=True)
        return attrs.evolve(self, factors=factors), lambda: dout * self.factors


def trained(steps: int = 3) -> TrainState[object]:
    x = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    net = sequential(Affine.init(4, 6, rng=2), Tanh(), Affine.init(6, 3, rng=3))
    run = train(
        net,
        minibatches(x, np.arange(9) % 3, 4, rng=0),
        loss=softmax_cross_entropy,
        optimizer=clip_by_global_norm(adam(), 1.0),
    )
    return next(islice(run, steps - 1, None))


VALUES = {
    "network": NET,
    "trained": trained(),
    "state": momentum().init(NET),
    "float16": astype(NET, np.float16),
    "float64": astype(NET, np.float64),
    "array": np.arange(6.0).reshape(2, 3),
    "nothing": sequential(),
    "no arrays": sequential(ReLU(), Sigmoid()),
    "containers": {
        "a": [np.zeros(3), (np.ones(()), None, True, -7, 0.1, "naïve", 10**30)],
        "b": {},
        "c": (float("inf"), -0.0, float("-inf")),
    },
    "empty arrays": (np.zeros((0, 3)), np.zeros((2, 0), np.float32)),
    "other numbers": (np.arange(3, dtype=np.uint8), np.array([True]), np.arange(2)),
}


def content(value: object) -> object:
    """Return something that is equal for equal values of equal types."""
    if isinstance(value, np.ndarray):
        return value.tobytes(), str(value.dtype), value.shape
    if isinstance(value, tuple | list):
        return type(value), [content(item) for item in value]
    if isinstance(value, dict):
        return [(key, content(item)) for key, item in value.items()]
    if attrs.has(type(value)):
        fields = attrs.asdict(cast(attrs.AttrsInstance, value), recurse=False)
        return type(value), content(list(fields.values()))
    return type(value), repr(value)


@pytest.fixture(params=SUFFIXES)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "safetensors":
        pytest.importorskip("safetensors", reason="the safetensors extra is not installed")
    return tmp_path / f"value.{request.param}"


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
    with pytest.raises(ValueError, match="there are two classes called Affine"):
        load(path, types=[own])
    with pytest.raises(ValueError, match="there are two classes called Affine"):
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
         r"layers\.1: expected Sigmoid with nothing, the file has Tanh with nothing"),
        (sequential(Affine.init(4, 3, rng=0)),
         r"layers: expected tuple with 0, the file has tuple with 0, 1, 2"),
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


# Files that are not what they should be.


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\5\6" + bytes(18), b"\0" * 1000, b"{}"])
def test_foreign_files_are_refused(data: bytes, path: Path) -> None:
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=path.name):
        load(path)


def test_an_npz_of_somebody_else_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", W=np.zeros(3))
    np.savez_compressed(tmp_path / "b.npz", W=np.zeros(3))
    with pytest.raises(CheckpointError, match=r"structure\.json is missing"):
        load(tmp_path / "a.npz")
    with pytest.raises(CheckpointError, match="it has compressed members"):
        load(tmp_path / "b.npz")


def test_a_device_or_a_pipe_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="not a regular file"):
        load("/dev/zero")
    with pytest.raises(IsADirectoryError):
        load(tmp_path)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none.npz")


def rewritten(path: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    """Write a file anew, with good checksums, after a change to its members."""
    with zipfile.ZipFile(path) as members:
        contents = {name: members.read(name) for name in members.namelist()}
    change(contents)
    with zipfile.ZipFile(path, "w") as members:
        for name, data in contents.items():
            members.writestr(name, data)


def structure(old: str, new: str) -> Callable[[dict[str, bytes]], None]:
    def change(members: dict[str, bytes]) -> None:
        before = members["structure.json"].decode()
        members["structure.json"] = before.replace(old, new).encode()
        assert before.encode() != members["structure.json"]

    return change


def member(name: str, data: bytes | None) -> Callable[[dict[str, bytes]], None]:
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
        (structure('"shape":[4,6]', '"shape":[1000000000,6]'), "too few or too many"),
        (structure('"shape":[4,6]', f'"shape":[{10**30},{10**30}]'), "too few or too many"),
        (structure('"shape":[4,6]', '"shape":[6,4]'), "the header of layers.1.W.npy"),
        (structure('"shape":[4,6]', '"shape":[-4,-6]'), r"layers\.1\.W: expected a value"),
        (structure('"float32","shape":[4,6]', '"int32","shape":[4,6]'), "the header of"),
        (structure('"float32","shape":[4,6]', '"object","shape":[4,6]'), "expected a value"),
        (structure('"Flatten"', '"os"'), r"layers\.0: the class os is not one of funnet's"),
        (structure('"LeakyReLU","items":{"slope":0.3}', '"ReLU","items":{"slope":0.3}'),
         r"layers\.2: expected ReLU with nothing, got slope"),
        (structure('"slope":0.3', '"slope":"steep"'), r"layers\.2: .*"),
        (structure('"slope":0.3', '"slope":{"float":"nan"}'), r"layers\.2: expected slope"),
        (structure('"slope":0.3', '"slope":NaN'), "expected finite numbers, got NaN"),
        (structure('"type":"tuple"', '"type":"dict"'), "expected layer 0 to be a value"),
        (structure('{"type":"Flatten","items":{}}', "7"), "expected layer 0 to be a value"),
        (structure('"items"', '"things"'), "expected a value, got"),
        (structure("{", "["), "Expecting"),
        (structure("4,6", "[" * 100_000), "recursion|Expecting"),
        (member("structure.json", b"\xff\xfe"), "codec can't decode"),
        (member("structure.json", b"[]"), "no structure of funnet's"),
        (member("layers.1.W.npy", None), "its members are not those of its structure"),
        (member("more.npy", b""), "its members are not those of its structure: more.npy"),
        (member("layers.1.W.npy", b"\x93NUMPY"), "has 6 bytes, which are too few"),
        (pickled, "which are too few or too many"),
    ],
)  # fmt: skip
def test_a_file_with_good_checksums_is_not_trusted(
    change: Callable[[dict[str, bytes]], None], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "net.npz"
    save(path, NET)
    rewritten(path, change)
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


# Files that can't be written.


@pytest.fixture
def old(path: Path) -> Iterator[bytes]:
    """Check that a file stays as it was, and that nothing else is left beside it."""
    save(path, NET)
    before = path.read_bytes()
    yield before
    assert path.read_bytes() == before
    assert [p for p in path.parent.iterdir() if p.is_file()] == [path]


@pytest.mark.usefixtures("old")
def test_a_full_disk_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save(path, Affine.init(4, 2, rng=0))


@pytest.mark.usefixtures("old")
def test_a_limit_on_file_size_leaves_the_old_file(path: Path) -> None:
    """The kernel refuses to write, in the middle of the file, as on a full disk."""
    script = (
        "import resource, signal, funnet\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
        "try:\n"
        "    funnet.save({!r}, funnet.Affine.init(100, 100, rng=0))\n"
        "except OSError as error:\n"
        "    print(error.strerror)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script.format(str(path))], check=True, capture_output=True, text=True
    )
    assert run.stdout == "File too large\n"


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="there is no small file system")  # noqa: S108
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() != 0, reason="only root can mount")
def test_a_disk_that_is_really_full_leaves_the_old_file(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if (
        mount is None
        or subprocess.run(
            [mount, "-t", "tmpfs", "-o", "size=64k", "none", folder],
            check=False,
            capture_output=True,
        ).returncode
    ):
        pytest.skip("mounting is not allowed here")
    try:
        save(folder / "net.npz", NET)
        before = (folder / "net.npz").read_bytes()
        with pytest.raises(OSError, match="No space left on device"):
            save(folder / "net.npz", Affine.init(200, 200, rng=0))
        assert (folder / "net.npz").read_bytes() == before
        assert [p.name for p in folder.iterdir()] == ["net.npz"]
    finally:
        subprocess.run(["umount", folder], check=True)  # noqa: S607


@pytest.mark.usefixtures("old")
def test_a_folder_without_permission_leaves_the_old_file(path: Path) -> None:
    script = (
        "import os, sys, funnet\n"
        "net = funnet.Affine.init(4, 2, rng=0)\n"
        "funnet.save(sys.argv[2] + sys.argv[3], net)\n"  # imports what it needs while it can
        "os.geteuid() or os.setuid(65534)\n"  # root may write anywhere
        "try:\n"
        "    funnet.save(sys.argv[1], net)\n"
        "except PermissionError as error:\n"
        "    print(error.strerror)\n"
    )
    with TemporaryDirectory() as elsewhere, TemporaryDirectory() as folder:
        target = Path(folder, path.name)
        save(target, NET)
        before = target.read_bytes()
        Path(folder).chmod(0o555)
        arguments = [target, f"{elsewhere}/first", path.suffix]
        run = subprocess.run(
            [sys.executable, "-c", script, *map(str, arguments)],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        Path(folder).chmod(0o755)
        assert run.stdout == "Permission denied\n"
        assert target.read_bytes() == before
        assert list(Path(folder).iterdir()) == [target]


def test_a_folder_is_not_written_over(path: Path) -> None:
    path.mkdir()
    with pytest.raises(IsADirectoryError, match="expected a file to write, got the folder"):
        save(path, NET)
    assert list(path.parent.iterdir()) == [path]
    with pytest.raises(FileNotFoundError):
        save(path / "none" / "net.npz", NET)


def test_a_link_stays_one_and_permissions_are_those_of_any_file(path: Path) -> None:
    link = path.with_name(f"link{path.suffix}")
    link.symlink_to(path)
    save(link, NET)
    plain = path.with_name("plain")
    plain.touch()

    assert link.is_symlink()
    assert content(load(path)) == content(NET)
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_readers_see_whole_files_only(path: Path) -> None:
    nets = [Affine.init(50, 50, rng=i) for i in range(2)]
    known = [content(net) for net in nets]
    save(path, nets[0])
    done = threading.Event()

    def write() -> None:
        for i in range(60):
            save(path, nets[i % 2])
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        assert content(load(path)) in known
    writer.join()


def test_a_network_that_was_loaded_gives_the_same_output(path: Path) -> None:
    net = sequential(Affine.init(4, 6, rng=0), Tanh())
    save(path, net)
    loaded = load(path, like=net)
    x = np.ones((2, 4), np.float32)

    assert isinstance(loaded, Sequential)
    assert (forward(loaded, x)[0] == forward(net, x)[0]).all()
