"""An update rule is a plain function, whose signature says what it keeps and what it is given."""

import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from optimizer_cases import NET

import funnet as fn


def decaying(
    p: fn.Array, g: fn.Array, mean: fn.Array, /, *, step: int, keep: float, scale: float = 1.0
) -> tuple[fn.Array, fn.Array]:
    mean = keep * mean + g
    return p - scale / (1 + step) * mean, mean


def test_the_signature_names_the_optimizer_and_its_state() -> None:
    state = fn.elementwise(partial(partial(decaying, keep=0.5), scale=2.0), 0.1).init(NET)

    assert (state.optimizer, state.names) == (("decaying",), ("mean",))


def test_a_rule_is_given_the_lr_and_the_step_that_it_declares() -> None:
    seen: list[tuple[float, ...]] = []

    def given_lr(p: fn.Array, g: fn.Array, /, *, lr: float) -> tuple[fn.Array]:
        seen.append((lr,))
        return (p,)

    def given_both(p: fn.Array, g: fn.Array, /, *, step: int, lr: float) -> tuple[fn.Array]:
        seen.append((lr, step))
        return (p,)

    for rule in (given_lr, given_both):
        optimizer, x = fn.elementwise(rule, lambda step: step / 4), np.ones(1)
        _ = optimizer.update(x, x, optimizer.update(x, x, optimizer.init(x))[1])

    assert seen == [(0,), (0.25,), (0, 0), (0.25, 1)]


def test_rules_with_equal_constants_are_equal_and_go_through_pickle() -> None:
    optimizer = fn.elementwise(partial(decaying, keep=0.5, scale=2.0), 0.1)
    same = fn.elementwise(partial(partial(decaying, scale=2.0), keep=0.5), 0.1)
    other = fn.elementwise(partial(decaying, keep=0.25, scale=2.0), 0.1)

    assert pickle.loads(pickle.dumps(optimizer)) == optimizer == same != other  # noqa: S301
    assert repr(optimizer) == "Optimizer(update=decaying(keep=0.5, scale=2.0))"


def test_a_rule_without_a_name_needs_one() -> None:
    unnamed: Any = lambda p, g, /: (p - g,)  # noqa: E731
    with pytest.raises(TypeError, match=r"expected name=\.\.\., since the update rule has no name"):
        fn.elementwise(unnamed, 0.1)

    assert fn.elementwise(unnamed, 0.1, name="mine").init(NET).optimizer == ("mine",)


@pytest.mark.parametrize(
    "rule",
    [
        lambda p: (p,),
        lambda p, g, lr: (p,),
        lambda p, g, m=0: (p,),
        lambda p, g, *state: (p,),
    ],
)
def test_another_signature_is_refused(rule: Any) -> None:
    with pytest.raises(TypeError, match=r"expected an update rule like .*, got mine\(p"):
        fn.elementwise(rule, 0.1, name="mine")


def test_constants_are_bound_by_keyword() -> None:
    with pytest.raises(TypeError, match=r"expected decaying with keep bound by functools\.partial"):
        fn.elementwise(decaying, 0.1)
    with pytest.raises(TypeError, match="expected constants bound by keyword"):
        fn.elementwise(partial(decaying, np.ones(1)), 0.1)


@pytest.mark.parametrize(
    ("returned", "got"), [((np.ones(1),), "1"), ((np.ones(1),) * 3, "3"), (np.ones(2), "ndarray")]
)
def test_a_rule_returns_a_tuple_of_the_parameter_and_its_state(returned: Any, got: str) -> None:
    wrong = fn.elementwise(lambda p, g, m: returned, 0.1, name="mine")
    with pytest.raises(
        fn.StructureError, match=f"W: expected mine to return a tuple of 2 arrays, got {got}$"
    ):
        wrong.update(NET, NET, wrong.init(NET))


@pytest.mark.parametrize(
    ("convert", "error", "message"),
    [
        (lambda a: a.astype(np.float32), fn.DTypeError, "must be float64, got float32"),
        (lambda a: a[..., :1], fn.ShapeError, r"must have shape \(3, 2\), got \(3, 1\)"),
    ],
    ids=["dtype", "shape"],
)
@pytest.mark.parametrize("wrong", ["p", "m"])
def test_a_rule_keeps_shapes_and_dtypes(
    convert: Callable[[fn.Array], fn.Array], error: type[Exception], message: str, wrong: str
) -> None:
    def rule(p: fn.Array, g: fn.Array, m: fn.Array, /) -> tuple[fn.Array, fn.Array]:
        return (convert(p), m + g) if wrong == "p" else (p - g, convert(m))

    layer = fn.Affine.init(3, 2, rng=0, dtype=np.float64)
    optimizer = fn.elementwise(rule, 0.1)

    with pytest.raises(error, match=f"^W: {wrong} that rule returns {message}"):
        optimizer.update(layer, layer, optimizer.init(layer))


def test_a_callable_object_is_a_rule_under_a_name() -> None:
    class Halve:
        def __call__(self, p: fn.Array, g: fn.Array, /) -> tuple[fn.Array]:
            return (p / 2,)

    optimizer = fn.elementwise(Halve(), 0.1, name="halve")

    assert repr(optimizer) == "Optimizer(update=halve())"
    assert optimizer.update(np.ones(1), np.ones(1), optimizer.init(np.ones(1)))[0] == [0.5]
