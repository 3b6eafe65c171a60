"""Errors for caches, output gradients and learning rates that do not match the network."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from itertools import permutations
from typing import Any

import attrs
import numpy as np
import pytest
from small_networks import (
    LAYERS,
    Pull,
    Wrong,
    affine,
    batch,
    every_layer,
    every_pull,
    network,
)
from zoo import AnyLayer

from funnet import (
    DTypeError,
    ReLU,
    SequentialCache,
    ShapeError,
    StructureError,
    Tanh,
    astype,
    backward,
    forward,
    sequential,
    sgd_update,
    tree_leaves,
    tree_map,
)

HINT = "; pass the cache that forward returned for this network"


@every_pull
@pytest.mark.parametrize(("name", "other"), list(permutations(LAYERS, 2)))
def test_the_cache_of_another_layer_is_refused(pull: Pull, name: str, other: str) -> None:
    y, cache = forward(LAYERS[other], batch(5, 3))

    with pytest.raises(StructureError) as caught:
        pull(LAYERS[name], cache, y)

    own_classes = ("Affine", "Flatten")  # the other layers share one
    expected = f"{name}Cache" if name in own_classes else f"the cache of {name}"
    got = f"{other}Cache" if other in own_classes else f"that of {other}"
    got = "ElementwiseCache" if name in own_classes and other not in own_classes else got
    assert str(caught.value) == f"expected {expected}, got {got}{HINT}"


NET = network()


@every_pull
@pytest.mark.parametrize(
    "other",
    [
        pytest.param(network(), id="of the same architecture"),
        pytest.param(tree_map(np.negative, NET), id="an update"),
        pytest.param(copy.deepcopy(NET), id="a copy"),
        pytest.param(astype(astype(NET, np.float64), np.float32), id="converted"),
        pytest.param(sequential(affine(3, 4), Tanh(), affine(4, 2)), id="of other layers"),
        pytest.param(sequential(affine(3, 5), ReLU(), affine(5, 2)), id="of other widths"),
        pytest.param(sequential(affine(3, 2), ReLU()), id="shorter"),
    ],
)
def test_the_cache_of_another_network_is_refused(pull: Pull, other: AnyLayer) -> None:
    y, cache = forward(other, batch(5, 3))

    with pytest.raises(StructureError, match=r"^expected the cache of this network, got the cache"):
        pull(NET, cache, y)


@every_pull
def test_swapped_caches_of_parts_are_refused_by_the_part(pull: Pull) -> None:
    part = sequential(affine(3, 3), ReLU())
    twin = sequential(affine(3, 3), ReLU())
    net = sequential(part, twin)
    y, cache = forward(net, batch(5, 3))

    with pytest.raises(StructureError, match=r"^layers\.1: expected the cache of this network"):
        pull(net, attrs.evolve(cache, caches=cache.caches[::-1]), y)


@every_pull
def test_a_cache_without_that_of_each_layer_is_refused(pull: Pull) -> None:
    y, cache = forward(NET, batch(5, 3))

    for caches in ((), cache.caches[1:], (*cache.caches, None)):
        with pytest.raises(StructureError, match=r"^expected the cache of this network"):
            pull(NET, SequentialCache(cache.layers, caches), y)


@pytest.mark.parametrize(
    "carry",
    [
        pytest.param(lambda pair: pickle.loads(pickle.dumps(pair)), id="pickle"),  # noqa: S301 (our own bytes)
        pytest.param(copy.deepcopy, id="deepcopy"),
        pytest.param(lambda pair: (attrs.evolve(pair[0]), copy.copy(pair[1])), id="shallow"),
    ],
)
def test_a_network_and_its_cache_are_carried_together(carry: Callable[[object], Any]) -> None:
    net = sequential(NET, sequential(ReLU()))
    y, cache = forward(net, batch(5, 3))

    carried_net, carried_cache = carry((net, cache))

    expected = tree_leaves(backward(net, cache, y))
    for a, b in zip(expected, tree_leaves(backward(carried_net, carried_cache, y)), strict=True):
        np.testing.assert_array_equal(a, b)


@every_pull
@every_layer
@pytest.mark.parametrize("cache", [None, batch(5, 3), (), 1.5])
def test_a_value_that_is_not_a_cache_is_refused(pull: Pull, layer: AnyLayer, cache: Wrong) -> None:
    name = type(layer).__name__
    with pytest.raises(StructureError, match=f"^expected ({name}Cache|the cache of {name}), got "):
        pull(layer, cache, batch(5, 3))


@every_pull
@pytest.mark.parametrize(
    ("cache", "got"),
    [
        (forward(ReLU(), batch(5, 3))[1], "ElementwiseCache"),
        (batch(5, 2), r"float32\[5, 2\]"),
        ((), "tuple"),
        (None, "NoneType"),
    ],
)
def test_a_value_that_is_not_the_cache_of_a_network_is_refused(
    pull: Pull, cache: Wrong, got: str
) -> None:
    with pytest.raises(StructureError, match=f"^expected SequentialCache, got {got}{HINT}$"):
        pull(network(), cache, batch(5, 2))


@every_pull
@every_layer
@pytest.mark.parametrize("shape", [(4, 3), (5, 2), (5,), (5, 3, 1), ()])
def test_dout_must_have_the_shape_of_the_output(
    pull: Pull, layer: AnyLayer, shape: tuple[int, ...]
) -> None:
    _, cache = forward(layer, batch(5, 3))

    with pytest.raises(ShapeError) as caught:
        pull(layer, cache, batch(*shape))

    name = type(layer).__name__
    assert str(caught.value) == f"dout of {name} must have shape (5, 3), got {shape}"


@every_pull
@every_layer
@pytest.mark.parametrize(
    ("dout", "message"),
    [
        (batch(5, 3, dtype=np.float64), "be float32, got float64; convert it with"),
        (np.ones((5, 3), int), r"got int64; convert it with \.astype\(np\.float32\)"),
        ([[1.0]], r"got list; convert it with np\.asarray\(\.\.\., dtype=np\.float32\)"),
        ((0.5, batch(5, 3)), "got tuple; convert it with"),
        (None, "got NoneType; convert it with"),
    ],
)
def test_dout_must_have_the_dtype_of_the_output(
    pull: Pull,
    layer: AnyLayer,
    dout: Wrong,
    message: str,
) -> None:
    _, cache = forward(layer, batch(5, 3))

    with pytest.raises(DTypeError, match=f"^dout of {type(layer).__name__} must .*{message}"):
        pull(layer, cache, dout)


def test_a_wrong_dout_is_located_at_the_last_layer() -> None:
    _, cache = forward(NET, batch(5, 3))

    with pytest.raises(ShapeError) as caught:
        backward(NET, cache, batch(4, 2))

    assert str(caught.value) == "layers.2: dout of Affine must have shape (5, 2), got (4, 2)"


@pytest.mark.parametrize("lr", [np.nan, np.inf, -np.inf])
def test_a_learning_rate_that_is_not_finite_is_refused(lr: float) -> None:
    with pytest.raises(ValueError, match=f"^lr must be finite, got {lr}$"):
        sgd_update(network(), network(), lr)
