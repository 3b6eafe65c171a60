"""Errors for caches and output gradients that do not match the network."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from itertools import permutations
from typing import Any

import attrs
import numpy as np
import pytest
from small_networks import LAYERS, Pull, Wrong, affine, batch, every_pull, kind, network
from zoo import AnyLayer, Case, ScaleCache, every_case_of_ours

import funnet as fn

HINT = "; pass the cache that forward returned for this network"
NET = network()
LAYERS_AND_NETWORK = LAYERS | {"Sequential": fn.sequential(affine(3, 3))}
HAVE_OWN_CACHE = ("Affine", "Sequential")  # the other layers share a class


def cache_of(name: str) -> str:
    return f"{name}Cache" if name in HAVE_OWN_CACHE else f"the cache of {name}"


@every_pull
@pytest.mark.parametrize(("name", "other"), list(permutations(LAYERS_AND_NETWORK, 2)))
def test_the_cache_of_another_layer_is_refused(pull: Pull, name: str, other: str) -> None:
    y, cache = fn.forward(LAYERS_AND_NETWORK[other], batch(5, 3))

    with pytest.raises(fn.StructureError) as caught:
        pull(LAYERS_AND_NETWORK[name], cache, y)

    if other in HAVE_OWN_CACHE:
        got = f"{other}Cache"
    else:
        got = "ArrayCache" if name in HAVE_OWN_CACHE else f"that of {other}"
    assert str(caught.value) == f"expected {cache_of(name)}, got {got}{HINT}"


@every_pull
@pytest.mark.parametrize("name", LAYERS_AND_NETWORK)
@pytest.mark.parametrize(
    ("cache", "got"),
    [(None, "NoneType"), (batch(5, 3), "float32[5, 3]"), ((), "tuple"), (1.5, "float")],
)
def test_a_value_that_is_not_a_cache_is_refused(
    pull: Pull, name: str, cache: Wrong, got: str
) -> None:
    with pytest.raises(fn.StructureError) as caught:
        pull(LAYERS_AND_NETWORK[name], cache, batch(5, 3))

    assert str(caught.value) == f"expected {cache_of(name)}, got {got}{HINT}"


@every_pull
@pytest.mark.parametrize(
    "other",
    [
        pytest.param(network(), id="same architecture"),
        pytest.param(fn.tree_map(np.negative, NET), id="update"),
        pytest.param(copy.deepcopy(NET), id="copy"),
        pytest.param(fn.astype(fn.astype(NET, np.float64), np.float32), id="converted"),
        pytest.param(fn.sequential(affine(3, 4), fn.Tanh(), affine(4, 2)), id="other layers"),
        pytest.param(fn.sequential(affine(3, 5), fn.ReLU(), affine(5, 2)), id="other widths"),
        pytest.param(fn.sequential(affine(3, 2), fn.ReLU()), id="fewer layers"),
    ],
)
def test_the_cache_of_another_network_is_refused(pull: Pull, other: AnyLayer) -> None:
    y, cache = fn.forward(other, batch(5, 3))

    with pytest.raises(fn.StructureError) as caught:
        pull(NET, cache, y)

    assert str(caught.value) == (
        "expected the cache of this network, got the cache of another network (such as a copy or "
        f"an update){HINT}"
    )


@every_pull
def test_swapped_caches_of_inner_networks_are_refused_by_the_inner_network(pull: Pull) -> None:
    inner, twin = (fn.sequential(affine(3, 3), fn.ReLU()) for _ in range(2))
    net = fn.sequential(inner, twin)
    y, cache = fn.forward(net, batch(5, 3))

    with pytest.raises(fn.StructureError, match=r"^layers\.1: expected the cache of this network"):
        pull(net, attrs.evolve(cache, caches=cache.caches[::-1]), y)


@every_pull
def test_a_cache_needs_one_cache_for_each_layer(pull: Pull) -> None:
    y, cache = fn.forward(NET, batch(5, 3))

    for caches in ((), cache.caches[1:], (*cache.caches, None)):
        with pytest.raises(fn.StructureError, match=r"^expected the cache of this network"):
            pull(NET, fn.SequentialCache(cache.layers, caches), y)


@pytest.mark.parametrize(
    "make_copy",
    [
        pytest.param(lambda pair: pickle.loads(pickle.dumps(pair)), id="pickle"),  # noqa: S301 (our own bytes)
        pytest.param(copy.deepcopy, id="deepcopy"),
        pytest.param(lambda pair: (attrs.evolve(pair[0]), copy.copy(pair[1])), id="shallow"),
    ],
)
def test_a_network_and_its_cache_match_if_copied_together(
    make_copy: Callable[[object], Any],
) -> None:
    net = fn.sequential(NET, fn.sequential(fn.ReLU()))
    y, cache = fn.forward(net, batch(5, 3))

    copied_net, copied_cache = make_copy((net, cache))

    expected = fn.tree_leaves(fn.backward(net, cache, y))
    found = fn.tree_leaves(fn.backward(copied_net, copied_cache, y))
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_array_equal(a, b)


@every_pull
@every_case_of_ours
def test_dout_is_an_array_like_the_output(pull: Pull, case: Case) -> None:
    layer = case.layer(0)
    y, cache = fn.forward(layer, case.x(0))
    name = type(layer).__name__

    for wrong in (y[1:], y[..., :0], y[0], y[..., np.newaxis], y.ravel()[0, ...]):
        with pytest.raises(fn.ShapeError) as caught:
            pull(layer, cache, wrong)
        assert str(caught.value) == f"dout of {name} must have shape {y.shape}, got {wrong.shape}"

    others: list[Wrong] = [y.astype(np.float32), y.astype(int), y.tolist(), (0.5, y), None]
    for other in others:
        with pytest.raises(fn.DTypeError, match=f"^dout of {name} must be .*, got {kind(other)}; "):
            pull(layer, cache, other)


@every_pull
@every_case_of_ours
def test_the_cache_of_a_user_s_layer_is_refused(pull: Pull, case: Case) -> None:
    layer = case.layer(0)
    y, _ = fn.forward(layer, case.x(0))
    of_layer = rf"({type(layer).__name__}Cache|the cache of {type(layer).__name__})"

    with pytest.raises(fn.StructureError, match=f"^expected {of_layer}, got ScaleCache{HINT}$"):
        pull(layer, ScaleCache(np.ones((5, 3))), y)


def test_a_wrong_dout_is_located_at_the_last_layer() -> None:
    _, cache = fn.forward(NET, batch(5, 3))

    with pytest.raises(fn.ShapeError) as caught:
        fn.backward(NET, cache, batch(4, 2))

    assert str(caught.value) == "layers.2: dout of Affine must have shape (5, 2), got (4, 2)"
