"""The four files of MNIST: where they are found, their download, and their check.

Imported when MNIST is first loaded, since most of what it imports is slow to import.
"""

from __future__ import annotations

import hashlib
import logging
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import HTTPError
from urllib.request import urlopen

import attrs
import numpy as np

from funnet.data.idx import IDXError, open_idx, read_exactly
from funnet.data.samples import Bytes, DataError

MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)
"""Where the files are downloaded from, in the order of trying."""

TIMEOUT = 30.0
"""The seconds without an answer after which a mirror counts as failed."""


@attrs.frozen(eq=False, repr=False)
class File:
    """The name, shape and SHA-256 (of the decompressed content) of a file."""

    stem: str
    shape: tuple[int, ...]
    sha256: str

    @property
    def names(self) -> tuple[str, str, str]:
        """The names that the file may have, the one on the mirrors first."""
        rank = len(self.shape)
        official = f"{self.stem}-idx{rank}-ubyte"
        return f"{official}.gz", official, f"{self.stem}.idx{rank}-ubyte"

    @property
    def header_size(self) -> int:
        """The number of bytes before the pixels or labels."""
        return 4 + 4 * len(self.shape)

    @property
    def size(self) -> int:
        """The size of the decompressed file in bytes."""
        return self.header_size + math.prod(self.shape)


FILES = (
    File(
        "train-images",
        (60_000, 28, 28),
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    File(
        "train-labels",
        (60_000,),
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    File(
        "t10k-images",
        (10_000, 28, 28),
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    File(
        "t10k-labels",
        (10_000,),
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
)
"""The files of LeCun, Cortes and Burges."""


def read_files(data_dir: str | os.PathLike[str] | None) -> Iterator[tuple[Bytes, Bytes]]:
    """Yield the images and labels of the training set, then those of the test set."""
    paths = _locate(data_dir)
    try:
        for images, labels in (FILES[:2], FILES[2:]):
            yield _read(paths[images], images), _read(paths[labels], labels)
    except IDXError as error:
        raise DataError(
            f"{error}. Replace this file by the original, from {' or '.join(MIRRORS)}; "
            "if it is in the cache, delete it, and load_mnist will download it again"
        ) from error


def _locate(data_dir: str | os.PathLike[str] | None) -> dict[File, Path]:
    """Return the path of each file, after downloading those that the cache lacks."""
    chosen = data_dir if data_dir is not None else os.environ.get("FUNNET_DATA_DIR") or None
    name = chosen if chosen is not None else _cache_folder()
    try:
        folder = Path(name).expanduser()
    except RuntimeError as error:  # there is no such user
        raise DataError(f"{name}: {error}") from error
    found = {file: _find(file, folder) for file in FILES}
    missing = [file for file, path in found.items() if path is None]
    if missing and chosen is not None:
        source = "FUNNET_DATA_DIR" if data_dir is None else "data_dir"
        raise DataError(
            f"MNIST is not complete in {folder}, given by {source}: looked for "
            f"{', and for '.join(' or '.join(file.names) for file in missing)}. Get them from "
            f"{' or '.join(MIRRORS)}, or give no folder, and load_mnist will download them"
        )
    return {file: path or _download(file, folder) for file, path in found.items()}


def _cache_folder() -> str:
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return f"{base}/funnet/mnist"


def _find(file: File, folder: Path) -> Path | None:
    paths = (folder / name for name in file.names)
    return next((path for path in paths if path.is_file()), None)


def _read(path: Path, file: File) -> Bytes:
    """Return the array in a file, after a check that its content is the official one."""
    with open_idx(path) as (stream, _):
        content = read_exactly(stream, file.size, path, trusted=True)
    digest = hashlib.sha256(content).hexdigest()
    if digest != file.sha256:
        raise IDXError(f"{path}: expected content with SHA-256 {file.sha256}, found {digest}")
    return np.ndarray(file.shape, np.uint8, buffer=content, offset=file.header_size)


def _download(file: File, folder: Path) -> Path:
    """Download a file into the cache, from the first mirror that works."""
    path = folder / file.names[0]
    failures = []
    for mirror in MIRRORS:
        url = f"{mirror}{path.name}"
        try:
            _fetch(url, path, file)
        except Exception as error:  # noqa: BLE001
            # Strange answers, redirects or proxies make urllib raise ValueError, OverflowError and
            # others. In any case, the next mirror may work.
            failures.append(f"{url} ({str(error) or repr(error)})")
            if isinstance(error, HTTPError):
                error.close()  # it holds the mirror's answer
        else:
            return path
    tried = "\n  ".join(failures)
    raise DataError(
        f"MNIST is not complete in {folder}: looked for {' or '.join(file.names)}, then tried to "
        f"download\n  {tried}\n"
        "Connect to the internet, or give a folder with the four files by data_dir or "
        "FUNNET_DATA_DIR"
    )


def _fetch(url: str, path: Path, file: File) -> None:
    """Download a file and check it; if anything fails, leave nothing behind."""
    logging.getLogger(__name__).info("downloading %s to %s", url, path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path.parent) as folder:
        part = Path(folder, path.name)
        with urlopen(url, timeout=TIMEOUT) as response, part.open("wb") as target:  # noqa: S310
            # The gzipped file is smaller than this; a longer answer is something else.
            target.write(response.read(file.size))
            target.flush()
            os.fsync(target.fileno())
        _read(part, file)
        part.replace(path)
