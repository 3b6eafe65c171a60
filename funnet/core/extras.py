"""Packages that only an extra installs."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


def import_extra(module: str, user: str) -> ModuleType:
    """Import a module of a package for its user, such as "funnet.onnx".

    Raise ImportError with the name of the extra, which is that of the package, if it is missing.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        message = f'{user} needs the {package} package: pip install "funnet[{package}]"'
        raise ImportError(message) from error
