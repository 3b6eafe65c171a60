"""A mypy plugin that checks the widths of networks and reports unused results.

With `plugins = funnet.mypy_plugin` in its settings, mypy infers `Affine[Literal[784], Literal[80]]`
for `Affine.init(784, 80, rng=rng)`. It reports layers that do not fit in the words of the error
that `sequential`, `residual` or `concatenate` raises. User-defined layers are treated like those of
`funnet`: only the attributes that `funnet.core.widths` describes are used.

A width may be a number, a `Final` constant, arithmetic on these, or a `Literal` type. An annotation
such as `net: Network[Literal[64], Literal[10]]` is checked wherever a value is assigned. Widths
that mypy cannot infer are `int` and are not checked, nor are those of values that may move to where
values of other widths go: an item of a list, an attribute that is not `Final`, a name that is bound
twice, as the next value would be an error for mypy. `Flow` finds the values that stay.

The plugin also reports

- arrays of another rank than a layer expects, such as images without `Flatten()` before an
  `Affine`. Without the plugin, mypy reports these only if no layer between the two takes arrays of
  any rank, as `ReLU` does, and at most six layers are given. To its error, which does not name the
  layers, the plugin adds a note;
- calls of pure functions whose results are not used, such as `sgd_update(net, grads, lr=0.1)` on a
  line of its own.

`# type: ignore[funnet-width]`, `[funnet-rank]` and `[funnet-unused]` silence one report.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias, cast

from mypy.checker import TypeChecker
from mypy.errorcodes import ErrorCode
from mypy.nodes import (
    ARG_STAR,
    CallExpr,
    Context,
    Decorator,
    Expression,
    FuncDef,
    MypyFile,
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
from mypy.types import (
    CallableType,
    FunctionLike,
    Instance,
    Type,
    TypeVarId,
    TypeVarType,
    get_proper_type,
)

from funnet.core.widths import Widths, demand_mismatches
from funnet.mypy_plugin.combinators import (
    COMBINATORS,
    SEQUENTIAL,
    Combinator,
    Row,
    plain_inside,
    row_of,
    widths_in,
    with_ends,
)
from funnet.mypy_plugin.flow import Flow
from funnet.mypy_plugin.ranks import rank_mismatches
from funnet.mypy_plugin.reading import (
    NOTHING_KNOWN,
    Plain,
    asks_for_network,
    has_widths,
    member_of,
    mentions,
    passed_widths,
    same_signatures,
    signatures_of,
    unpacked_type,
    wanted_network,
    width_variables,
    widths_of,
    with_widths,
)
from funnet.mypy_plugin.syntax import arms_of
from funnet.mypy_plugin.unused import PureFunctions, check_used, thrown_away

__all__ = ["plugin"]

FUNNET_WIDTH = ErrorCode("funnet-width", "Check that the widths of layers fit", "funnet")
FUNNET_RANK = ErrorCode("funnet-rank", "Check that the ranks of arrays fit", "funnet")

_SOURCES = [
    *sorted(Path(__file__).parent.glob("*.py")),
    Path(__file__).parents[1] / "core" / "widths.py",
]
__version__ = sha256(b"".join(path.read_bytes() for path in _SOURCES)).hexdigest()
"""Version of the plugin; mypy discards its cache when it changes."""

SigContext: TypeAlias = FunctionSigContext | MethodSigContext


def plugin(version: str) -> type[Plugin]:
    """Return the class of the plugin, for mypy."""
    return WidthsPlugin


class WidthsPlugin(Plugin):
    """Infers the widths of layers, and compares them where networks are expected."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._flow: Flow | None = None
        self._whole = NOTHING_KNOWN
        self._unpacked: Type | None = None
        self._accepting = False

    def set_modules(self, modules: dict[str, MypyFile]) -> None:
        """Store the modules that mypy reads; it calls this before any hook."""
        super().set_modules(modules)
        self._pure = PureFunctions(self._find, modules)

    def get_function_signature_hook(
        self, fullname: str
    ) -> Callable[[FunctionSigContext], FunctionLike] | None:
        """Return the hook for calls of a function or class."""
        return self._hook(fullname)

    def get_method_signature_hook(
        self, fullname: str
    ) -> Callable[[MethodSigContext], FunctionLike] | None:
        """Return the hook for calls of a method."""
        return self._hook(fullname)

    def get_function_hook(self, fullname: str) -> Callable[[FunctionContext], Type] | None:
        """Return the hook that removes inner widths from the type of a new network."""
        return _plain_row if self._combinator(self._find(fullname)) is not None else None

    def get_attribute_hook(self, fullname: str) -> Callable[[AttributeContext], Type] | None:
        """Return the hook for an attribute that is a width or a layer."""
        owner, _, name = fullname.rpartition(".")
        info = self._find(owner)
        if not isinstance(info, TypeInfo) or name not in info.names:
            return None
        made = Instance(info, info.defn.type_vars)
        typ = member_of(made, name)
        if mentions(typ, width_variables(made)):
            return _read
        if typ is None or not (
            isinstance(typ, TypeVarType) or asks_for_network(typ) or has_widths(typ)
        ):
            return None
        node = info.names[name].node
        # The inferred type of a constant must not become the declared type of a name.
        inferred = isinstance(node, Var) and node.is_final and node.is_inferred
        return partial(self._look_at_attribute, inferred=inferred)

    def get_class_attribute_hook(self, fullname: str) -> Callable[[AttributeContext], Type] | None:
        """Return the hook for an attribute of a class."""
        return self.get_attribute_hook(fullname)

    def _find(self, fullname: str) -> SymbolNode | None:
        symbol = self.lookup_fully_qualified(fullname) if "." in fullname else None
        return symbol.node if symbol is not None else None

    def _combinator(self, node: SymbolNode | None) -> Combinator | None:
        for each in COMBINATORS:
            if not isinstance(node, Var):
                if node is not None and node.fullname == each.function:
                    return each
                continue
            # An alias has the same overloads.
            ours = signatures_of(self._find(each.function))
            if len(ours) > 1 and same_signatures(ours, signatures_of(node)):
                return each
        return None

    def _hook(self, fullname: str) -> Callable[[SigContext], CallableType] | None:
        """Return the hook that checks a call, and whether its result is used."""
        hook, pure, node = self._signature_hook(fullname), self._pure, self._find(fullname)
        local = "." not in fullname  # local names cannot be looked up
        alias = isinstance(node, Var) and pure.have_type(node.type)
        if not (local or alias or pure.has(fullname)):
            return hook

        def look(context: SigContext) -> CallableType:
            if not local or pure.have_type(context.default_signature):
                self._flow_in(context.api)
                check_used(self._thrown_away, context)
            return context.default_signature if hook is None else hook(context)

        return look

    def _signature_hook(self, fullname: str) -> Callable[[SigContext], CallableType] | None:
        # None where possible: mypy uses only the first plugin that returns a hook.
        node = self._find(fullname)
        combinator = self._combinator(node)
        if combinator is not None:
            return partial(self._check_row, combinator=combinator)
        signatures = signatures_of(node)
        if isinstance(node, FuncDef | OverloadedFuncDef | Decorator) and node.info:
            of_class = width_variables(Instance(node.info, node.info.defn.type_vars))
            if any(mentions(signature.ret_type, of_class) for signature in signatures):
                return self._call_method
        for signature in signatures:
            takes, result = signature.arg_types, signature.ret_type
            if any(map(asks_for_network, takes)) or width_variables(result) or has_widths(result):
                # mypy calls the hook for each overload before it selects one.
                return self._make_layer if len(signatures) > 1 else self._check_call
        return None

    def _call_method(self, context: SigContext) -> CallableType:
        """Replace the widths in the result of a layer's method by `int`, unless it stays."""
        signature = self._make_layer(context)
        if self._flow_in(context.api).stays(context.context):
            return signature
        return signature.copy_modified(ret_type=signature.ret_type.accept(Plain()))

    def _check_row(self, context: SigContext, *, combinator: Combinator) -> CallableType:
        """Report layers that do not fit, and put the widths of the network into its type.

        mypy calls this for each overload before it selects one. `get_function_hook` would be too
        late: during the selection, an error means that an overload does not match.
        """
        signature, api = context.default_signature, context.api
        call = cast(CallExpr, context.context)
        if same_signatures([signature], signatures_of(self._find(combinator.function))[:1]):
            # Both evaluate calls, and so call this method, too.
            unpacked = unpacked_type(call, api)
            made = self._check_layers(call, combinator, api)
            self._unpacked, self._whole = unpacked, made
        if self._unpacked is not None:
            anything = api.named_generic_type("builtins.object", [])
            signature = signature.copy_modified(
                arg_types=[anything],
                arg_kinds=[ARG_STAR],
                arg_names=[None],
                ret_type=self._unpacked,
            )
        return signature.copy_modified(ret_type=with_ends(signature.ret_type, self._whole))

    def _check_layers(
        self, call: CallExpr, combinator: Combinator, api: CheckerPluginInterface
    ) -> Widths:
        flow = self._flow_in(api)
        row = row_of(call, flow, api)
        for i, message in combinator.mismatches(row.widths):
            if i < len(row.places):
                api.fail(message, row.places[i], code=FUNNET_WIDTH)
        if combinator is SEQUENTIAL:
            self._check_ranks(call, row, api)
        made = combinator.whole(combinator.network, row.widths)
        flow.note_row(call, row.widths[: len(row.places)])
        flow.note_made(call, made)
        self._check_demands(call, made, api)
        return made if flow.stays(call) else NOTHING_KNOWN

    def _check_ranks(self, call: CallExpr, row: Row, api: CheckerPluginInterface) -> None:
        """Report layers on arrays of another rank; to an error of mypy itself, add a note."""
        found = [(i, message) for i, message in rank_mismatches(row.ranks) if i < len(row.places)]
        if not found or self._accepting:
            return
        self._accepting = True
        checker = cast(TypeChecker, api)
        with checker.msg.filter_errors() as refused:
            api.get_expression_type(call)
        self._accepting = False
        if refused.has_new_errors() and api.type_context[-1] is not None:
            return  # mypy tries the call with several types; it reports the one without
        report = checker.note if refused.has_new_errors() else checker.fail
        for i, message in found:
            report(message, row.places[i], code=FUNNET_RANK)

    def _check_demands(self, value: Context, given: Widths, api: CheckerPluginInterface) -> None:
        for demand in self._flow_in(api).demands(value):
            _check_network(demand.type, given, demand.place, api)

    def _check_call(self, context: SigContext) -> CallableType:
        """Report arguments whose widths differ from those in the annotation."""
        for formal, given in zip(context.default_signature.arg_types, context.args, strict=True):
            for expression in given if asks_for_network(formal) else ():
                self._demand(expression, formal, context.api)
        return self._make_layer(context)

    def _demand(self, value: Expression, formal: Type, api: CheckerPluginInterface) -> None:
        """Report a value whose widths differ from the annotation, or let the calls in it do so."""
        flow = self._flow_in(api)
        flow.demand(value, formal)
        for arm in arms_of(value) if wanted_network(formal) is not None else ():
            if not isinstance(get_proper_type(formal), TypeVarType):
                flow.keep(arm)  # its type is annotated
            typ = api.get_expression_type(arm)
            if wanted_network(typ) is None:  # otherwise mypy compares the two
                _check_network(formal, widths_in(arm, typ, flow, api), arm, api)

    def _make_layer(self, context: SigContext) -> CallableType:
        """Give a new layer its literal widths."""
        signature, api = context.default_signature, context.api
        made, flow = self._made(context), self._flow_in(api)
        if has_widths(made):  # an overload without any must not replace one that has some
            flow.note_made(context.context, made)
        if flow.demands(context.context) and wanted_network(made) is None:
            self._check_demands(context.context, widths_of(made), api)
        if not flow.stays(context.context):
            return signature
        return signature.copy_modified(ret_type=made)

    def _made(self, context: SigContext) -> Type:
        """Return the type of the layer that a call makes, with the widths in its arguments."""
        signature, api = context.default_signature, context.api
        result = get_proper_type(signature.ret_type)
        variables = width_variables(result)
        if not isinstance(result, Instance) or not variables:
            return signature.ret_type
        passed: dict[TypeVarId, set[int | None]] = {variable: set() for variable in variables}
        for formal, given in zip(signature.arg_types, context.args, strict=True):
            for expression in given:
                for variable, width in passed_widths(formal, expression, api):
                    passed.get(variable, set()).add(width)
        known = {name: values.pop() for name, values in passed.items() if len(values) == 1}
        integer = api.named_generic_type("builtins.int", [])
        return with_widths(result, known, integer)

    def _look_at_attribute(self, context: AttributeContext, *, inferred: bool) -> Type:
        """Check the widths of a layer that is assigned to an attribute or read from it."""
        typ, api = context.default_attr_type, context.api
        if not asks_for_network(typ) and not has_widths(typ):
            return typ
        flow = self._flow_in(api)
        if context.is_lvalue:
            value = flow.assigned(context.context)
            if value is not None:
                self._demand(value, typ, api)
        else:
            self._check_demands(context.context, widths_of(typ), api)
            if inferred and not flow.stays(context.context):
                return typ.accept(Plain())
        return typ

    def _flow_in(self, api: CheckerPluginInterface) -> Flow:
        tree = cast(TypeChecker, api).tree
        # The daemon keeps the tree of an edited file and replaces its contents.
        if self._flow is None or self._flow.defs is not tree.defs:
            self._flow = Flow(tree, lambda node: self._combinator(node) is not None)
            self._thrown_away = thrown_away(tree)
        return self._flow


def _check_network(
    formal: Type | None, given: Widths, place: Expression, api: CheckerPluginInterface
) -> None:
    network = wanted_network(formal)
    if network is None:
        return
    for message in demand_mismatches(widths_of(network), given):
        api.fail(message, place, code=FUNNET_WIDTH)


def _plain_row(context: FunctionContext) -> Type:
    return plain_inside(context.default_return_type)


def _read(context: AttributeContext) -> Type:
    """Return `int` for a width that is read from a layer.

    With a literal type, `if net.n_out == 10` would be an error, and so would a second width for
    a name.
    """
    return context.default_attr_type.accept(Plain())
