"""`sequential` and the widths of its layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given, strategies as st
from zoo import AnyLayer, Scale, TwoLayerNet

from funnet import (
    Affine,
    Flatten,
    Matrix,
    ReLU,
    Sequential,
    ShapeError,
    Sigmoid,
    Tanh,
    forward,
    sequential,
)
from funnet.core.widths import Widths, mismatches, whole
from funnet.layers.combinators import RowShape


def affine(n_in: int, n_out: int) -> Affine:
    return Affine.init(n_in, n_out, rng=0)


NET = sequential(affine(5, 4), ReLU())


def test_layers_that_do_not_fit_are_named_at_construction() -> None:
    with pytest.raises(ShapeError) as caught:
        sequential(affine(784, 80), ReLU(), affine(100, 10))

    assert str(caught.value) == (
        "layer 2 (Affine) expects 100 input features, but layer 0 (Affine) outputs 80"
    )


def test_a_network_that_does_not_fit_into_another_is_named_at_construction() -> None:
    head = sequential(ReLU(), sequential(Tanh(), affine(12, 3)))

    with pytest.raises(
        ShapeError, match=r"layer 1 \(Sequential\) expects 12 input features, but layer 0"
    ):
        sequential(affine(5, 4), head)


@pytest.mark.parametrize(
    "layers",
    [
        (affine(5, 4), affine(4, 3)),
        (affine(5, 4), ReLU(), Sigmoid(), affine(4, 3)),
        (Flatten(), affine(5, 4), sequential(Tanh(), sequential()), affine(4, 3)),
        (affine(5, 4), Flatten(), affine(8, 3)),
        (affine(5, 4), Scale(np.ones(4)), affine(8, 3)),
        (sequential(affine(5, 4)), sequential(affine(4, 3))),
        (TwoLayerNet(np.ones((5, 2)), np.ones(2), np.ones((2, 4)), np.ones(4)), affine(4, 3)),
    ],
)
def test_what_fits_or_is_unknown_is_accepted(layers: tuple[AnyLayer, ...]) -> None:
    assert sequential(*layers).layers == layers


@attrs.frozen
class Wide:
    """A user's layer that declares its widths the way Affine does."""

    n_in: int
    n_out: int

    def forward(self, x: Matrix) -> tuple[Matrix, None]:
        return np.zeros((len(x), self.n_out)), None

    def pullback(self, cache: None, dout: Matrix) -> tuple[Wide, Callable[[], Matrix]]:
        return self, lambda: np.zeros((len(dout), self.n_in))


def test_the_widths_of_a_users_layer_are_compared() -> None:
    with pytest.raises(ShapeError, match=r"layer 1 \(Wide\) expects 7 input features, but layer 0"):
        sequential(affine(5, 4), Wide(7, 2))


def test_a_network_knows_its_widths() -> None:
    net = sequential(ReLU(), affine(5, 4), Tanh(), affine(4, 3), Sigmoid())

    assert (net.n_in, net.n_out, net.keeps_width) == (5, 3, False)


def test_activations_alone_keep_the_width() -> None:
    net = sequential(ReLU(), sequential(Tanh()))

    assert (net.n_in, net.n_out, net.keeps_width) == (None, None, True)


widths = st.builds(
    Widths,
    st.just("L"),
    st.none() | st.integers(1, 3),
    st.none() | st.integers(1, 3),
    keeps=st.booleans(),
    multiplies=st.booleans(),
    divides=st.booleans(),
)
rows = st.lists(widths, max_size=4)


@given(rows, rows, rows)
def test_nesting_a_row_that_fits_changes_no_verdict(
    before: list[Widths], inner: list[Widths], after: list[Widths]
) -> None:
    flat = list(mismatches([*before, *inner, *after]))
    inside = list(mismatches(inner))
    nested = list(mismatches([*before, whole("Sequential", inner), *after]))

    assert len(flat) == len(inside) + len(nested)


def test_an_error_in_forward_starts_with_the_path_of_the_layer() -> None:
    of_any_width: AnyLayer = Scale(np.ones(4, np.float32))
    net = sequential(ReLU(), sequential(affine(5, 4), of_any_width, affine(3, 2)))

    with pytest.raises(ShapeError) as caught:
        forward(net, np.zeros((6, 5), np.float32))

    assert str(caught.value) == (
        "layers.1.layers.2: expected x of Affine of shape (N, 3), got (6, 4)"
    )


@pytest.mark.parametrize("thing", [ReLU, 3, None, np.zeros(3), [ReLU()]])
def test_what_is_no_layer_is_refused(thing: object) -> None:
    with pytest.raises(TypeError, match="expected layer 1 to be a value with the methods forward"):
        sequential(ReLU(), thing)  # type: ignore[call-overload]


@pytest.mark.parametrize("make", [Sequential, lambda row: attrs.evolve(NET, layers=row)])
@pytest.mark.parametrize("container", [tuple, list, iter])
def test_the_layers_are_kept_in_a_tuple(
    make: Callable[[object], Sequential[int, int, RowShape, RowShape, tuple[AnyLayer, ...]]],
    container: Callable[[object], object],
) -> None:
    row = (affine(5, 4), ReLU())

    net = make(container(row))

    assert type(net.layers) is tuple
    assert net.layers == row


def test_a_list_of_layers_may_change_afterwards() -> None:
    mine: Any = [affine(5, 4)]  # no tuple, as mypy would say
    net: Any = Sequential(mine)

    mine.append(affine(8, 3))

    assert len(net.layers) == 1


@pytest.mark.parametrize("make", [Sequential, lambda row: attrs.evolve(NET, layers=row)])
def test_however_a_network_is_made_its_layers_are_checked(
    make: Callable[[object], object],
) -> None:
    with pytest.raises(
        ShapeError, match=r"^layer 1 \(Affine\) expects 8 input features, but layer 0"
    ):
        make((affine(5, 4), affine(8, 3)))
    with pytest.raises(
        TypeError, match=r"^expected layer 1 to be a value with the methods forward"
    ):
        make([affine(5, 4), np.tanh])
    with pytest.raises(TypeError, match=r"^expected a tuple of layers, got ReLU"):
        make(ReLU())
    with pytest.raises(TypeError, match=r"^expected a tuple of layers, got None$"):
        make(None)
