"""Files that are there as a whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path  # slow to import


def file_to_write(path: str | os.PathLike[str]) -> Path:
    """Return the file that a path leads to, links followed, if it can be written. Touch nothing.

    Parameters
    ----------
    path
        A regular file, or a name for a new one in a folder that exists.

    Raises
    ------
    OSError
        If `path` is a folder, a device, a FIFO or a socket, if its folder does not exist, or if
        there is no permission.
    """
    from pathlib import Path  # noqa: PLC0415

    target = Path(os.path.realpath(path))
    try:
        # Of the path, not of the target: what /dev/stdout leads to has no name.
        mode = os.stat(path).st_mode  # noqa: PTH116
    except FileNotFoundError:
        if not target.parent.is_dir():
            raise FileNotFoundError(
                f"expected a folder to write {target.name} to, got {target.parent}"
            ) from None
        return target
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(f"expected a file to write, got the folder {target}")
    if not stat.S_ISREG(mode):
        raise OSError(f"{os.fspath(path)}: not a regular file")
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))
    return target


def write_atomically(target: Path, content: bytes | bytearray | memoryview) -> None:
    """Write a file so that a crash at any moment leaves the old one or the new one.

    The content goes to a new file in the same folder, is flushed to the disk, and takes the
    place of the old file by being renamed. A process that is killed on the way leaves that new
    file behind, hidden, with the ending ".tmp". Permissions of the old file are kept, as are its
    owner and group where the system allows it.

    Parameters
    ----------
    target
        The file, from `file_to_write`.
    content
        All that the file will contain.

    Raises
    ------
    OSError
        If it can't be written: no permission for its folder, no space. Then the old file is as it
        was.
    """
    # Cut to a length in bytes, which is what file systems limit; some allow no more than 143.
    name = target.name.encode(errors="ignore")[:100].decode(errors="ignore")
    part = target.with_name(f".{name}.{os.urandom(8).hex()}.tmp")
    old = target.stat() if target.exists() else None

    def opener(path: str, flags: int) -> int:
        # Nobody may read the new file who could not read the old one, not even for a moment.
        return os.open(path, flags, 0o666 if old is None else 0o600)

    try:
        with open(part, "xb", opener=opener) as file:  # Path.open takes no opener
            if old is not None:
                _take_permissions(part, old)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
    _flush_folder(target.parent)


def _take_permissions(path: Path, old: os.stat_result) -> None:
    mode = stat.S_IMODE(old.st_mode)
    if hasattr(os, "chown"):  # not on Windows
        for owner in [(-1, old.st_gid), (old.st_uid, -1)]:
            with contextlib.suppress(OSError):
                os.chown(path, *owner)
        if path.stat().st_gid != old.st_gid:
            mode &= ~stat.S_IRWXG  # these were given to another group
    path.chmod(mode)


def _flush_folder(folder: Path) -> None:
    # Makes the new name last through a power failure. Windows can't open a folder, and some
    # network file systems can't flush one; the file itself is whole in any case.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
