"""The widths of networks, checked by mypy as they are written.

With `plugins = funnet.mypy_plugin` in its settings, mypy infers `Affine[Literal[784], Literal[80]]`
for `Affine.init(784, 80, rng=rng)`, and says of layers that don't fit what `sequential` raises at
run time, in the same words: both ask `funnet.widths`.

Nothing here knows `Affine`. A layer has widths if its class has the attributes `n_in` and `n_out`
that `funnet.widths` speaks of, so a user's layer is treated as ours.

What mypy can't know is `int`, and never complained about. That takes a precaution: by mypy's rules
a name has the type of the first value bound to it, and a list that of its first items, so that with
literal widths the next value put there would be an error. Only what stays where it is has literal
widths, therefore; `_Flow` tells which values do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias, cast

from mypy.checker import TypeChecker
from mypy.checkexpr import ArgInferSecondPassQuery
from mypy.constant_fold import constant_fold_binary_op, constant_fold_unary_op
from mypy.erasetype import remove_instance_last_known_values
from mypy.errorcodes import ErrorCode
from mypy.expandtype import expand_type_by_instance
from mypy.maptype import map_instance_to_supertype
from mypy.nodes import (
    ARG_NAMED,
    ARG_POS,
    COVARIANT,
    MDEF,
    AssignmentStmt,
    Block,
    CallExpr,
    ConditionalExpr,
    Context,
    Decorator,
    DictExpr,
    Expression,
    ExpressionStmt,
    FuncDef,
    IndexExpr,
    LambdaExpr,
    MemberExpr,
    MypyFile,
    NameExpr,
    Node,
    OpExpr,
    OverloadedFuncDef,
    RefExpr,
    ReturnStmt,
    StrExpr,
    SymbolNode,
    TupleExpr,
    TypeInfo,
    UnaryExpr,
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
    TypeVarType,
    UnionType,
    find_unpack_in_list,
    get_proper_type,
    get_proper_types,
    has_type_vars,
)

from funnet.widths import Widths, mismatches, whole

FUNNET_WIDTH = ErrorCode("funnet-width", "Check that the widths of layers fit", "funnet")

SEQUENTIAL = "funnet.combinators.sequential"
SEQUENTIAL_TYPE = "funnet.combinators.Sequential"
NETWORK_TYPE = "funnet.combinators.Network"
# Their type variables are of arrays and caches, which have no widths, as far as it matters.
WITHOUT_WIDTHS = frozenset(
    {
        "funnet.gradients.check_gradients",
        "funnet.layer.forward",
        "funnet.layer.input_gradient",
        "funnet.layer.predict",
    }
)

NOTHING_KNOWN = Widths("layer")

SigContext: TypeAlias = FunctionSigContext | MethodSigContext


def plugin(version: str) -> type[Plugin]:
    """Return the plugin; mypy calls this."""
    return WidthsPlugin


class WidthsPlugin(Plugin):
    """Looks at the calls that make layers and networks, or take networks of given widths."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._flow: _Flow | None = None
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
            if _mentions(_member(made, name), _width_variables(made)):
                return _read
        return None

    def _find(self, fullname: str) -> SymbolNode | None:
        symbol = self.lookup_fully_qualified(fullname) if "." in fullname else None
        return symbol.node if symbol is not None else None

    def _is_sequential(self, node: SymbolNode | None) -> bool:
        if not isinstance(node, Var):
            return node is not None and node.fullname == SEQUENTIAL
        # Perhaps another name for it, which has the same overloads.
        ours, theirs = _signatures(self._find(SEQUENTIAL)), _signatures(node)
        return len(ours) == len(theirs) > 1 and all(
            (a.arg_types, a.ret_type) == (b.arg_types, b.ret_type)
            for a, b in zip(ours, theirs, strict=True)
        )

    def _signature_hook(self, fullname: str) -> Callable[[SigContext], CallableType] | None:
        # None wherever it can be: a hook hides those of the plugins that come after this one.
        node = self._find(fullname)
        if self._is_sequential(node):
            return self._check_row
        signatures = _signatures(node)
        if isinstance(node, FuncDef | OverloadedFuncDef | Decorator) and node.info:
            of_class = _width_variables(Instance(node.info, node.info.defn.type_vars))
            if any(_mentions(signature.ret_type, of_class) for signature in signatures):
                return self._call_method
        for signature in signatures:
            takes_network = any(_wanted(formal) is not None for formal in signature.arg_types)
            if takes_network or _width_variables(signature.ret_type):
                # Of overloads, mypy asks for each, and only then finds out which one is called.
                return self._make_layer if len(signatures) > 1 else self._check_call
        return None

    def _call_method(self, context: SigContext) -> CallableType:
        """Leave no widths in what a layer's method returns, unless it stays."""
        signature = self._make_layer(context)
        if self._flow_in(context.api).stays(context.context):
            return signature
        return signature.copy_modified(ret_type=signature.ret_type.accept(_Plain()))

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
        ends = _literal(self._whole.takes, n_in), _literal(self._whole.gives, n_out)
        return signature.copy_modified(ret_type=result.copy_modified(args=[*ends, *rest]))

    def _check_layers(self, call: CallExpr, api: CheckerPluginInterface) -> Widths:
        layers, places = _row(call, api)
        for i, message in mismatches(layers):
            if i < len(places):
                api.fail(message, places[i], code=FUNNET_WIDTH)
        row = whole("Sequential", layers)
        flow = self._flow_in(api)
        _check_network(flow.demanded.get(_place(call)), row, call, api)
        return row if flow.stays(call) else NOTHING_KNOWN

    def _check_call(self, context: SigContext) -> CallableType:
        """Report networks of other widths than are asked for."""
        api = context.api
        flow = self._flow_in(api)
        for formal, given in zip(context.default_signature.arg_types, context.args, strict=True):
            for expression in given if _wanted(formal) is not None else ():
                if not isinstance(get_proper_type(formal), TypeVarType):
                    flow.keep(expression)  # whatever the function: here is its type
                typ = api.get_expression_type(expression)
                if _wanted(typ) is None:  # else mypy itself compares the two
                    _check_network(formal, _widths(typ), expression, api)
        return self._make_layer(context)

    def _make_layer(self, context: SigContext) -> CallableType:
        """Give a new layer literal widths."""
        signature, api = context.default_signature, context.api
        result = get_proper_type(signature.ret_type)
        variables = _width_variables(result)
        if not variables or not self._flow_in(api).stays(context.context):
            return signature
        passed: dict[TypeVarId, set[int | None]] = {variable: set() for variable in variables}
        for formal, given in zip(signature.arg_types, context.args, strict=True):
            variable = get_proper_type(formal)
            for expression in given:
                if isinstance(variable, TypeVarType) and variable.id in passed:
                    passed[variable.id].add(_value(expression, api))
                else:  # perhaps a width as well, in a way that is not looked into
                    for hidden in get_all_type_vars(variable):
                        passed.get(hidden.id, set()).add(None)
        known = {name: values.pop() for name, values in passed.items() if len(values) == 1}
        integer = api.named_generic_type("builtins.int", [])
        return signature.copy_modified(
            ret_type=_with_widths(cast(Instance, result), known, integer)
        )

    def _flow_in(self, api: CheckerPluginInterface) -> _Flow:
        tree = cast(TypeChecker, api).tree
        # The daemon keeps the tree of a file that was edited, and changes what is in it.
        if self._flow is None or self._flow.defs is not tree.defs:
            self._flow = _Flow(tree, self._is_sequential)
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
        layers.extend(map(_widths, items))
        if numbered:
            places.extend([arg] * len(items))
    return layers, places


