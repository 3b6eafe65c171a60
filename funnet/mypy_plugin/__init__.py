"""The widths of networks, checked by mypy as they are written.

With `plugins = funnet.mypy_plugin` in its settings, mypy infers `Affine[Literal[784], Literal[80]]`
for `Affine.init(784, 80, rng=rng)`, and says of layers that don't fit what `sequential` raises at
run time, in the same words: both ask `funnet.widths`.

Nothing here knows `Affine`. A layer has widths if its class has the attributes `n_in` and `n_out`
that `funnet.widths` speaks of, so a user's layer is treated as ours.

What mypy can't know is `int`, and never complained about. That takes a precaution: by mypy's rules
a name has the type of the first value bound to it, and a list that of its first items, so that with
literal widths the next value put there would be an error. Only what stays where it is has literal
widths, therefore; `Flow` tells which values do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias, cast

from mypy.checker import TypeChecker
from mypy.errorcodes import ErrorCode
from mypy.nodes import (
    ARG_POS,
    COVARIANT,
    CallExpr,
    Decorator,
    Expression,
    FuncDef,
    OverloadedFuncDef,
    SymbolNode,
    TypeInfo,
    Var,
)
from mypy.options import Options
from mypy.plugin import (
    AttributeContext,
    CheckerPluginInterface,
    FunctionContext,
    FunctionSigContext,
    MethodSigContext,
    Plugin,
)
from mypy.typeops import get_all_type_vars
from mypy.types import (
    CallableType,
    FunctionLike,
    Instance,
    LiteralType,
    TupleType,
    Type,
    TypeVarId,
    TypeVarType,
    find_unpack_in_list,
    get_proper_type,
    get_proper_types,
    has_type_vars,
)

from funnet.mypy_plugin.flow import Flow, place_of
from funnet.mypy_plugin.reading import (
    NOTHING_KNOWN,
    SEQUENTIAL_TYPE,
    Plain,
    literal_of,
    member_of,
    mentions,
    plain_layer,
    signatures_of,
    value_of,
    wanted_network,
    width_variables,
    widths_of,
)
from funnet.widths import Widths, mismatches, whole

FUNNET_WIDTH = ErrorCode("funnet-width", "Check that the widths of layers fit", "funnet")

SEQUENTIAL = "funnet.combinators.sequential"
SigContext: TypeAlias = FunctionSigContext | MethodSigContext


def plugin(version: str) -> type[Plugin]:
    """Return the plugin; mypy calls this."""
    return WidthsPlugin


class WidthsPlugin(Plugin):
    """Looks at the calls that make layers and networks, or take networks of given widths."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._flow: Flow | None = None
        self._whole = NOTHING_KNOWN

    def get_function_signature_hook(
        self, fullname: str
    ) -> Callable[[FunctionSigContext], FunctionLike] | None:
        """Return what looks at a call of a function, or of a class."""
        return self._signature_hook(fullname)

    def get_method_signature_hook(
        self, fullname: str
    ) -> Callable[[MethodSigContext], FunctionLike] | None:
        """Return what looks at a call of a method."""
        return self._signature_hook(fullname)

    def get_function_hook(self, fullname: str) -> Callable[[FunctionContext], Type] | None:
        """Return what makes the result of `sequential` plain inside."""
        return _plain_inside if self._is_sequential(self._find(fullname)) else None

    def get_attribute_hook(self, fullname: str) -> Callable[[AttributeContext], Type] | None:
        """Return what looks at a width that is read from a layer."""
        owner, _, name = fullname.rpartition(".")
        layer = self._find(owner)
        if isinstance(layer, TypeInfo) and name in layer.names:
            made = Instance(layer, layer.defn.type_vars)
            if mentions(member_of(made, name), width_variables(made)):
                return _read
        return None

    def _find(self, fullname: str) -> SymbolNode | None:
        symbol = self.lookup_fully_qualified(fullname) if "." in fullname else None
        return symbol.node if symbol is not None else None

    def _is_sequential(self, node: SymbolNode | None) -> bool:
        if not isinstance(node, Var):
            return node is not None and node.fullname == SEQUENTIAL
        # Perhaps another name for it, which has the same overloads.
        ours, theirs = signatures_of(self._find(SEQUENTIAL)), signatures_of(node)
        return len(ours) == len(theirs) > 1 and all(
            (a.arg_types, a.ret_type) == (b.arg_types, b.ret_type)
            for a, b in zip(ours, theirs, strict=True)
        )

    def _signature_hook(self, fullname: str) -> Callable[[SigContext], CallableType] | None:
        # None wherever it can be: a hook hides those of the plugins that come after this one.
        node = self._find(fullname)
        if self._is_sequential(node):
            return self._check_row
        signatures = signatures_of(node)
        if isinstance(node, FuncDef | OverloadedFuncDef | Decorator) and node.info:
            of_class = width_variables(Instance(node.info, node.info.defn.type_vars))
            if any(mentions(signature.ret_type, of_class) for signature in signatures):
                return self._call_method
        for signature in signatures:
            takes_network = any(
                wanted_network(formal) is not None for formal in signature.arg_types
            )
            if takes_network or width_variables(signature.ret_type):
                # Of overloads, mypy asks for each, and only then finds out which one is called.
                return self._make_layer if len(signatures) > 1 else self._check_call
        return None

    def _call_method(self, context: SigContext) -> CallableType:
        """Leave no widths in what a layer's method returns, unless it stays."""
        signature = self._make_layer(context)
        if self._flow_in(context.api).stays(context.context):
            return signature
        return signature.copy_modified(ret_type=signature.ret_type.accept(Plain()))

    def _check_row(self, context: SigContext) -> CallableType:
        """Report the layers that don't fit, and put the widths of the whole into the result.

        mypy asks for each overload, before it tries which one matches. While it tries, it takes a
        report for a sign that this one doesn't, so `get_function_hook` would be too late.
        """
        signature = context.default_signature
        if not has_type_vars(signature.ret_type):  # the first overload
            self._whole = self._check_layers(cast(CallExpr, context.context), context.api)
        result = cast(Instance, signature.ret_type)
        n_in, n_out, *rest = result.args
        ends = literal_of(self._whole.takes, n_in), literal_of(self._whole.gives, n_out)
        return signature.copy_modified(ret_type=result.copy_modified(args=[*ends, *rest]))

    def _check_layers(self, call: CallExpr, api: CheckerPluginInterface) -> Widths:
        layers, places = _row(call, api)
        for i, message in mismatches(layers):
            if i < len(places):
                api.fail(message, places[i], code=FUNNET_WIDTH)
        row = whole("Sequential", layers)
        flow = self._flow_in(api)
        _check_network(flow.demanded.get(place_of(call)), row, call, api)
        return row if flow.stays(call) else NOTHING_KNOWN

    def _check_call(self, context: SigContext) -> CallableType:
        """Report networks of other widths than are asked for."""
        api = context.api
        flow = self._flow_in(api)
        for formal, given in zip(context.default_signature.arg_types, context.args, strict=True):
            for expression in given if wanted_network(formal) is not None else ():
                if not isinstance(get_proper_type(formal), TypeVarType):
                    flow.keep(expression)  # whatever the function: here is its type
                typ = api.get_expression_type(expression)
                if wanted_network(typ) is None:  # else mypy itself compares the two
                    _check_network(formal, widths_of(typ), expression, api)
        return self._make_layer(context)

    def _make_layer(self, context: SigContext) -> CallableType:
        """Give a new layer literal widths."""
        signature, api = context.default_signature, context.api
        result = get_proper_type(signature.ret_type)
        variables = width_variables(result)
        if not variables or not self._flow_in(api).stays(context.context):
            return signature
        passed: dict[TypeVarId, set[int | None]] = {variable: set() for variable in variables}
        for formal, given in zip(signature.arg_types, context.args, strict=True):
            variable = get_proper_type(formal)
            for expression in given:
                if isinstance(variable, TypeVarType) and variable.id in passed:
                    passed[variable.id].add(value_of(expression, api))
                else:  # perhaps a width as well, in a way that is not looked into
                    for hidden in get_all_type_vars(variable):
                        passed.get(hidden.id, set()).add(None)
        known = {name: values.pop() for name, values in passed.items() if len(values) == 1}
        integer = api.named_generic_type("builtins.int", [])
        return signature.copy_modified(
            ret_type=_with_widths(cast(Instance, result), known, integer)
        )

    def _flow_in(self, api: CheckerPluginInterface) -> Flow:
        tree = cast(TypeChecker, api).tree
        # The daemon keeps the tree of a file that was edited, and changes what is in it.
        if self._flow is None or self._flow.defs is not tree.defs:
            self._flow = Flow(tree, self._is_sequential)
        return self._flow


