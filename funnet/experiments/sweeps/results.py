"""`Result`, the outcome of one run of a sweep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import attrs
import numpy as np

Config = TypeVar("Config")
R = TypeVar("R")

Outcome = tuple[R | None, str | None]
"""The value and the error of a run."""

Attempt = Callable[[Config, int], Outcome[R]]
"""A function of a configuration and its index that makes the run."""


@attrs.frozen(eq=False)
class Result(Generic[Config, R]):
    """The outcome of one run. Arrays in it are compared by shape and elements.

    `value` is what the run returned, or None if it raised an exception. `error` is the traceback of
    that exception, or of writing the value to the results file, or None.
    """

    index: int
    config: Config
    value: R | None = None
    error: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the run succeeded, and its value was written if there is a results file."""
        return self.error is None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Result):
            return NotImplemented
        return (
            (self.index, self.error) == (other.index, other.error)
            and _equal(self.config, other.config)
            and _equal(self.value, other.value)
        )

    def __hash__(self) -> int:
        return hash((self.index, self.error))


def _equal(a: object, b: object) -> bool:
    if a is b:
        return True
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        if a.dtype.hasobject:  # np.array_equal fails on arrays in arrays
            a, b = [a.shape, a.tolist()], [b.shape, b.tolist()]
        else:
            return bool(np.array_equal(a, b))
    if type(a) is type(b):
        if isinstance(a, tuple | list) and isinstance(b, tuple | list):
            return len(a) == len(b) and all(map(_equal, a, b))
        if isinstance(a, dict) and isinstance(b, dict):
            return a.keys() == b.keys() and all(_equal(a[key], b[key]) for key in a)
        names = _compared_fields(type(a))
        if names is not None:
            return all(_equal(getattr(a, name), getattr(b, name)) for name in names)
    return not (isinstance(a, np.ndarray) or isinstance(b, np.ndarray)) and bool(a == b)


def _compared_fields(cls: type) -> list[str] | None:
    if attrs.has(cls):
        return [field.name for field in attrs.fields(cls) if field.eq]
    from dataclasses import fields, is_dataclass

    if is_dataclass(cls):
        return [field.name for field in fields(cls) if field.compare]
    return None


def traceback_of(error: BaseException) -> str:
    """Return the traceback of an exception as text."""
    import traceback

    return "".join(traceback.format_exception(error))
