"""Widths of layers, read from types and expressions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from mypy.constant_fold import constant_fold_binary_op, constant_fold_unary_op
from mypy.erasetype import remove_instance_last_known_values
from mypy.expandtype import expand_type_by_instance
from mypy.maptype import map_instance_to_supertype
from mypy.nodes import (
    ARG_POS,
    ARG_STAR,
    COVARIANT,
    CallExpr,
    Decorator,
    Expression,
    FuncBase,
    FuncDef,
    MemberExpr,
    OpExpr,
    OverloadedFuncDef,
    StarExpr,
    SymbolNode,
    TempNode,
    TupleExpr,
    TypeInfo,
    UnaryExpr,
    Var,
)
from mypy.plugin import CheckerPluginInterface
from mypy.type_visitor import TypeTranslator
from mypy.typeops import get_all_type_vars
from mypy.types import (
    CallableType,
    FunctionLike,
    Instance,
    LiteralType,
    NoneType,
    ProperType,
    TupleType,
    Type,
    TypeAliasType,
    TypeVarId,
    TypeVarLikeType,
    TypeVarType,
    UnionType,
    UnpackType,
    find_unpack_in_list,
    get_proper_type,
    get_proper_types,
)

from funnet.core.widths import Widths, around, beside, whole

NETWORKS: Mapping[str, Callable[[str, Sequence[Widths]], Widths]] = {
    "funnet.layers.combinators.Sequential": whole,
    "funnet.layers.residual.Residual": around,
    "funnet.layers.concatenate.Concatenate": beside,
}
"""The classes of networks, and the widths of each by those of its layers."""
NETWORK_TYPE = "funnet.layers.combinators.Network"

NOTHING_KNOWN = Widths("layer")


class Plain(TypeTranslator):
    """Replaces literal widths by `int`, at any depth."""

    def visit_instance(self, t: Instance) -> Type:
        """Remove the value of a constant, which mypy stores beside its type."""
        return super().visit_instance(t.copy_modified(last_known_value=None))

    def visit_literal_type(self, t: LiteralType) -> Type:
        """Return `int` for a width."""
        return t.fallback if type(t.value) is int else t

    def visit_type_alias_type(self, t: TypeAliasType) -> Type:
        """Expand an alias; a recursive one has no widths."""
        return get_proper_type(t).accept(self) if not t.is_recursive else t


def mentions(typ: Type | None, variables: set[TypeVarId]) -> bool:
    """Return whether a type contains one of the variables."""
    found = get_all_type_vars(typ) if typ is not None and variables else []
    return any(variable.id in variables for variable in found)


def with_args(typ: Type, new: Callable[[TypeVarLikeType, ProperType], Type]) -> Type:
    """Return a type with `new(variable, arg)` in place of each of its arguments.

    Types of other kinds, and those of classes with any number of arguments, are returned unchanged.
    """
    typ = get_proper_type(typ)
    variables = typ.type.defn.type_vars if isinstance(typ, Instance) else []
    if not isinstance(typ, Instance) or len(variables) != len(typ.args):
        return typ
    return typ.copy_modified(args=list(map(new, variables, get_proper_types(typ.args))))


def plain_layer(layer: Type) -> Type:
    """Return the type of a layer with `int` for its own widths."""
    layer = get_proper_type(remove_instance_last_known_values(layer))
    own = own_width_variables(layer)
    return with_args(
        layer,
        lambda variable, arg: (
            arg.fallback if isinstance(arg, LiteralType) and variable.id in own else arg
        ),
    )


def _is_own(method: SymbolNode | None) -> bool:
    """Return whether a method is defined, rather than inherited from `object`."""
    return isinstance(method, FuncBase | Decorator) and method.info.fullname != "builtins.object"


def signatures_of(node: SymbolNode | None) -> list[CallableType]:
    """Return the signatures of a function, or those of the constructor of a class."""
    if isinstance(node, TypeInfo):
        made = Instance(node, node.defn.type_vars)
        makers = [node.get(name) for name in ("__init__", "__new__")]
        own = [maker.node for maker in makers if maker is not None and _is_own(maker.node)]
        return [
            signature.copy_modified(ret_type=made)
            for maker in own[:1]
            for signature in signatures_of(maker)
        ]
    if isinstance(node, Decorator):
        node = node.var
    typ = (
        get_proper_type(node.type) if isinstance(node, FuncDef | OverloadedFuncDef | Var) else None
    )
    return typ.items if isinstance(typ, FunctionLike) else []


def member_of(layer: Instance, name: str) -> ProperType | None:
    """Return the declared type of an attribute or property, or None."""
    symbol = layer.type.get(name)
    node = symbol.node if symbol is not None else None
    if isinstance(node, OverloadedFuncDef):  # a property with a setter
        node = node.items[0]
    if isinstance(node, Decorator):
        node = node.var
    if not isinstance(node, Var) or node.type is None or not node.info:
        return None
    declared = get_proper_type(node.type)
    if node.is_property and isinstance(declared, CallableType):
        declared = get_proper_type(declared.ret_type)
    declared = but_none(declared)  # an unknown width is None
    owner = map_instance_to_supertype(layer, node.info)
    for variable, arg in zip(node.info.defn.type_vars, owner.args, strict=False):
        if isinstance(declared, TypeVarType) and declared.id == variable.id:
            return get_proper_type(arg)  # `expand_type_by_instance` would drop its value
    return get_proper_type(expand_type_by_instance(declared, owner))


def but_none(typ: Type) -> ProperType:
    """Return T for `T | None`, and any other type as it is."""
    typ = get_proper_type(typ)
    items = get_proper_types(typ.items) if isinstance(typ, UnionType) else []
    others = [item for item in items if not isinstance(item, NoneType)]
    return others[0] if len(others) == 1 else typ


def ends_of(layer: Instance) -> tuple[Type | None, Type | None]:
    """Return the types of a layer's `n_in` and `n_out`."""
    if layer.type.fullname == NETWORK_TYPE:
        n_in, n_out = layer.args
        return n_in, n_out
    return member_of(layer, "n_in"), member_of(layer, "n_out")


