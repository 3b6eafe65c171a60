"""Image layers at the edges: what is left over, equal maxima, padding, extreme numbers, float16."""

from __future__ import annotations

import numpy as np
import pytest
from small_networks import batch
from strategies import normal_array
from zoo import AnyLayer

import funnet as fn
from funnet import AvgPool2d, Conv2d, GlobalAvgPool2d, MaxPool2d

conv = Conv2d.init(3, 4, (3, 2), rng=0)


@pytest.mark.parametrize("pool", [MaxPool2d, AvgPool2d])
def test_what_a_stride_leaves_over_is_dropped(pool: type[MaxPool2d | AvgPool2d]) -> None:
    x = normal_array(0, 2, 3, 7, 5)
    y, cache = fn.forward(pool(2), x)

    dx = fn.input_gradient(pool(2), cache, np.ones_like(y))

    assert (y == fn.predict(pool(2), np.ascontiguousarray(x[:, :, :6, :4]))).all()
    assert not dx[:, :, 6].any()
    assert not dx[..., 4].any()


def test_of_equal_maxima_the_first_in_reading_order_gets_the_gradient() -> None:
    x = np.array([[[[0.0, 1.0, 1.0], [1.0, 1.0, 0.0]]]])
    _, cache = fn.forward(MaxPool2d(2, 1), x)

    dx = fn.input_gradient(MaxPool2d(2, 1), cache, np.array([[[[10.0, 7.0]]]]))

    assert dx.tolist() == [[[[0.0, 17.0, 0.0], [0.0, 0.0, 0.0]]]]


def test_padding_is_no_maximum_but_counts_in_a_mean() -> None:
    x = np.full((1, 1, 2, 2), -4.0)

    assert fn.predict(MaxPool2d(2, padding=1), x).tolist() == [[[[-4.0, -4.0], [-4.0, -4.0]]]]
    assert fn.predict(AvgPool2d(2, padding=1), x).tolist() == [[[[-1.0, -1.0], [-1.0, -1.0]]]]


def test_minus_infinity_can_be_a_maximum() -> None:
    x = np.full((1, 1, 2, 2), -np.inf)
    y, cache = fn.forward(MaxPool2d(2, padding=1), x)

    dx = fn.input_gradient(MaxPool2d(2, padding=1), cache, np.ones_like(y))

    assert (y == -np.inf).all()
    assert (dx == 1).all()


@pytest.mark.parametrize("layer", [MaxPool2d(2), AvgPool2d(2)])
def test_nan_makes_nan_of_its_own_window_only(layer: AnyLayer) -> None:
    for at in np.ndindex(2, 2):
        x = np.zeros((1, 1, 4, 4), np.float32)
        x[(0, 0, *at)] = np.nan

        assert np.isnan(fn.predict(layer, x)).tolist() == [[[[True, False], [False, False]]]]


@pytest.mark.parametrize("layer", [AvgPool2d(2), AvgPool2d(3, 1, 1), GlobalAvgPool2d()])
def test_means_in_float16_are_rounded_once(layer: AnyLayer) -> None:
    x = normal_array(0, 2, 3, 40, 40, dtype=np.float16, scale=1000)

    y = fn.predict(layer, x)

    assert (y == fn.predict(layer, x.astype(np.float32)).astype(np.float16)).all()


def test_a_convolution_in_float16_is_computed_in_float32() -> None:
    half = fn.astype(conv, np.float16)
    x = normal_array(0, 40, 3, 20, 20, dtype=np.float16)
    y, cache = fn.forward(half, x)
    exact, exact_cache = fn.forward(fn.astype(half, np.float32), x.astype(np.float32))

    grads = fn.backward(half, cache, y)

    exact_grads = fn.backward(fn.astype(half, np.float32), exact_cache, y.astype(np.float32))
    pairs = zip([y, *fn.tree_leaves(grads)], [exact, *fn.tree_leaves(exact_grads)], strict=True)
    for ours, theirs in pairs:
        assert (ours == theirs.astype(np.float16)).all()


def test_the_gradient_is_not_computed_for_the_batch_unless_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    y, cache = fn.forward(conv, batch(5, 3, 6, 6))
    monkeypatch.setattr("funnet.layers.conv2d.correlate", None)

    assert fn.backward(conv, cache, y).W.shape == conv.W.shape