def _check_network(
    formal: Type | None, given: Widths, place: Expression, api: CheckerPluginInterface
) -> None:
    network = _wanted(formal)
    if network is None:
        return
    want = _widths(network)
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
            plain = layers.copy_modified(items=[_plain(layer) for layer in layers.items])
            return result.copy_modified(args=[*rest, plain])
    return result


def _read(context: AttributeContext) -> Type:
    """Return the type of what is read from a layer: of a width, an integer, as any other number.

    As a `Literal`, mypy would say of `if net.n_out == 10` that it never holds, and would let no
    name that is bound to a width be bound to another one.
    """
    return context.default_attr_type.accept(_Plain())


class _Plain(TypeTranslator):
    """Makes integers of literal widths, however deep they are."""

    def visit_literal_type(self, t: LiteralType) -> Type:
        return t.fallback if type(t.value) is int else t

    def visit_type_alias_type(self, t: TypeAliasType) -> Type:
        return get_proper_type(t).accept(self) if not t.is_recursive else t


def _mentions(typ: Type | None, variables: set[TypeVarId]) -> bool:
    found = get_all_type_vars(typ) if typ is not None and variables else []
    return any(variable.id in variables for variable in found)


def _plain(layer: Type) -> Type:
    layer = get_proper_type(remove_instance_last_known_values(layer))
    if not isinstance(layer, Instance):
        return layer
    variables = layer.type.defn.type_vars
    of_width = _width_variables(Instance(layer.type, variables))
    args = [
        arg.fallback if isinstance(arg, LiteralType) and variable.id in of_width else arg
        for variable, arg in zip(variables, get_proper_types(layer.args), strict=False)
    ]
    return layer.copy_modified(args=args)


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
        literal = _literal(width, integer)
        if width is None:
            args.append(arg)
        elif isinstance(parameter, TypeVarType) and parameter.variance == COVARIANT:
            args.append(literal)
        else:
            args.append(integer.copy_modified(last_known_value=cast(LiteralType, literal)))
    return layer.copy_modified(args=args)


