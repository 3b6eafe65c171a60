"""`typing.get_type_hints` resolves the annotations of all public names."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from typing import Any

import pytest
from public_names import MODULES, public_names

import funnet


def annotated(value: object) -> Iterator[Callable[..., Any]]:
    """Yield a function and its overloads, or a class and what its body defines."""
    if isinstance(value, type):
        yield value
        for attribute in vars(value).values():
            if isinstance(attribute, staticmethod | classmethod):
                yield from annotated(attribute.__func__)
            elif isinstance(attribute, property):
                yield from annotated(attribute.fget)
            else:
                yield from annotated(attribute)
    elif inspect.isfunction(value):
        yield value
        yield from typing.get_overloads(value)


# `import funnet` does not import concurrent.futures, which takes 3 % more time.
NAMES = {funnet.sweep: {"Executor": Executor}}


@pytest.mark.parametrize("module", MODULES)
def test_the_annotations_of_public_names_resolve(module: str) -> None:
    for value in public_names(module).values():
        for each in annotated(value):
            typing.get_type_hints(each, localns=NAMES.get(each))


def test_a_constructor_has_the_hints_of_its_converters() -> None:
    hints = typing.get_type_hints(funnet.MaxPool2d.__init__)

    assert hints["kernel_size"] == int | Sequence[int]
