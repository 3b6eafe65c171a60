"""`save` is atomic: readers and crashes see the old file or the new one."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from checkpoint_values import NET, content
from programs import python

from funnet import Affine, load, save


@pytest.fixture
def old(path: Path) -> Iterator[bytes]:
    """Check that a file is unchanged, and that nothing else is in its folder."""
    save(path, NET)
    before = path.read_bytes()
    yield before
    assert path.read_bytes() == before
    assert [p for p in path.parent.iterdir() if p.is_file()] == [path]


@pytest.mark.usefixtures("old")
def test_an_error_on_flushing_leaves_the_old_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save(path, Affine.init(4, 2, rng=0))


@pytest.mark.usefixtures("old")
def test_a_limit_on_file_size_leaves_the_old_file(path: Path) -> None:
    """The kernel stops the write in the middle of the file, as on a full disk."""
    program = """
import resource, signal, sys, funnet
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
try:
    funnet.save(sys.argv[1], funnet.Affine.init(100, 100, rng=0))
except OSError as error:
    print(error.strerror)
"""
    assert python(program, path) == "File too large\n"


@pytest.mark.usefixtures("old")
def test_a_folder_without_permission_leaves_the_old_file(path: Path) -> None:
    program = """
import os, sys, funnet
net = funnet.Affine.init(4, 2, rng=0)
funnet.save(sys.argv[2], net)  # imports what it needs while it can
os.geteuid() or os.setuid(65534)  # root may write anywhere
try:
    funnet.save(sys.argv[1], net)
except PermissionError as error:
    print(error.strerror)
"""
    with TemporaryDirectory() as elsewhere, TemporaryDirectory() as folder:
        target = Path(folder, path.name)
        save(target, NET)
        before = target.read_bytes()
        Path(folder).chmod(0o555)
        printed = python(program, target, f"{elsewhere}/first{path.suffix}")
        Path(folder).chmod(0o755)
        assert printed == "Permission denied\n"
        assert target.read_bytes() == before
        assert list(Path(folder).iterdir()) == [target]


def test_readers_see_complete_files_only(path: Path) -> None:
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
