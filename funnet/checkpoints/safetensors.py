"""Checkpoints as .safetensors, read and written by the safetensors package."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np

from funnet.encoding import AnyArray, ArraySpec

METADATA = "funnet"

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
    """
    tensors = {
        _name(path): np.array(array, array.dtype.newbyteorder("="), order="C")
        for path, array in arrays.items()
    }
    content: bytes = _package().numpy.save(tensors, metadata={METADATA: structure.decode()})
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
        structure = header["__metadata__"][METADATA].encode()
    except (package.SafetensorError, LookupError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"not a good .safetensors file: {error}") from error
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
