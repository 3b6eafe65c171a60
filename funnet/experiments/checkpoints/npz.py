"""The .npz format: an uncompressed zip of .npy files, which `np.load` opens as well.

The structure is a member of its own. It determines the names and the headers of all other members,
which are compared with it. So no header is ever evaluated, and no memory is allocated for data that
is not there.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping

import attrs
import numpy as np

from funnet.core.arrays import AnyArray
from funnet.core.encoding import ArraySpec

STRUCTURE = "structure.json"
FOREIGN = (
    "not a funnet checkpoint; read its arrays by np.load(path, allow_pickle=False) and build the "
    "network from them"
)
MAGIC = b"\x93NUMPY\x01\x00"

# The exceptions of zipfile for damaged files.
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


@attrs.frozen
class Members:
    """An open file: its structure, and the names of its arrays."""

    zip: zipfile.ZipFile
    structure: bytes
    names: frozenset[str]

    def read(self, spec: ArraySpec) -> AnyArray:
        """Return an array, or raise ValueError if it is damaged or does not match its spec."""
        name = array_name(spec.path)
        header = _header(spec)
        size = self.zip.getinfo(name).file_size
        expected = len(header) + spec.nbytes
        if size != expected:
            raise ValueError(f"{name} must have {expected} bytes to be {spec}, got {size}")
        content = _read(self.zip, name)
        if not content.startswith(header):
            raise ValueError(f"the header of {name} is not that of {spec}")
        array = np.frombuffer(content, spec.dtype.newbyteorder("<"), offset=len(header))
        return array.reshape(spec.shape).astype(spec.dtype)


def pack(structure: bytes, arrays: Mapping[str, AnyArray]) -> bytes:
    """Return the bytes of a file with a structure and its arrays by path."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as members:
        members.writestr(_member(STRUCTURE), structure)
        for path, array in arrays.items():
            content = np.asarray(array, array.dtype.newbyteorder("<")).tobytes()
            spec = ArraySpec(path, array.dtype, array.shape)
            members.writestr(_member(array_name(path)), _header(spec) + content)
    return file.getvalue()


def unpack(data: bytes) -> Members:
    """Open a file and read its structure; raise ValueError if it is not valid."""
    try:
        members = zipfile.ZipFile(io.BytesIO(data))
    except DAMAGE as error:
        raise ValueError(f"not a valid .npz file: {error}") from error
    infos = {info.filename: info for info in members.infolist()}
    if any(i.compress_type or i.file_size != i.compress_size for i in infos.values()):
        raise ValueError(f"it has compressed members, so it is {FOREIGN}")
    if STRUCTURE not in infos:
        raise ValueError(f"{STRUCTURE} is missing, so it is {FOREIGN}")
    if len(infos) != len(members.infolist()):
        raise ValueError("it has two members with the same name")
    # Members that overlap, so that a small file holds much, would need more room than it has.
    if sum(info.file_size for info in infos.values()) > len(data):
        raise ValueError("its members are larger than the file")
    return Members(members, _read(members, STRUCTURE), frozenset(infos) - {STRUCTURE})


def array_name(path: str) -> str:
    """Return the name of the member with the array at a path."""
    return f"{path or 'value'}.npy"


def _read(members: zipfile.ZipFile, name: str) -> bytes:
    try:
        return members.read(name)
    except DAMAGE as error:
        raise ValueError(f"{name} is damaged: {str(error)[:100]}") from error


def _member(name: str) -> zipfile.ZipInfo:
    # Always the same time and system, so that equal values give equal bytes everywhere.
    info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    info.create_system = 3
    info.external_attr = 0o600 << 16
    return info


def _header(spec: ArraySpec) -> bytes:
    """Return the header of a .npy file, format version 1.0 (`numpy.lib.format`)."""
    descr = spec.dtype.newbyteorder("<").str
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {spec.shape}, }}"
    length = len(MAGIC) + 2 + len(text) + 1
    text += " " * (-length % 64) + "\n"
    return MAGIC + len(text).to_bytes(2, "little") + text.encode("ascii")