def width_variables(typ: Type) -> set[TypeVarId]:
    """Return the type variables that are widths of a layer; none for other types."""
    typ = get_proper_type(typ)
    ends = get_proper_types(ends_of(typ)) if isinstance(typ, Instance) else []
    return {end.id for end in ends if isinstance(end, TypeVarType)}


def own_width_variables(typ: Type) -> set[TypeVarId]:
    """Return the type variables of a class, as it is defined, that are widths of its layers."""
    typ = get_proper_type(typ)
    if not isinstance(typ, Instance):
        return set()
    return width_variables(Instance(typ.type, typ.type.defn.type_vars))


def widths_of(typ: Type) -> Widths:
    """Return the widths that the type of a layer states."""
    typ = get_proper_type(typ)
    if not isinstance(typ, Instance):
        return NOTHING_KNOWN
    name = typ.type.name
    takes, gives = map(number_of, ends_of(typ))
    multiplies = is_true(typ, "multiplies_width")
    keeps = multiplies or is_true(typ, "keeps_width")
    if typ.type.fullname in NETWORKS:  # states this by its layers, not by an attribute
        made = NETWORKS[typ.type.fullname](name, list(map(widths_of, layers_in(typ))))
        keeps, multiplies = made.keeps, made.keeps and made.multiplies
    return Widths(name, takes, gives, keeps=keeps and takes is None, multiplies=multiplies)


def layers_in(network: Instance) -> Sequence[Type]:
    """Return the types of the layers in the type of a network; one if their number is unknown."""
    layers = get_proper_type(network.args[-1])
    if isinstance(layers, TupleType):
        return layers.items
    if isinstance(layers, Instance) and layers.type.fullname == "builtins.tuple":
        return layers.args
    return [layers]


def is_true(layer: Instance, name: str) -> bool:
    """Return whether an attribute of a layer is declared as `Literal[True]`."""
    declared = member_of(layer, name)
    return isinstance(declared, LiteralType) and declared.value is True


def number_of(typ: Type | None) -> int | None:
    """Return the only integer of a type, or None if it has several."""
    typ = get_proper_type(typ)
    if isinstance(typ, Instance):  # the value of a constant is stored beside its type
        typ = typ.last_known_value
    if isinstance(typ, LiteralType) and type(typ.value) is int:
        return typ.value
    return None


def value_of(expression: Expression, api: CheckerPluginInterface) -> int | None:
    """Return the integer value of an expression, or None if unknown."""
    value: object
    if isinstance(expression, OpExpr):
        left, right = value_of(expression.left, api), value_of(expression.right, api)
        if left is None or right is None:
            return None
        value = constant_fold_binary_op(expression.op, left, right)
    elif isinstance(expression, UnaryExpr):
        operand = value_of(expression.expr, api)
        value = None if operand is None else constant_fold_unary_op(expression.op, operand)
    else:
        value = number_of(api.get_expression_type(expression))
        if value is None and isinstance(expression, MemberExpr):
            layer = widths_of(api.get_expression_type(expression.expr))
            value = {"n_in": layer.n_in, "n_out": layer.n_out}.get(expression.name)
    return value if isinstance(value, int) else None


