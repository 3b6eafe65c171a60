"""MNIST: 70,000 handwritten digits of 28 x 28 pixels."""

from __future__ import annotations

import math
import os
import sys
from typing import TYPE_CHECKING, Literal, TypeVar, overload

import attrs
import numpy as np

from funnet.core.arrays import Labels
from funnet.data.idx import IDXError, open_idx, read_exactly
from funnet.data.labels import one_hot

if TYPE_CHECKING:
    from pathlib import Path  # slow to import, as are all modules imported in functions below

MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)
"""Where the files are downloaded from, in the order of trying."""

TIMEOUT = 30.0
"""After how many seconds of silence a mirror is given up."""

Yes = Literal[True]
No = Literal[False]
Folder = str | os.PathLike[str] | None

Flat = tuple[int, int]
Grid = tuple[int, int, int, int]
OneHot = np.ndarray[tuple[int, int], np.dtype[np.float32]]

S = TypeVar("S", bound=tuple[int, ...])
D = TypeVar("D", bound=np.float32 | np.uint8)
T = TypeVar("T", bound=Labels | OneHot)

Samples = tuple[np.ndarray[S, np.dtype[D]], T]
"""Inputs of a shape and a type, and their targets."""

Split = tuple[Samples[S, D, T], Samples[S, D, T]]
"""What to train on, and what to test on."""

AnySamples = Samples[tuple[int, ...], np.float32 | np.uint8, Labels | OneHot]
AnySplit = tuple[AnySamples, AnySamples]


class DataError(OSError):
    """A data set is not where it was looked for, or not what it should be."""


@attrs.frozen(eq=False, repr=False)
class File:
    """What one of the files contains."""

    stem: str
    shape: tuple[int, ...]
    sha256: str

    @property
    def names(self) -> tuple[str, str, str]:
        """The names under which the file is known, that of the mirrors first."""
        rank = len(self.shape)
        official = f"{self.stem}-idx{rank}-ubyte"
        return f"{official}.gz", official, f"{self.stem}.idx{rank}-ubyte"

    @property
    def header_size(self) -> int:
        """How many bytes stand before the pixels or labels."""
        return 4 + 4 * len(self.shape)

    @property
    def size(self) -> int:
        """How many bytes the file has when it is not compressed."""
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
"""The four files of LeCun, Cortes and Burges: SHA-256 is that of the decompressed content."""


@overload
def load_mnist(
    *, normalize: Yes = ..., flatten: Yes = ..., one_hot_label: No = ..., data_dir: Folder = ...
) -> Split[Flat, np.float32, Labels]: ...
@overload
def load_mnist(
    *, normalize: Yes = ..., flatten: Yes = ..., one_hot_label: Yes, data_dir: Folder = ...
) -> Split[Flat, np.float32, OneHot]: ...
@overload
def load_mnist(
    *, normalize: Yes = ..., flatten: No, one_hot_label: No = ..., data_dir: Folder = ...
) -> Split[Grid, np.float32, Labels]: ...
@overload
def load_mnist(
    *, normalize: Yes = ..., flatten: No, one_hot_label: Yes, data_dir: Folder = ...
) -> Split[Grid, np.float32, OneHot]: ...
@overload
def load_mnist(
    *, normalize: No, flatten: Yes = ..., one_hot_label: No = ..., data_dir: Folder = ...
) -> Split[Flat, np.uint8, Labels]: ...
@overload
def load_mnist(
    *, normalize: No, flatten: Yes = ..., one_hot_label: Yes, data_dir: Folder = ...
) -> Split[Flat, np.uint8, OneHot]: ...
@overload
def load_mnist(
    *, normalize: No, flatten: No, one_hot_label: No = ..., data_dir: Folder = ...
) -> Split[Grid, np.uint8, Labels]: ...
@overload
def load_mnist(
    *, normalize: No, flatten: No, one_hot_label: Yes, data_dir: Folder = ...
) -> Split[Grid, np.uint8, OneHot]: ...
@overload
def load_mnist(
    *, normalize: bool = ..., flatten: bool = ..., one_hot_label: bool = ..., data_dir: Folder = ...
) -> AnySplit: ...
def load_mnist(
    *,
    normalize: bool = True,
    flatten: bool = True,
    one_hot_label: bool = False,
    data_dir: Folder = None,
) -> AnySplit:
    """Return MNIST: 60,000 samples to train on, and 10,000 to test on.

    The four files are looked for in `data_dir`, else in the folder that the environment variable
    FUNNET_DATA_DIR names, else in the user's cache. Only what the cache lacks is downloaded, once.

    Parameters
    ----------
    normalize
        If true, pixels are float32 from 0 to 1, else uint8 from 0 to 255.
    flatten
        If true, inputs have shape (N, 784), else (N, 1, 28, 28).
    one_hot_label
        If true, targets are float32 (N, 10), else class numbers, int64 (N,).
    data_dir
        A folder with the four files, gzipped or not.

    Returns
    -------
    split
        `(x_train, t_train), (x_test, t_test)`.

    Raises
    ------
    DataError
        If a file is missing and cannot be downloaded, or its content is not the official one.

    References
    ----------
    Y. LeCun, C. Cortes and C. Burges, "The MNIST database of handwritten digits".

    Examples
    --------
    >>> from funnet.data import load_mnist
    >>> (x_train, t_train), (x_test, t_test) = load_mnist()  # doctest: +SKIP
    >>> x_train.shape, t_train.shape  # doctest: +SKIP
    ((60000, 784), (60000,))
    """
    paths = _locate(data_dir)

    def samples(images: File, labels: File) -> AnySamples:
        return arrange(
            _read(paths[images], images),
            _read(paths[labels], labels),
            white=255,
            normalize=normalize,
            flatten=flatten,
            one_hot_label=one_hot_label,
        )

    try:
        return samples(*FILES[:2]), samples(*FILES[2:])
    except IDXError as error:
        raise DataError(
            f"{error}. Replace this file by the original, from {' or '.join(MIRRORS)}; "
            "if it lies in the cache, delete it, and load_mnist downloads it again"
        ) from error


