"""Numerical gradients, and the check that finds a wrong `pullback`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given, strategies as st
from zoo import CASES, Case, Scale, ScaleCache, every_case

import funnet as fn


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=5))
def test_numerical_gradient_agrees_with_the_gradient_of_a_quadratic_form(
    values: list[float],
) -> None:
    x = np.array(values)
    A = np.arange(x.size**2).reshape(x.size, x.size)

    grad = fn.numerical_gradient(lambda v: float(v @ A @ v), x)

    np.testing.assert_allclose(grad, (A + A.T) @ x, rtol=1e-6, atol=1e-6)


def test_numerical_gradient_does_not_modify_its_argument() -> None:
    x = np.array([1.0, 2.0])

    _ = fn.numerical_gradient(lambda v: float(v.sum()), x)

    assert x.tolist() == [1, 2]
    assert x.flags.writeable


def test_a_step_below_the_rounding_error_is_refused() -> None:
    with pytest.raises(ValueError, match=r"step 0\.0001 is too small for float32 at 10000\.0"):
        fn.numerical_gradient(lambda v: float(v.sum()), np.array([1e4], np.float32))


@every_case
def test_every_layer_passes_the_check_with_its_defaults(case: Case) -> None:
    layer, x = case.layer(5), case.x(5)
    t = np.random.default_rng(1).standard_normal(layer.forward(x)[0].shape)

    report = fn.check_gradients(layer, x, fn.sum_squared_error, t, raise_error=True)

    assert report.ok
    assert report.entries == x.size + sum(array.size for array in fn.tree_leaves(layer))


def test_a_float32_network_is_checked_in_float64() -> None:
    net = fn.sequential(fn.Affine.init(5, 8, rng=0), fn.Sigmoid(), fn.Affine.init(8, 3, rng=1))
    x = np.random.default_rng(2).normal(size=(4, 5)).astype(np.float32)

    assert fn.check_gradients(net, x, fn.softmax_cross_entropy, np.array([0, 1, 2, 0])).excess < 1


def wrong(change: Callable[[fn.Vector], fn.Vector]) -> Callable[..., object]:
    """Return the pullback of Scale, with the gradient of its gain changed."""

    def pullback(
        self: Scale, cache: ScaleCache, dout: fn.Matrix
    ) -> tuple[Scale, Callable[[], fn.Matrix]]:
        return Scale(change((dout * cache.x).sum(axis=0))), lambda: dout * self.gain

    return pullback


def bump(grad: fn.Vector) -> fn.Vector:
    """Change one entry by one part in ten thousand."""
    bumped = grad.copy()
    bumped[2] *= 1 + 1e-4
    return bumped


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> Callable[..., fn.GradientReport]:
    """Return a function that checks the layer Scale with the gradient of its gain changed."""

    def check(change: Callable[[fn.Vector], fn.Vector], **options: Any) -> fn.GradientReport:
        monkeypatch.setattr(Scale, "pullback", wrong(change))
        case = CASES["a user's layer"]
        x = case.x(0)
        return fn.check_gradients(
            case.layer(0), x, fn.sum_squared_error, np.zeros_like(x), **options
        )

    return check


@pytest.mark.parametrize(
    "change",
    [np.negative, lambda g: 2 * g, lambda g: g[::-1], np.zeros_like, bump, lambda g: g * np.nan],
    ids=["sign", "factor", "order", "zero", "one entry", "nan"],
)
def test_a_wrong_parameter_gradient_fails_the_check(
    change: Callable[[fn.Vector], fn.Vector], check: Callable[..., fn.GradientReport]
) -> None:
    report = check(change)

    assert not report
    assert not report.ok
    assert report.path == "gain"
    with pytest.raises(AssertionError, match="differs from the numerical gradient") as caught:
        check(change, raise_error=True)
    assert isinstance(caught.value, fn.GradientError)
    assert caught.value.report.path == "gain"


def test_a_right_or_tolerated_gradient_passes_the_check(
    check: Callable[..., fn.GradientReport],
) -> None:
    assert check(lambda grad: grad)
    assert check(lambda grad: grad).ok
    assert check(bump, rtol=1e-3)


def test_gradients_of_another_shape_are_refused(check: Callable[..., fn.GradientReport]) -> None:
    with pytest.raises(ValueError, match=r"gain: expected shape \(4,\), got \(3,\)"):
        check(lambda grad: grad[1:])


def test_the_report_names_the_worst_entry_with_both_values(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    net = fn.sequential(fn.ReLU(), Scale(np.ones(4)))
    monkeypatch.setattr(Scale, "pullback", wrong(bump))

    report = fn.check_gradients(net, np.ones((1, 4)), fn.sum_squared_error, np.zeros((1, 4)))

    assert (report.path, report.index) == ("layers.1.gain", (2,))
    assert report.backward == pytest.approx(1.0001)
    assert report.numerical == pytest.approx(1)
    assert str(report) == (
        "backward differs from the numerical gradient: of 8 entries, the worst is "
        f"layers.1.gain[2] with 1.0001 by backward and 1 numerically "
        f"({report.excess:.3g} times the tolerance)"
    )


def test_a_wrong_input_gradient_fails_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Scale,
        "pullback",
        lambda self, cache, dout: (Scale((dout * cache.x).sum(axis=0)), lambda: dout),
    )

    report = fn.check_gradients(
        Scale(np.full(4, 2.0)), np.ones((1, 4)), fn.sum_squared_error, np.ones((1, 4))
    )

    assert not report.ok
    assert report.path == "x"


@pytest.mark.parametrize("layer", [fn.ReLU(), fn.MaxPool2d(2)], ids=["ReLU", "MaxPool2d"])
def test_a_difference_at_a_kink_is_reported_as_such(layer: fn.ReLU | fn.MaxPool2d) -> None:
    background: fn.Images = np.zeros((1, 1, 4, 4))
    noise: fn.Images = np.random.default_rng(0).normal(size=(1, 1, 4, 4))
    t = np.ones_like(layer.forward(background)[0])

    at_kinks = fn.check_gradients(layer, background, fn.sum_squared_error, t)
    elsewhere = fn.check_gradients(layer, noise, fn.sum_squared_error, t)

    assert not at_kinks
    assert at_kinks.kink
    assert str(at_kinks).endswith("so check other numbers, such as random ones")
    assert elsewhere
    assert not elsewhere.kink


def test_a_wrong_gradient_is_not_taken_for_a_kink(check: Callable[..., fn.GradientReport]) -> None:
    assert not check(bump).kink
    assert not check(np.negative).kink


def test_gradients_of_another_class_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = CASES["a user's layer"].layer(0), CASES["a user's layer"].x(0)
    monkeypatch.setattr(Scale, "pullback", lambda *_: (fn.ReLU(), lambda: x))

    with pytest.raises(fn.StructureError, match="expected Scale, got ReLU"):
        fn.check_gradients(layer, x, fn.sum_squared_error, np.zeros_like(x))


Words = np.ndarray[tuple[int], np.dtype[np.int64]]


@attrs.frozen(eq=False)
class Lookup:
    """A layer on integers, which have no gradient: y = table[x]."""

    table: fn.Matrix = attrs.field(converter=fn.lock_matrix)

    def forward(self, x: Words) -> tuple[fn.Matrix, Words]:
        return self.table[x], x

    def pullback(self, cache: Words, dout: fn.Matrix) -> tuple[Lookup, Callable[[], Words]]:
        grad = np.zeros_like(self.table)
        np.add.at(grad, cache, dout)

        def dx() -> Words:
            raise AssertionError("integers have no gradient")

        return Lookup(grad), dx


def test_a_layer_on_integers_passes_the_check() -> None:
    # Any: the type of a network tells the rank of its input, but takes the numbers for floats.
    first: Any = Lookup(np.arange(6.0).reshape(3, 2) / 7)
    layer = fn.sequential(first, fn.Sigmoid())

    report = fn.check_gradients(layer, np.array([2, 0, 2]), fn.sum_squared_error, np.zeros((3, 2)))

    assert report.ok
    assert report.entries == 6


def test_a_check_without_floats_fails() -> None:
    layer: Any = attrs.make_class(
        "Shape",
        {},
        frozen=True,
        eq=False,
        bases=(),
        class_body={
            "forward": lambda self, x: (x / 2, None),
            "pullback": lambda self, cache, dout: (self, lambda: dout),
        },
    )()
    words: Any = np.array([[1, 2]])

    report = fn.check_gradients(layer, words, fn.sum_squared_error, np.zeros((1, 2)))

    assert not report
    assert not report.ok
    assert str(report).startswith("nothing to compare: ")
    with pytest.raises(fn.GradientError, match=r"^nothing to compare"):
        fn.check_gradients(layer, words, fn.sum_squared_error, np.zeros((1, 2)), raise_error=True)


@pytest.mark.parametrize(
    ("result", "error", "says"),
    [
        (
            lambda y: (0.0, y.astype(np.float32)),
            fn.DTypeError,
            "the gradient that the loss my_loss returns must be float64, got f",
        ),
        (
            lambda y: (0.0, y[:1]),
            fn.ShapeError,
            r"the gradient that the loss my_loss returns must have shape \(5, 4\), got \(1, 4\)",
        ),
        (
            lambda y: (0.0, y.tolist()),
            fn.DTypeError,
            "the gradient that the loss my_loss returns must be a NumPy array.*, got list",
        ),
        (
            lambda y: (0.0, y[:, 0]),
            fn.ShapeError,
            r"the gradient that the loss my_loss returns must have shape \(5, 4\), got \(5,\)",
        ),
        (lambda y: (0.0, None), fn.DTypeError, "be a NumPy array of floats, got NoneType"),
        (lambda y: (0.0, np.ones(y.shape, int)), fn.DTypeError, "be float16, .* got int64"),
        (lambda y: (y, y), TypeError, r"my_loss returns must be a number, got float64\[5, 4\]"),
        *(
            (lambda y, value=value: (value, y), TypeError, "my_loss returns must be a number, got")
            for value in (True, np.True_, 1j, np.complex64(1), None, "0.5", np.ones(1))
        ),
        (lambda y: 0.0, TypeError, r"my_loss to return a pair \(loss, dy\), got float"),
        (lambda y: (0.0, y, y), TypeError, r"my_loss to return a pair \(loss, dy\), got tuple"),
    ],
)
def test_a_loss_that_returns_something_else_is_named(
    result: Callable[[fn.Matrix], Any], error: type[Exception], says: str
) -> None:
    def my_loss(y: fn.Matrix, t: fn.Matrix) -> Any:
        return result(y)

    layer, x, t = fn.Affine.init(3, 4, rng=0, dtype=np.float64), np.ones((5, 3)), np.zeros((5, 4))

    with pytest.raises(error, match=f".*{says}"):
        fn.check_gradients(layer, x, my_loss, t)
    with pytest.raises(error, match=f".*{says}"):
        fn.batch_gradients(layer, x, t, loss=partial(my_loss))


@pytest.mark.parametrize("value", [np.ones(2), np.array([1.0]), "1", None, 1j])
def test_numerical_gradient_requires_a_function_that_returns_a_number(value: Any) -> None:
    with pytest.raises(TypeError, match="what f returns must be a number, got"):
        fn.numerical_gradient(lambda v: value, np.ones(1))
