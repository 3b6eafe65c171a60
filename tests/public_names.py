"""The modules that users import, and their public names."""

from __future__ import annotations

import importlib

import pytest

MODULES = (
    "funnet",
    "funnet.data",
    "funnet.mpi",
    "funnet.mypy_plugin",
    "funnet.onnx",
    "funnet.sklearn",
)


def public_names(module: str) -> dict[str, object]:
    """Return the public names of a module with their values; skip the test without its extra."""
    if module == "funnet.onnx":
        pytest.importorskip("onnx", reason="needs onnx (dependency group onnx)")
    names = vars(importlib.import_module(module))
    return {name: names[name] for name in names["__all__"]}
