"""Contexts: which fields are filled with them, and the streams that they address."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import attrs
import numpy as np
import pytest
from live_cases import CONTEXTS
from live_layers import Noise

import funnet as fn


@attrs.frozen(eq=False)
class Attention:
    """Its field of this name is a parameter."""

    context: fn.Vector = attrs.field(converter=fn.lock_vector)


class ContextWindow(tuple[int, ...]):
    """A user's class with a similar name."""

    __slots__ = ()


@attrs.frozen(eq=False)
class Windowed:
    context: ContextWindow | None = None


@attrs.frozen(eq=False)
class Derived(fn.Dropout):
    """A subclass inherits the field."""


MaybeContext = fn.Context | None


@attrs.frozen(eq=False)
class Renamed:
    """The annotation is a string here, with another name for the type."""

    context: MaybeContext = None


@attrs.frozen(eq=False)
class Unresolved:
    """Its module has no such name, as one that is imported for type checkers only."""

    context: funnet.Context | None = None  # type: ignore[name-defined]  # noqa: F821


Untyped = attrs.make_class("Untyped", {"context": attrs.field(default=None)})
Evaluated: Any = attrs.make_class(
    "Evaluated",
    {"context": attrs.field(type=fn.Context | None)},  # type: ignore[arg-type]
)


@pytest.mark.parametrize(
    "layer",
    [Untyped(), Evaluated(None), Renamed(), Unresolved(), Derived(0.5), Noise(np.ones(2))],
)
def test_a_field_declared_for_a_context_gets_one(layer: Any) -> None:
    live = fn.training_mode({"a": layer}, seed=1, step=0)

    assert live["a"].context == fn.Context(1, 0, "a")
    assert type(live["a"]) is type(layer)


def test_another_field_of_that_name_is_no_context() -> None:
    layers = [Attention(np.ones(2)), Windowed(ContextWindow((1, 2)))]

    assert fn.training_mode(layers, seed=1, step=0) is layers
    assert [path for path, _ in fn.named_leaves(layers)] == ["0.context"]


# ---- the streams of contexts


def draws(context: fn.Context) -> bytes:
    return context.generator().bytes(16)


def test_contexts_of_different_addresses_have_different_streams() -> None:
    assert len({draws(context) for context in CONTEXTS.values()}) == len(CONTEXTS)


@pytest.mark.parametrize("context", CONTEXTS.values(), ids=CONTEXTS)
def test_a_stream_is_a_function_of_the_address(context: fn.Context) -> None:
    copied = pickle.loads(pickle.dumps(context))  # noqa: S301 (our own bytes)

    assert draws(context) == draws(context) == draws(copied) == draws(copy.deepcopy(context))


def test_an_integer_is_the_seed_sequence_of_it() -> None:
    sequence = np.random.SeedSequence(7)
    _ = sequence.spawn(3)  # which counts in it

    assert draws(fn.Context(sequence, 3, "a")) == draws(fn.Context(7, 3, "a"))
    assert draws(fn.Context(np.int64(7), np.uint8(3), "a")) == draws(fn.Context(7, 3, "a"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0, 2**64), ValueError, r"step must be < 2\*\*64, got 18446744073709551616"),
        ((0, 0, "", 2**64), ValueError, r"shard must be < 2\*\*64, got 18446744073709551616"),
        ((None, 0), TypeError, "seed must be an integer, got None"),
        ((np.random.default_rng(0), 0), TypeError, "seed must be an integer, got Generator"),
    ],
)
def test_a_context_of_other_numbers_is_refused(
    arguments: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{message}"):
        fn.Context(*arguments)
