"""Trusted values: the walk over exactly two trees, and values made without their constructor."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
import pytest
from hypothesis import given, strategies as st
from strategies import AnyArray, few, seeds

import funnet as fn
from funnet.core.nodes import filler


def tree(seed: int, width: int = 2) -> dict[str, object]:
    """Return arrays in every kind of container."""
    rng = np.random.default_rng(seed)
    net = fn.sequential(
        fn.Affine.init(3, width, rng=rng),
        fn.ReLU(),
        fn.BatchNorm.init(width),
    )
    return {"net": net, "list": [rng.random(3), (rng.random((2, 2)),)], "name": "a constant"}


RESULTS: dict[str, Callable[[AnyArray, AnyArray], AnyArray]] = {
    "new": lambda a, b: a - 2 * b,
    "transposed": lambda a, b: (a - 2 * b).T.copy().T,
    "a view": lambda a, b: np.stack([a, b])[0],
    "the argument": lambda a, b: a,
    "another dtype": lambda a, b: (a + b).astype(np.float16),
    "big-endian": lambda a, b: (a + b).astype(a.dtype.newbyteorder(">")),
}


@few
@given(seed=seeds, other=seeds, result=st.sampled_from(sorted(RESULTS)))
def test_two_trees_are_mapped_as_three_are(seed: int, other: int, result: str) -> None:
    f, a, b = RESULTS[result], tree(seed), tree(other)

    two = fn.tree_map(f, a, b)
    three = fn.tree_map(lambda x, y, _: f(x, y), a, b, b)

    assert fn.fingerprint(two["net"]) == fn.fingerprint(three["net"])
    for x, y in zip(fn.tree_leaves(two), fn.tree_leaves(three), strict=True):
        np.testing.assert_array_equal(x, y, strict=True)
        assert x.flags.c_contiguous
        assert not x.flags.writeable


@pytest.mark.parametrize(
    "other",
    [
        tree(0, width=3),
        tree(0) | {"list": [np.ones(3), (1.0,)]},
        tree(0) | {"list": [np.ones(3), ()]},
        tree(0) | {"net": fn.ReLU()},
        {"net": tree(0)["net"]},
    ],
)
def test_two_trees_that_differ_are_refused_in_the_words_for_three(other: object) -> None:
    def error_of(*trees: object) -> str:
        with pytest.raises((fn.ShapeError, fn.StructureError)) as caught:
            fn.tree_map(lambda a, *_: a, tree(0), *trees)
        return f"{type(caught.value).__name__}: {caught.value}"

    assert error_of(other) == error_of(other, other)


@attrs.frozen
class Pair:
    """A class whose fields are in slots."""

    a: int
    b: int = 2


@attrs.frozen(slots=False)
class Open:
    """A class whose fields are in a dictionary."""

    a: int


def test_a_filled_value_is_what_the_constructor_makes() -> None:
    assert filler(Pair)(1, 2) == Pair(1)
    assert filler(Open)(1) == Open(1)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        filler(Pair)(1, 2).a = 3  # type: ignore[misc]