def passed_widths(
    formal: Type, value: Expression, api: CheckerPluginInterface
) -> Iterator[tuple[TypeVarId, int | None]]:
    """Yield the type variables of a parameter with the widths that are passed for them.

    They are the parameter itself, or the ends of a tuple such as `(784, *hidden, 10)`. In any other
    form a width is not analyzed, and None.
    """
    formal = get_proper_type(formal)
    match formal, value:
        case TypeVarType(), _:
            yield formal.id, value_of(value, api)
        case TupleType(), TupleExpr(items=given):
            for way in (slice(None), slice(None, None, -1)):
                for item, part in zip(formal.items[way], given[way], strict=False):
                    if isinstance(item, UnpackType) or isinstance(part, StarExpr):
                        break
                    yield from passed_widths(item, part, api)
        case _:
            for variable in get_all_type_vars(formal):
                yield variable.id, None


def wanted_network(formal: Type | None) -> Instance | None:
    """Return the `Network` type of an annotation, or None if it is another type."""
    formal = get_proper_type(formal)
    if isinstance(formal, TypeVarType):
        formal = formal.upper_bound
    formal = but_none(formal) if formal is not None else None
    if isinstance(formal, Instance) and formal.type.fullname == NETWORK_TYPE:
        return formal
    return None


def asks_for_network(formal: Type | None) -> bool:
    """Return whether a type is `Network`, a container of them, or a function returning one."""
    formal = but_none(formal) if formal is not None else None
    inside: Sequence[Type] = ()
    if isinstance(formal, Instance):
        inside = formal.args
    elif isinstance(formal, TupleType):
        inside = formal.items
    elif isinstance(formal, CallableType):
        inside = (formal.ret_type,)
    return any(wanted_network(typ) is not None for typ in (formal, *inside))


def has_widths(typ: Type) -> bool:
    """Return whether a type has a literal width, of a layer or of a layer in a tuple."""
    typ = get_proper_type(typ)
    if isinstance(typ, TupleType):
        return any(map(has_widths, typ.items))
    known = widths_of(typ)
    return (known.n_in, known.n_out) != (None, None)


def swallows_errors(manager: Type) -> bool:
    """Return whether a context manager may suppress exceptions, as `pytest.raises` does."""
    manager = get_proper_type(manager)
    symbol = manager.type.get("__exit__") if isinstance(manager, Instance) else None
    results = get_proper_types(
        [each.ret_type for each in signatures_of(symbol.node if symbol is not None else None)]
    )
    return not results or any(
        not isinstance(result, NoneType)
        and not (isinstance(result, LiteralType) and result.value is False)
        for result in results
    )


def same_signatures(ours: list[CallableType], theirs: list[CallableType]) -> bool:
    """Return whether signatures are equal, except for the names of the functions."""
    return len(ours) == len(theirs) and all(
        (a.arg_types, a.arg_names, a.ret_type) == (b.arg_types, b.arg_names, b.ret_type)
        for a, b in zip(ours, theirs, strict=True)
    )


def with_widths(layer: Type, known: Mapping[TypeVarId, int | None], integer: Instance) -> Type:
    """Put the known widths into the type of a layer.

    An invariant parameter becomes what mypy infers for `784`: `int` with a known value, which is
    dropped when a name is bound to it. `Literal[784]` would match nothing else.
    """

    def new(parameter: TypeVarLikeType, arg: ProperType) -> Type:
        width = known.get(arg.id) if isinstance(arg, TypeVarType) else None
        if width is None:
            return arg
        literal = LiteralType(width, integer)
        covariant = isinstance(parameter, TypeVarType) and parameter.variance == COVARIANT
        return literal if covariant else integer.copy_modified(last_known_value=literal)

    return with_args(layer, new)


def unpacked_type(call: CallExpr, api: CheckerPluginInterface) -> Type | None:
    """Return the type of a call with its unpacked tuples expanded, or None if there are none.

    The type of a sliced tuple contains `Any`, so mypy would infer `Any` for the result.
    """
    args: list[Expression] = []
    for arg, kind in zip(call.args, call.arg_kinds, strict=True):
        given = get_proper_type(api.get_expression_type(arg)) if kind is ARG_STAR else None
        if kind is ARG_POS:
            args.append(arg)
        elif isinstance(given, TupleType) and find_unpack_in_list(given.items) is None:
            args.extend(TempNode(item, context=arg) for item in given.items)
        else:
            return None
    if ARG_STAR not in call.arg_kinds:
        return None
    written_out = CallExpr(call.callee, args, [ARG_POS] * len(args), [None] * len(args))
    written_out.set_line(call)
    return api.get_expression_type(written_out)
