"""The onnx package, which is an extra."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


def onnx_package() -> ModuleType:
    """Return the module `onnx`; raise ImportError with the name of the extra if it is missing."""
    try:
        return import_module("onnx")
    except ImportError as error:
        message = 'funnet.onnx needs the onnx package: pip install "funnet[onnx]"'
        raise ImportError(message) from error