# How types are read.


def _signatures(node: SymbolNode | None) -> list[CallableType]:
    """Return the signatures of a function, or those by which a class makes its values."""
    if isinstance(node, TypeInfo):
        made = Instance(node, node.defn.type_vars)
        constructor = node.get("__init__")
        return [
            signature.copy_modified(ret_type=made)
            for signature in _signatures(constructor.node if constructor is not None else None)
        ]
    if isinstance(node, Decorator):
        node = node.var
    typ = (
        get_proper_type(node.type) if isinstance(node, FuncDef | OverloadedFuncDef | Var) else None
    )
    return typ.items if isinstance(typ, FunctionLike) else []


def _member(layer: Instance, name: str) -> ProperType | None:
    """Return the type of an attribute or property, as far as a value's class declares it."""
    symbol = layer.type.get(name)
    node = symbol.node if symbol is not None else None
    if isinstance(node, OverloadedFuncDef):  # a property with a setter
        node = node.items[0]
    if isinstance(node, Decorator):
        node = node.var
    if not isinstance(node, Var) or node.type is None:
        return None
    declared = get_proper_type(node.type)
    if node.is_property and isinstance(declared, CallableType):
        declared = get_proper_type(declared.ret_type)
    if isinstance(declared, UnionType):  # None says no more of a width than int does
        declared = _but_none(declared)
    owner = map_instance_to_supertype(layer, node.info)
    for variable, arg in zip(node.info.defn.type_vars, owner.args, strict=False):
        if isinstance(declared, TypeVarType) and declared.id == variable.id:
            return get_proper_type(arg)  # which, put in by mypy, would forget its value
    return get_proper_type(expand_type_by_instance(declared, owner))


def _but_none(union: UnionType) -> ProperType:
    """Return what else than None a value can be, if that is one type."""
    others = [item for item in get_proper_types(union.items) if not isinstance(item, NoneType)]
    return others[0] if len(others) == 1 else union


def _ends(layer: Instance) -> tuple[Type | None, Type | None]:
    """Return the types of a layer's two widths."""
    if layer.type.fullname == NETWORK_TYPE:
        n_in, n_out = layer.args
        return n_in, n_out
    return _member(layer, "n_in"), _member(layer, "n_out")


