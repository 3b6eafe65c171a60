"""`sequential`: its layers, and errors inside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import attrs
import numpy as np
import pytest
from small_networks import Wrong, affine
from zoo import AnyLayer

import funnet as fn
from funnet.core.arrays import RowShape

NET = fn.sequential(affine(5, 4), fn.ReLU())


@pytest.mark.parametrize(
    ("layer", "shown"),
    [
        (fn.ReLU, r"<class 'funnet\.layers\.relu\.ReLU'>; write ReLU\(\.\.\.\)$"),
        (fn.Affine.init, "<function Affine.init"),
        (np.tanh, r"<ufunc 'tanh'>; pass a layer, such as ReLU\(\)$"),
        (np.zeros(3), r"array\(\["),
        ("relu", r"'relu'; pass a layer, such as ReLU\(\)$"),
        (3, "3"),
        (None, "None"),
        ([fn.ReLU()], r"\[ReLU\(\)\]; pass a list of layers as \*layers$"),
    ],
)
def test_a_network_consists_of_layers(layer: Wrong, shown: str) -> None:
    with pytest.raises(
        TypeError,
        match=f"^layer 1 must be a value with the methods forward and pullback, got {shown}",
    ):
        fn.sequential(affine(3, 4), layer)


every_constructor = pytest.mark.parametrize(
    "make", [fn.Sequential, lambda row: attrs.evolve(NET, layers=row)]
)


@every_constructor
@pytest.mark.parametrize("container", [tuple, list, iter])
def test_the_layers_are_stored_in_a_tuple(
    make: Callable[[object], fn.Sequential[int, int, RowShape, RowShape, tuple[AnyLayer, ...]]],
    container: Callable[[object], object],
) -> None:
    row = (affine(5, 4), fn.ReLU())

    net = make(container(row))

    assert type(net.layers) is tuple
    assert net.layers == row


@every_constructor
def test_every_constructor_checks_the_layers(make: Callable[[object], object]) -> None:
    with pytest.raises(fn.ShapeError, match=r"^layer 1 \(Affine\) expects 8 input features"):
        make((affine(5, 4), affine(8, 3)))
    with pytest.raises(TypeError, match=r"^layer 1 must be a value with the methods"):
        make([affine(5, 4), np.tanh])
    for wrong in (fn.ReLU(), None):
        with pytest.raises(TypeError, match=f"^layers must be a tuple of layers, got {wrong}"):
            make(wrong)


class Plain:
    """A layer that is not an attrs class, so its parameters cannot be found."""

    def __init__(self, gain: fn.Vector) -> None:
        self.gain = gain

    def forward(self, x: fn.Matrix, /) -> tuple[fn.Matrix, fn.Matrix]:
        return x * self.gain, x

    def pullback(self, x: fn.Matrix, dout: fn.Matrix, /) -> tuple[Plain, Callable[[], fn.Matrix]]:
        return Plain((dout * x).sum(axis=0)), lambda: dout * self.gain


@dataclass(frozen=True)
class Data(Plain):
    gain: fn.Vector


@pytest.mark.parametrize("cls", [Plain, Data])
def test_a_layer_that_is_not_an_attrs_class_is_refused(cls: type[Plain]) -> None:
    layer = cls(np.ones(3))
    message = f"^the layer {cls.__name__} must be an attrs class"

    with pytest.raises(TypeError, match=message):
        fn.sequential(affine(3, 3), layer)
    with pytest.raises(TypeError, match=message):
        fn.tree_leaves(layer)
    with pytest.raises(TypeError, match=message):
        fn.check_gradients(layer, np.ones((2, 3)), fn.sum_squared_error, np.ones((2, 3)))


# Errors inside layers


@attrs.frozen(eq=False)
class Faulty:
    """A layer with errors in both methods."""

    def forward(self, x: fn.Matrix, /) -> tuple[fn.Matrix, fn.Matrix]:
        return x + np.ones(31), x

    def pullback(self, x: fn.Matrix, dout: fn.Matrix, /) -> tuple[Faulty, fn.Matrix]:
        return self, dout


def test_an_error_in_a_user_defined_layer_has_notes_that_locate_it() -> None:
    layer: Any = Faulty()  # mypy reports that dx is not a function
    net = fn.sequential(fn.ReLU(), fn.sequential(fn.Tanh(), layer))

    with pytest.raises(ValueError, match="broadcast") as caught:
        fn.forward(net, np.ones((2, 3)))
    assert caught.value.__notes__ == ["in layers.1 (Faulty)", "in layers.1 (Sequential)"]

    _, cache = fn.forward(net, np.ones((2, 31)))
    with pytest.raises(TypeError, match="not callable") as wrong:
        fn.backward(net, cache, np.ones((2, 31)))
    assert wrong.value.__notes__ == ["in layers.1 (Faulty)", "in layers.1 (Sequential)"]


@attrs.frozen(eq=False)
class Widening:
    """A layer that returns float64, whatever it is given."""

    def forward(self, x: fn.Matrix, /) -> tuple[fn.Matrix, None]:
        return x * np.ones(3), None

    def pullback(self, cache: None, dout: fn.Matrix, /) -> tuple[Widening, Any]:
        return self, lambda: dout


def test_an_error_after_a_layer_that_changed_the_dtype_has_a_note_that_says_so() -> None:
    x = np.ones((2, 3), np.float32)
    net = fn.sequential(Widening(), fn.sequential(fn.ReLU(), fn.Affine.init(3, 4, rng=0)))

    with pytest.raises(fn.DTypeError) as caught:
        fn.forward(net, x)
    assert caught.value.__notes__ == [
        "the layers before it were given float32 and returned float64"
    ]

    with pytest.raises(fn.DTypeError) as wrong:
        fn.forward(fn.sequential(fn.ReLU(), fn.Affine.init(3, 4, rng=0)), x.astype(np.float64))
    assert not hasattr(wrong.value, "__notes__")
