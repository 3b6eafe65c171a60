"""Detection of unused results of pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping

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


class ThrownAway:
    """The calls in one file whose results are not used, except for calls expected to raise.

    `around` maps their positions to the context managers around them.
    """

    def __init__(self, tree: MypyFile) -> None:
        self.around: dict[Place, list[Expression]] = {}
        self._managers: list[Expression] = []
        self._error_expected = False
        self._look([*tree.defs])

    def _look(self, nodes: list[object]) -> None:
        """Visit statements and those inside them."""
        for node in nodes:
            outside = self._managers, self._error_expected
            if isinstance(node, list):
                self._look(node)
            elif isinstance(node, Node) and not isinstance(node, Expression):
                self._look_at(node)
            self._managers, self._error_expected = outside

    def _look_at(self, node: Node) -> None:
        match node:
            case ExpressionStmt(expr=value):
                if not self._error_expected:
                    self._note(value)
            case FuncDef(body=body):  # called elsewhere
                self._managers, self._error_expected = [], False
                self._look([body])
            case WithStmt(expr=managers, body=body):
                self._managers = [*self._managers, *managers]
                self._look([body])
            case TryStmt(body=body, types=types):
                self._look([node.handlers, node.else_body, node.finally_body])
                self._error_expected = self._error_expected or any(map(catches_errors, types))
                self._look([body])
            case _:
                self._look(children_of(node))

    def _note(self, value: Expression) -> None:
        match value:
            case CallExpr():
                self.around[place_of(value)] = self._managers
            case ConditionalExpr(if_expr=if_expr, else_expr=else_expr):
                self._note(if_expr)
                self._note(else_expr)
            case OpExpr(op="and" | "or", right=right):
                self._note(right)
            case _:
                pass


def check_used(thrown_away: ThrownAway, context: FunctionSigContext | MethodSigContext) -> None:
    """Report a call of a pure function whose result is not used."""
    signature, api, call = context.default_signature, context.api, context.context
    managers = thrown_away.around.get(place_of(call))
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