def _width_variables(typ: Type) -> set[TypeVarId]:
    """Return the type variables that are widths of a layer; none of any other type."""
    typ = get_proper_type(typ)
    ends = get_proper_types(_ends(typ)) if isinstance(typ, Instance) else []
    return {end.id for end in ends if isinstance(end, TypeVarType)}


def _widths(typ: Type) -> Widths:
    """Return what a layer's type says of its widths."""
    typ = get_proper_type(typ)
    if not isinstance(typ, Instance):
        return NOTHING_KNOWN
    takes, gives = map(_number, _ends(typ))
    return Widths(typ.type.name, takes, gives, _keeps_width(typ))


def _keeps_width(layer: Instance) -> bool:
    if layer.type.fullname == SEQUENTIAL_TYPE:
        layers = get_proper_type(layer.args[-1])
        if isinstance(layers, TupleType):
            return all(_widths(item).keeps for item in layers.items)
        return isinstance(layers, Instance) and all(_widths(item).keeps for item in layers.args)
    keeps = _member(layer, "keeps_width")
    return isinstance(keeps, LiteralType) and keeps.value is True


def _number(typ: Type | None) -> int | None:
    """Return the one whole number that a value of this type can be."""
    typ = get_proper_type(typ)
    if isinstance(typ, Instance):  # of a constant, mypy knows the value beside the type
        typ = typ.last_known_value
    if isinstance(typ, LiteralType) and type(typ.value) is int:
        return typ.value
    return None


def _value(expression: Expression, api: CheckerPluginInterface) -> int | None:
    """Return the whole number that an expression is bound to be."""
    value: object
    if isinstance(expression, OpExpr):
        left, right = _value(expression.left, api), _value(expression.right, api)
        if left is None or right is None:
            return None
        value = constant_fold_binary_op(expression.op, left, right)
    elif isinstance(expression, UnaryExpr):
        operand = _value(expression.expr, api)
        value = None if operand is None else constant_fold_unary_op(expression.op, operand)
    else:
        value = _number(api.get_expression_type(expression))
        if value is None and isinstance(expression, MemberExpr):
            layer = _widths(api.get_expression_type(expression.expr))
            value = {"n_in": layer.takes, "n_out": layer.gives}.get(expression.name)
    return value if isinstance(value, int) else None


def _literal(width: int | None, integer: Type) -> Type:
    """Return the literal type of a width; of an unknown one, the type that it has anyway."""
    if width is None:
        return integer
    return LiteralType(width, cast(Instance, get_proper_type(integer)))


def _wanted(formal: Type | None) -> Instance | None:
    """Return the `Network` that a parameter is annotated with."""
    formal = get_proper_type(formal)
    if isinstance(formal, TypeVarType):
        formal = get_proper_type(formal.upper_bound)
    if isinstance(formal, UnionType):
        formal = _but_none(formal)
    if isinstance(formal, Instance) and formal.type.fullname == NETWORK_TYPE:
        return formal
    return None


# How values move.

_ANYWHERE = object()
"""Where something else may be put later: a list, an attribute, whatever nobody looked at."""

_UNLISTED_CHILDREN = (
    *("items", "impl"),  # of overloaded functions
    *("pattern", "patterns", "name", "capture", "expr", "class_ref"),
    *("keys", "values", "rest", "positionals", "keyword_values"),
)
"""The children of those nodes that have no `__match_args__`."""


