"""The functions that make a network of layers, and the layers in a call of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mypy.nodes import ARG_POS, CallExpr, Expression, IndexExpr, MemberExpr, NameExpr, SliceExpr
from mypy.plugin import CheckerPluginInterface
from mypy.types import (
    Instance,
    LiteralType,
    ProperType,
    TupleType,
    Type,
    find_unpack_in_list,
    get_proper_type,
)

from funnet.core.widths import (
    Widths,
    around,
    beside,
    mismatches,
    mismatches_around,
    mismatches_beside,
    whole,
)
from funnet.mypy_plugin.flow import Flow
from funnet.mypy_plugin.ranks import UNKNOWN_RANKS, Ranks, ranks_of
from funnet.mypy_plugin.reading import (
    NOTHING_KNOWN,
    ends_of,
    own_width_variables,
    plain_layer,
    value_of,
    widths_of,
    with_args,
)


@dataclass(frozen=True)
class Combinator:
    """How a function combines layers to a network, by its name and that of the class it returns.

    `mismatches` yields the index of each layer that does not fit, with an error message, and
    `whole` returns the widths of the network.
    """

    function: str
    network: str
    mismatches: Callable[[Sequence[Widths]], Iterator[tuple[int, str]]]
    whole: Callable[[str, Sequence[Widths]], Widths]


SEQUENTIAL = Combinator("funnet.layers.combinators.sequential", "Sequential", mismatches, whole)
COMBINATORS = (
    SEQUENTIAL,
    Combinator("funnet.layers.residual.residual", "Residual", mismatches_around, around),
    Combinator("funnet.layers.concatenate.concatenate", "Concatenate", mismatches_beside, beside),
)


@dataclass(frozen=True)
class Row:
    """The layers in a call, and the expressions of those with a known index."""

    widths: list[Widths]
    ranks: list[Ranks]
    places: list[Expression]


def row_of(call: CallExpr, flow: Flow, api: CheckerPluginInterface) -> Row:
    """Return the layers in a call of a combinator."""
    row = Row([], [], [])
    numbered = True
    for arg, kind in zip(call.args, call.arg_kinds, strict=True):
        given = get_proper_type(api.get_expression_type(arg))
        if kind is ARG_POS:
            types, items = [given], [widths_in(arg, given, flow, api)]
        elif isinstance(given, TupleType) and find_unpack_in_list(given.items) is None:
            types = list(map(get_proper_type, given.items))
            items = _slice(arg, flow, api) or list(map(widths_of, types))
        else:  # of unknown length
            numbered = False
            row.widths.append(NOTHING_KNOWN)
            row.ranks.append(UNKNOWN_RANKS)
            continue
        row.widths.extend(items)
        row.ranks.extend(map(ranks_of, types))
        if numbered:
            row.places.extend([arg] * len(items))
    return row


def widths_in(value: Expression, typ: Type, flow: Flow, api: CheckerPluginInterface) -> Widths:
    """Return the widths of a layer: of the call that made it, or those in its type."""
    made = None
    match value:
        case NameExpr():
            made = flow.made(value)
        case CallExpr() if flow.row(value):  # a type does not state multiples
            made = flow.made(value)
        case IndexExpr(base=MemberExpr(expr=network, name="layers"), index=index):
            row, i = flow.row(network), value_of(index, api)
            if i is not None and -len(row) <= i < len(row):
                made = row[i]
        case _:
            pass
    return made or widths_of(typ)


def _slice(value: Expression, flow: Flow, api: CheckerPluginInterface) -> list[Widths]:
    """Return the widths of the layers in `net.layers` or a slice of it; none if unknown."""
    match value:
        case IndexExpr(base=base, index=SliceExpr() as cut):
            ends = [cut.begin_index, cut.end_index, cut.stride]
            numbers = [None if end is None else value_of(end, api) for end in ends]
            if numbers.count(None) == ends.count(None):
                return _slice(base, flow, api)[slice(*numbers)]
        case MemberExpr(expr=network, name="layers"):
            return flow.row(network)
        case _:
            pass
    return []


def with_ends(network: Type, known: Widths) -> Type:
    """Put the known widths of input and output into the type of a network."""
    network = get_proper_type(network)
    if not isinstance(network, Instance):
        return network
    ends = ends_of(Instance(network.type, network.type.defn.type_vars))
    widths = dict(zip(ends, (known.n_in, known.n_out), strict=True))

    def new(variable: Type, arg: ProperType) -> Type:
        width = widths.get(variable)
        return arg if width is None or not isinstance(arg, Instance) else LiteralType(width, arg)

    return with_args(network, new)


def plain_inside(network: Type) -> Type:
    """Replace the widths of the layers in a network's type by `int`, but not its own.

    Otherwise mypy would find no common type of two networks of one architecture, as the types of
    the layers are invariant.
    """
    own = own_width_variables(network)
    return with_args(network, lambda variable, arg: arg if variable.id in own else _plain(arg))


def _plain(arg: ProperType) -> Type:
    if isinstance(arg, TupleType):
        return arg.copy_modified(items=list(map(plain_layer, arg.items)))
    return plain_layer(arg)
