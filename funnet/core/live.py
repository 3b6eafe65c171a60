"""Which layers of a network have a context: a network is live if one has, and else at rest."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator

import numpy as np

from funnet.core.arrays import typed_like
from funnet.core.context import CONTEXT, Context
from funnet.core.errors import join
from funnet.core.nodes import is_branch, kind_of
from funnet.core.tree import Tree, named_branches


def map_contexts(tree: Tree, f: Callable[[str, object], Context | None], path: str = "") -> Tree:
    """Return a tree in which each context is `f(path, layer)`; the tree itself if none changes."""
    if isinstance(tree, np.ndarray | Context) or not is_branch(tree):
        return tree
    kind = kind_of(type(tree))
    new = [
        f(path, tree) if i == kind.context else map_contexts(child, f, join(path, name))
        for i, (name, child) in enumerate(kind.named_children(tree))
    ]
    if all(map(operator.is_, new, kind.children(tree))):
        return tree
    return typed_like(tree, kind.refill(tree, new))


def contexts(tree: object) -> Iterator[tuple[str, object, Context | None]]:
    """Iterate over the layers that take a context: their paths, themselves and their contexts."""
    for path, layer in named_branches(tree):
        if kind_of(type(layer)).context is not None:
            yield path, layer, getattr(layer, CONTEXT)


def check_at_rest(tree: object, what: str) -> None:
    """Raise ValueError for a live network, naming its first live layer."""
    for path, layer, context in contexts(tree):
        if context is not None:
            raise ValueError(
                f"{what} needs a network at rest, but {path or type(layer).__name__} is in "
                "training mode; pass inference_mode(net)"
            )
