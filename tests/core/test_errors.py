"""What funnet raises, and how an error learns where it happened."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from functools import partial

import attrs
import numpy as np
import pytest
from hypothesis import given, strategies as st
from small_networks import affine, batch
from zoo import AnyLayer

import funnet as fn
from funnet.layers.affine import AffineCache

ERRORS = {fn.ShapeError: ValueError, fn.DTypeError: TypeError, fn.StructureError: ValueError}

every_error = pytest.mark.parametrize("error", ERRORS)


@pytest.mark.parametrize(("error", "parent"), ERRORS.items())
def test_an_error_is_also_the_one_that_python_would_raise(
    error: type[Exception], parent: type[Exception]
) -> None:
    assert issubclass(error, parent)
    assert issubclass(error, fn.LocatedError)


@every_error
@given(message=st.text(), path=st.lists(st.sampled_from(["layers.0", "layers.12", "W", "b"])))
def test_a_path_is_built_from_the_inside_out(
    error: type[fn.LocatedError], message: str, path: list[str]
) -> None:
    raised = error(message)

    for name in reversed(path):
        raised.locate(name)

    assert raised.path == ".".join(path)
    assert str(raised) == (f"{raised.path}: {message}" if path else message)


def unpickle(error: fn.LocatedError, protocol: int) -> fn.LocatedError:
    copied: fn.LocatedError = pickle.loads(pickle.dumps(error, protocol))  # noqa: S301 (our own bytes)
    return copied


COPIES: dict[str, Callable[[fn.LocatedError], fn.LocatedError]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{f"pickle {p}": partial(unpickle, protocol=p) for p in range(pickle.HIGHEST_PROTOCOL + 1)},
}


@every_error
@pytest.mark.parametrize("make_copy", COPIES.values(), ids=COPIES.keys())
def test_a_copy_keeps_class_message_and_path(
    error: type[fn.LocatedError], make_copy: Callable[[fn.LocatedError], fn.LocatedError]
) -> None:
    raised = error("expected this, got that")
    raised.locate("W")

    copied = make_copy(raised)
    copied.locate("layers.0")

    assert type(copied) is error
    assert str(copied) == "layers.0.W: expected this, got that"
    assert str(raised) == "W: expected this, got that"


@attrs.frozen(eq=False)
class Halve:
    """A user's layer that does not tell its widths: every second column."""

    def forward(self, x: fn.Matrix, /) -> tuple[fn.Matrix, None]:
        return x[:, ::2].copy(), None

    def pullback(self, _: None, dout: fn.Matrix, /) -> tuple[Halve, Callable[[], fn.Matrix]]:
        return self, lambda: np.repeat(dout, 2, axis=1)


# Each takes 6 columns, and holds a layer of widths 3 and 4 at the path.
NETS: dict[str, AnyLayer] = {
    "layers.1": fn.sequential(Halve(), affine(3, 4), fn.ReLU()),
    "layers.2": fn.sequential(fn.ReLU(), Halve(), affine(3, 4)),
    "layers.0.layers.1": fn.sequential(fn.sequential(Halve(), affine(3, 4)), fn.ReLU()),
    "layers.1.layers.0.layers.2": fn.sequential(
        Halve(), fn.sequential(fn.sequential(fn.ReLU(), fn.Identity(), affine(3, 4)), fn.Identity())
    ),
}

every_net = pytest.mark.parametrize(("path", "net"), NETS.items(), ids=NETS.keys())


@every_net
@pytest.mark.parametrize("run", [fn.forward, fn.predict])
def test_forward_names_the_layer_that_takes_another_width(
    path: str, net: AnyLayer, run: Callable[[AnyLayer, fn.Matrix], object]
) -> None:
    with pytest.raises(fn.ShapeError) as caught:
        run(net, batch(5, 20))

    assert caught.value.path == path
    assert str(caught.value) == f"{path}: x of Affine must have shape (N, 3), got (5, 10)"


@every_net
@pytest.mark.parametrize("pull", [fn.backward, fn.input_gradient])
def test_backward_names_the_layer_that_got_the_wrong_cache(
    path: str, net: AnyLayer, pull: Callable[[AnyLayer, object, fn.Matrix], object]
) -> None:
    """The cache of the one layer with parameters is swapped for one of another width."""
    y, cache = fn.forward(net, batch(5, 6))
    other = fn.replace_at(cache, path.replace("layers", "caches"), AffineCache(batch(5, 2)))

    with pytest.raises(
        fn.ShapeError, match=r"the cached x of Affine must have shape \(N, 3\)"
    ) as caught:
        pull(net, other, y)

    assert caught.value.path == path
