"""The children of a value by name, and the arrays of a tree by path, such as "layers.0.W"."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from funnet.core.arrays import Array
from funnet.core.errors import join
from funnet.core.nodes import kind_of
from funnet.core.tree import named_branches


def named_children(node: object) -> Iterator[tuple[str, object]]:
    """Iterate over the names and values of all children, those that are no parameters included."""
    kind = kind_of(type(node))
    return zip(kind.names(node), kind.children(node), strict=True)


def named_arrays(tree: object) -> Iterator[tuple[str, Array]]:
    """Iterate over the paths and values of all arrays in a tree, buffers included."""
    for path, branch in named_branches(tree):
        for name, child in named_children(branch):
            if isinstance(child, np.ndarray):
                yield join(path, name), child
