"""Networks of image layers: their channels, and that they learn and can be saved."""

from __future__ import annotations

import numpy as np
import pytest
from small_networks import batch
from zoo import AnyLayer, TwoLayerNet

import funnet as fn
from funnet import Affine, AvgPool2d, Conv2d, Flatten, GlobalAvgPool2d, MaxPool2d, ReLU

conv = Conv2d.init(3, 4, (3, 2), rng=0)
net = fn.sequential(
    Conv2d.init(1, 4, 3, rng=0), ReLU(), MaxPool2d(2), Flatten(), Affine.init(36, 10, rng=1)
)


def affine(n_in: int) -> Affine:
    return Affine.init(n_in, 2, rng=0)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            (Conv2d.init(1, 16, 3, rng=0), ReLU(), MaxPool2d(2), conv),
            "layer 3 (Conv2d) expects 3, layer 0 (Conv2d) outputs 16",
        ),
        (
            (conv, AvgPool2d(2), GlobalAvgPool2d(), affine(5)),
            "layer 3 (Affine) expects 5, layer 0 (Conv2d) outputs 4",
        ),
        (
            (conv, Flatten(), ReLU(), affine(30)),
            "layer 3 (Affine) expects 30, layer 1 (Flatten) outputs a multiple of 4",
        ),
        (
            (conv, fn.sequential(ReLU(), Flatten(), affine(30))),
            "layer 1 (Sequential) expects a divisor of 30, layer 0 (Conv2d) outputs 4",
        ),
        (
            (fn.sequential(conv, Flatten()), affine(30)),
            "layer 1 (Affine) expects 30, layer 0 (Sequential) outputs a multiple of 4",
        ),
        (
            (affine(6), Flatten(), Flatten(), affine(5)),
            "layer 3 (Affine) expects 5, layer 2 (Flatten) outputs a multiple of 2",
        ),
    ],
)
def test_channels_that_do_not_fit_are_refused_when_a_network_is_made(
    layers: tuple[AnyLayer, ...], message: str
) -> None:
    with pytest.raises(fn.ShapeError) as caught:
        fn.Sequential(layers)

    assert str(caught.value).replace(" input features, but", ",") == message


def test_a_network_knows_its_channels_as_far_as_they_are_known() -> None:
    flat = fn.sequential(MaxPool2d(2), conv, Flatten())

    assert (flat.n_in, flat.n_out, flat.keeps_width) == (3, None, False)
    assert (net.n_in, net.n_out) == (1, 10)
    assert fn.sequential(MaxPool2d(2), GlobalAvgPool2d()).keeps_width
    assert not fn.sequential(Flatten()).keeps_width


def test_a_width_behind_a_layer_of_unknown_width_is_not_compared() -> None:
    some: AnyLayer = TwoLayerNet(np.ones((4, 2)), np.ones(2), np.ones((2, 5)), np.ones(5))
    anything = fn.sequential(conv, Flatten(), Affine.init(64, 4, rng=0), some)

    assert fn.sequential(anything, Flatten(), affine(5)).n_out == 2


def test_an_empty_batch_has_the_output_shape_and_gradients_of_zero() -> None:
    y, cache = fn.forward(net, batch(0, 1, 8, 8))

    grads = fn.backward(net, cache, y)

    assert y.shape == (0, 10)
    assert not any(grad.any() for grad in fn.tree_leaves(grads))
