"""The syntax of a program: assignments, the parts of expressions, and annotated types."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from mypy.nodes import (
    AssignmentExpr,
    Block,
    CallExpr,
    ConditionalExpr,
    Context,
    DelStmt,
    DictExpr,
    DictionaryComprehension,
    Expression,
    ForStmt,
    FuncDef,
    GeneratorExpr,
    LambdaExpr,
    ListComprehension,
    ListExpr,
    Node,
    OperatorAssignmentStmt,
    OpExpr,
    RefExpr,
    ReturnStmt,
    SetComprehension,
    SetExpr,
    StarExpr,
    TupleExpr,
    TypeInfo,
    Var,
    WithStmt,
)
from mypy.patterns import AsPattern, MappingPattern, StarredPattern
from mypy.types import CallableType, Instance, ProperType, TupleType, Type, get_proper_type

from funnet.mypy_plugin.reading import but_none

FIELDS = frozenset(
    {
        "attr.attrib",
        "attr.ib",
        "attr.field",
        "attr._next_gen.field",
        "attrs.field",
        "dataclasses.field",
    }
)
"""Functions that declare a field; their defaults have its type."""

Place: TypeAlias = tuple[int, int, int | None, int | None]


def place_of(node: Context) -> Place:
    """Return the position of an expression in its file."""
    return node.line, node.column, node.end_line, node.end_column


_UNLISTED_CHILDREN = (
    *("items", "impl"),  # of overloaded functions
    *("pattern", "patterns", "name", "capture", "expr", "class_ref"),
    *("keys", "values", "rest", "positionals", "keyword_values"),
)
"""Children of nodes without `__match_args__`."""


def children_of(node: Node) -> list[object]:
    """Return the children of a node, including names and numbers."""
    return [
        getattr(node, child, None) for child in getattr(node, "__match_args__", _UNLISTED_CHILDREN)
    ]


def targets_of(lvalues: list[Expression]) -> Iterator[Expression]:
    """Yield the targets of an assignment, including those in tuples."""
    for lvalue in lvalues:
        if isinstance(lvalue, TupleExpr | ListExpr):
            yield from targets_of(lvalue.items)
        elif isinstance(lvalue, StarExpr):
            yield from targets_of([lvalue.expr])
        else:
            yield lvalue


def bound_by(node: Node) -> list[Expression]:
    """Return the targets that a node binds to a value without an expression."""
    targets: list[Expression | None] = []
    match node:
        case AssignmentExpr(target=target) | ForStmt(index=target) | DelStmt(expr=target):
            targets = [target]
        case OperatorAssignmentStmt(lvalue=target):
            targets = [target]
        case WithStmt():
            targets = [*node.target]
        case AsPattern(name=target) | StarredPattern(capture=target) | MappingPattern(rest=target):
            targets = [target]
        case _:
            pass
    return [target for target in targets if target is not None]


def pairs_of(target: Expression, value: Expression) -> Iterator[tuple[Expression, Expression]]:
    """Yield the targets of an assignment, each with its expression."""
    if not isinstance(target, TupleExpr):
        yield target, value
    elif isinstance(value, TupleExpr) and len(target.items) == len(value.items):
        for item, part in zip(target.items, value.items, strict=True):
            if isinstance(item, StarExpr) or isinstance(part, StarExpr):
                return  # the items after a star are at unknown positions
            yield from pairs_of(item, part)


def arms_of(value: Expression) -> Iterator[Expression]:
    """Yield the expressions of which one is the value, as a and b in `a if deep else b`."""
    match value:
        case ConditionalExpr(if_expr=first, else_expr=second):
            yield from arms_of(first)
            yield from arms_of(second)
        case OpExpr(op="and" | "or", left=first, right=second):
            yield from arms_of(first)
            yield from arms_of(second)
        case AssignmentExpr(value=inner):
            yield from arms_of(inner)
        case _:
            yield value


def parts_of(value: Expression, typ: Type | None) -> Iterator[tuple[Expression, Type]]:
    """Yield the parts of an expression with their types: a to d of `(a, b) if x else (c, d)`."""
    if typ is None:
        return
    typ = but_none(typ)
    for arm in arms_of(value):
        inside = _inside(arm, typ)
        if inside is None:
            yield arm, typ
        else:
            for part, written in inside:
                yield from parts_of(part, written)


def _inside(value: Expression, typ: ProperType) -> list[tuple[Expression, Type]] | None:
    """Return the parts of a display, lambda or field with their types, or None."""
    args = typ.args if isinstance(typ, Instance) else ()
    inside: list[tuple[Expression, Type]] | None = []
    match value:
        case LambdaExpr():
            result = _result(value)
            inside = [(result, typ.ret_type)] if isinstance(typ, CallableType) and result else []
        case TupleExpr(items=items) if isinstance(typ, TupleType):
            inside = list(zip(items, typ.items, strict=False))
        case TupleExpr(items=items) | ListExpr(items=items) | SetExpr(items=items):
            inside = [(item, args[0]) for item in items if args]
        case DictExpr(items=pairs):
            inside = [(item, args[1]) for _, item in pairs if len(args) == 2]
        case ListComprehension(generator=rows) | SetComprehension(generator=rows):
            inside = [(rows, typ)]
        case GeneratorExpr(left_expr=item):
            inside = [(item, args[0])] if args else []
        case DictionaryComprehension(value=item):
            inside = [(item, args[1])] if len(args) == 2 else []
        case CallExpr(callee=RefExpr(fullname=function)) if function in FIELDS:
            args_by_name = dict(zip(value.arg_names, value.args, strict=True))
            made = [args_by_name.get(name) for name in ("default", "default_factory", "factory")]
            inside = [(arg, typ) for arg in map(_result, made) if arg is not None]
        case _:
            inside = None
    return inside


def _result(value: Expression | None) -> Expression | None:
    """Return the result of a lambda, and any other expression as it is."""
    match value:
        case LambdaExpr(body=Block(body=[ReturnStmt(expr=result)])):
            return result
        case _:
            return value


@dataclass(frozen=True)
class Demand:
    """An annotated type, and the expression whose value must have it."""

    type: Type
    place: Expression


@dataclass(frozen=True)
class Results:
    """The annotated types of what a function returns and yields."""

    returned: Type | None
    yielded: Type | None


def results_of(function: FuncDef) -> Results:
    """Return the annotated types of what a function returns and yields."""
    if not isinstance(function.type, CallableType):
        return Results(None, None)
    result = get_proper_type(function.type.ret_type)
    args = result.args if isinstance(result, Instance) else ()
    if function.is_generator:  # Generator[yielded, sent, returned], or a wider type
        return Results(args[2] if len(args) == 3 else None, args[0] if args else None)
    if function.is_coroutine:  # Coroutine[Any, Any, returned]
        return Results(args[2] if len(args) == 3 else None, None)
    return Results(result, None)


def declared_type(name: Var) -> Type | None:
    """Return the annotated type of a name, also if the annotation is in a base class."""
    if name.type is not None and not name.is_inferred:
        return name.type
    for base in name.info.mro[1:] if name.info else ():
        symbol = base.names.get(name.name)
        if symbol is not None and isinstance(symbol.node, Var):
            return declared_type(symbol.node)
    return None


def catches_errors(handled: Expression | None) -> bool:
    """Return whether an except clause catches errors, not only `KeyboardInterrupt` or the like."""
    match handled:
        case TupleExpr(items=items):
            return any(map(catches_errors, items))
        case RefExpr(node=TypeInfo() as error):
            return (
                error.has_base("builtins.Exception") or error.fullname == "builtins.BaseException"
            )
        case _:
            return True
