"""Write a file atomically: all of it, or nothing."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path  # slow to import


def file_to_write(path: str | os.PathLike[str]) -> Path:
    """Return the file that a path refers to, with links resolved, without touching it.

    Raise OSError unless it is a writable regular file, or a new name in an existing folder.
    """
    from pathlib import Path

    target = Path(os.path.realpath(path))
    try:
        # Of the path, not of the target: what /dev/stdout leads to has no name.
        mode = Path(path).stat().st_mode
    except FileNotFoundError:
        if not target.parent.is_dir():
            raise FileNotFoundError(
                f"cannot write {target.name}: there is no folder {target.parent}"
            ) from None
        return target
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(f"expected a file to write, got the folder {target}")
    if not stat.S_ISREG(mode):
        raise OSError(f"{os.fspath(path)}: not a regular file")
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))
    return target


def write_atomically(target: Path, content: bytes) -> None:
    """Replace the content of a file; after an OSError or a crash it has the old or the new content.

    The content is written to a hidden ".tmp" file in the same folder, which a killed process leaves
    behind, flushed to the disk, and renamed. The permissions of an existing file are kept, and its
    owner and group where the system allows it.
    """
    # Cut to a length in bytes, which is what file systems limit; some allow no more than 143.
    name = target.name.encode(errors="ignore")[:100].decode(errors="ignore")
    part = target.with_name(f".{name}.{os.urandom(8).hex()}.tmp")
    old = target.stat() if target.exists() else None

    def opener(path: str, flags: int) -> int:
        # Who could not read the old file must never be able to read the new one.
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
            mode &= ~stat.S_IRWXG  # they were granted to another group
    path.chmod(mode)


def _flush_folder(folder: Path) -> None:
    # Makes the new name survive a power failure. Windows cannot open a folder, and some network
    # file systems cannot flush one; the file itself is complete in any case.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
