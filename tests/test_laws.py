"""The laws of `Layer`, for every layer of funnet, user-defined layers, and networks of them."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given, strategies as st
from strategies import LAYOUTS, Floats, dtypes, few, seeds
from zoo import CASES, AnyLayer, Case, all_arrays, every_case, every_resting_case

import funnet as fn
from funnet import layers


def run(layer: AnyLayer, x: Floats, dout: Floats | None = None) -> dict[str, Floats]:
    """Return everything that a layer computes for an input, by name."""
    y, cache = fn.forward(layer, x)
    dout = direction(y, 7) if dout is None else dout
    results = {"y": y, "dx": fn.input_gradient(layer, cache, dout)}
    if fn.inference_mode(layer) is layer:
        results["predicted"] = fn.predict(layer, x)
    return results | dict(fn.named_leaves(fn.backward(layer, cache, dout)))


def direction(like: Floats, seed: int) -> Floats:
    return np.random.default_rng([seed, 2]).standard_normal(like.shape).astype(like.dtype)


def as_bytes(results: dict[str, Floats]) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in results.items()}


def assert_same_bytes(*networks: AnyLayer, x: Floats) -> None:
    """Compare what networks of different structures, and so different paths, compute."""
    first, *others = (list(as_bytes(run(network, x)).values()) for network in networks)
    assert all(other == first for other in others)


def test_the_laws_are_tried_on_every_layer() -> None:
    classes = {value for value in vars(layers).values() if isinstance(value, type)}

    assert classes <= {type(case.layer(0)) for case in CASES.values()}


@every_case
@few
@given(seed=seeds, dtype=dtypes)
def test_gradients_have_the_structure_shapes_and_dtypes_of_the_parameters(
    case: Case, seed: int, dtype: type[fn.Float]
) -> None:
    layer = case.layer(seed, dtype)
    y, cache = fn.forward(layer, case.x(seed, dtype))

    grads = fn.backward(layer, cache, direction(y, seed))

    assert type(grads) is type(layer)
    assert shapes(grads) == shapes(layer)


@every_case
def test_gradients_are_at_rest(case: Case) -> None:
    layer = case.layer(0)
    y, cache = fn.forward(layer, case.x(0))

    grads = fn.backward(layer, cache, direction(y, 0))

    assert fn.inference_mode(grads) is grads


def shapes(tree: object) -> list[tuple[str, tuple[int, ...], np.dtype[fn.Float]]]:
    return [(path, array.shape, array.dtype) for path, array in fn.named_leaves(tree)]


worst_error = {"figure": 0.0}


@pytest.fixture(scope="module", autouse=True)
def _print_the_worst_error() -> Iterator[None]:
    yield
    print(f"\nworst relative error of a directional derivative: {worst_error['figure']:.1e}")


def derivative(f: Callable[[float], float], h: float = 2e-4) -> float:
    """Return f'(0) by central differences of sixth order (Fornberg 1988, table 1)."""
    near, middle, far = (f(k * h) - f(-k * h) for k in (1, 2, 3))
    return (45 * near - 9 * middle + far) / (60 * h)


def relative_error(ours: list[Floats], along: list[Floats], f: Callable[[float], float]) -> float:
    """Compare <ours, along> with f'(0), relative to the sum of its absolute terms."""
    parts = np.concatenate(
        [np.zeros(1), *((g * v).ravel() for g, v in zip(ours, along, strict=True))]
    )
    numerical = derivative(f)
    error = abs(parts.sum() - numerical) / max(np.abs(parts).sum(), 1e-3)
    worst_error["figure"] = max(worst_error["figure"], float(error))
    return float(error)


@every_case
@few
@given(seed=seeds)
def test_gradients_are_the_derivatives_along_a_random_direction(case: Case, seed: int) -> None:
    layer, x = case.layer(seed), case.x(seed)
    y, cache = fn.forward(layer, x)
    dout = direction(y, seed)
    along = fn.tree_map(lambda array: direction(array, seed), layer)

    error = relative_error(
        fn.tree_leaves(fn.backward(layer, cache, dout)),
        fn.tree_leaves(along),
        lambda h: float(
            (dout * fn.forward(fn.tree_map(lambda p, v: p + h * v, layer, along), x)[0]).sum()
        ),
    )

    assert error < 1e-8


@every_case
@few
@given(seed=seeds)
def test_input_gradient_is_the_derivative_along_a_random_direction(case: Case, seed: int) -> None:
    layer, x = case.layer(seed), case.x(seed)
    y, cache = fn.forward(layer, x)
    dout, along = direction(y, seed), direction(x, seed + 1)

    error = relative_error(
        [fn.input_gradient(layer, cache, dout)],
        [along],
        lambda h: float((dout * fn.forward(layer, x + h * along)[0]).sum()),
    )

    assert error < 1e-8


@every_case
@few
@given(seed=seeds)
def test_nesting_does_not_change_a_bit(case: Case, seed: int) -> None:
    a, b, c = CASES["Sigmoid"].layer(seed), case.layer(seed), CASES["Tanh"].layer(seed)

    assert_same_bytes(
        fn.sequential(a, b, c),
        fn.sequential(a, fn.sequential(b, c)),
        fn.sequential(fn.sequential(a, b), c),
        x=case.x(seed),
    )


