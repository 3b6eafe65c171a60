"""SHA-256 fingerprints of values."""

from __future__ import annotations

from collections.abc import Mapping

from funnet.core.arrays import AnyArray
from funnet.core.encoding import Node, encode, to_json


def fingerprint(value: object) -> str:
    """Return the SHA-256 of the classes, constants, dtypes, shapes and bytes of a value.

    The 64 hexadecimal digits are the same on every machine and for every memory layout. Values that
    `save` does not accept raise StructureError.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import fingerprint
    >>> fingerprint(np.zeros(3))[:16], fingerprint(np.zeros(3, np.float32))[:16]
    ('72e8f1cd32ae334d', '4662353010a40934')
    """
    arrays: dict[str, AnyArray] = {}
    return digest(encode(value, arrays), arrays)


def digest(structure: Node, arrays: Mapping[str, AnyArray]) -> str:
    """Return the SHA-256 of a structure and its arrays, as `encode` returns them."""
    import hashlib
    import json

    sha = hashlib.sha256(json.dumps(to_json(structure), separators=(",", ":")).encode() + b"\n")
    for array in arrays.values():  # the structure contains their sizes, so no separator is needed
        little = array.astype(array.dtype.newbyteorder("<"), order="C", copy=False)
        sha.update(little.reshape(-1).data)
    return sha.hexdigest()
