"""What a tree knows about a class: how its values are taken apart, and put together again.

A class whose constructor only locks and checks its arguments may say so by an attribute in its
body, `constructor_only_checks = True`. Then values whose fields are known to be right, such as
those of an update or of gradients, are made without it (see `funnet.core.tree.refill`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, cast

import attrs


@attrs.frozen(eq=False, repr=False)
class Kind:
    """How the values of one class are taken apart into their children, and put together again.

    Parameters
    ----------
    names
        The path entries of a value's children.
    children
        The children themselves; a leaf and a constant have none.
    build
        A value like the given one that holds other children.
    entries
        What two values must have in common to be built alike; None if the class says it all.
    refill
        As `build`, for children that the class is known to accept.
    """

    # Any stands for the class itself: each function is called with values of that class only.
    names: Callable[[Any], Sequence[str]]
    children: Callable[[Any], Sequence[object]]
    build: Callable[[Any, Sequence[object]], object]
    entries: Callable[[Any], object] | None = None
    refill: Callable[[Any, Sequence[object]], object] = attrs.field(
        default=attrs.Factory(lambda kind: kind.build, takes_self=True)
    )


def _make_kind(cls: Any) -> Kind:
    if issubclass(cls, dict):
        return Kind(
            names=lambda node: [str(key) for key in node],
            children=lambda node: list(node.values()),
            build=lambda node, children: cls(zip(node, children, strict=True)),
            entries=list,
        )
    if issubclass(cls, tuple | list):
        # A NamedTuple has names for its items, and a constructor that takes them one by one.
        make, item_names = getattr(cls, "_make", cls), getattr(cls, "_fields", None)
        return Kind(
            names=lambda node: item_names or [str(i) for i in range(len(node))],
            children=lambda node: node,
            build=lambda _, children: make(children),
            entries=len,
        )
    check_layer_class(cls)
    fields = [field for field in getattr(cls, "__attrs_attrs__", ()) if field.init]
    names = [field.name for field in fields]
    keywords = [field.alias for field in fields]
    by_position = not any(field.kw_only for field in fields)

    def build(_: object, children: Sequence[object]) -> object:
        if by_position:
            return cls(*children)
        return cls(**dict(zip(keywords, children, strict=True)))

    new, put = object.__new__, object.__setattr__

    def refill(_: object, children: Sequence[object]) -> object:
        value = new(cls)
        for name, child in zip(names, children):  # noqa: B905 (half of the time for a keyword)
            put(value, name, child)
        return value

    kind = Kind(names=lambda _: names, children=_getter(names), build=build)
    # Not what is inherited: a subclass has a constructor of its own.
    only_checks = vars(cls).get("constructor_only_checks", False)
    return attrs.evolve(kind, refill=refill) if only_checks else kind


def check_layer_class(cls: type[object]) -> None:
    """Refuse a layer whose parameters nobody would find: it would ride along, and never learn.

    Raises
    ------
    TypeError
        If the class has a pullback, as layers have, and is no attrs class.
    """
    if hasattr(cls, "pullback") and not attrs.has(cls):
        raise TypeError(
            f"expected the layer {cls.__name__} to be of an attrs class, whose fields are its "
            "parameters: put @attrs.frozen(eq=False) above the class"
        )


def _getter(names: Sequence[str]) -> Callable[[Any], Sequence[object]]:
    """Return what returns the attributes of these names, always in a tuple."""
    if not names:
        return lambda _: ()
    get = attrgetter(*names)
    return get if len(names) > 1 else lambda node: (get(node),)


kind_of = cast("Callable[[type[object]], Kind]", cache(_make_kind))
