"""Checkpoints as NumPy's .npz: a zip of .npy files, uncompressed, which `np.load` opens as well.

Beside the arrays it has a member with the structure. Nothing in a file is trusted: the structure
says which members there must be and what their headers must read, and all else is an error. So no
header is ever evaluated, and nothing is allocated for a size that is not there.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping

import attrs
import numpy as np

from funnet.core.encoding import AnyArray, ArraySpec

STRUCTURE = "structure.json"
FOREIGN = (
    "not a funnet checkpoint; read its arrays by np.load(path, allow_pickle=False) and build the "
    "network from them"
)
MAGIC = b"\x93NUMPY\x01\x00"

# What zipfile raises for files that are no zip, or no good one.
DAMAGE = (
    zipfile.BadZipFile,
    EOFError,
    LookupError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
    struct.error,
)


def pack(structure: bytes, arrays: Mapping[str, AnyArray]) -> bytes:
    """Return the bytes of a file.

    Parameters
    ----------
    structure
        What goes into the member with the structure.
    arrays
        The arrays by path.
    """
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as members:
        members.writestr(_member(STRUCTURE), structure)
        for path, array in arrays.items():
            content = np.asarray(array, array.dtype.newbyteorder("<")).tobytes()
            spec = ArraySpec(path, array.dtype, array.shape)
            members.writestr(_member(_name(path)), _header(spec) + content)
    return file.getvalue()


def unpack(data: bytes) -> Members:
    """Return the members of a file, of which nothing but the table of contents has been read.

    Raises
    ------
    ValueError
        If the bytes are no such file, or a damaged one.
    """
    try:
        members = zipfile.ZipFile(io.BytesIO(data))
    except DAMAGE as error:
        raise ValueError(f"not a good .npz file: {error}") from error
    infos = {info.filename: info for info in members.infolist()}
    if any(i.compress_type or i.file_size != i.compress_size for i in infos.values()):
        raise ValueError(f"it has compressed members, so it is {FOREIGN}")
    if STRUCTURE not in infos:
        raise ValueError(f"{STRUCTURE} is missing, so it is {FOREIGN}")
    if len(infos) != len(members.infolist()):
        raise ValueError("it has two members of the same name")
    # Members that overlap, so that a small file holds much, would need more room than it has.
    if sum(info.file_size for info in infos.values()) > len(data):
        raise ValueError("its members are larger than the file")
    return Members(members, frozenset(infos))


@attrs.frozen
class Members:
    """An open file."""

    zip: zipfile.ZipFile
    names: frozenset[str]

    def structure(self) -> bytes:
        """Return the member with the structure.

        Raises
        ------
        ValueError
            If there is none, or a damaged one.
        """
        return self._read(STRUCTURE)

    def check(self, paths: frozenset[str]) -> None:
        """Refuse a file that has other arrays than those at the given paths.

        Raises
        ------
        ValueError
            With the names that are too many, or missing.
        """
        expected = {STRUCTURE, *map(_name, paths)}
        if self.names != expected:
            odd = ", ".join(sorted(self.names ^ expected)[:3])
            raise ValueError(f"its members are not those of its structure: {odd}")

    def read(self, spec: ArraySpec) -> AnyArray:
        """Return an array.

        Raises
        ------
        ValueError
            If the member is damaged, or not the array that the structure tells of.
        """
        name = _name(spec.path)
        header = _header(spec)
        size = self.zip.getinfo(name).file_size
        if size != len(header) + spec.nbytes:
            raise ValueError(f"{name} has {size} bytes, which are too few or too many for {spec}")
        content = self._read(name)
        if not content.startswith(header):
            raise ValueError(f"the header of {name} is not that of {spec}")
        array = np.frombuffer(content, spec.dtype.newbyteorder("<"), offset=len(header))
        return array.reshape(spec.shape).astype(spec.dtype)

    def _read(self, name: str) -> bytes:
        try:
            return self.zip.read(name)
        except DAMAGE as error:
            raise ValueError(f"{name} is missing or damaged: {str(error)[:100]}") from error


def _member(name: str) -> zipfile.ZipInfo:
    # Always the same time and system, so that equal values give equal bytes everywhere.
    info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    info.create_system = 3
    info.external_attr = 0o600 << 16
    return info


def _name(path: str) -> str:
    return f"{path or 'value'}.npy"


def _header(spec: ArraySpec) -> bytes:
    """Return the header of a .npy file, as format version 1.0 has it."""
    descr = spec.dtype.newbyteorder("<").str
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {spec.shape}, }}"
    length = len(MAGIC) + 2 + len(text) + 1
    text += " " * (-length % 64) + "\n"
    return MAGIC + len(text).to_bytes(2, "little") + text.encode("ascii")
