"""Errors of layers and networks for invalid input."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from small_networks import Run, Wrong, batch, every_run, kind, network
from zoo import Case, every_case_of_ours

import funnet as fn


@every_run
@pytest.mark.parametrize("shape", [(5, 4), (5, 2), (3, 5), (5, 0), (3,), (5, 3, 1), (2, 1, 3, 3)])
def test_an_input_of_wrong_width_or_rank_is_refused_by_the_layer(
    run: Run, shape: tuple[int, ...]
) -> None:
    with pytest.raises(fn.ShapeError) as caught:
        run(network(), batch(*shape))

    message, _, hint = str(caught.value).partition("; ")
    assert message == f"layers.0: x of Affine must have shape (N, 3), got {shape}"
    assert hint == {
        1: "a batch of a single row is x[np.newaxis]",
        4: "for images, put Flatten() before this layer",
    }.get(len(shape), "")


@every_run
def test_an_array_of_rank_0_is_refused(run: Run) -> None:
    with pytest.raises(fn.ShapeError, match=r"x .*one row .* sample, got a scalar$"):
        run(fn.Flatten(), batch())


@every_run
@pytest.mark.parametrize("dtype", ["i8", "u1", "?", "c16", "O", "U1", "M8[s]"])
def test_the_error_for_an_input_without_floats_says_how_to_convert_it(run: Run, dtype: str) -> None:
    x = np.zeros((5, 3), dtype)

    with pytest.raises(fn.DTypeError) as caught:
        run(network(np.float64), x)

    assert str(caught.value) == (
        f"layers.0: x of Affine must be float16, float32 or float64, got {x.dtype}; "
        "convert it with .astype(np.float64)"
    )


@every_run
@pytest.mark.parametrize(
    ("of_net", "of_x"), list(permutations([np.float16, np.float32, np.float64], 2))
)
def test_float_types_are_not_mixed(run: Run, of_net: type[fn.Float], of_x: type[fn.Float]) -> None:
    with pytest.raises(fn.DTypeError) as caught:
        run(network(of_net), batch(5, 3, dtype=of_x))

    net_type, x_type = of_net.__name__, of_x.__name__
    assert str(caught.value) == (
        f"layers.0: x of Affine must be {net_type}, got {x_type}; convert it with "
        f".astype(np.{net_type}), or the network with astype(net, np.{x_type})"
    )


@every_case_of_ours
def test_the_input_is_an_array_of_floats(case: Case) -> None:
    layer, x = case.layer(0), case.x(0)
    others: list[Wrong] = [x.tolist(), x.astype(int), None, 1.0, np.float64(1)]

    for other in others:
        with pytest.raises(fn.DTypeError, match=f"must be .*float.*, got {kind(other)}; conv"):
            fn.forward(layer, other)


def test_nan_affects_only_its_own_row() -> None:
    x = batch(5, 3)
    x[3, 1] = np.nan

    y, _ = fn.forward(network(), x)

    assert np.isnan(y).all(axis=1).tolist() == [False, False, False, True, False]
    assert np.isnan(y).any(axis=1).tolist() == [False, False, False, True, False]
