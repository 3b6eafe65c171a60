"""Paths of values in trees, and errors that name them."""

from __future__ import annotations


def join(path: str, below: str) -> str:
    """Return the path of the value at `below` in the value at `path`; "" is the value itself."""
    return f"{path}.{below}" if path and below else path or below


def is_inside(path: str, paths: tuple[str, ...]) -> bool:
    """Return whether a path is one of `paths` or is below one."""
    return any(path == other or not other or path.startswith(f"{other}.") for other in paths)


class LocatedError(Exception):
    """A message and the path of a value, to which each level on the way up prepends its name."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message, path)

    @property
    def path(self) -> str:
        """Path of the value, such as "layers.0.W"; "" for the whole tree."""
        return str(self.args[1])

    def locate(self, name: str) -> None:
        """Prepend the name of the value in the next level of the tree to the path."""
        message, path = self.args
        self.args = (message, join(name, path))

    def __str__(self) -> str:
        message, path = self.args
        return f"{path}: {message}" if path else str(message)


class ShapeError(LocatedError, ValueError):
    """The shape of an array, or the width of a layer, does not match."""


class DTypeError(LocatedError, TypeError):
    """The dtype of an array does not match."""


class StructureError(LocatedError, ValueError):
    """The structures of two trees, or a network and its cache, do not match."""
