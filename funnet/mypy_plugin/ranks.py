"""Ranks of arrays between layers, which mypy itself does not compare in every call.

It solves the rank of all ReLUs of a call together, so that a network with one on images and one on
rows has to be accepted without a comparison.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mypy.subtypes import find_member
from mypy.types import (
    CallableType,
    Instance,
    ProperType,
    TupleType,
    Type,
    TypeVarType,
    find_unpack_in_list,
    get_proper_type,
)

from funnet.mypy_plugin.reading import NETWORKS, layers_in


@dataclass(frozen=True)
class Ranks:
    """The known ranks of the arrays that a layer takes and gives.

    Attributes
    ----------
    name
        The name of the layer's class, used in messages.
    takes, gives
        The rank of input and of output, or None if unknown.
    keeps
        Whether the output has the rank of the input, whatever that is.
    """

    name: str
    takes: int | None = None
    gives: int | None = None
    keeps: bool = False


UNKNOWN_RANKS = Ranks("layer")


def ranks_of(layer: Type) -> Ranks:
    """Return the ranks in the type of a layer's `forward`."""
    layer = get_proper_type(layer)
    if not isinstance(layer, Instance):
        return UNKNOWN_RANKS
    # Of layers that keep any rank, mypy infers a network on rows.
    if layer.type.fullname in NETWORKS and all(ranks_of(each).keeps for each in layers_in(layer)):
        return Ranks(layer.type.name, keeps=True)
    forward = get_proper_type(find_member("forward", layer, layer))
    if not isinstance(forward, CallableType) or len(forward.arg_types) != 1:
        return UNKNOWN_RANKS
    result = get_proper_type(forward.ret_type)
    if not isinstance(result, TupleType) or not result.items:
        return UNKNOWN_RANKS
    x, y = _shape_of(forward.arg_types[0]), _shape_of(result.items[0])
    return Ranks(layer.type.name, _rank(x), _rank(y), keeps=isinstance(x, TypeVarType) and x == y)


def _shape_of(array: Type) -> ProperType | None:
    array = get_proper_type(array)
    if isinstance(array, Instance) and array.type.fullname == "numpy.ndarray":
        return get_proper_type(array.args[0])
    return None


def _rank(shape: ProperType | None) -> int | None:
    if isinstance(shape, TupleType) and find_unpack_in_list(shape.items) is None:
        return len(shape.items)
    return None


def rank_mismatches(layers: Sequence[Ranks]) -> Iterator[tuple[int, str]]:
    """Yield the index of each layer that takes another rank than it is given, and a message."""
    giver, before = UNKNOWN_RANKS, 0
    for index, layer in enumerate(layers):
        if layer.keeps:
            continue
        if None not in (giver.gives, layer.takes) and giver.gives != layer.takes:
            remedy = "; put Flatten() between them" if (giver.gives, layer.takes) == (4, 2) else ""
            expects = f"layer {index} ({layer.name}) expects an array of rank {layer.takes}"
            outputs = f"layer {before} ({giver.name}) outputs one of rank {giver.gives}"
            yield index, f"{expects}, but {outputs}{remedy}"
        giver, before = layer, index
