"""How the values of a class are taken apart into their children and rebuilt from them.

`kind_of` describes all fields of a class. `parameters_of` leaves out buffers and the context (see
`funnet.core.context`), which are kept unchanged.

A class whose constructor only locks and checks its arguments may state so in its body,
`constructor_only_checks = True`. Values of such a class whose fields are known to be valid, such as
updated parameters or gradients, are then created without it (see `funnet.core.tree.refill`).
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from types import MemberDescriptorType
from typing import Any, cast

import attrs

from funnet.core.arrays import T
from funnet.core.context import BUFFER, CONTEXT, WIDE_BUFFER, Context
from funnet.core.errors import StructureError

_CONTEXT_TYPE = re.compile(rf"\b{Context.__name__}\b")


# Any: each function is called with values of one class only.
Build = Callable[[Any, Sequence[object]], object]
"""Function of a value and new children: a value like it with these children."""


@attrs.frozen(eq=False, repr=False)
class Kind:
    """How the values of one class are taken apart and rebuilt.

    Parameters
    ----------
    names
        Function of a value: the names of its children, which are the entries of paths.
    children
        Function of a value: its children. Arrays and constants have none.
    build
        Function of a value and new children: a value like it with these children.
    entries
        Function of a value: what must be equal for two values to have one structure. Default: None,
        if their class is enough.
    kept
        Indices of the children that are not parameters: buffers and the context. Default: none.
    wide
        Indices of the buffers that are float32 in a float16 network. Default: none.
    context
        Index of the context that `training_mode` fills. Default: None, if there is none.
    refill
        As `build`, for children that are known to be valid. Default: `build`.
    """

    names: Callable[[Any], Sequence[str]]
    children: Callable[[Any], Sequence[object]]
    build: Build
    entries: Callable[[Any], object] | None = None
    kept: frozenset[int] = frozenset()
    wide: frozenset[int] = frozenset()
    context: int | None = None
    refill: Build = attrs.field(default=attrs.Factory(lambda kind: kind.build, takes_self=True))

    def named_children(self, value: object) -> Iterator[tuple[str, object]]:
        """Iterate over the names and the children of a value."""
        return zip(self.names(value), self.children(value), strict=True)


def is_branch(value: object) -> bool:
    """Return whether a value has a structure: an attrs value, a tuple, list or dict."""
    return isinstance(value, tuple | list | dict) or attrs.has(type(value))


def _make_kind(cls: Any) -> Kind:
    if issubclass(cls, dict):
        return Kind(
            names=lambda node: [str(key) for key in node],
            children=lambda node: list(node.values()),
            build=partial(_build_dict, cls),
            entries=list,
        )
    if issubclass(cls, tuple | list):
        # Constructors of subclasses may take the items one by one, as that of a NamedTuple does.
        make = cls if cls is tuple or issubclass(cls, list) else partial(tuple.__new__, cls)
        item_names = getattr(cls, "_fields", None)  # of a NamedTuple
        return Kind(
            names=lambda node: item_names or [str(i) for i in range(len(node))],
            children=lambda node: node,
            build=lambda _, children: make(children),
            entries=len,
        )
    check_layer_class(cls)
    fields = [field for field in getattr(cls, "__attrs_attrs__", ()) if field.init]
    names = [_public_name(cls, field) for field in fields]
    keywords = [field.alias for field in fields]
    by_position = not any(field.kw_only for field in fields)

    def build(_: object, children: Sequence[object]) -> object:
        if by_position:
            return cls(*children)
        return cls(**dict(zip(keywords, children, strict=True)))

    context = next((i for i, field in enumerate(fields) if _is_context(cls, field)), None)
    kind = Kind(
        names=lambda _: names,
        children=_getter(names),
        build=build,
        kept=frozenset(i for i, field in enumerate(fields) if i == context or _has(field, BUFFER)),
        context=context,
        wide=frozenset(i for i, field in enumerate(fields) if _has(field, WIDE_BUFFER)),
    )
    # Looked up in the class itself: a subclass has a constructor of its own.
    if not vars(cls).get("constructor_only_checks", False):
        return kind
    refill = _compiled(cls, "_, fields", [f"fields[{i}]" for i in range(len(fields))])
    return attrs.evolve(kind, refill=refill) if refill else kind


def _build_dict(cls: Any, node: dict[str, object], children: Sequence[object]) -> object:
    items = dict(zip(node, children, strict=True))
    if isinstance(node, defaultdict):
        return cls(node.default_factory, items)
    return dict_of(cls, items)


def dict_of(cls: Any, items: Mapping[str, object]) -> object:
    """Return a dict of a class; raise StructureError if its constructor does not take a dict.

    Not pairs of keys and values, which a Counter would count.
    """
    try:
        return cls(items)
    except TypeError as error:
        raise StructureError(
            f"a {cls.__name__} cannot be made from its items; convert it with dict(...)"
        ) from error


def filler(cls: type[T]) -> Callable[..., T]:
    """Return a function of the values of all fields that skips the constructor of an attrs class.

    It is compiled, as constructors of attrs are, and takes half of the time of one that only sets
    fields. Classes without slots are made by their constructor.
    """
    names = [f"field_{i}" for i in range(len(attrs.fields(cast(Any, cls))))]
    return _compiled(cls, ", ".join(names), names) or cls


def _compiled(cls: Any, arguments: str, values: Sequence[str]) -> Callable[..., Any] | None:
    """Return a function of these arguments that sets the fields to these values, if it can."""
    slots: list[Any] = [getattr(cls, field.name, None) for field in attrs.fields(cls)]
    if not all(isinstance(slot, MemberDescriptorType) for slot in slots):
        return None
    names: dict[str, object] = {f"put_{i}": slot.__set__ for i, slot in enumerate(slots)}
    names |= {"new": object.__new__, "cls": cls}
    puts = "".join(f" put_{i}(value, {value})\n" for i, value in enumerate(values))
    source = f"def make({arguments}):\n value = new(cls)\n{puts} return value\n"
    exec(source, names)  # noqa: S102 (a text of this function)
    return cast("Callable[..., Any]", names["make"])


def _public_name(cls: type[object], field: attrs.Attribute[object]) -> str:
    """Return the name of a field, or that of the property under which a private one is read."""
    public = field.name.lstrip("_")
    return public if isinstance(getattr(cls, public, None), property) else field.name


def _has(field: attrs.Attribute[object], metadata: Mapping[str, bool]) -> bool:
    return field.metadata.keys() >= metadata.keys()


def check_layer_class(cls: type[object]) -> None:
    """Raise TypeError for a class with a pullback that is not an attrs class.

    The parameters of such a layer would not be found, and would never be updated.
    """
    if hasattr(cls, "pullback") and not attrs.has(cls):
        raise TypeError(
            f"the layer {cls.__name__} must be an attrs class, whose fields are its parameters; "
            "decorate it with @attrs.frozen(eq=False)"
        )


def _getter(names: Sequence[str]) -> Callable[[Any], Sequence[object]]:
    """Return a function that returns the attributes of these names, always as a tuple.

    It is compiled, which takes half of the instructions of `operator.attrgetter`.
    """
    attributes = "".join(f"node.{name}, " for name in names)
    get: Callable[[Any], Sequence[object]] = eval(f"lambda node: ({attributes})")  # noqa: S307
    return get


class _Kinds(dict[type[object], Kind]):
    """A cache of kinds: an item is read in a third of the instructions of a cached function."""

    def __init__(self, make: Callable[[type[object]], Kind]) -> None:
        super().__init__()
        self.make = make

    def __missing__(self, cls: type[object]) -> Kind:
        kind = self[cls] = self.make(cls)
        return kind


KINDS = _Kinds(_make_kind)
kind_of = KINDS.__getitem__


def named_children(value: object) -> Iterator[tuple[str, object]]:
    """Iterate over the names and values of all children: parameters, buffers and constants."""
    return kind_of(type(value)).named_children(value)


def _without_kept(cls: type[object]) -> Kind:
    kind = KINDS[cls]
    if not kind.kept:
        return kind
    fields = kind.names(None)  # a class with kept fields is an attrs class
    walked = [i for i in range(len(fields)) if i not in kind.kept]
    names = [fields[i] for i in walked]

    def with_kept(build: Build) -> Build:
        def build_with_kept(node: object, children: Sequence[object]) -> object:
            new = list(kind.children(node))
            for i, child in zip(walked, children, strict=True):
                new[i] = child
            return build(node, new)

        return build_with_kept

    build = with_kept(kind.build)
    return Kind(
        names=lambda _: names,
        children=_getter(names),
        build=build,
        refill=build if kind.refill is kind.build else with_kept(kind.refill),
    )


PARAMETERS = _Kinds(_without_kept)
parameters_of = PARAMETERS.__getitem__


def _is_context(cls: type[object], field: attrs.Attribute[object]) -> bool:
    """Return whether a field is declared as `context: Context | None = None`."""
    if field.name != CONTEXT:
        return False
    if field.type is None:  # a class without annotations
        return field.default is None
    return _CONTEXT_TYPE.search(str(_evaluated(cls, field.type))) is not None


def _evaluated(cls: type[object], annotation: object) -> object:
    """Return the type that an annotation of the context means, if it can be evaluated.

    It is a string under `from __future__ import annotations`, and may use another name.
    """
    if isinstance(annotation, str):
        for base in cls.__mro__:
            if CONTEXT in vars(base).get("__annotations__", {}):
                names = getattr(sys.modules.get(base.__module__), "__dict__", {})
                with suppress(NameError, AttributeError, TypeError):
                    return eval(annotation, names)  # noqa: S307
    return annotation