def arrange(
    images: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
    labels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
    *,
    white: int,
    normalize: bool,
    flatten: bool,
    one_hot_label: bool,
) -> AnySamples:
    """Return digits in the form that the options of `load_mnist` ask for.

    Parameters
    ----------
    images
        Pixels (N, height, width) from 0 to `white`.
    labels
        Class numbers (N,) from 0 to 9.
    white
        The pixel that becomes 1.
    normalize, flatten, one_hot_label
        As in `load_mnist`.
    """
    n, height, width = images.shape
    x = images.reshape((n, height * width) if flatten else (n, 1, height, width))
    t = labels.reshape(n)
    return (
        # Divided in float32 piece by piece: no other array of this size comes into being.
        np.divide(x, white, dtype=np.float32) if normalize else x,
        one_hot(t, 10) if one_hot_label else t.astype(np.int64),
    )


def _locate(data_dir: Folder) -> dict[File, Path]:
    """Return where each file lies, after a download of what the cache lacks."""
    from pathlib import Path  # noqa: PLC0415

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
            f"MNIST is not complete in {folder}, which {source} names: looked for "
            f"{', and for '.join(' or '.join(file.names) for file in missing)}. Put them there, "
            f"from {' or '.join(MIRRORS)}, or name no folder, and load_mnist downloads them"
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


def _read(path: Path, file: File) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return the array in a file, if it is the official one to the last byte."""
    import hashlib  # noqa: PLC0415

    with open_idx(path) as (stream, _):
        content = read_exactly(stream, file.size, path)
    digest = hashlib.sha256(content).hexdigest()
    if digest != file.sha256:
        raise IDXError(f"{path}: expected content with SHA-256 {file.sha256}, found {digest}")
    return np.ndarray(file.shape, np.uint8, buffer=content, offset=file.header_size)


def _download(file: File, folder: Path) -> Path:
    """Bring a file into the cache, from the first mirror that has it."""
    from urllib.error import HTTPError  # noqa: PLC0415

    path = folder / file.names[0]
    failures = []
    for mirror in MIRRORS:
        url = f"{mirror}{path.name}"
        try:
            _fetch(url, path, file)
        except Exception as error:  # noqa: BLE001
            # A hostile answer, redirect or proxy makes urllib raise ValueError, OverflowError and
            # others. Whatever it is, the next mirror may be good.
            failures.append(f"{url} ({str(error) or repr(error)})")
            if isinstance(error, HTTPError):
                error.close()  # it holds the mirror's answer
        else:
            return path
    tried = "\n  ".join(failures)
    raise DataError(
        f"MNIST is not complete in {folder}: looked for {' or '.join(file.names)}, then tried to "
        f"download\n  {tried}\n"
        "Connect to the internet, or name a folder with the four files by data_dir or "
        "FUNNET_DATA_DIR"
    )


def _fetch(url: str, path: Path, file: File) -> None:
    """Download a file whole and right, or leave nothing behind."""
    import logging  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415
    from tempfile import TemporaryDirectory  # noqa: PLC0415
    from urllib.request import urlopen  # noqa: PLC0415

    logging.getLogger(__name__).info("downloading %s to %s", url, path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path.parent) as workshop:
        part = Path(workshop, path.name)
        with urlopen(url, timeout=TIMEOUT) as response, part.open("wb") as target:  # noqa: S310
            # Gzipped, the file is smaller than this: whoever sends more sends something else.
            target.write(response.read(file.size))
            target.flush()
            os.fsync(target.fileno())
        _read(part, file)
        part.replace(path)
