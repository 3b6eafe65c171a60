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
    if name.startswith("funnet.onnx"):
        pytest.importorskip("onnx", reason="needs onnx (dependency group onnx)")
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize(
    "name", [name for name in funnet.__all__ if inspect.isroutine(getattr(funnet, name))]
)
def test_a_public_function_has_a_docstring_with_an_example_or_a_source(name: str) -> None:
    documentation = inspect.getdoc(getattr(funnet, name)) or ""

    assert documentation.splitlines()[0].endswith(".")


def test_a_star_import_gives_the_public_names_and_no_modules() -> None:
    names: dict[str, object] = {}
    exec("from funnet import *", names)  # noqa: S102
    del names["__builtins__"]

    assert names.keys() >= {"Affine", "forward", "sgd_update"}
    assert not any(name.startswith("_") or inspect.ismodule(value) for name, value in names.items())
