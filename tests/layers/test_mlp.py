"""`mlp`: which layers it makes, and what it refuses."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import funnet as fn

Widths = st.lists(st.integers(1, 5), min_size=2, max_size=7)


@given(Widths, st.sampled_from([np.float16, np.float32, np.float64]))
def test_the_weights_are_those_of_layers_made_by_hand(
    sizes: list[int], dtype: type[fn.Float]
) -> None:
    rng = np.random.default_rng(3)
    layers: list[fn.OnRows] = [fn.Affine.init(*sizes[:2], rng=rng, dtype=dtype)]
    for n_in, n_out in pairwise(sizes[1:]):
        layers += [fn.ReLU(), fn.Affine.init(n_in, n_out, rng=rng, dtype=dtype)]

    net = fn.mlp(tuple(sizes), rng=3, dtype=dtype)

    assert fn.fingerprint(net) == fn.fingerprint(fn.Sequential(tuple(layers)))


@given(Widths)
def test_the_ends_are_the_first_and_the_last_width(sizes: list[int]) -> None:
    net = fn.mlp(sizes, rng=0)

    assert (net.n_in, net.n_out) == (sizes[0], sizes[-1])
    assert fn.output_shape(net, sizes[:1]) == tuple(sizes[-1:])


def test_activation_and_dropout_follow_each_layer_but_the_last() -> None:
    net = fn.mlp((4, 3, 2, 1), rng=0, activation=fn.Tanh(), dropout=0.25)

    hidden = [fn.Affine, fn.Tanh, fn.Dropout]
    assert [type(layer) for layer in net.layers] == [*hidden, *hidden, fn.Affine]
    assert [layer.rate for layer in net.layers if isinstance(layer, fn.Dropout)] == [0.25, 0.25]


def test_weights_are_those_of_the_initializer_and_biases_are_zero() -> None:
    net = fn.mlp((4, 3, 2), rng=0, weights=fn.zeros_init)

    assert all((array == 0).all() for array in fn.tree_leaves(net))


def test_a_generator_is_advanced_so_that_two_networks_differ() -> None:
    rng = np.random.default_rng(0)

    assert fn.fingerprint(fn.mlp((2, 2), rng=rng)) != fn.fingerprint(fn.mlp((2, 2), rng=rng))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"sizes": 784}, TypeError, "sizes must be a tuple of widths, such as .*, got 784"),
        ({"sizes": (4,)}, ValueError, r"sizes must have at least two widths, got \(4,\)"),
        ({"activation": fn.ReLU}, TypeError, "activation must be a value with the methods"),
        ({"activation": "relu"}, TypeError, "activation must be a value with the methods"),
        ({"activation": "relu", "sizes": (4, 2)}, TypeError, "activation must be a value with"),
        ({"activation": fn.Affine.init(3, 5, rng=0)}, fn.ShapeError, "expects 3 input features"),
        ({"rng": None}, TypeError, "rng must be a seed"),
        ({"weights": 0.1}, TypeError, "weights must be an initializer"),
        ({"dtype": int}, TypeError, "dtype must be np.float16"),
    ],
)
def test_a_wrong_argument_is_an_error_that_names_it(
    change: dict[str, Any], error: type[Exception], message: str
) -> None:
    arguments: dict[str, Any] = {"sizes": (4, 2, 2), "rng": 0, **change}

    with pytest.raises(error, match=message):
        fn.mlp(arguments.pop("sizes"), **arguments)
