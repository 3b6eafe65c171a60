"""Subclasses of dict and tuple in a tree keep their class."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict
from typing import Any, Never, Self

import numpy as np
import pytest

from funnet import StructureError, tree_map


class Frozen(dict[str, Any]):
    """A dict that is its own copy, since it cannot be changed."""

    def __setitem__(self, key: str, value: Any) -> Never:
        raise TypeError(key, value)

    def __copy__(self) -> Frozen:
        return self


ITEMS = {"a": np.zeros(2), "b": 3}


@pytest.mark.parametrize(
    "tree", [ITEMS, OrderedDict(ITEMS), defaultdict(list, ITEMS), Frozen(ITEMS)], ids=type
)
def test_a_map_returns_a_dict_like_the_one_it_got(tree: dict[str, Any]) -> None:
    mapped = tree_map(lambda a: a + 1, tree)

    assert type(mapped) is type(tree)
    assert mapped["a"].tolist() == [1, 1]
    assert mapped["b"] == tree["b"] == 3
    assert tree["a"].tolist() == [0, 0]
    assert getattr(mapped, "default_factory", None) is getattr(tree, "default_factory", None)


def test_counts_are_kept() -> None:
    """A constructor of pairs would count the pairs."""
    assert tree_map(np.negative, Counter("aab")) == Counter("aab")


class Notes(dict[str, Any]):
    """A dict whose constructor takes no dict, as that of scikit-learn's Bunch."""

    def __init__(self, **items: Any) -> None:
        super().__init__(items)


def test_a_dict_that_cannot_be_made_from_a_dict_is_named() -> None:
    with pytest.raises(StructureError, match=r"^1: a Notes cannot be made .* with dict\(\.\.\.\)$"):
        tree_map(np.negative, (np.zeros(2), Notes(a=np.zeros(2))))


class Size(tuple[int, ...]):
    """A tuple whose constructor takes the items one by one."""

    __slots__ = ()

    def __new__(cls, *sizes: int) -> Self:
        return super().__new__(cls, sizes)


def test_a_tuple_keeps_its_items_whatever_its_constructor_takes() -> None:
    _, size = tree_map(np.negative, (np.zeros(2), Size(28)))

    assert type(size) is Size
    assert size == (28,)
