"""The examples in the docstrings run, and every public name has one sentence at least."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil

import pytest

import funnet

MODULES = [module.name for module in pkgutil.walk_packages(funnet.__path__, "funnet.")]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize(
    "name", [name for name in funnet.__all__ if inspect.isroutine(getattr(funnet, name))]
)
def test_a_public_function_has_a_docstring_with_an_example_or_a_source(name: str) -> None:
    documentation = inspect.getdoc(getattr(funnet, name)) or ""

    assert documentation.splitlines()[0].endswith(".")


def test_all_lists_what_is_imported() -> None:
    imported = {
        name
        for name, value in vars(funnet).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }

    assert sorted(imported) == sorted(funnet.__all__)
