"""The onnx package, which is an extra."""

from __future__ import annotations

from types import ModuleType


def onnx_package() -> ModuleType:
    """Return the module `onnx`; raise ImportError with the name of the extra if it is missing."""
    try:
        import onnx
    except ImportError as error:
        raise ImportError(
            'funnet.onnx needs the onnx package: pip install "funnet[onnx]"'
        ) from error
    return onnx
