"""How values move: which may get to where values of other widths get to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import TypeAlias, cast

from mypy.checkexpr import ArgInferSecondPassQuery
from mypy.nodes import (
    ARG_NAMED,
    ARG_POS,
    MDEF,
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
    OverloadedFuncDef,
    RefExpr,
    ReturnStmt,
    StrExpr,
    SymbolNode,
    TupleExpr,
    Var,
)
from mypy.types import (
    CallableType,
    Type,
    TypeVarType,
    get_proper_types,
    has_type_vars,
)

from funnet.mypy_plugin.reading import signatures_of

# Their type variables are of arrays and caches, which have no widths, as far as it matters.
WITHOUT_WIDTHS = frozenset(
    {
        "funnet.gradients.check_gradients",
        "funnet.layer.forward",
        "funnet.layer.input_gradient",
        "funnet.layer.predict",
    }
)

_ANYWHERE = object()
"""Where something else may be put later: a list, an attribute, whatever nobody looked at."""

_UNLISTED_CHILDREN = (
    *("items", "impl"),  # of overloaded functions
    *("pattern", "patterns", "name", "capture", "expr", "class_ref"),
    *("keys", "values", "rest", "positionals", "keyword_values"),
)
"""The children of those nodes that have no `__match_args__`."""


class Flow:
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
        self.demanded: dict[Place, Type | None] = {}
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
        self._staying = {place_of(call) for call in calls if call not in moving}

    def stays(self, call: Context) -> bool:
        """Tell whether the result of a call stays where it is."""
        return place_of(call) in self._staying

    def keep(self, value: Expression) -> None:
        """Note that an expression's value stays where it is."""
        self._staying.add(place_of(value))

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
                self.demanded[place_of(expr)] = self._returns
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
                self.demanded[place_of(value)] = written
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
        [signature, *_] = signatures_of(cast(RefExpr, update.callee).node)
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
        signatures = signatures_of(function)
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


Place: TypeAlias = tuple[int, int, int | None, int | None]


def place_of(node: Context) -> Place:
    """Return where an expression stands in its file."""
    return node.line, node.column, node.end_line, node.end_column


def _targets(lvalues: list[Expression]) -> Iterator[Expression]:
    for lvalue in lvalues:
        if isinstance(lvalue, TupleExpr):
            yield from _targets(lvalue.items)
        else:
            yield lvalue
