"""The floors of the package: modules import only from their own floor or from below."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import funnet

PACKAGE = Path(funnet.__file__).parent

FLOORS = (
    {"core"},
    {
        "optimizers",
        "functions",
        "gradients",
        "inspection",
        "metrics",
        "data",
        "targets",
        "mypy_plugin",
    },
    {"layers", "losses", "training"},
    {"experiments"},
    {"__init__", "mpi", "onnx", "sklearn"},
)
"""The rooms of each floor, from the lowest one up."""

FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}


def module(path: Path) -> str:
    """Return the dotted name of a file."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 2 else parts)


MODULES = {module(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imported(path: Path) -> set[str]:
    """Return the modules of funnet that a file imports, those inside functions included."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            source = str(node.module)
            names |= {
                f"{source}.{alias.name}" if f"{source}.{alias.name}" in MODULES else source
                for alias in node.names
            }
    return {"funnet.__init__" if name == "funnet" else name for name in names} & MODULES.keys()


IMPORTS = {name: imported(path) for name, path in MODULES.items()}


def room(name: str) -> str:
    """Return the room of a module: the part of its name after "funnet."."""
    return name.split(".")[1]


def test_every_room_is_on_a_floor() -> None:
    assert {room(name) for name in MODULES} == FLOOR.keys()


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_nothing_from_a_higher_floor(name: str) -> None:
    assert [other for other in IMPORTS[name] if FLOOR[room(other)] > FLOOR[room(name)]] == []


def test_no_import_is_circular() -> None:
    order = list(TopologicalSorter(IMPORTS).static_order())

    assert len(order) == len(MODULES)


def test_rooms_of_one_floor_import_each_other_without_a_circle() -> None:
    rooms: dict[str, set[str]] = {room(name): set() for name in MODULES}
    for name, others in IMPORTS.items():
        rooms[room(name)] |= {room(other) for other in others} - {room(name)}

    assert set(TopologicalSorter(rooms).static_order()) == rooms.keys()
