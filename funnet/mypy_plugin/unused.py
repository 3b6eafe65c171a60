"""Detection of unused results of pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from mypy.errorcodes import ErrorCode
from mypy.nodes import (
    CallExpr,
    ConditionalExpr,
    Decorator,
    Expression,
    ExpressionStmt,
    FuncDef,
    MemberExpr,
    MypyFile,
    NameExpr,
    Node,
    OpExpr,
    SymbolNode,
    TryStmt,
    TypeInfo,
    WithStmt,
)
from mypy.plugin import FunctionSigContext, MethodSigContext
from mypy.types import CallableType, FunctionLike, NoneType, Type, UninhabitedType, get_proper_type

from funnet.mypy_plugin.reading import same_signatures, signatures_of, swallows_errors
from funnet.mypy_plugin.syntax import Place, catches_errors, children_of, place_of

FUNNET_UNUSED = ErrorCode(
    "funnet-unused", "Check that results of pure functions are used", "funnet"
)

# The public functions that are called for their effect.
WITH_EFFECT = frozenset(
    {
        "funnet.core.locks.lock_in_place",  # locks its argument
        "funnet.layers.combinators.sequential",  # checks that layers fit, as the next two do
        "funnet.layers.residual.residual",
        "funnet.layers.concatenate.concatenate",
        "funnet.data.mnist.load_mnist",  # stores what it downloads
        "funnet.gradients.check_gradients",  # raises if gradients are wrong
        "funnet.training.streams.last",  # runs a training loop
    }
)


class PureFunctions:
    """Recognizes pure functions: those whose only effect is their result.

    They are the functions that `funnet` exports, except for those in `WITH_EFFECT`, and the methods
    of its values and protocols. Classes and static methods are not among them, because they are
    also called to see whether they raise.
    """

    def __init__(
        self, find: Callable[[str], SymbolNode | None], modules: Mapping[str, MypyFile]
    ) -> None:
        self._find = find
        self._modules = modules
        self._signatures: list[CallableType] = []

    def has(self, fullname: str) -> bool:
        """Return whether the function of this name is pure."""
        if not fullname.startswith("funnet."):
            return False
        owner, _, name = fullname.rpartition(".")
        info = self._find(owner)
        if isinstance(info, TypeInfo):
            method = info.names[name].node if name in info.names else None
            static = isinstance(method, Decorator) and method.func.is_static
            value = info.is_protocol or info.metadata.get("attrs", {}).get("frozen")
            return bool(value) and not static
        node = self._find(fullname)
        return (
            node is not None
            and node is self._find(f"funnet.{name}")
            and not isinstance(node, TypeInfo)
            and fullname not in WITH_EFFECT
        )

    def have_type(self, typ: Type | None) -> bool:
        """Return whether a type is that of a pure function, under any name."""
        typ = get_proper_type(typ)
        return isinstance(typ, FunctionLike) and all(map(self._have_signature, typ.items))

    def _have_signature(self, theirs: CallableType) -> bool:
        if theirs.definition is not None:
            return self.has(theirs.definition.fullname)
        # The type was read from mypy's cache, or is an annotation.
        self._signatures = self._signatures or self._public_signatures()
        return any(same_signatures([theirs], [ours]) for ours in self._signatures)

    def _public_signatures(self) -> list[CallableType]:
        """Return the signatures of public functions; none before mypy has analyzed `funnet`."""
        package = self._modules.get("funnet")
        symbols = package.names.values() if package is not None else ()
        return [
            signature
            for symbol in symbols
            if symbol.module_public and symbol.node is not None and self.has(symbol.node.fullname)
            for signature in signatures_of(symbol.node)
        ]


ThrownAway: TypeAlias = dict[Place, list[Expression]]
"""The calls of a file whose results are not used, by position, and the context managers around."""


def thrown_away(tree: MypyFile) -> ThrownAway:
    """Return the calls in a file whose results are not used, except for calls expected to raise."""
    return dict(_thrown_away(tree.defs, []))


def _thrown_away(
    nodes: Sequence[object], around: list[Expression] | None
) -> Iterator[tuple[Place, list[Expression]]]:
    """Visit statements inside context managers, or None where an error is expected."""
    for node in nodes:
        match node:
            case list():
                yield from _thrown_away(node, around)
            case ExpressionStmt(expr=value) if around is not None:
                yield from ((place_of(call), around) for call in _calls(value))
            case FuncDef(body=body):  # called elsewhere
                yield from _thrown_away([body], [])
            case WithStmt(expr=managers, body=body) if around is not None:
                yield from _thrown_away([body], [*around, *managers])
            case TryStmt(body=body, types=types):
                yield from _thrown_away([node.handlers, node.else_body, node.finally_body], around)
                caught = any(map(catches_errors, types))
                yield from _thrown_away([body], None if caught else around)
            case Node() if not isinstance(node, Expression):
                yield from _thrown_away(children_of(node), around)
            case _:
                pass


def _calls(value: Expression) -> Iterator[CallExpr]:
    """Yield the calls whose result may be that of an expression."""
    match value:
        case CallExpr():
            yield value
        case ConditionalExpr(if_expr=if_expr, else_expr=else_expr):
            yield from _calls(if_expr)
            yield from _calls(else_expr)
        case OpExpr(op="and" | "or", right=right):
            yield from _calls(right)
        case _:
            pass


def check_used(thrown: ThrownAway, context: FunctionSigContext | MethodSigContext) -> None:
    """Report a call of a pure function whose result is not used."""
    signature, api, call = context.default_signature, context.api, context.context
    managers = thrown.get(place_of(call))
    if (
        managers is not None
        and isinstance(call, CallExpr)
        and not isinstance(get_proper_type(signature.ret_type), NoneType | UninhabitedType)
        and not any(swallows_errors(api.get_expression_type(manager)) for manager in managers)
    ):
        callee = call.callee
        name = callee.name if isinstance(callee, NameExpr | MemberExpr) else signature.name
        message = f"the result of {name} is not used, and it has no other effect"
        api.fail(message, call, code=FUNNET_UNUSED)
