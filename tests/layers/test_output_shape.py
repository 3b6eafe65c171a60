"""`output_shape` is the shape that a batch of that shape comes out with."""

from __future__ import annotations

from typing import Any

import pytest
from zoo import Case, every_resting_case

import funnet as fn


@every_resting_case
def test_it_is_the_shape_of_each_output(case: Case) -> None:
    layer = case.layer(0)
    y, _ = fn.forward(layer, case.x(0))

    assert fn.output_shape(layer, case.shape[1:]) == y.shape[1:]


def test_a_shape_that_does_not_match_names_the_layer() -> None:
    net = fn.sequential(fn.ReLU(), fn.Affine.init(3, 2, rng=0))

    with pytest.raises(fn.ShapeError, match=r"^layers\.1: x of Affine must have shape \(N, 3\)"):
        fn.output_shape(net, (4,))


def test_images_of_any_size_take_no_memory() -> None:
    net = fn.sequential(fn.Conv2d.init(3, 8, 3, padding=1, rng=0), fn.ReLU(), fn.MaxPool2d(2))

    assert fn.output_shape(net, (3, 10**6, 10**6)) == (8, 500_000, 500_000)


@pytest.mark.parametrize("shape", [3, None])
def test_a_shape_is_a_sequence(shape: Any) -> None:
    with pytest.raises(TypeError, match=r"input_shape must be the shape of one sample, .* got"):
        fn.output_shape(fn.ReLU(), shape)
