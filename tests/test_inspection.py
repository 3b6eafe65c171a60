"""`summary` and `activations` show what a network is, and what comes out of each layer."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any, ClassVar, Literal
from xml.etree.ElementTree import fromstring

import attrs
import numpy as np
import pytest
from live_layers import NormedNet
from zoo import RESTING, AnyLayer, Case, Scale, all_arrays, every_resting_case

import funnet as fn


def convnet(channels: int = 1) -> AnyLayer:
    return fn.sequential(
        fn.Conv2d.init(channels, 16, 3, padding=1, rng=0),
        fn.ReLU(),
        fn.MaxPool2d(2),
        fn.Flatten(),
        fn.Affine.init(256, 10, rng=1),
    )


@attrs.frozen(eq=False)
class Gated:
    """A user's combinator: y = gate * layers["<b>"](x) + layers["skip"](x)."""

    gate: fn.Vector = attrs.field(converter=fn.lock_vector)
    layers: dict[str, AnyLayer]

    applies_layers: ClassVar[Literal[True]] = True

    def forward(self, x: fn.Matrix) -> tuple[fn.Matrix, tuple[fn.Matrix, object, object]]:
        a, first = self.layers["<b>"].forward(x)
        b, second = self.layers["skip"].forward(x)
        return self.gate * a + b, (a, first, second)

    def pullback(self, cache: Any, dout: fn.Matrix) -> tuple[Gated, Callable[[], fn.Matrix]]:
        a, first, second = cache
        left, dx_left = self.layers["<b>"].pullback(first, dout * self.gate)
        right, dx_right = self.layers["skip"].pullback(second, dout)
        grads = Gated((dout * a).sum(axis=0), {"<b>": left, "skip": right})
        return grads, lambda: dx_left() + dx_right()


def gated() -> Gated:
    inner = fn.sequential(fn.Affine.init(4, 4, rng=0), fn.Tanh())
    return Gated(np.ones(4, np.float32), {"<b>": inner, "skip": fn.Identity()})


@attrs.frozen(eq=False)
class Twice:
    """A user's combinator that applies a layer as often as it says, for its output on rows."""

    layer: AnyLayer
    times: int = 2

    applies_layers: ClassVar[Literal[True]] = True

    def forward(self, x: fn.Matrix) -> tuple[fn.Matrix, None]:
        for _ in range(self.times):
            x, _ = self.layer.forward(x)
        return x, None

    def pullback(self, cache: None, dout: fn.Matrix) -> tuple[Twice, Callable[[], fn.Matrix]]:
        raise NotImplementedError


def _square(layer: Any) -> Any:
    if layer.n_in != layer.n_out:
        raise fn.ShapeError("a square layer is needed")
    return layer


@attrs.frozen(eq=False)
class Square:
    """A user's combinator of one layer, whose widths it compares."""

    layer: Any = attrs.field(converter=_square)

    applies_layers: ClassVar[Literal[True]] = True

    def forward(self, x: fn.Matrix) -> tuple[fn.Matrix, object]:
        y, cache = self.layer.forward(x)
        return y, cache

    def pullback(self, cache: object, dout: fn.Matrix) -> tuple[Square, Callable[[], fn.Matrix]]:
        raise NotImplementedError


@attrs.frozen(eq=False)
class Broken:
    """A user's layer that returns what is passed to it, or raises it."""

    result: object

    def forward(self, x: fn.Matrix) -> tuple[Any, None]:
        if isinstance(self.result, Exception):
            raise self.result
        return self.result, None

    def pullback(self, cache: None, dout: fn.Matrix) -> tuple[Broken, Callable[[], fn.Matrix]]:
        raise NotImplementedError


def computed(layer: Any, x: fn.Array, path: str = "") -> dict[str, fn.Array]:
    """Return what the layers of funnet's combinators give, one by one."""
    outputs: dict[str, fn.Array] = {}

    def inner(name: str, layer: AnyLayer, x: fn.Array) -> fn.Array:
        outputs.update(computed(layer, x, f"{path}.{name}" if path else name))
        y: fn.Array = fn.forward(layer, x)[0]
        return y

    if isinstance(layer, fn.Sequential):
        y = x
        for i, each in enumerate(layer.layers):
            y = inner(f"layers.{i}", each, y)
    elif isinstance(layer, fn.Residual):
        y = x + inner("layer", layer.layer, x)
    elif isinstance(layer, fn.Concatenate):
        y = np.concatenate(
            [inner(f"layers.{i}", each, x) for i, each in enumerate(layer.layers)], axis=1
        )
    else:
        y = fn.forward(layer, x)[0]
    return {**outputs, path: y}


