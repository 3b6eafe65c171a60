"""`save` and `load` accept only regular files; `save` keeps their permissions and links."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from checkpoint_values import NET, content
from programs import python

from funnet import CheckpointError, Flatten, fingerprint, load, save

unix = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no special files")
root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away"
)


@pytest.fixture
def short() -> Iterator[Path]:
    """Return a folder with a short name, since the paths of sockets are short."""
    with TemporaryDirectory() as folder:
        yield Path(folder)


def bind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def make_device(path: Path) -> None:
    """Make another /dev/null, since a faulty `save` of root would replace the real one."""
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        path.symlink_to("/dev/null")


SPECIAL: dict[str, Callable[[Path], None]] = {
    "FIFO": os.mkfifo,
    "socket": bind,
    "device": make_device,
    "standard output": lambda path: path.symlink_to("/dev/stdout"),
}


@unix
def test_special_files_and_links_to_them_are_refused_and_left(short: Path, path: Path) -> None:
    """In another process, since to load a FIFO would wait for a writer, and not return."""
    files = []
    for name, make in SPECIAL.items():
        special, link = (short / f"{start}{name}{path.suffix}" for start in ("", "link to "))
        make(special)
        link.symlink_to(special)
        files += [special, link]
    before = [file.lstat() for file in files]

    program = """
import sys, funnet
for path in sys.argv[1:]:
    for use in (lambda path: funnet.save(path, funnet.ReLU()), funnet.load):
        try:
            use(path)
        except (OSError, funnet.CheckpointError) as error:
            print(type(error).__name__, error)
"""
    printed = python(program, *files).splitlines()
    assert printed == [
        f"{error} {file}: not a regular file"
        for file in files
        for error in ("OSError", "CheckpointError")
    ]
    assert all(map(os.path.samestat, (file.lstat() for file in files), before))
    assert sorted(short.iterdir()) == sorted(files)


@unix
def test_load_refuses_a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")
    with pytest.raises(CheckpointError, match="not a regular file"):
        load(path)


def test_a_folder_or_a_missing_one_is_an_os_error(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(path)
    with pytest.raises(IsADirectoryError):
        load(path.parent)
    with pytest.raises(FileNotFoundError, match=r"cannot write .*: there is no folder "):
        save(path / "none" / "net.npz", NET)
    path.mkdir()
    with pytest.raises(IsADirectoryError, match="expected a file to write, got the folder"):
        save(path, NET)
    assert list(path.parent.iterdir()) == [path]


@unix
def test_a_link_to_itself_is_an_error(path: Path) -> None:
    path.symlink_to(path)
    with pytest.raises(OSError, match="symbolic links"):
        save(path, NET)
    assert path.is_symlink()


@unix
def test_a_link_to_nothing_is_written_through(path: Path) -> None:
    target = path.with_name(f"target{path.suffix}")
    path.symlink_to(target)
    save(path, NET)

    assert path.is_symlink()
    assert content(load(target)) == content(NET)


@unix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o660, 0o777])
def test_the_permissions_of_a_file_are_kept(mode: int, path: Path) -> None:
    path.touch()
    path.chmod(mode)
    save(path, NET)

    assert stat.S_IMODE(path.stat().st_mode) == mode


@unix
@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077])
def test_a_new_file_follows_the_umask(umask: int, path: Path) -> None:
    old = os.umask(umask)
    try:
        save(path, NET)
    finally:
        os.umask(old)

    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


@unix
def test_a_private_file_stays_private_during_the_write(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.touch(0o600)
    modes = []
    flush = os.fsync

    def fsync(file: int) -> None:
        modes.append(stat.S_IMODE(os.fstat(file).st_mode))
        flush(file)

    monkeypatch.setattr(os, "fsync", fsync)
    save(path, NET)

    assert modes[0] == 0o600


@root
def test_the_owner_and_the_group_of_a_file_are_kept(path: Path) -> None:
    path.touch(0o600)
    os.chown(path, 12345, 23456)
    save(path, NET)

    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 23456)


@root
def test_group_permissions_are_not_granted_to_another_group(short: Path, path: Path) -> None:
    target = short / path.name
    program = """
import os, sys, funnet
path = sys.argv[1]
funnet.save(path, funnet.ReLU())  # imports what it needs while it can
os.chown(path, 12345, 23456)
os.chmod(path, 0o640)
os.chown(os.path.dirname(path), 12345, 12345)
os.setgroups([])
os.setgid(12345)
os.setuid(12345)
funnet.save(path, funnet.ReLU())
"""
    python(program, target)

    assert (target.stat().st_uid, target.stat().st_gid) == (12345, 12345)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


@root
def test_a_file_without_permission_to_write_is_not_replaced(short: Path, path: Path) -> None:
    target = short / path.name
    program = """
import os, sys, funnet
path = sys.argv[1]
funnet.save(path, funnet.Flatten())  # imports what it needs while it can
os.chmod(path, 0o444)
os.chmod(os.path.dirname(path), 0o777)
os.setuid(12345)
try:
    funnet.save(path, funnet.ReLU())
except PermissionError as error:
    print(error)
"""
    assert python(program, target) == f"[Errno 13] Permission denied: '{target}'\n"
    assert isinstance(load(target), Flatten)
    assert list(short.iterdir()) == [target]


@pytest.mark.parametrize("letter", ["a", "é", "語", "🙂"])
def test_names_of_255_bytes_are_written(letter: str, path: Path) -> None:
    room = 255 - len(path.suffix)
    size = len(letter.encode())
    name = letter * (room // size) + "x" * (room % size) + path.suffix
    assert len(name.encode()) == 255
    target = path.with_name(name)
    save(target, NET)

    assert content(load(target)) == content(NET)
    assert list(path.parent.iterdir()) == [target]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_number_is_not_taken_for_an_open_file(number: Any) -> None:
    # Any: mypy refuses it as well.
    for use in (load, lambda path: save(path, NET)):
        with pytest.raises(TypeError, match=r"expected str, bytes or os\.PathLike object, not"):
            use(number)
    os.fstat(number)  # it is still open


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
