"""The examples in the docstrings run, and every public name has one sentence at least."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil

import pytest
from public_names import public_names

import funnet

MODULES = [module.name for module in pkgutil.walk_packages(funnet.__path__, "funnet.")]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name: str) -> None:
    if name.startswith("funnet.onnx"):
        pytest.importorskip("onnx", reason="needs onnx (dependency group onnx)")
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize(
    "function", [value for value in public_names("funnet").values() if inspect.isroutine(value)]
)
def test_a_public_function_has_a_docstring_with_an_example_or_a_source(function: object) -> None:
    documentation = inspect.getdoc(function) or ""

    assert documentation.splitlines()[0].endswith(".")


def test_a_star_import_gives_the_public_names_and_no_modules() -> None:
    names: dict[str, object] = {}
    exec("from funnet import *", names)  # noqa: S102
    del names["__builtins__"]

    assert names.keys() >= {"Affine", "forward", "sgd_update"}
    assert not any(name.startswith("_") or inspect.ismodule(value) for name, value in names.items())
