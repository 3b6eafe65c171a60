"""Errors about a value inside a tree, with its path."""

from __future__ import annotations


class LocatedError(Exception):
    """An error about a value inside a tree: a message and the path of that value.

    The function that detects the error writes the message; each level of the tree that the error
    passes on its way up prepends its own name to the path.
    """

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message, path)

    @property
    def path(self) -> str:
        """Path of the value, such as "layers.0.W"; "" for the whole tree."""
        return str(self.args[1])

    def locate(self, name: str) -> None:
        """Prepend the name of the value in the next level of the tree to the path."""
        message, path = self.args
        self.args = (message, f"{name}.{path}" if path else name)

    def __str__(self) -> str:
        message, path = self.args
        return f"{path}: {message}" if path else str(message)


class ShapeError(LocatedError, ValueError):
    """The shape of an array, or the width of a layer, does not match."""


class DTypeError(LocatedError, TypeError):
    """The dtype of an array does not match."""


class StructureError(LocatedError, ValueError):
    """The structures of two trees, or a network and its cache, do not match."""
