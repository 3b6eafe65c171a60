"""`save` and `load`, for both file formats.

The name of a file ends in ".npz", or in ".safetensors", which needs the extra of that name; without
it both functions raise ImportError. Two classes of the same name are refused with ValueError.

- `save` is atomic: after a crash at any moment, the file is either the old one or the new one.
- Equal values give equal bytes.
- `load` returns the same classes and bits. Arrays are locked, in C order and native byte order.
- `load` runs no code in the file, and constructs only classes of funnet, of `like` and of `types`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Mapping, Set as AbstractSet
from os import PathLike
from typing import Protocol, overload

from funnet import layers
from funnet.core.arrays import AnyArray, T
from funnet.core.encoding import (
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
from funnet.core.live import check_at_rest
from funnet.experiments.checkpoints.files import file_to_write, write_atomically
from funnet.layers.combinators import Sequential
from funnet.layers.concatenate import Concatenate
from funnet.layers.residual import Residual
from funnet.optimizers import OptimizerState
from funnet.training.state import TrainState

FORMAT = "funnet"
VERSION = 1

_LAYERS = (cls for cls in vars(layers).values() if isinstance(cls, type))

TYPES: Mapping[str, type[object]] = {
    cls.__name__: cls
    for cls in (*_LAYERS, Concatenate, OptimizerState, Residual, Sequential, TrainState)
}
"""The classes that `load` knows without `types=`, by name."""

_Build = Callable[[str, dict[str, object]], object]


class CheckpointError(ValueError):
    """A file is not a checkpoint, is damaged, or does not match `like`."""


class _Format(Protocol):
    """A file format: a module with these functions."""

    def pack(self, structure: bytes, arrays: Mapping[str, AnyArray], /) -> bytes: ...

    def unpack(self, data: bytes, /) -> _Content: ...

    def array_name(self, path: str, /) -> str: ...


class _Content(Protocol):
    """The content of a file."""

    @property
    def structure(self) -> bytes: ...

    @property
    def names(self) -> AbstractSet[str]: ...

    def read(self, spec: ArraySpec, /) -> AnyArray: ...


def save(path: str | PathLike[str], value: object) -> None:
    """Write a value to a .npz or .safetensors file, atomically.

    It is a layer, a network, an optimizer state, a training state, an array, a number, a string,
    None, or a tuple, NamedTuple, list or dict of such; the keys of a dict are names. So a network
    and the names of its classes fit into one file: `{"net": net, "names": ["cat", "dog"]}`.

    Raises
    ------
    StructureError, ValueError
        If part of the value is not supported, such as a masked array (the message starts with its
        path), a network is in training mode, or a class rejects its own values on loading.
    OSError
        If the file cannot be written, or is not a regular file.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from funnet import Affine, load, save
    >>> with TemporaryDirectory() as folder:
    ...     save(Path(folder, "layer.npz"), Affine.init(3, 2, rng=0))
    ...     load(Path(folder, "layer.npz"))
    Affine(W=float32[3, 2], b=float32[2])
    """
    import json

    name = os.fsdecode(path)
    target, file_format = file_to_write(name), _format(name)
    arrays: dict[str, AnyArray] = {}
    node = encode(value, arrays)
    check_at_rest(value, "save")
    # A file that a class would reject on loading must not be written.
    decode(node, lambda spec: _locked(arrays[spec.path].view()), _builder(classes_in(value)))
    document = {"format": FORMAT, "version": VERSION, "value": to_json(node)}
    text = json.dumps(document, separators=(",", ":"), allow_nan=False)
    write_atomically(target, file_format.pack(text.encode(), arrays))


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
    """Return the value that `save` wrote to a file. No code in the file is run.

    Parameters
    ----------
    path
        A .npz or .safetensors file.
    like
        A value with the same classes, fields, shapes and dtypes. Default: any are accepted.
    types
        Your own classes that the file may contain besides those in `like`. Default: none.

    Raises
    ------
    CheckpointError
        If the file is not a checkpoint, is damaged, or does not match `like`; then the message
        names the path of the first difference.
    StructureError, TypeError
        If `save` would not accept `like`, or `types` is not a list of classes.
    OSError
        If the file cannot be read.

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
    from pathlib import Path

    if isinstance(types, type) or not isinstance(types, Iterable):
        raise TypeError(f"types must be a list of classes, got {types!r}")
    expected = None if like is None else encode(like, {})
    build = _builder((*types, *classes_in(like)))
    name = os.fsdecode(path)
    # Checked before opening: a FIFO blocks until it has a writer, and a device may never end.
    mode = Path(name).stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise CheckpointError(f"{name}: not a regular file")
    with Path(name).open("rb") as file:
        file_format, data = _format(name), file.read()
    try:
        return _decode(data, file_format, expected, build)
    except (ValueError, OverflowError, RecursionError) as error:
        raise CheckpointError(f"{name}: {error}") from error


def _decode(data: bytes, file_format: _Format, expected: Node | None, build: _Build) -> object:
    content = file_format.unpack(data)
    structure = _structure(content.structure)
    odd = content.names ^ {file_format.array_name(spec.path) for spec in specs(structure)}
    if odd:
        raise ValueError(f"its arrays do not match its structure: {', '.join(sorted(odd)[:3])}")
    different = expected and difference(expected, structure)
    if different:
        raise different
    return decode(structure, lambda spec: _locked(content.read(spec)), build)


def _locked(array: AnyArray) -> AnyArray:
    array.setflags(write=False)
    return array


def _builder(types: Iterable[type[object]]) -> _Build:
    """Return a function that constructs a value from the name of its class and its fields."""
    known = dict(TYPES)
    for cls in types:
        if not isinstance(cls, type):
            raise TypeError(f"types must contain only classes, got {cls!r}")
        if known.setdefault(cls.__name__, cls) is not cls:
            raise ValueError(f"two classes are named {cls.__name__}; rename yours")

    def build(name: str, fields: dict[str, object]) -> object:
        if name not in known:
            raise ValueError(
                f"the class {name} is not one of funnet's; if it is yours, pass it in types="
            )
        return construct(known[name], fields)

    return build


def _structure(text: bytes) -> Node:
    import json

    def refuse(constant: str) -> None:
        raise ValueError(f"expected finite numbers, got {constant}")

    document = json.loads(text.decode(), parse_constant=refuse)
    if not isinstance(document, dict) or document.keys() != {"format", "version", "value"}:
        raise ValueError("it does not contain the structure of a funnet value")
    header = document["format"], document["version"]
    if header != (FORMAT, VERSION):
        raise ValueError(f"expected format and version {FORMAT, VERSION}, got {header}")
    return from_json(document["value"])


def _format(name: str) -> _Format:
    from funnet.experiments.checkpoints import npz, safetensors

    for ending, file_format in [(".npz", npz), (".safetensors", safetensors)]:
        if name.lower().endswith(ending):
            return file_format
    raise CheckpointError(f"path must end in .npz or .safetensors, got {name!r}")