def _row(call: CallExpr, api: CheckerPluginInterface) -> tuple[list[Widths], list[Expression]]:
    """Return the widths of a call's layers, and where those stand whose number is known."""
    layers: list[Widths] = []
    places: list[Expression] = []
    numbered = True
    for arg, kind in zip(call.args, call.arg_kinds, strict=True):
        given = get_proper_type(api.get_expression_type(arg))
        if kind is ARG_POS:
            items = [given]
        elif isinstance(given, TupleType) and find_unpack_in_list(given.items) is None:
            items = get_proper_types(given.items)
        else:  # nobody knows how many there are
            numbered = False
            layers.append(NOTHING_KNOWN)
            continue
        layers.extend(map(widths_of, items))
        if numbered:
            places.extend([arg] * len(items))
    return layers, places


def _check_network(
    formal: Type | None, given: Widths, place: Expression, api: CheckerPluginInterface
) -> None:
    network = wanted_network(formal)
    if network is None:
        return
    want = widths_of(network)
    for verb, expected, width in (
        ("takes", want.takes, given.takes),
        ("gives", want.gives, given.gives),
    ):
        if None not in (expected, width) and expected != width:
            message = f"expected a network that {verb} {expected} features, but this {verb} {width}"
            api.fail(message, place, code=FUNNET_WIDTH)


