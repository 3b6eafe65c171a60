"""Saving values and loading them: what holds for every kind of file."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Mapping
from os import PathLike
from typing import Protocol, overload

from funnet.core.arrays import T
from funnet.core.encoding import (
    AnyArray,
    ArraySpec,
    Node,
    classes_in,
    construct,
    decode,
    difference,
    encode,
    from_json,
    specs,
    to_json,
)
from funnet.experiments.checkpoints.files import file_to_write, write_atomically
from funnet.layers import (
    Affine,
    Flatten,
    Identity,
    LeakyReLU,
    ReLU,
    Sigmoid,
    Softmax,
    Step,
    Tanh,
)
from funnet.layers.combinators import Sequential, sequential
from funnet.optimizers import OptimizerState
from funnet.training.train import TrainState

FORMAT = "funnet"
VERSION = 1

OWN = (
    Affine, Flatten, Identity, LeakyReLU, OptimizerState, ReLU, Sequential, Sigmoid, Softmax,
    Step, Tanh, TrainState,
)  # fmt: skip
TYPES: Mapping[str, type[object]] = {cls.__name__: cls for cls in OWN}
"""The classes that a file may name, whatever it says. A caller can hand over more."""


_Build = Callable[[str, dict[str, object]], object]


class CheckpointError(ValueError):
    """A file is not a checkpoint, a damaged one, or not the one that was expected."""


class _Kind(Protocol):
    """A kind of file: a module with these two functions."""

    def pack(self, structure: bytes, arrays: Mapping[str, AnyArray], /) -> bytes: ...

    def unpack(self, data: bytes, /) -> _Content: ...


class _Content(Protocol):
    """What a file holds, whatever its kind."""

    def structure(self) -> bytes: ...

    def check(self, paths: frozenset[str], /) -> None: ...

    def read(self, spec: ArraySpec, /) -> AnyArray: ...


def save(path: str | PathLike[str], value: object) -> None:
    """Write a network, an optimizer's state or a training state to a file.

    Equal values give equal bytes. A crash at any moment leaves the old file or the new one. What
    `save` accepts, `load` returns: layers, states and containers of the same classes with the same
    bits, in arrays that are locked, in C order and in this machine's byte order.

    Parameters
    ----------
    path
        The file, with a name that ends in ".npz" or ".safetensors"; the latter is written by the
        safetensors package, an extra.
    value
        A layer, network or state; also an array, a tuple, NamedTuple, list, or dict with
        names as keys.

    Raises
    ------
    StructureError
        If something in the value can't be written, such as a masked array; the message starts
        with its path.
    ValueError
        If `path` has another ending, a class of yours has the name of one of funnet's, or a class
        refuses the values of its own fields, so that the file could not be loaded.
    OSError
        If the file can't be written, or `path` leads to something else than a regular file, such
        as a folder or a FIFO; what is there is as it was.
    ImportError
        If safetensors is needed and not installed.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from funnet import Affine, ReLU, load, save, sequential
    >>> with TemporaryDirectory() as folder:
    ...     save(Path(folder, "net.npz"), sequential(Affine.init(3, 2, rng=0), ReLU()))
    ...     load(Path(folder, "net.npz"))
    Sequential(
      layers.0: Affine(W=float32[3, 2], b=float32[2])
      layers.1: ReLU()
    )
    """
    import json  # noqa: PLC0415 (slow to import)

    name = os.fsdecode(path)
    target, kind = file_to_write(name), _kind(name)
    arrays: dict[str, AnyArray] = {}
    node = encode(value, arrays)
    # What a class would refuse when it is loaded must not be written.
    decode(node, lambda spec: _locked(arrays[spec.path].view()), _builder(classes_in(value)))
    document = {"format": FORMAT, "version": VERSION, "value": to_json(node)}
    text = json.dumps(document, separators=(",", ":"), allow_nan=False)
    write_atomically(target, kind.pack(text.encode(), arrays))


@overload
def load(path: str | PathLike[str], *, types: Iterable[type[object]] = ...) -> object: ...
@overload
def load(path: str | PathLike[str], *, like: T, types: Iterable[type[object]] = ...) -> T: ...
def load(
    path: str | PathLike[str],
    *,
    like: T | None = None,
    types: Iterable[type[object]] = (),
) -> object:
    """Return the value that a file holds.

    Parameters
    ----------
    path
        The file.
    like
        A value that is built as the one in the file should be: classes, fields, shapes and dtypes
        are compared, numbers are not. Its classes need not be handed over.
    types
        Classes of your own that the file may hold. Those of funnet are known; no other class
        comes into being, and no code is run that the file names.

    Returns
    -------
    value
        The value, with locked arrays.

    Raises
    ------
    CheckpointError
        If the file is not a checkpoint (also by the ending of its name), damaged, or not built
        like `like`; then the message names the path of the first difference.
    StructureError
        If `like` is not a value that could be saved.
    OSError
        If the file can't be read.
    ValueError
        If one of `types` has the name of another.
    TypeError
        If `types` is not a list of classes.
    ImportError
        If safetensors is needed and not installed.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from funnet import Affine, load, save
    >>> with TemporaryDirectory() as folder:
    ...     save(Path(folder, "net.npz"), Affine.init(3, 2, rng=0))
    ...     try:
    ...         load(Path(folder, "net.npz"), like=Affine.init(4, 2, rng=0))
    ...     except CheckpointError as error:
    ...         print(str(error).partition("net.npz: ")[2])
    W: expected float32[4, 2], the file has float32[3, 2]
    """
    if isinstance(types, type):
        raise TypeError(f"expected types to be a list of classes, got {types!r}")
    expected = None if like is None else encode(like, {})
    build = _builder((*types, *classes_in(like)))
    name = os.fsdecode(path)
    # Before it is opened: a FIFO waits for a writer, and a device may never end.
    mode = os.stat(name).st_mode  # noqa: PTH116 (pathlib is slow to import)
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise CheckpointError(f"{name}: not a regular file")
    with open(name, "rb") as file:  # noqa: PTH123
        kind, data = _kind(name), file.read()
    try:
        return _decode(kind.unpack(data), expected, build)
    except (ValueError, OverflowError, RecursionError) as error:
        raise CheckpointError(f"{name}: {error}") from error


def _decode(content: _Content, expected: Node | None, build: _Build) -> object:
    structure = _structure(content.structure())
    content.check(frozenset(spec.path for spec in specs(structure)))
    different = expected and difference(expected, structure)
    if different:
        raise different
    return decode(structure, lambda spec: _locked(content.read(spec)), build)


def _locked(array: AnyArray) -> AnyArray:
    array.setflags(write=False)
    return array


def _builder(types: Iterable[type[object]]) -> _Build:
    """Return a function that makes a value of a class that is known, by its name."""
    known = _known(types)

    def build(name: str, fields: dict[str, object]) -> object:
        if name not in known:
            raise ValueError(
                f"the class {name} is not one of funnet's; if it is yours, hand it over by types="
            )
        value = construct(known[name], fields)
        # A file could put anything in a row; `sequential` checks that layers are, and fit.
        return sequential(*value.layers) if isinstance(value, Sequential) else value

    return build


def _known(types: Iterable[type[object]]) -> dict[str, type[object]]:
    """Return the classes that are known with those of a caller, by name.

    Raises
    ------
    ValueError
        If two of them have the same name.
    """
    known = dict(TYPES)
    for cls in types:
        if not isinstance(cls, type):
            raise TypeError(f"expected types to be classes, got {cls!r}")
        if known.setdefault(cls.__name__, cls) is not cls:
            raise ValueError(f"there are two classes called {cls.__name__}; rename yours")
    return known


def _structure(text: bytes) -> Node:
    import json  # noqa: PLC0415 (slow to import)

    def refuse(constant: str) -> None:
        raise ValueError(f"expected finite numbers, got {constant}")

    document = json.loads(text.decode(), parse_constant=refuse)
    if not isinstance(document, dict) or document.keys() != {"format", "version", "value"}:
        raise ValueError("it has no structure of funnet's")
    header = document["format"], document["version"]
    if header != (FORMAT, VERSION):
        raise ValueError(f"expected format and version {FORMAT, VERSION}, got {header}")
    return from_json(document["value"])


def _kind(name: str) -> _Kind:
    # Imported here, as importing funnet shall not take longer for those who save nothing.
    from funnet.experiments.checkpoints import npz, safetensors  # noqa: PLC0415

    for ending, kind in [(".npz", npz), (".safetensors", safetensors)]:
        if name.lower().endswith(ending):
            return kind
    raise CheckpointError(f"expected a path ending in .npz or .safetensors, got {name!r}")
