"""Build the API reference by pdoc: `python .ci/reference/build.py`, or with another folder.

The page of `funnet` has a part for each module that its names come from, with the docstring of that
module. Types and values are shown as they are written in the source, `x: Images`, with links.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import warnings
from collections.abc import Iterator
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from types import FunctionType
from typing import Any

import attrs
import pdoc
import pdoc.render
import pygments
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from pdoc.doc import Class, Doc, Function, Module, Variable
from pdoc.doc_types import empty
from pdoc.render_helpers import lexer, linkify, relative_link, signature_formatter

import funnet

HERE = Path(__file__).parent
FOLDER = HERE.parent.parent / "out" / "reference"

PAGES = (
    "funnet",
    "funnet.sklearn",
    "funnet.onnx",
    "funnet.mpi",
    "funnet.data",
    "funnet.mypy_plugin",
)

ROOMS = (
    "layers",
    "core",
    "losses",
    "optimizers",
    "training",
    "experiments",
    "data",
    "functions",
    "gradients",
    "inspection",
    "metrics",
)
"""The folders and files of funnet, in the order of its page."""

EXPLAINED = ("funnet.core.widths",)
"""Modules without public names that docstrings refer to."""


# What is on a page.


@attrs.frozen
class Part:
    """The names that a page takes from one module."""

    module: Module
    members: list[Doc[Any]]

    @property
    def room(self) -> str:
        """The folder or file of funnet that the module is, or is in."""
        name: str = self.module.fullname
        return name.removeprefix("funnet.").split(".")[0]


def parts(page: Module) -> list[Part]:
    """Return the parts of a page; only that of `funnet` has more than one."""
    if page.fullname != "funnet":
        return [Part(page, list(page.members.values()))]
    members: dict[str, list[Doc[Any]]] = {name: [] for name in EXPLAINED}
    for name, source in sources(page).items():
        members.setdefault(source, []).append(page.members[name])
    return [
        Part(Module.from_name(source), members[source])
        for source in sorted(members, key=lambda name: (ROOMS.index(name.split(".")[1]), name))
    ]


def sources(page: Module) -> dict[str, str]:
    """Return the module in which each name of a page is defined."""
    imported = {
        alias.name: node.module
        for node in ast.parse(page.source).body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    return {
        name: imported[name] if isinstance(member, Variable) else member.obj.__module__
        for name, member in page.members.items()
    }


def rooms(page: Module) -> Iterator[tuple[str, list[Doc[Any]]]]:
    """Yield the rooms of a page with their names."""
    for room, group in groupby(parts(page), lambda part: part.room):
        yield room, [member for part in group for member in part.members]


# How it is shown.


class Code(str):
    """Code as it is written: pdoc shows the `repr` of annotations and defaults."""

    __slots__ = ()
    __repr__ = str.__str__


# Any: pdoc declares that it shows types.
def annotation(value: object) -> Any:
    """Return a type as it is written; of a type that is not a string, the modules are left out."""
    if value is empty or isinstance(value, str):
        return value if value is empty else Code(value)
    for name, alias in vars(funnet).items():
        if value == alias and not isinstance(alias, type):
            return Code(name)
    return Code(re.sub(r"(\w+\.)+(?=[A-Z])", "", inspect.formatannotation(value)))


def default(value: object) -> object:
    """Return a default so that a class or a function is shown by its name."""
    if isinstance(value, type | FunctionType) and value is not empty:
        return Code(value.__name__)
    return value


def write_function(function: Function) -> None:
    """Show the signature of a function as it is written."""
    signature = inspect.signature(function.obj)
    function.signature = signature.replace(
        parameters=[
            parameter.replace(
                annotation=annotation(parameter.annotation), default=default(parameter.default)
            )
            for parameter in signature.parameters.values()
        ],
        return_annotation=annotation(signature.return_annotation),
    )
    function.decorators = [name for name in function.decorators if not name.startswith("@np.")]


def write_class(cls: Class) -> None:
    """Show a class as it is written, without what attrs, Protocol and scikit-learn add to it."""
    # Else pdoc takes the methods of a generic class from its bases.
    cls._bases = cls.obj.__mro__
    cls.bases = [(module, name, name) for module, name, _ in cls.bases if name != "Generic"]
    if getattr(cls.obj, "_is_protocol", False):
        cls.members.pop("__init__", None)
    for name, member in list(cls.members.items()):
        if isinstance(member, Variable):
            if member.is_classvar and not member.docstring:
                del cls.members[name]
            member.annotation = annotation(type_of(cls.obj, name) or member.annotation)
        elif isinstance(member, Function) and hasattr(member.obj, "__code__"):
            write_function(member)
            if name == "__init__":
                member.signature = member.signature.replace(return_annotation=empty)
                if "generated by attrs" in member.docstring:
                    member.docstring = ""
        else:
            del cls.members[name]


def type_of(cls: type, name: str) -> object:
    """Return the type of an attribute or a property as it is written, or None."""
    for base in cls.__mro__:
        if isinstance(vars(base).get(name), property):
            return vars(base)[name].fget.__annotations__.get("return")
        if name in vars(base).get("__annotations__", {}):
            return vars(base)["__annotations__"][name]
    return None


def write_value(variable: Variable, source: Module) -> None:
    """Show an alias or a constant with its docstring and its value as it is written."""
    variable.docstring = source.members[variable.name].docstring
    for node in ast.parse(source.source).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if ast.unparse(target) == variable.name:
                value = getattr(node.value, "value", None)
                code = value if isinstance(value, str) else ast.unparse(node.value)
                variable.default_value = Code(code)


def write(page: Module) -> None:
    """Show what is on a page as it is written."""
    for name, source in sources(page).items():
        member = page.members[name]
        if isinstance(member, Class):
            write_class(member)
        elif isinstance(member, Function):
            write_function(member)
        elif isinstance(member, Variable):
            write_value(member, Module.from_name(source))


def highlighted(code: str) -> Markup:
    """Return code as HTML, with names that can be linked."""
    return Markup(pygments.highlight(code, lexer, signature_formatter).strip())  # noqa: S704 (pygments escapes)


# Links.

LINKED = re.compile(
    r"""(?<=<span[ ]class="n">) [A-Z]\w+ (?=</span>)     # code; arguments begin with a small letter
      | (?<=<code>) (?:[A-Z]\w+ | funnet[.\w]+) (?=</code>)""",
    re.VERBOSE,
)
ATTRIBUTE = re.compile(r"<a href=[^>]*>([.]\w+)</a>")
"""A link of pdoc from the method of a call, `f(x).astype`, to a function."""


def linked(context: Context, text: str, **options: Any) -> Markup:
    """Link names as pdoc does, and all classes, aliases and parts of this page and of `funnet`."""
    page, home = context["module"], Module.from_name("funnet")
    there = home.members.keys() | {part.module.fullname for part in parts(home)}

    def link(match: re.Match[str]) -> str:
        name = match[0]
        if name in page.members:
            return f'<a href="#{name}">{name}</a>'
        if name in there:
            return f'<a href="{relative_link(page.fullname, "funnet")}#{name}">{name}</a>'
        return name

    return Markup(LINKED.sub(link, ATTRIBUTE.sub(r"\1", linkify(context, text, **options))))  # noqa: S704


def address(name: str, page: Module) -> str:
    """Return the address of a page, seen from another."""
    return relative_link(page.fullname, name) or "#"


def main() -> None:
    """Write the pages; any warning is an error."""
    warnings.simplefilter("error")
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    footer = f"funnet {version('funnet')}"
    pdoc.render.configure(docformat="numpy", template_directory=HERE, footer_text=footer)
    pdoc.render.env.filters |= {
        "address": address,
        "highlighted": highlighted,
        "linkify": pass_context(linked),
        "parts": parts,
        "rooms": rooms,
    }
    for name in PAGES:
        write(Module.from_name(name))
    # minibatches is a public name of funnet.data, and a module.
    pdoc.pdoc(*PAGES, "!funnet[.]data[.]", output_directory=folder)


if __name__ == "__main__":
    main()
