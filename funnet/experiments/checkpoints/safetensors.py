"""The .safetensors format, read and written by the safetensors package.

The structure is one entry of the metadata, since the package writes several in random order. The
format has no checksums, so the first line of the entry is a SHA-256 of the structure and all
tensors. A file without that line, from another writer, is read without this check.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Set as AbstractSet
from typing import Any

import attrs
import numpy as np

from funnet.core.arrays import AnyArray
from funnet.core.encoding import ArraySpec
from funnet.core.errors import StructureError
from funnet.core.extras import import_extra

Buffer = bytes | bytearray | memoryview

USER = "a .safetensors file"

METADATA = "funnet"

RESERVED = "__metadata__"
"""The name of the metadata in the header, which no tensor can have."""

MAX_HEADER = 100_000_000
"""The size in bytes of the largest header that the package reads."""

FOREIGN = (
    "not a funnet checkpoint, it has no structure of a network; read its arrays by "
    "safetensors.numpy.load_file(path) and build the network from them"
)

# The package's names of the dtypes.
NAMES = {
    "bool": "BOOL", "float16": "F16", "float32": "F32", "float64": "F64",
    "int8": "I8", "int16": "I16", "int32": "I32", "int64": "I64",
    "uint8": "U8", "uint16": "U16", "uint32": "U32", "uint64": "U64",
}  # fmt: skip


@attrs.frozen
class Tensors:
    """The content of a file: its structure, and its tensors as the package returns them."""

    structure: bytes
    tensors: Mapping[str, Mapping[str, Any]]

    @property
    def names(self) -> AbstractSet[str]:
        """The names of the tensors."""
        return self.tensors.keys()

    def read(self, spec: ArraySpec) -> AnyArray:
        """Return an array, or raise ValueError if it does not match its spec."""
        name = array_name(spec.path)
        tensor = self.tensors[name]
        found = tensor["dtype"], tuple(tensor["shape"]), len(tensor["data"])
        if found != (NAMES[spec.dtype.name], spec.shape, spec.nbytes):
            raise ValueError(f"{name} must be {spec}, got {found[0]} of shape {found[1]}")
        array = np.frombuffer(tensor["data"], spec.dtype.newbyteorder("<"))
        return array.reshape(spec.shape).astype(spec.dtype)


def pack(structure: bytes, arrays: Mapping[str, AnyArray]) -> bytes:
    """Return the bytes of a file with a structure and its arrays by path."""
    if RESERVED in arrays:
        raise StructureError("a .safetensors file cannot have an array of this name", RESERVED)
    package = import_extra("safetensors.numpy", USER)
    tensors = {
        array_name(path): np.array(array, array.dtype.newbyteorder("="), order="C")
        for path, array in arrays.items()
    }
    digest = _digest(
        structure,
        {
            name: tensor.astype(tensor.dtype.newbyteorder("<"), copy=False).reshape(-1).data
            for name, tensor in tensors.items()
        },
    )
    content: bytes = package.save(tensors, metadata={METADATA: f"{digest}\n{structure.decode()}"})
    if int.from_bytes(content[:8], "little") > MAX_HEADER:
        raise StructureError("a .safetensors file cannot have more than 100 MB of structure")
    return content


def unpack(data: bytes) -> Tensors:
    """Read all tensors and the structure; raise ValueError if the file is not valid."""
    package = import_extra("safetensors", USER)
    try:
        tensors = dict(package.deserialize(data))
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        metadata = (header.get(RESERVED) or {}).get(METADATA)
        if metadata is None:
            raise ValueError(FOREIGN)
        digest, _, text = metadata.rpartition("\n")
        structure = text.encode()
    except package.SafetensorError as error:
        raise ValueError(f"not a valid .safetensors file: {error}") from error
    contents = {name: tensor["data"] for name, tensor in tensors.items()}
    if digest and digest != _digest(structure, contents):
        raise ValueError("the file is damaged: its SHA-256 does not match its content")
    return Tensors(structure, tensors)


def array_name(path: str) -> str:
    """Return the name of the tensor with the array at a path."""
    return path or "value"


def _digest(structure: bytes, tensors: Mapping[str, Buffer]) -> str:
    """Return the SHA-256 of a structure, and of the names and little-endian bytes of tensors.

    Dtypes and shapes are in the structure, and are compared with it.
    """
    import hashlib

    digest = hashlib.sha256(structure)
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name])
    return digest.hexdigest()