class _Flow:
    """Tells, for one file, which values may get to where values of other widths get to.

    A value stays where it is while it is used, passed to a function, or bound to a name that is
    bound once and from where it does not move on.

    Attributes
    ----------
    demanded
        Of an expression whose value must have a type that is written down, that type.

    Notes
    -----
    Expressions are known by their places: of a function with type variables that stand for one of
    a few types each, mypy checks copies.
    """

    def __init__(self, tree: MypyFile, is_sequential: Callable[[SymbolNode | None], bool]) -> None:
        self.defs = tree.defs
        self.demanded: dict[_Place, Type | None] = {}
        self._returns: Type | None = None
        self._is_sequential = is_sequential
        self._moves: list[tuple[object, object]] = []
        self._values: defaultdict[object, list[Expression]] = defaultdict(list)
        self._updates: list[tuple[object, CallExpr]] = []
        self._aliases: set[object] = set()
        self._follow(tree.defs, _ANYWHERE)
        for name, update in self._updates:
            if not self._fits(update, name):
                self._values[name].append(update)
        moving = {name for name, values in self._values.items() if len(values) > 1} | {_ANYWHERE}
        before = 0
        while before < len(moving):
            before = len(moving)
            moving.update(value for value, to in self._moves if to in moving)
        calls = [value for value, _ in self._moves if isinstance(value, CallExpr)]
        self._staying = {_place(call) for call in calls if call not in moving}

    def stays(self, call: Context) -> bool:
        """Tell whether the result of a call stays where it is."""
        return _place(call) in self._staying

    def keep(self, value: Expression) -> None:
        """Note that an expression's value stays where it is."""
        self._staying.add(_place(value))

    def _follow(self, node: object, to: object) -> None:
        """Note where the values below a node go; its own goes to the given place, None if none."""
        if isinstance(node, list | tuple):
            for item in node:
                self._follow(item, to)
        elif isinstance(node, Expression):
            self._follow_expression(node, to)
        elif isinstance(node, Node):
            self._follow_statement(node)

    def _follow_children(self, node: Node) -> None:
        for child in getattr(node, "__match_args__", _UNLISTED_CHILDREN):
            self._follow(getattr(node, child, None), _ANYWHERE)

    def _follow_expression(self, node: Expression, to: object) -> None:
        match node:
            case NameExpr(node=Var() as name):
                self._moves.append((name, to))
            case NameExpr():
                pass
            case CallExpr(callee=callee, args=args):
                self._moves.append((node, to))
                self._follow(callee, None)
                self._follow(args, self._through(node, to))
            case MemberExpr(expr=expr):
                self._follow(expr, None)
            case IndexExpr(base=base, index=index):
                self._follow(base, _ANYWHERE if isinstance(base, TupleExpr) else to)
                self._follow(index, None)
            case ConditionalExpr(cond=cond, if_expr=if_expr, else_expr=else_expr):
                self._follow(cond, None)
                self._follow([if_expr, else_expr], _ANYWHERE)
            case TupleExpr(items=items):
                self._follow(items, to)
            case LambdaExpr(body=Block(body=[ReturnStmt(expr=expr)])):
                self._follow(expr, _ANYWHERE)
            case _:
                self._follow_children(node)

    def _follow_statement(self, node: Node) -> None:
        match node:
            case ExpressionStmt(expr=expr):
                self._follow(expr, None)
            case AssignmentStmt():
                self._follow_assignment(node)
            case ReturnStmt(expr=Expression() as expr):
                self.demanded[_place(expr)] = self._returns
                self._follow(expr, None)
            case FuncDef(type=written):
                outside = self._returns
                self._returns = written.ret_type if isinstance(written, CallableType) else None
                self._follow_children(node)
                self._returns = outside
            case _:
                self._follow_children(node)

    def _follow_assignment(self, node: AssignmentStmt) -> None:
        match node:
            case AssignmentStmt(type=Type() as written, rvalue=value):
                self.demanded[_place(value)] = written
                self._follow(value, None)
            case AssignmentStmt(rvalue=CallExpr() as call) if self._is_update(node):
                self._follow(call, None)
                for target in _targets(node.lvalues):
                    self._updates.append((cast(NameExpr, target).node, call))
            case AssignmentStmt(lvalues=[NameExpr(node=name, kind=kind)], rvalue=value) if (
                kind != MDEF
            ):
                self._values[name].append(value)
                if isinstance(value, RefExpr) and self._is_sequential(value.node):
                    self._aliases.add(name)
                self._follow(value, name)
            case _:
                self._follow([node.lvalues, node.rvalue], _ANYWHERE)

    def _is_update(self, node: AssignmentStmt) -> bool:
        """Tell whether names get new values of the types that they have.

        As in `net = sgd_update(net, grads, lr=0.1)`: of our functions, each but the one that makes
        networks gives back what it is given.
        """
        call = node.rvalue
        if not isinstance(call, CallExpr) or not isinstance(call.callee, RefExpr):
            return False
        function = call.callee.node
        if not isinstance(
            function, FuncDef | OverloadedFuncDef
        ) or not function.fullname.startswith("funnet."):
            return False
        given = [arg.node for arg in call.args if isinstance(arg, NameExpr)]
        return not self._is_sequential(function) and all(
            isinstance(target, NameExpr) and target.node in given
            for target in _targets(node.lvalues)
        )

    def _fits(self, update: CallExpr, name: object) -> bool:
        """Tell whether an update keeps the type of a name, whatever else it is given."""
        [signature, *_] = _signatures(cast(RefExpr, update.callee).node)
        formals = dict(zip(signature.arg_names, signature.arg_types, strict=True))
        last = len(signature.arg_types) - 1
        for i, (arg, keyword) in enumerate(zip(update.args, update.arg_names, strict=True)):
            # What stands behind the last formal goes into it, as in tree_map(f, net, a, b).
            formal = formals.get(keyword) if keyword else signature.arg_types[min(i, last)]
            if formal == signature.ret_type and not self._is_gradient(arg, name):
                return False
        return all(kind in (ARG_POS, ARG_NAMED) for kind in update.arg_kinds)

    def _is_gradient(self, value: Expression, name: object) -> bool:
        """Tell whether a value has the type of a name: it is what it has, or its gradients."""
        if isinstance(value, NameExpr):
            values = self._values[value.node]
            return value.node is name or bool(
                values
                and all(
                    isinstance(each, CallExpr) and self._is_gradient(each, name) for each in values
                )
            )
        match value:
            case CallExpr(callee=RefExpr(fullname="funnet.layer.backward"), args=[first, *_]):
                return isinstance(first, NameExpr) and first.node is name
            case _:
                return False

    def _through(self, call: CallExpr, to: object) -> object:
        """Return where the arguments of a call go, whose result goes to the given place."""
        match call:
            case CallExpr(analyzed=DictExpr()):  # dict(a=1)
                return _ANYWHERE
            case CallExpr(analyzed=Expression()):  # reveal_type, cast and the like
                return None
            case CallExpr(callee=MemberExpr(expr=StrExpr())):  # an f-string
                return None
            case CallExpr(callee=RefExpr(node=SymbolNode() as function)):
                return self._through_function(function, to)
            case _:
                return _ANYWHERE

    def _through_function(self, function: SymbolNode, to: object) -> object:
        is_row = function in self._aliases or self._is_sequential(function)
        if is_row or function.fullname in WITHOUT_WIDTHS:
            return None
        if function.fullname == "builtins.type":
            return to
        signatures = _signatures(function)
        if any(
            formal.accept(ArgInferSecondPassQuery())
            for each in signatures
            for formal in each.arg_types
        ):
            return _ANYWHERE  # a function among the arguments may have to take it and give another
        results = get_proper_types([each.ret_type for each in signatures])
        if results and not any(map(has_type_vars, results)):
            return None
        if results and all(isinstance(result, TypeVarType) for result in results):
            return to
        return _ANYWHERE


_Place: TypeAlias = tuple[int, int, int | None, int | None]


def _place(node: Context) -> _Place:
    return node.line, node.column, node.end_line, node.end_column


def _targets(lvalues: list[Expression]) -> Iterator[Expression]:
    for lvalue in lvalues:
        if isinstance(lvalue, TupleExpr):
            yield from _targets(lvalue.items)
        else:
            yield lvalue
