"""What layers that are composed of others share: checks of them, and the paths of errors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import numpy as np

from funnet.core.arrays import ArrayT, typed_like
from funnet.core.checks import wrong_cache
from funnet.core.errors import LocatedError, StructureError
from funnet.core.nodes import check_layer_class

L = TypeVar("L")


def as_layers(layers: L) -> L:
    """Return layers as a tuple, after checking that each is a layer; raise TypeError for others."""
    row: object = layers
    if not isinstance(row, tuple):
        if not isinstance(row, Iterable):
            raise TypeError(f"layers must be a tuple of layers, got {row!r}")
        row = tuple(row)
    for i, layer in enumerate(row):
        check_layer(layer, f"layer {i}")
    return typed_like(layers, row)


def check_layer(layer: object, name: str) -> None:
    """Raise TypeError unless a value is a layer."""
    if isinstance(layer, type) or not all(hasattr(layer, m) for m in ("forward", "pullback")):
        raise TypeError(
            f"{name} must be a value with the methods forward and pullback, got {layer!r}"
            f"{_remedy(layer)}"
        )
    check_layer_class(type(layer))


def _remedy(given: object) -> str:
    if isinstance(given, type):
        return f"; write {given.__name__}(...)"
    if isinstance(given, str) or callable(given):
        return "; pass a layer, such as ReLU()"
    return "; pass a list of layers as *layers" if isinstance(given, list | tuple) else ""


def of_another_network() -> StructureError:
    """Return the error for the cache of another network, even one of the same architecture."""
    return wrong_cache(
        "the cache of this network",
        "the cache of another network (such as a copy or an update)",
    )


def locate(error: Exception, name: str, layer: object) -> None:
    """Add the path of the layer to an error of funnet, or as a note to any other error."""
    if isinstance(error, LocatedError):
        error.locate(name)
    else:
        error.add_note(f"in {name} ({type(layer).__name__})")


def note_changed_dtype(error: Exception, before: object, after: object) -> None:
    """Add to an error that the layers before the failing one changed the dtype of the input."""
    if not (isinstance(before, np.ndarray) and isinstance(after, np.ndarray)):
        return
    if before.dtype != after.dtype:
        error.add_note(f"the layers before it were given {before.dtype} and returned {after.dtype}")


@np.errstate(over="ignore", invalid="ignore")
def add(a: ArrayT, b: ArrayT) -> ArrayT:
    """Return a + b. Sums outside the range of the dtype are infinite, without a warning."""
    return typed_like(a, a + b)
