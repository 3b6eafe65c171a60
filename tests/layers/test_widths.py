"""The widths of networks: what layers state, what a network concludes, and what does not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given, strategies as st
from small_networks import Wrong, affine
from zoo import AnyLayer, Case, Scale, TwoLayerNet, every_case

import funnet as fn
from funnet import Flatten, Identity, MaxPool2d, ReLU, Tanh, concatenate, residual, sequential
from funnet.core.widths import Widths, mismatches, whole, widths_of

conv = fn.Conv2d.init(3, 4, (3, 2), rng=0)
two_layer_net = TwoLayerNet(np.ones((5, 2)), np.ones(2), np.ones((2, 4)), np.ones(4))


@attrs.frozen
class Wide:
    """A layer that declares its widths as Affine does."""

    n_in: int
    n_out: int

    def forward(self, x: fn.Matrix) -> tuple[fn.Matrix, None]:
        return np.zeros((len(x), self.n_out)), None

    def pullback(self, cache: None, dout: fn.Matrix) -> tuple[Wide, Callable[[], fn.Matrix]]:
        return self, lambda: np.zeros((len(dout), self.n_in))


@every_case
def test_the_widths_that_a_layer_states_are_those_of_its_arrays(case: Case) -> None:
    layer, x = case.layer(0), case.x(0)
    y, _ = fn.forward(layer, x)

    for each, out in [(layer, y), (concatenate(layer, layer), np.concatenate([y, y], axis=1))]:
        stated = widths_of(each)
        assert stated.n_in in (None, x.shape[1])
        assert stated.n_out in (None, out.shape[1])
        assert not stated.keeps_width or out.shape[1] == x.shape[1]


@pytest.mark.parametrize("other", [(3, 28, 28), "any", 0, np.ones(2)])
def test_attributes_of_another_meaning_are_no_widths(other: Any) -> None:
    layer = Wide(other, other)
    assert sequential(affine(5, 4), layer, affine(3, 2)).widths.n_in == 5
    assert concatenate(layer, layer).widths.n_out is None


WIDTHS: dict[str, tuple[AnyLayer, tuple[int | None, int | None, bool]]] = {
    "first and last": (sequential(ReLU(), affine(5, 4), Tanh(), affine(4, 3)), (5, 3, False)),
    "activations in a row": (sequential(ReLU(), sequential(Tanh())), (None, None, True)),
    "a multiple of the channels": (sequential(MaxPool2d(2), conv, Flatten()), (3, None, False)),
    "a multiple": (sequential(Flatten()), (None, None, False)),
    "pooling": (sequential(MaxPool2d(2), fn.GlobalAvgPool2d()), (None, None, True)),
    "residual of known width": (residual(affine(4, 4)), (4, 4, False)),
    "residual of an activation": (residual(ReLU()), (None, None, True)),
    "residual of unknown width": (residual(Scale(np.ones(4))), (None, None, True)),
    "residual of a batch norm": (residual(fn.BatchNorm.init(3)), (3, 3, False)),
    "one known end": (residual(sequential(affine(4, 5), Scale(np.ones(5)))), (4, 4, False)),
    "the sum of known widths": (concatenate(affine(4, 3), affine(4, 2)), (4, 5, False)),
    "the input again": (concatenate(Identity(), affine(4, 3), residual(Tanh())), (4, 11, False)),
    "one unknown width": (concatenate(affine(4, 3), Flatten()), (4, None, False)),
    "activations only": (concatenate(ReLU(), Tanh()), (None, None, False)),
    "one activation": (concatenate(ReLU()), (None, None, True)),
    "nested": (sequential(residual(ReLU()), concatenate(residual(affine(4, 4)))), (4, 4, False)),
}


@pytest.mark.parametrize(("net", "expected"), WIDTHS.values(), ids=WIDTHS)
def test_a_network_knows_its_widths_as_far_as_they_are_known(
    net: Wrong, expected: tuple[int | None, int | None, bool]
) -> None:
    assert (net.n_in, net.n_out, net.keeps_width) == expected


@pytest.mark.parametrize("wrap", [residual, concatenate, lambda net: sequential(net, Identity())])
def test_the_widths_of_a_deep_network_take_no_exponential_time(wrap: Wrong) -> None:
    net: Any = affine(4, 4)
    for _ in range(60):
        net = wrap(net)

    assert (net.n_in, net.n_out, net.keeps_width) == (4, 4, False)


@pytest.mark.parametrize(
    "layers",
    [
        (affine(5, 4), affine(4, 3)),
        (affine(5, 4), ReLU(), fn.Sigmoid(), affine(4, 3)),
        (Flatten(), affine(5, 4), sequential(Tanh(), sequential()), affine(4, 3)),
        (affine(5, 4), Flatten(), affine(8, 3)),
        (affine(5, 4), Scale(np.ones(4)), affine(8, 3)),
        (sequential(affine(5, 4)), sequential(affine(4, 3))),
        (two_layer_net, affine(4, 3)),
        (sequential(conv, Flatten(), affine(64, 5), two_layer_net), Flatten(), affine(5, 2)),
    ],
)
def test_equal_and_unknown_widths_are_accepted(layers: tuple[AnyLayer, ...]) -> None:
    assert sequential(*layers).layers == layers


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            (affine(784, 80), ReLU(), affine(100, 10)),
            "layer 2 (Affine) expects 100, layer 0 (Affine) outputs 80",
        ),
        (
            (affine(5, 4), sequential(ReLU(), sequential(Tanh(), affine(12, 3)))),
            "layer 1 (Sequential) expects 12, layer 0 (Affine) outputs 4",
        ),
        ((affine(5, 4), Wide(7, 2)), "layer 1 (Wide) expects 7, layer 0 (Affine) outputs 4"),
        (
            (affine(4, 5), residual(affine(6, 6))),
            "layer 1 (Residual) expects 6, layer 0 (Affine) outputs 5",
        ),
        (
            (affine(4, 5), residual(ReLU()), affine(6, 3)),
            "layer 2 (Affine) expects 6, layer 0 (Affine) outputs 5",
        ),
        (
            (concatenate(affine(4, 5), Identity()), ReLU(), affine(8, 3)),
            "layer 2 (Affine) expects 8, layer 0 (Concatenate) outputs 9",
        ),
        (
            (fn.Conv2d.init(1, 16, 3, rng=0), ReLU(), MaxPool2d(2), conv),
            "layer 3 (Conv2d) expects 3, layer 0 (Conv2d) outputs 16",
        ),
        (
            (conv, fn.AvgPool2d(2), fn.GlobalAvgPool2d(), affine(5, 2)),
            "layer 3 (Affine) expects 5, layer 0 (Conv2d) outputs 4",
        ),
        (
            (conv, Flatten(), ReLU(), affine(30, 2)),
            "layer 3 (Affine) expects 30, layer 1 (Flatten) outputs a multiple of 4",
        ),
        (
            (conv, sequential(ReLU(), Flatten(), affine(30, 2))),
            "layer 1 (Sequential) expects a divisor of 30, layer 0 (Conv2d) outputs 4",
        ),
        (
            (sequential(conv, Flatten()), affine(30, 2)),
            "layer 1 (Affine) expects 30, layer 0 (Sequential) outputs a multiple of 4",
        ),
        (
            (affine(6, 2), Flatten(), Flatten(), affine(5, 2)),
            "layer 3 (Affine) expects 5, layer 2 (Flatten) outputs a multiple of 2",
        ),
    ],
)
def test_layers_that_do_not_fit_are_refused_when_a_network_is_made(
    layers: tuple[AnyLayer, ...], message: str
) -> None:
    with pytest.raises(fn.ShapeError) as caught:
        sequential(*layers)

    assert str(caught.value).replace(" input features, but", ",") == message


def test_layers_that_do_not_fit_around_or_beside_each_other_are_refused() -> None:
    with pytest.raises(fn.ShapeError, match=r"input features, but Sequential expects 4 and outp"):
        residual(sequential(ReLU(), affine(4, 5)))
    with pytest.raises(
        fn.ShapeError,
        match=r"^layer 3 \(Affine\) expects 3 input features, but layer 1 \(Affine\) expects 4$",
    ):
        concatenate(Identity(), affine(4, 5), Tanh(), affine(3, 5))


any_widths = st.none() | st.integers(1, 3)
rows = st.lists(
    st.builds(
        Widths,
        st.just("L"),
        any_widths,
        any_widths,
        keeps=st.booleans(),
        multiplies=st.booleans(),
        divides=st.booleans(),
    ),
    max_size=4,
)


@given(rows, rows, rows)
def test_nesting_does_not_change_the_number_of_mismatches(
    before: list[Widths], inner: list[Widths], after: list[Widths]
) -> None:
    flat = list(mismatches([*before, *inner, *after]))
    inside = list(mismatches(inner))
    nested = list(mismatches([*before, whole("Sequential", inner), *after]))

    assert len(flat) == len(inside) + len(nested)
