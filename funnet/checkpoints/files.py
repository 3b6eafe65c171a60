"""Files that are there as a whole or not at all."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path  # slow to import


def write_atomically(path: str, content: bytes | bytearray | memoryview) -> None:
    """Write a file so that a crash at any moment leaves the old one or the new one.

    The content goes to a new file in the same folder, is flushed to the disk, and takes the
    place of the old file by being renamed. A process that is killed on the way leaves that new
    file behind, hidden, with the ending ".tmp".

    Parameters
    ----------
    path
        The file. If it is a link, what it points to.
    content
        All that it shall hold.

    Raises
    ------
    OSError
        If it can't be written: no such folder, no permission, no space, or `path` is a folder.
        Then the old file is as it was.
    """
    from pathlib import Path  # noqa: PLC0415

    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(f"expected a file to write, got the folder {target}")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"expected a folder to write {target.name} to, got {target.parent}")
    part = target.with_name(f".{target.name[:200]}.{os.urandom(8).hex()}.tmp")
    try:
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
    _flush_folder(target.parent)


def _flush_folder(folder: Path) -> None:
    # Makes the new name last through a power failure. Windows can't open a folder, and some
    # network file systems can't flush one; the file itself is whole in any case.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
