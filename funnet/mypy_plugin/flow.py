"""The flow of values: which of them may go to where values of other widths go."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from enum import Enum, auto
from typing import TypeAlias

from mypy.checkexpr import ArgInferSecondPassQuery
from mypy.nodes import (
    ARG_NAMED,
    ARG_POS,
    MDEF,
    Argument,
    AssignmentStmt,
    Block,
    CallExpr,
    ConditionalExpr,
    Context,
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
    Var,
    YieldExpr,
)
from mypy.types import Type, TypeVarType, get_proper_types, has_type_vars

from funnet.core.widths import Widths
from funnet.mypy_plugin.reading import signatures_of, widths_of
from funnet.mypy_plugin.syntax import (
    Demand,
    Place,
    Results,
    bound_by,
    children_of,
    declared_type,
    pairs_of,
    parts_of,
    place_of,
    results_of,
    targets_of,
)

# The type variables of these functions are arrays and caches, which have no widths.
WITHOUT_WIDTHS = frozenset(
    {
        "funnet.gradients.check_gradients",
        "funnet.core.layer.forward",
        "funnet.core.layer.input_gradient",
        "funnet.core.layer.predict",
    }
)


class _End(Enum):
    """Where a value goes that is not bound to a name of the file."""

    STAYS = auto()
    """It is used, passed as an argument or annotated: no other value goes there."""
    ANYWHERE = auto()
    """Other values may go there: a list, an attribute, or anything that is not analyzed."""


_Source: TypeAlias = SymbolNode | CallExpr | MemberExpr
_Goal: TypeAlias = SymbolNode | _End
# A name without a node has no value, and is in neither.


class Flow:
    """The flow of values in one file.

    A value stays where it is if it is only used, passed to a function, or bound to a name that is
    bound once and whose value stays. Expressions are identified by their positions, because mypy
    checks one copy of a function for each value of a restricted type variable.
    """

    def __init__(self, tree: MypyFile, is_combinator: Callable[[SymbolNode | None], bool]) -> None:
        self.defs = tree.defs
        self._demands: defaultdict[Place, list[Demand]] = defaultdict(list)
        self._named_demands: list[Demand] = []
        self._results = Results(None, None)
        self._is_combinator = is_combinator
        self._moves: list[tuple[_Source, _Goal]] = []
        self._values: defaultdict[SymbolNode, list[Expression]] = defaultdict(list)
        self._assigned: dict[Place, Expression] = {}
        self._updates: list[tuple[SymbolNode, CallExpr, SymbolNode]] = []
        self._aliases: set[SymbolNode] = set()
        self._made: dict[Place, Widths | Type] = {}
        self._rows: dict[Place, list[Widths]] = {}
        self._follow(tree.defs, _End.ANYWHERE)
        for name, update, function in self._updates:
            if not self._fits(update, function, name):
                self._values[name].append(update)
        moving: set[_Source] = {name for name, values in self._values.items() if len(values) > 1}
        before = -1
        while before < len(moving):
            before = len(moving)
            moving.update(value for value, to in self._moves if to is _End.ANYWHERE or to in moving)
        self._staying = {
            place_of(value)
            for value, _ in self._moves
            if isinstance(value, Expression) and value not in moving
        }
        for demand in self._named_demands:
            call = self._call_that_made(demand.place)
            if call is not None:
                self._demands[place_of(call)].append(demand)

    def stays(self, value: Context) -> bool:
        """Return whether the result of a call, or the value of a constant, stays where it is."""
        return place_of(value) in self._staying

    def keep(self, value: Expression) -> None:
        """Record that the value of an expression stays where it is."""
        self._staying.add(place_of(value))

    def demands(self, value: Context) -> list[Demand]:
        """Return the annotated types of the value of an expression."""
        return self._demands.get(place_of(value), [])

    def note_row(self, call: CallExpr, layers: list[Widths]) -> None:
        """Record the widths of the first layers of the network that a call makes."""
        self._rows[place_of(call)] = layers

    def note_made(self, call: Context, made: Widths | Type) -> None:
        """Record the widths or the type of the layer that a call makes."""
        self._made[place_of(call)] = made

    def row(self, value: Expression) -> list[Widths]:
        """Return the recorded widths of the first layers of a network."""
        call = self._call_that_made(value)
        return self._rows.get(place_of(call), []) if call is not None else []

    def made(self, value: Expression) -> Widths | None:
        """Return the recorded widths of a layer, or None."""
        call = self._call_that_made(value)
        made = self._made.get(place_of(call)) if call is not None else None
        return widths_of(made) if isinstance(made, Type) else made

    def _call_that_made(self, value: Expression) -> CallExpr | None:
        """Return the call that made a value, directly or through names that are bound once."""
        seen: set[SymbolNode] = set()
        while isinstance(value, NameExpr) and value.node is not None and value.node not in seen:
            seen.add(value.node)
            values = self._values.get(value.node, [])
            if len(values) == 1:
                value = values[0]
        return value if isinstance(value, CallExpr) else None

    def assigned(self, target: Context) -> Expression | None:
        """Return the expression that is assigned to an attribute."""
        return self._assigned.get(place_of(target))

    def demand(self, value: Expression, typ: Type | None) -> None:
        """Record the annotated type of a value, if any."""
        for part, written in parts_of(value, typ):
            demand = Demand(written, part)
            self._demands[place_of(part)].append(demand)
            if isinstance(part, NameExpr):
                self._named_demands.append(demand)

    def _follow(self, node: object, to: _Goal) -> None:
        """Record where the values inside a node go; its own value goes to `to`."""
        if isinstance(node, list | tuple):
            for item in node:
                self._follow(item, to)
        elif isinstance(node, Expression):
            self._follow_expression(node, to)
        elif isinstance(node, Node):
            self._follow_statement(node)

    def _follow_children(self, node: Node) -> None:
        self._rebind(bound_by(node))
        self._follow(children_of(node), _End.ANYWHERE)

    def _follow_expression(self, node: Expression, to: _Goal) -> None:
        match node:
            case NameExpr(node=Var() as name):
                self._moves.append((name, to))
            case NameExpr():
                pass
            case CallExpr(callee=callee, args=args):
                self._moves.append((node, to))
                self._follow(callee, _End.STAYS)
                self._follow(args, self._through(node, to))
            case MemberExpr(expr=expr):
                self._moves.append((node, to))
                self._follow(expr, _End.STAYS)
            case IndexExpr(base=base, index=index):
                self._follow(base, _End.ANYWHERE if isinstance(base, TupleExpr) else to)
                self._follow(index, _End.STAYS)
            case ConditionalExpr(cond=cond, if_expr=if_expr, else_expr=else_expr):
                self._follow(cond, _End.STAYS)
                self._follow([if_expr, else_expr], _End.ANYWHERE)
            case TupleExpr(items=items):
                self._follow(items, to)
            case LambdaExpr(body=Block(body=[ReturnStmt(expr=expr)])):
                self._follow(expr, _End.ANYWHERE)
            case YieldExpr(expr=Expression() as expr):
                self._follow_written(expr, self._results.yielded)
            case _:
                self._follow_children(node)

    def _follow_statement(self, node: Node) -> None:
        match node:
            case Block(is_unreachable=True):
                pass  # mypy does not check it either
            case ExpressionStmt(expr=expr):
                self._follow(expr, _End.STAYS)
            case AssignmentStmt():
                self._follow_assignment(node)
            case ReturnStmt(expr=Expression() as expr):
                self._follow_written(expr, self._results.returned)
            case Argument(variable=Var(type=written), initializer=Expression() as default):
                self._follow_written(default, written)
            case FuncDef():
                outside = self._results
                self._results = results_of(node)
                self._follow_children(node)
                self._results = outside
            case _:
                self._follow_children(node)

    def _follow_written(self, value: Expression, typ: Type | None) -> None:
        """Record where a value with an annotated type goes."""
        self.demand(value, typ)
        self._follow_arms(value)

    def _follow_arms(self, value: Expression) -> None:
        match value:
            case ConditionalExpr(cond=cond, if_expr=if_expr, else_expr=else_expr):
                self._follow(cond, _End.STAYS)
                self._follow_arms(if_expr)
                self._follow_arms(else_expr)
            case OpExpr(op="and" | "or", left=left, right=right):
                self._follow_arms(left)
                self._follow_arms(right)
            case _:
                self._follow(value, _End.STAYS)

    def _follow_assignment(self, node: AssignmentStmt) -> None:
        value = node.rvalue
        for lvalue in node.lvalues:
            for target, part in pairs_of(lvalue, value):
                if isinstance(target, MemberExpr):
                    self._assigned[place_of(target)] = part
                elif isinstance(target, NameExpr) and isinstance(target.node, Var):
                    self.demand(part, node.type or declared_type(target.node))
        match node:
            case AssignmentStmt(type=Type()):
                self._follow_arms(value)
            case AssignmentStmt(
                rvalue=CallExpr(callee=RefExpr(node=SymbolNode() as function)) as call
            ) if self._is_update(node.lvalues, call, function):
                self._follow(call, _End.STAYS)
                self._updates += [
                    (target.node, call, function)
                    for target in targets_of(node.lvalues)
                    if isinstance(target, NameExpr) and target.node is not None
                ]
            case AssignmentStmt(lvalues=[MemberExpr()], is_final_def=True):
                self._follow(value, _End.STAYS)
            case AssignmentStmt(lvalues=[NameExpr() as target]):
                self._follow_binding(target, value, constant=node.is_final_def)
            case _:
                self._rebind(node.lvalues)
                self._follow([node.lvalues, value], _End.ANYWHERE)

    def _rebind(self, targets: list[Expression]) -> None:
        """Record names that are bound to unknown values, perhaps several times."""
        for target in targets_of(targets):
            if isinstance(target, NameExpr) and target.node is not None:
                self._values[target.node].extend([target, target])

    def _follow_binding(self, target: NameExpr, value: Expression, *, constant: bool) -> None:
        match target:
            case NameExpr(node=Var() as name) if declared_type(name) is not None:
                self._follow_arms(value)
            case NameExpr(kind=kind) if kind == MDEF:
                self._follow(value, _End.STAYS if constant else _End.ANYWHERE)
            case NameExpr(node=SymbolNode() as name):
                self._values[name].append(value)
                if isinstance(value, RefExpr) and self._is_combinator(value.node):
                    self._aliases.add(name)
                self._follow(value, name)
            case _:  # a type, or in unreachable code
                self._follow(value, _End.STAYS)

    def _is_update(self, targets: list[Expression], call: CallExpr, function: SymbolNode) -> bool:
        """Return whether a call computes new values of its arguments, bound to the same names.

        An example is `net = sgd_update(net, grads, lr=0.1)`: every function of `funnet` except
        combinators returns the type of its argument.
        """
        given = [arg.node for arg in call.args if isinstance(arg, NameExpr)]
        return (
            isinstance(function, FuncDef | OverloadedFuncDef)
            and function.fullname.startswith("funnet.")
            and not self._is_combinator(function)
            and all(
                isinstance(target, NameExpr) and target.node in given
                for target in targets_of(targets)
            )
        )

    def _fits(self, update: CallExpr, function: SymbolNode, name: SymbolNode) -> bool:
        """Return whether an update keeps the type of a name, whatever its other arguments are."""
        [signature, *_] = signatures_of(function)
        formals = dict(zip(signature.arg_names, signature.arg_types, strict=True))
        last = len(signature.arg_types) - 1
        for i, (arg, keyword) in enumerate(zip(update.args, update.arg_names, strict=True)):
            # The last formal takes all further arguments, as in tree_map(f, net, a, b).
            formal = formals.get(keyword) if keyword else signature.arg_types[min(i, last)]
            if formal == signature.ret_type and not self._is_gradient(arg, name):
                return False
        return all(kind in (ARG_POS, ARG_NAMED) for kind in update.arg_kinds)

    def _is_gradient(self, value: Expression, name: SymbolNode) -> bool:
        """Return whether a value is that of a name or its gradients, and so has its type."""
        match value:
            case NameExpr(node=SymbolNode() as given):
                values = self._values.get(given, [])
                return given is name or (
                    len(values) > 0
                    and all(isinstance(each, CallExpr) for each in values)
                    and all(self._is_gradient(each, name) for each in values)
                )
            case CallExpr(
                callee=RefExpr(fullname="funnet.core.layer.backward"), args=[NameExpr() as net, *_]
            ):
                return net.node is name
            case _:
                return False

    def _through(self, call: CallExpr, to: _Goal) -> _Goal:
        """Return where the arguments of a call go, if its result goes to `to`."""
        match call:
            case CallExpr(analyzed=DictExpr()):  # dict(a=1)
                return _End.ANYWHERE
            case CallExpr(analyzed=Expression()):  # reveal_type, cast and the like
                return _End.STAYS
            case CallExpr(callee=MemberExpr(expr=StrExpr())):  # an f-string
                return _End.STAYS
            case CallExpr(callee=RefExpr(node=SymbolNode() as function)):
                return self._through_function(function, to)
            case _:
                return _End.ANYWHERE

    def _through_function(self, function: SymbolNode, to: _Goal) -> _Goal:
        is_row = function in self._aliases or self._is_combinator(function)
        if is_row or function.fullname in WITHOUT_WIDTHS:
            return _End.STAYS
        if function.fullname == "builtins.type":
            return to
        signatures = signatures_of(function)
        if any(
            formal.accept(ArgInferSecondPassQuery())
            for each in signatures
            for formal in each.arg_types
        ):
            # A function among the arguments may replace this one by another value.
            return _End.ANYWHERE
        results = get_proper_types([each.ret_type for each in signatures])
        if results and not any(map(has_type_vars, results)):
            return _End.STAYS
        if results and all(isinstance(result, TypeVarType) for result in results):
            return to
        return _End.ANYWHERE
