"""Networks as text: classes, shapes, dtypes and constants."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
from numpy import ndarray

from funnet.core.arrays import array_type
from funnet.core.context import CONTEXT, Context
from funnet.core.nodes import kind_of, named_children


def describe(self: object) -> str:
    """Return the architecture of a network as text: classes, shapes, dtypes and constants.

    Use it as the `__repr__` of a layer: `__repr__ = describe` in the body of its class.

    Examples
    --------
    >>> from funnet import Affine, ReLU, sequential
    >>> sequential(Affine.init(3, 2, rng=0), ReLU())
    Sequential(
      layers.0: Affine(W=float32[3, 2], b=float32[2])
      layers.1: ReLU()
    )
    """
    if isinstance(self, ndarray):
        return array_type(self)
    if _is_constant(self):
        return repr(self)
    parts = list(_parts(self))
    if any(attrs.has(type(part)) and not isinstance(part, Context) for _, part in parts):
        lines = (f"\n{name}: {describe(part)}".replace("\n", "\n  ") for name, part in parts)
        return f"{type(self).__name__}({''.join(lines)}\n)"
    fields = (f"{name}={describe(part)}" for name, part in parts)
    return f"{type(self).__name__}({', '.join(fields)})"


def _parts(tree: object) -> Iterator[tuple[str, object]]:
    """Iterate over the fields of a value, with containers replaced by their items."""
    for name, child in named_children(tree):
        if isinstance(child, (tuple, list, dict)) and not _is_constant(child):
            yield from ((f"{name}.{below}", part) for below, part in _parts(child))
        elif name != CONTEXT or child is not None:
            yield name, child


def _is_constant(value: object) -> bool:
    """Return whether a value is neither an array nor of an attrs class, nor contains one."""
    if isinstance(value, Context):
        return True
    if isinstance(value, ndarray) or attrs.has(type(value)):
        return False
    return all(map(_is_constant, kind_of(type(value)).children(value)))