@every_resting_case
def test_activations_are_what_the_layers_compute_one_by_one(case: Case) -> None:
    layer, x = case.layer(0), case.x(0)

    shown, expected = fn.activations(layer, x), computed(layer, x)

    assert list(shown) == list(expected)
    assert all(shown[path].tobytes() == expected[path].tobytes() for path in expected)


@every_resting_case
def test_a_summary_has_a_row_for_each_activation_and_counts_each_array_once(case: Case) -> None:
    layer = case.layer(0)

    table = fn.summary(layer, case.shape[1:])

    outputs = fn.activations(layer, case.x(0))
    shapes = {path: y.shape[1:] for path, y in outputs.items()}
    assert {row.path: row.output_shape for row in table.rows} == shapes
    assert [row.path for row in table.rows] == list(outputs)
    arrays = all_arrays(layer).values()
    assert table.parameters == fn.parameter_count(layer)
    assert table.parameters + table.buffers == sum(array.size for array in arrays)
    assert table.nbytes == sum(array.nbytes for array in arrays)


def numbers(table: fn.Summary) -> list[tuple[str, tuple[int, ...], int, int]]:
    return [
        (row.layer, row.output_shape, row.parameters, row.buffers)
        for row in table.rows
        if row.parameters or row.buffers
    ]


def test_layers_are_counted_as_by_hand() -> None:
    rows = fn.sequential(
        fn.Standardize.fit(np.eye(64, dtype=np.float32)),
        fn.Affine.init(64, 50, rng=0),
        fn.BatchNorm.init(50),
        fn.ReLU(),
        fn.Dropout(0.2),
        fn.Affine.init(50, 10, rng=1),
    )
    table = fn.summary(rows, (64,))

    assert numbers(table) == [
        ("Standardize", (64,), 0, 64 + 64),
        ("Affine", (50,), 64 * 50 + 50, 0),
        ("BatchNorm", (50,), 50 + 50, 50 + 50 + 1),
        ("Affine", (10,), 50 * 10 + 10, 0),
    ]
    assert table.nbytes == 4 * (table.parameters + table.buffers - 1) + 8  # the count is int64
    assert numbers(fn.summary(convnet(3), (3, 8, 8))) == [
        ("Conv2d", (16, 8, 8), 16 * (3 * 3 * 3) + 16, 0),
        ("Affine", (10,), (16 * 4 * 4) * 10 + 10, 0),
    ]


def test_a_layer_that_is_used_at_two_paths_counts_twice() -> None:
    layer = fn.Affine.init(4, 4, rng=0)
    table = fn.summary(fn.sequential(layer, layer), (4,))

    assert [row.parameters for row in table.rows] == [20, 20, 0]


def test_a_network_class_of_a_user_is_one_row_with_the_arrays_of_its_layers() -> None:
    net = RESTING["a user's network with a batch norm"].layer(0)
    assert isinstance(net, NormedNet)

    (row,) = fn.summary(net, (4,)).rows

    assert (row.path, row.layer, row.output_shape) == ("", "NormedNet", (3,))
    assert (row.parameters, row.buffers) == (4 * 5 + 2 * 5 + 5 * 3, 2 * 5 + 1)


def test_a_combinator_of_a_user_is_looked_into_if_it_says_that_it_applies_layers() -> None:
    net, x = fn.sequential(gated(), Scale(np.ones(4, np.float32))), np.ones((2, 4), np.float32)

    outputs = fn.activations(net, x)
    table = fn.summary(net, (4,))

    inner = "layers.0.layers.<b>"
    assert {row.path: row.parameters for row in table.rows} == {
        f"{inner}.layers.0": 20,
        f"{inner}.layers.1": 0,
        inner: 0,
        "layers.0.layers.skip": 0,
        "layers.0": 4,
        "layers.1": 4,
        "": 0,
    }
    assert list(outputs) == [row.path for row in table.rows]
    assert (outputs["layers.0"] == outputs[inner] + x).all()