@every_case
@few
@given(seed=seeds)
def test_one_layer_or_one_among_empty_networks_is_the_layer(case: Case, seed: int) -> None:
    layer, empty = case.layer(seed), fn.sequential()

    assert_same_bytes(
        layer, fn.sequential(layer), fn.sequential(empty, layer, empty), x=case.x(seed)
    )


@every_case
@few
@given(seed=seeds, dtype=dtypes)
def test_no_byte_of_an_argument_changes(case: Case, seed: int, dtype: type[fn.Float]) -> None:
    layer, x = case.layer(seed, dtype), case.x(seed, dtype)
    y, cache = fn.forward(layer, x)
    dout = direction(y, seed)
    before = pickle.dumps((all_arrays(layer), x, y, cache, dout))

    run(layer, x, dout)
    _ = fn.backward(layer, cache, dout)
    _ = fn.input_gradient(layer, cache, dout)

    assert pickle.dumps((all_arrays(layer), x, y, cache, dout)) == before


@every_case
@few
@given(seed=seeds, dtype=dtypes)
def test_the_same_arguments_give_the_same_bytes(
    case: Case, seed: int, dtype: type[fn.Float]
) -> None:
    layer, x = case.layer(seed, dtype), case.x(seed, dtype)

    assert as_bytes(run(layer, x)) == as_bytes(run(layer, x))


@every_case
@few
@given(seed=seeds, dtype=dtypes)
def test_all_results_have_the_dtype_of_the_input(
    case: Case, seed: int, dtype: type[fn.Float]
) -> None:
    results = run(case.layer(seed, dtype), case.x(seed, dtype))

    assert {array.dtype for array in results.values()} == {np.dtype(dtype)}


@every_case
@few
@given(seed=seeds, dtype=dtypes)
def test_the_layout_and_the_class_of_an_input_do_not_change_a_bit(
    case: Case, seed: int, dtype: type[fn.Float]
) -> None:
    layer, x = case.layer(seed, dtype), case.x(seed, dtype)
    dout = direction(fn.forward(layer, x)[0], seed)
    expected = as_bytes(run(layer, x, dout))

    for name, layout in LAYOUTS.items():
        results = run(layer, layout(x), layout(dout))

        assert as_bytes(results) == expected, name
        assert {type(array) for array in results.values()} == {np.ndarray}, name


def as_attrs(layer: AnyLayer) -> Any:
    """Return the same layer; its protocol does not say that it is an attrs value."""
    return layer


COPIES: dict[str, Callable[[AnyLayer], AnyLayer]] = {
    "pickle": lambda layer: pickle.loads(pickle.dumps(layer)),  # noqa: S301 (our own bytes)
    "pickle 5": lambda layer: pickle.loads(pickle.dumps(layer, 5)),  # noqa: S301 (our own bytes)
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "evolve": lambda layer: attrs.evolve(as_attrs(layer)),
    "astype": lambda layer: fn.astype(layer, np.float64),
    "tree_map": lambda layer: fn.tree_map(np.copy, layer),
}


@every_case
@pytest.mark.parametrize("make_copy", COPIES.values(), ids=COPIES.keys())
def test_a_copy_keeps_type_values_and_locks(
    case: Case, make_copy: Callable[[AnyLayer], AnyLayer]
) -> None:
    layer = case.layer(3)

    copied = make_copy(layer)

    assert type(copied) is type(layer)
    assert repr(copied) == repr(layer)
    assert as_bytes(all_arrays(copied)) == as_bytes(all_arrays(layer))
    assert not any(array.flags.writeable for array in all_arrays(copied).values())


@every_case
def test_a_layer_is_immutable(case: Case) -> None:
    layer = case.layer(3)

    for field in attrs.fields(type(as_attrs(layer))):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(layer, field.name, None)
    for array in all_arrays(layer).values():
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 1


@every_resting_case
@few
@given(seed=seeds, batch_size=st.integers(1, 9))
def test_predict_in_batches_agrees_with_forward(case: Case, seed: int, batch_size: int) -> None:
    layer, x = case.layer(seed), case.x(seed)

    y, _ = fn.forward(layer, x)

    np.testing.assert_allclose(fn.predict(layer, x, batch_size), y, rtol=1e-12, atol=1e-14)


@every_resting_case
@few
@given(dtype=dtypes)
def test_an_empty_batch_gives_empty_results_and_zero_gradients(
    case: Case, dtype: type[fn.Float]
) -> None:
    layer, x = case.layer(0, dtype), case.x(0, dtype)

    results = run(layer, x[:0])

    empty = (0, *fn.forward(layer, x)[0].shape[1:])
    gradients = {path: array.shape for path, array in fn.named_leaves(layer)}
    assert {name: array.shape for name, array in results.items()} == {
        "y": empty,
        "predicted": empty,
        "dx": x[:0].shape,
        **gradients,
    }
    assert {array.dtype for array in results.values()} == {np.dtype(dtype)}
    assert not any(array.any() for array in results.values())


@every_case
def test_the_repr_shows_no_numbers_of_an_array(case: Case) -> None:
    layer = case.layer(0)

    assert "array" not in repr(layer)
    assert all(f"{array.dtype}[" in repr(layer) for array in all_arrays(layer).values())