def _plain_inside(context: FunctionContext) -> Type:
    """Leave a network's type with the widths of its ends, and none of its layers.

    The layers stand in an invariant place: with literal widths there, mypy would find nothing in
    common between two networks of the same build.
    """
    result = get_proper_type(context.default_return_type)
    if isinstance(result, Instance) and result.type.fullname == SEQUENTIAL_TYPE:
        *rest, layers = get_proper_types(result.args)
        if isinstance(layers, TupleType):
            plain = layers.copy_modified(items=[plain_layer(layer) for layer in layers.items])
            return result.copy_modified(args=[*rest, plain])
    return result


def _read(context: AttributeContext) -> Type:
    """Return the type of what is read from a layer: of a width, an integer, as any other number.

    As a `Literal`, mypy would say of `if net.n_out == 10` that it never holds, and would let no
    name that is bound to a width be bound to another one.
    """
    return context.default_attr_type.accept(Plain())


def _with_widths(
    layer: Instance, known: Mapping[TypeVarId, int | None], integer: Instance
) -> Instance:
    """Return a layer's type with those of its widths that are known.

    An invariant type variable gets what mypy itself infers for `784`: an integer of which it knows
    the value until it is bound to a name. As `Literal[784]`, it would fit nothing but itself.
    """
    args: list[Type] = []
    for parameter, arg in zip(layer.type.defn.type_vars, get_proper_types(layer.args), strict=True):
        width = known.get(arg.id) if isinstance(arg, TypeVarType) else None
        literal = literal_of(width, integer)
        if width is None:
            args.append(arg)
        elif isinstance(parameter, TypeVarType) and parameter.variance == COVARIANT:
            args.append(literal)
        else:
            args.append(integer.copy_modified(last_known_value=cast(LiteralType, literal)))
    return layer.copy_modified(args=args)
