"""Caches, gradients and learning rates that do not fit: each is an error that says why."""

from __future__ import annotations

from itertools import permutations

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
    ShapeError,
    StructureError,
    Tanh,
    backward,
    forward,
    sequential,
    sgd_update,
)

HINT = "; hand over the cache that forward returned for this network"


@every_pull
@pytest.mark.parametrize(("name", "other"), list(permutations(LAYERS, 2)))
def test_the_cache_of_another_layer_is_refused(pull: Pull, name: str, other: str) -> None:
    y, cache = forward(LAYERS[other], batch(5, 3))

    with pytest.raises(StructureError) as caught:
        pull(LAYERS[name], cache, y)

    assert str(caught.value) == f"expected a {name}Cache, got {other}Cache{HINT}"


@every_pull
def test_the_cache_of_another_network_is_refused_by_the_layer_that_it_does_not_fit(
    pull: Pull,
) -> None:
    y, cache = forward(sequential(affine(3, 4), Tanh(), affine(4, 2)), batch(5, 3))

    with pytest.raises(StructureError) as caught:
        pull(network(), cache, y)

    assert str(caught.value) == f"layers.1: expected a ReLUCache, got TanhCache{HINT}"


@every_pull
def test_the_cache_of_a_network_of_other_widths_is_refused(
    pull: Pull,
) -> None:
    y, cache = forward(sequential(affine(3, 5), ReLU(), affine(5, 2)), batch(5, 3))

    with pytest.raises(ShapeError) as caught:
        pull(network(), cache, y)

    message = "layers.2: expected the cached x of Affine of shape (N, 4), got (5, 5)"
    assert str(caught.value) == message


@every_pull
def test_the_cache_of_a_network_of_another_dtype_is_refused(
    pull: Pull,
) -> None:
    y, cache = forward(network(np.float64), batch(5, 3, dtype=np.float64))

    with pytest.raises(
        DTypeError, match=r"^layers\.2: expected the cached x of Affine to be float32"
    ):
        pull(network(), cache, y.astype(np.float32))


@every_pull
def test_the_cache_of_a_shorter_network_is_refused(
    pull: Pull,
) -> None:
    y, cache = forward(sequential(affine(3, 2), ReLU()), batch(5, 3))

    with pytest.raises(StructureError, match=r"^expected the cache of 3 layers, got one of 2$"):
        pull(network(), cache, y)


@every_pull
@every_layer
@pytest.mark.parametrize("cache", [None, batch(5, 3), (), 1.5])
def test_what_is_no_cache_is_refused(pull: Pull, layer: AnyLayer, cache: Wrong) -> None:
    with pytest.raises(StructureError, match=f"^expected a {type(layer).__name__}Cache, got "):
        pull(layer, cache, batch(5, 3))


@every_pull
@pytest.mark.parametrize(
    ("cache", "got"),
    [
        (forward(ReLU(), batch(5, 3))[1], "ReLUCache"),
        (batch(5, 2), r"float32\[5, 2\]"),
        ((), "tuple"),
        (None, "NoneType"),
    ],
)
def test_what_is_no_cache_of_a_network_is_refused(pull: Pull, cache: Wrong, got: str) -> None:
    with pytest.raises(StructureError, match=f"^expected a SequentialCache, got {got}{HINT}$"):
        pull(network(), cache, batch(5, 2))


@every_pull
@every_layer
@pytest.mark.parametrize("shape", [(4, 3), (5, 2), (5,), (5, 3, 1), ()])
def test_dout_is_of_the_shape_of_the_output(
    pull: Pull, layer: AnyLayer, shape: tuple[int, ...]
) -> None:
    _, cache = forward(layer, batch(5, 3))

    with pytest.raises(ShapeError) as caught:
        pull(layer, cache, batch(*shape))

    name = type(layer).__name__
    assert str(caught.value) == f"expected dout of {name} of shape (5, 3), got {shape}"


@every_pull
@every_layer
@pytest.mark.parametrize(
    ("dout", "message"),
    [
        (batch(5, 3, dtype=np.float64), "to be float32, got float64; convert it with"),
        (np.ones((5, 3), int), r"got int64; convert it with \.astype\(np\.float32\)"),
        ([[1.0]], r"got list; convert it with np\.asarray\(\.\.\., dtype=np\.float32\)"),
        ((0.5, batch(5, 3)), "got tuple; convert it with"),
        (None, "got NoneType; convert it with"),
    ],
)
def test_dout_is_of_the_dtype_of_the_output(
    pull: Pull,
    layer: AnyLayer,
    dout: Wrong,
    message: str,
) -> None:
    _, cache = forward(layer, batch(5, 3))

    with pytest.raises(DTypeError, match=f"^expected dout of {type(layer).__name__} .*{message}"):
        pull(layer, cache, dout)


def test_a_wrong_dout_is_located_at_the_last_layer() -> None:
    _, cache = forward(network(), batch(5, 3))

    with pytest.raises(ShapeError) as caught:
        backward(network(), cache, batch(4, 2))

    assert str(caught.value) == "layers.2: expected dout of Affine of shape (5, 2), got (4, 2)"


@pytest.mark.parametrize("lr", [np.nan, np.inf, -np.inf])
def test_a_learning_rate_that_is_not_finite_is_refused(lr: float) -> None:
    with pytest.raises(ValueError, match=f"^expected lr to be finite; got {lr}$"):
        sgd_update(network(), network(), lr)
