"""Subclasses of ndarray: each is converted exactly, and a mask, which would be lost, is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest
from loss_cases import LOSSES
from small_networks import LAYERS, batch, network
from strategies import AnyArray, normal_array

import funnet as fn
from funnet.core.arrays import as_ndarray, plain
from funnet.core.checks import check_float


class Own(np.ndarray[Any, Any]):
    """A subclass whose operations have a meaning of their own, as those of np.matrix do."""

    def __array_ufunc__(self, *args: object, **kwargs: object) -> Any:
        raise AssertionError


SUBCLASSES: dict[str, Callable[[AnyArray], AnyArray]] = {
    "matrix": lambda x: x.view(np.matrix),
    "memmap": lambda x: x.view(np.memmap),
    "recarray": lambda x: x.view(np.recarray),
    "a user's subclass": lambda x: x.view(Own),
}
every_subclass = pytest.mark.parametrize("cast", SUBCLASSES.values(), ids=SUBCLASSES.keys())


x, W, b = batch(5, 3), batch(3, 4), batch(4)
net = network()
y, cache = fn.forward(net, x)
scores = normal_array(0, 4, 3)
labels = np.array([0, 2, 1, 1])
rows = np.eye(3)[labels]

# Any: what comes out of each function, and arrays of labels.
Door = tuple[Callable[[Any], Any], Any]


def of_scores(f: Any) -> Callable[[Any], Any]:
    return lambda y: f(y, rows)


def of_targets(f: Any) -> Callable[[Any], Any]:
    return lambda t: f(scores, t)


FUNCTIONS = (
    fn.identity, fn.step_function, fn.relu, fn.sigmoid, fn.tanh, fn.softmax, fn.log_softmax,
)  # fmt: skip
OF_PAIRS: list[Any] = [*LOSSES.values(), fn.accuracy]
DOORS: dict[str, Door] = {
    "forward": (lambda x: fn.forward(net, x)[0], x),
    "predict": (lambda x: fn.predict(net, x, batch_size=2), x),
    "backward": (lambda dout: fn.tree_leaves(fn.backward(net, cache, dout))[0], y),
    "input_gradient": (lambda dout: fn.input_gradient(net, cache, dout), y),
    "Affine, W": (lambda W: fn.Affine(W, b).W, W),
    "lock": (fn.lock, b),
    "lock_matrix": (fn.lock_matrix, W),
    "replace_at": (lambda W: fn.replace_at(fn.Affine(batch(3, 4), b), "W", W).W, W),
    "astype": (lambda b: fn.astype([b], np.float64)[0], b),
    "a result of tree_map": (lambda b: fn.tree_map(lambda _: b, [b])[0], b),
    **{f.__name__: (f, scores) for f in FUNCTIONS},
    **{f"{f.__name__}, scores": (of_scores(f), scores) for f in OF_PAIRS},
    **{f"{f.__name__}, t": (of_targets(f), rows) for f in OF_PAIRS},
    "softmax_cross_entropy of labels": (lambda y: fn.softmax_cross_entropy(y, labels), scores),
    "accuracy of labels": (lambda y: fn.accuracy(y, labels), scores),
    "accuracy, threshold": (lambda y: fn.accuracy(y, labels % 2, threshold=0), scores[:, :1]),
    "minibatches, x": (lambda x: fn.minibatches(x, labels, 2, rng=0)[0][0], scores),
    "minibatches, t": (lambda t: fn.minibatches(scores, t, 2, rng=0)[0][1], rows),
    "numerical_gradient": (
        lambda x: fn.numerical_gradient(lambda v: float((v * v).sum()), x), scores
    ),
}  # fmt: skip
OF_LABELS: dict[str, Door] = {
    "softmax_cross_entropy, labels": (lambda t: fn.softmax_cross_entropy(scores, t), labels),
    "sigmoid_cross_entropy, labels": (
        lambda t: fn.sigmoid_cross_entropy(scores[:, :1], t), labels % 2
    ),
    "accuracy, labels": (lambda t: fn.accuracy(scores, t), labels),
    "accuracy, labels, threshold": (
        lambda t: fn.accuracy(scores[:, :1], t, threshold=0), labels % 2
    ),
    "one_hot": (lambda t: fn.one_hot(t, 3), labels),
    "minibatches, labels": (lambda t: fn.minibatches(scores, t, 2, rng=0)[0][1], labels),
}  # fmt: skip
ALL = DOORS | OF_LABELS
every_door = pytest.mark.parametrize(("call", "array"), ALL.values(), ids=ALL)


def parts(result: Any) -> list[Any]:
    """Return what a function returned, as classes, dtypes and bytes."""
    values = result if isinstance(result, tuple) else (result,)
    return [(type(v), np.asarray(v).dtype, np.asarray(v).tobytes()) for v in values]


@every_door
@every_subclass
def test_a_subclass_gives_what_its_elements_give(
    call: Callable[[Any], Any], array: AnyArray, cast: Callable[[AnyArray], AnyArray]
) -> None:
    if cast is SUBCLASSES["matrix"] and array.dtype.kind == "i":
        return  # labels have rank 1, and a matrix has not
    given = cast(array if array.ndim == 2 or cast is not SUBCLASSES["matrix"] else array[None])

    result = call(given)

    assert parts(result) == parts(call(array))


@every_door
def test_a_masked_array_is_refused(call: Callable[[Any], Any], array: AnyArray) -> None:
    for mask in (False, True):
        with pytest.raises(fn.DTypeError, match=r"without a mask, got MaskedArray; .*\.filled\("):
            call(np.ma.masked_array(array, mask=mask))


def test_a_mask_is_refused_by_the_methods_of_a_layer_too() -> None:
    layer = fn.Affine(W, b)
    y, cache = layer.forward(x)

    with pytest.raises(fn.DTypeError, match="x of Affine must be an array without a mask"):
        layer.forward(np.ma.masked_array(x))
    with pytest.raises(fn.DTypeError, match="dout of Affine must be an array without a mask"):
        layer.pullback(cache, np.ma.masked_array(y))
    with pytest.raises(fn.DTypeError, match="the cached x of Affine must be an array without a"):
        layer.pullback(type(cache)(np.ma.masked_array(x)), y)


@pytest.mark.parametrize("name", sorted(LAYERS.keys() - {"Flatten"}))  # which needs the shape only
def test_a_mask_in_a_cache_is_refused(name: str) -> None:
    layer = LAYERS[name]
    y, cache = layer.forward(batch(5, 3))
    (field,) = (n for n, v in attrs.asdict(cache).items() if isinstance(v, np.ndarray))
    hidden = attrs.evolve(cache, **{field: np.ma.masked_array(batch(5, 3))})

    with pytest.raises(fn.DTypeError, match=r"the cached .* must be an array without a mask"):
        layer.pullback(hidden, y)


@pytest.mark.parametrize("cls", [np.matrix, np.recarray, Own])
def test_what_computes_in_its_own_way_is_no_plain_float_array(
    cls: type[np.ndarray[Any, Any]],
) -> None:
    with pytest.raises(
        fn.DTypeError,
        match=f"a NumPy array of floats, got {cls.__name__}; convert it with np.as",
    ):
        check_float(x.view(cls), "x")


@every_subclass
def test_as_ndarray_shares_the_memory(cast: Callable[[AnyArray], AnyArray]) -> None:
    given = cast(W)

    converted = as_ndarray(given)

    assert type(converted) is np.ndarray
    assert np.shares_memory(converted, given)


@pytest.mark.parametrize("value", [x, None, [1.0], "text", 3.0])
@pytest.mark.parametrize("convert", [as_ndarray, plain])
def test_what_is_no_subclass_is_returned_as_it_is(
    convert: Callable[[object], object], value: object
) -> None:
    assert convert(value) is value


@pytest.mark.parametrize("convert", [as_ndarray, plain])
def test_a_mask_is_named_by_the_caller(convert: Callable[[object, str], object]) -> None:
    with pytest.raises(fn.DTypeError, match=r"^scores must be an array without a mask, got Mas"):
        convert(np.ma.masked_array(x), "scores")
    with pytest.raises(fn.DTypeError, match=r"^t must be an array without a mask, got MaskedC"):
        convert(np.ma.masked, "t")
