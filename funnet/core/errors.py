"""What funnet raises, and how an error learns where it happened."""

from __future__ import annotations


class LocatedError(Exception):
    """An error about a value inside a tree: a message, and the path to that value.

    Whoever finds a mistake knows what is wrong; whoever called knows where it stands. So the
    message is written once, at the bottom, and every level that the error passes on its way up
    puts its own name in front of the path.
    """

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message, path)

    @property
    def path(self) -> str:
        """Where the value stands, such as "layers.0.W"; empty for the whole tree."""
        return str(self.args[1])

    def locate(self, name: str) -> None:
        """Put the name under which one more level holds the value in front of the path."""
        message, path = self.args
        self.args = (message, f"{name}.{path}" if path else name)

    def __str__(self) -> str:
        message, path = self.args
        return f"{path}: {message}" if path else str(message)


class ShapeError(LocatedError, ValueError):
    """An array, or a layer, does not fit where it was put."""


class DTypeError(LocatedError, TypeError):
    """An array's type of number is not the one that was asked for."""


class StructureError(LocatedError, ValueError):
    """Two trees that should be built alike are not."""
