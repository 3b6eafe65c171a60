"""Subclasses of ndarray: each is converted exactly, and a mask, which would be lost, is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest
from small_networks import LAYERS, batch, network
from strategies import AnyArray

from funnet import (
    Affine,
    DTypeError,
    astype,
    backward,
    forward,
    input_gradient,
    lock,
    lock_matrix,
    predict,
    replace_at,
    tree_leaves,
    tree_map,
)
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
y, cache = forward(net, x)
DOORS: dict[str, tuple[Callable[[AnyArray], Any], AnyArray]] = {
    "forward": (lambda x: forward(net, x)[0], x),
    "predict": (lambda x: predict(net, x, batch_size=2), x),
    "backward": (lambda dout: tree_leaves(backward(net, cache, dout))[0], y),
    "input_gradient": (lambda dout: input_gradient(net, cache, dout), y),
    "Affine, W": (lambda W: Affine(W, b).W, W),
    "lock": (lock, b),
    "lock_matrix": (lock_matrix, W),
    "replace_at": (lambda W: replace_at(Affine(np.zeros((3, 4), np.float32), b), "W", W).W, W),
    "astype": (lambda b: astype([b], np.float64)[0], b),
    "a result of tree_map": (lambda b: tree_map(lambda _: b, [b])[0], b),
}
every_door = pytest.mark.parametrize(("call", "array"), DOORS.values(), ids=DOORS.keys())


@every_door
@every_subclass
def test_a_subclass_gives_what_its_elements_give(
    call: Callable[[AnyArray], Any], array: AnyArray, cast: Callable[[AnyArray], AnyArray]
) -> None:
    given = cast(array if array.ndim == 2 or cast is not SUBCLASSES["matrix"] else array[None])

    result = call(given)

    assert type(result) is np.ndarray
    np.testing.assert_array_equal(result, call(array).reshape(result.shape), strict=True)


@every_door
def test_a_masked_array_is_refused(call: Callable[[AnyArray], Any], array: AnyArray) -> None:
    for mask in (False, True):
        with pytest.raises(DTypeError, match=r"without a mask, got MaskedArray; .*\.filled\(value"):
            call(np.ma.masked_array(array, mask=mask))


def test_a_mask_is_refused_by_the_methods_of_a_layer_too() -> None:
    layer = Affine(W, b)
    y, cache = layer.forward(x)

    with pytest.raises(DTypeError, match="x of Affine must be an array without a mask"):
        layer.forward(np.ma.masked_array(x))
    with pytest.raises(DTypeError, match="dout of Affine must be an array without a mask"):
        layer.pullback(cache, np.ma.masked_array(y))
    with pytest.raises(DTypeError, match="the cached x of Affine must be an array without a mask"):
        layer.pullback(type(cache)(np.ma.masked_array(x)), y)


@pytest.mark.parametrize("name", sorted(LAYERS.keys() - {"Flatten"}))  # which needs the shape only
def test_a_mask_in_a_cache_is_refused(name: str) -> None:
    layer = LAYERS[name]
    y, cache = layer.forward(batch(5, 3))
    (field,) = (n for n, v in attrs.asdict(cache).items() if isinstance(v, np.ndarray))
    hidden = attrs.evolve(cache, **{field: np.ma.masked_array(batch(5, 3))})

    with pytest.raises(DTypeError, match=r"the cached .* must be an array without a mask"):
        layer.pullback(hidden, y)


@pytest.mark.parametrize("cls", [np.matrix, np.recarray, Own])
def test_what_computes_in_its_own_way_is_no_plain_float_array(
    cls: type[np.ndarray[Any, Any]],
) -> None:
    with pytest.raises(
        DTypeError, match=f"a NumPy array of floats, got {cls.__name__}; convert it with np.asarr"
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
    with pytest.raises(DTypeError, match=r"^scores must be an array without a mask, got Mas"):
        convert(np.ma.masked_array(x), "scores")
    with pytest.raises(DTypeError, match=r"^t must be an array without a mask, got MaskedC"):
        convert(np.ma.masked, "t")
