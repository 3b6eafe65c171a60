"""Checkpoints as .safetensors, read and written by the safetensors package.

The structure goes into the metadata, as one entry, since several are written in a random order.
The format has no checksums, so a line with a digest of the structure and of all tensors is put in
front of it. A file without that line, of another writer, is read without this check.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np

from funnet.core.encoding import AnyArray, ArraySpec
from funnet.core.errors import StructureError

Buffer = bytes | bytearray | memoryview

METADATA = "funnet"

RESERVED = "__metadata__"
"""What the format calls its metadata, beside the names of the tensors."""

MAX_HEADER = 100_000_000
"""The bytes of the largest header that the package reads."""

FOREIGN = (
    "not a funnet checkpoint, it has no structure of a network; read its arrays by "
    "safetensors.numpy.load_file(path) and build the network from them"
)

# The package's names for the types of number.
NAMES = {
    "bool": "BOOL", "float16": "F16", "float32": "F32", "float64": "F64",
    "int8": "I8", "int16": "I16", "int32": "I32", "int64": "I64",
    "uint8": "U8", "uint16": "U16", "uint32": "U32", "uint64": "U64",
}  # fmt: skip


def _package() -> Any:  # the package's own types are Any as well
    try:
        import safetensors.numpy  # noqa: PLC0415 (an extra)
    except ImportError as error:
        raise ImportError(
            'files that end in .safetensors need safetensors: pip install "funnet[safetensors]"'
        ) from error
    return safetensors


def pack(structure: bytes, arrays: Mapping[str, AnyArray]) -> bytes:
    """Return the bytes of a file.

    Parameters
    ----------
    structure
        What goes into the metadata.
    arrays
        The arrays by path.

    Raises
    ------
    ImportError
        If safetensors is not installed.
    StructureError
        If the format can't hold the arrays under their names, or so large a structure.
    """
    if RESERVED in arrays:
        raise StructureError("a .safetensors file can't have an array of this name", RESERVED)
    package = _package()
    tensors = {
        _name(path): np.array(array, array.dtype.newbyteorder("="), order="C")
        for path, array in arrays.items()
    }
    digest = _digest(
        structure,
        {
            name: tensor.astype(tensor.dtype.newbyteorder("<"), copy=False).reshape(-1).data
            for name, tensor in tensors.items()
        },
    )
    content: bytes = package.numpy.save(
        tensors, metadata={METADATA: f"{digest}\n{structure.decode()}"}
    )
    if int.from_bytes(content[:8], "little") > MAX_HEADER:
        raise StructureError("a .safetensors file can't have more than 100 MB of structure")
    return content


def unpack(data: bytes) -> Tensors:
    """Return the tensors of a file.

    Raises
    ------
    ImportError
        If safetensors is not installed.
    ValueError
        If the bytes are no such file, or a damaged one.
    """
    package = _package()
    try:
        tensors = dict(package.deserialize(data))
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        metadata = (header.get(RESERVED) or {}).get(METADATA)
        if metadata is None:
            raise ValueError(FOREIGN)
        digest, _, text = metadata.rpartition("\n")
        structure = text.encode()
    except package.SafetensorError as error:
        raise ValueError(f"not a good .safetensors file: {error}") from error
    contents = {name: tensor["data"] for name, tensor in tensors.items()}
    if digest and digest != _digest(structure, contents):
        raise ValueError("the file is damaged: its SHA-256 is not that of its content")
    return Tensors(structure, tensors)


@attrs.frozen
class Tensors:
    """The content of a file."""

    text: bytes
    tensors: Mapping[str, Mapping[str, Any]]  # as the package gives them

    def structure(self) -> bytes:
        """Return the structure."""
        return self.text

    def check(self, paths: frozenset[str]) -> None:
        """Refuse a file that has other arrays than those at the given paths.

        Raises
        ------
        ValueError
            With the names that are too many, or missing.
        """
        expected = set(map(_name, paths))
        if set(self.tensors) != expected:
            odd = ", ".join(sorted(set(self.tensors) ^ expected)[:3])
            raise ValueError(f"its tensors are not those of its structure: {odd}")

    def read(self, spec: ArraySpec) -> AnyArray:
        """Return an array.

        Raises
        ------
        ValueError
            If it is not the one that the structure tells of.
        """
        tensor = self.tensors[_name(spec.path)]
        found = tensor["dtype"], tuple(tensor["shape"]), len(tensor["data"])
        if found != (NAMES[spec.dtype.name], spec.shape, spec.nbytes):
            raise ValueError(f"{_name(spec.path)} is not the array of {spec} that it should be")
        array = np.frombuffer(tensor["data"], spec.dtype.newbyteorder("<"))
        return array.reshape(spec.shape).astype(spec.dtype)


def _name(path: str) -> str:
    return path or "value"


def _digest(structure: bytes, tensors: Mapping[str, Buffer]) -> str:
    """Return the SHA-256 of a structure, and of the names and the little-endian bytes of tensors.

    Types and shapes are in the structure, and are compared with it.
    """
    import hashlib  # noqa: PLC0415 (slow to import)

    digest = hashlib.sha256(structure)
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name])
    return digest.hexdigest()