@pytest.mark.parametrize(
    "look",
    [
        lambda net: fn.summary(net, (4,)),
        lambda net: fn.activations(net, np.ones((2, 4), np.float32)),
    ],
    ids=["summary", "activations"],
)
class TestBoth:
    """What both refuse, and how they name it."""

    Look = Callable[[object], object]

    def test_a_layer_that_does_not_fit_is_named(self, look: Look) -> None:
        net = fn.sequential(fn.residual(fn.sequential(Scale(np.ones(3, np.float32)))))
        narrow = fn.sequential(fn.Identity(), fn.residual(fn.Affine.init(3, 3, rng=0)))

        with pytest.raises(fn.ShapeError, match=r"^layers\.1\.layer: x of Affine must have shape"):
            look(narrow)
        with pytest.raises(ValueError, match="broadcast") as caught:
            look(net)
        assert caught.value.__notes__ == [
            "in layers.0 (Scale)",
            "in layer (Sequential)",
            "in layers.0 (Residual)",
        ]

    def test_a_layer_that_is_applied_twice_is_named(self, look: Look) -> None:
        net = fn.sequential(Twice(fn.Affine.init(4, 4, rng=0)))

        with pytest.raises(fn.StructureError, match=r"^layers\.0\.layer: Affine must be applied"):
            look(net)

    def test_the_output_of_the_network_itself_is_named_by_its_class(self, look: Look) -> None:
        with pytest.raises(fn.DTypeError, match=r"^the output of Broken must be"):
            look(Broken((1, 2)))

    def test_a_constructor_may_look_at_the_layers(self, look: Look) -> None:
        look(Square(fn.Affine.init(4, 4, rng=0)))

    def test_an_output_that_is_no_array_of_floats_is_named(self, look: Look) -> None:
        net = fn.sequential(Broken((1, 2)), Broken(np.ones((2, 3))))

        with pytest.raises(fn.DTypeError, match=r"^layers\.0: the output of Broken must be"):
            look(net)


def test_a_layer_that_is_not_applied_counts_in_the_row_of_its_combinator() -> None:
    (row,) = fn.summary(Twice(fn.Affine.init(4, 4, rng=0), times=0), (4,)).rows

    assert (row.layer, row.parameters) == ("Twice", 20)


def test_activations_are_read_only_and_the_input_stays_writeable() -> None:
    x = np.zeros((2, 1, 2, 2), np.float32)

    outputs = fn.activations(fn.sequential(fn.Identity(), fn.Flatten()), x)
    x += 1

    assert not any(y.flags.writeable or y.any() for y in outputs.values())


def test_a_summary_is_a_value() -> None:
    table = fn.summary(convnet(), (1, 8, 8))

    assert table == fn.summary(convnet(), (1, 8, 8))
    assert table == pickle.loads(pickle.dumps(table))  # noqa: S301 (our own bytes)
    assert table != fn.summary(convnet(2), (2, 8, 8))
    assert hash(table) == hash(fn.summary(convnet(), (1, 8, 8)))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        table.rows = ()  # type: ignore[misc]


def test_a_notebook_shows_the_cells_of_the_printed_table() -> None:
    table = fn.summary(gated(), (4,))

    tree = fromstring(table._repr_html_())  # noqa: S314 (our own text)
    lines = [[cell.text or "" for cell in line] for line in tree.iter("tr")]

    assert "layers.<b>.layers.0" in str(table)
    assert [part.tag for part in tree] == ["thead", "tbody", "tfoot"]
    assert [len(line) for line in lines] == [6] * (len(table.rows) + 2)
    assert [" ".join(line).split() for line in lines] == [
        line.split() for line in str(table).splitlines()
    ]


def test_the_numbers_of_the_last_line_are_the_totals() -> None:
    table = fn.summary(convnet(3), (3, 8, 8))

    *_, total = str(table).splitlines()

    parameters = 16 * 3 * 9 + 16 + 2570
    assert total.split() == ["total", f"{parameters:,}", "0", f"{4 * parameters:,}"]
