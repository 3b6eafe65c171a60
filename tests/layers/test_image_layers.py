"""Image layers: how they are made, and what they refuse."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from small_networks import Wrong, batch
from strategies import normal_array
from zoo import AnyLayer

import funnet as fn
from funnet import AvgPool2d, Conv2d, GlobalAvgPool2d, MaxPool2d

conv = Conv2d.init(3, 4, (3, 2), rng=0)

LAYERS: list[AnyLayer] = [conv, MaxPool2d(2), AvgPool2d(2), GlobalAvgPool2d()]

every_layer = pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)


# How they are made


def test_a_size_is_a_number_or_a_pair_of_height_and_width() -> None:
    assert Conv2d.init(1, 2, 3, rng=0).W.shape == (2, 1, 3, 3)
    assert Conv2d.init(1, 2, [3, 2], rng=0).W.shape == (2, 1, 3, 2)
    assert repr(Conv2d(conv.W, conv.b, stride=2, padding=(0, 1))) == (
        "Conv2d(W=float32[4, 3, 3, 2], b=float32[4], stride=(2, 2), padding=(0, 1))"
    )
    assert repr(MaxPool2d(2)) == "MaxPool2d(kernel_size=(2, 2), stride=None, padding=(0, 0))"
    assert repr(AvgPool2d((3, 2), 1, [1, 0])) == (
        "AvgPool2d(kernel_size=(3, 2), stride=(1, 1), padding=(1, 0))"
    )


@pytest.mark.parametrize("pool", [MaxPool2d, AvgPool2d])
def test_the_stride_of_a_pooling_layer_is_its_kernel_size_unless_given(
    pool: type[MaxPool2d | AvgPool2d],
) -> None:
    x = normal_array(0, 2, 3, 6, 7)

    assert (fn.predict(pool((2, 3)), x) == fn.predict(pool((2, 3), (2, 3)), x)).all()


def test_valid_padding_is_none_and_same_padding_keeps_the_size() -> None:
    x = batch(2, 3, 6, 7)

    assert Conv2d(conv.W, conv.b, padding="valid").padding == (0, 0)
    assert fn.predict(Conv2d(conv.W, conv.b, padding="same"), x).shape == (2, 4, 6, 7)


def test_the_weights_of_a_convolution_know_how_many_inputs_are_summed() -> None:
    W = Conv2d.init(16, 64, (5, 3), rng=0).W

    assert W.std() == pytest.approx(np.sqrt(2 / (16 * 5 * 3)), rel=0.02)
    assert Conv2d.init(16, 64, (5, 3), rng=0, weights=fn.xavier).W.std() == pytest.approx(
        np.sqrt(2 / (80 * 15)), rel=0.02
    )


def test_a_seed_gives_the_same_kernels_as_an_equal_generator() -> None:
    again = Conv2d.init(3, 4, (3, 2), rng=np.random.default_rng(0))

    assert (again.W == conv.W).all()
    assert not again.b.any()


free: Wrong = fn  # of types, for what type checkers refuse
W, b = conv.W, conv.b


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: free.Conv2d.init(3, 4, 0, rng=0), ValueError, "kernel_size must be >= 1"),
        (lambda: free.Conv2d.init(3, 4, 3), TypeError, "required keyword-only argument: 'rng'"),
        (lambda: free.Conv2d.init(3, 4, 3, rng=None), TypeError, "rng must be a seed"),
        (lambda: free.Conv2d.init(3, 4, 3, rng=0, dtype=int), TypeError, "must be np.float16"),
        (lambda: free.Conv2d(W, b, stride=0), ValueError, "stride must be >= 1"),
        (lambda: free.Conv2d(W, b, stride=1.0), TypeError, "stride must be an integer"),
        (lambda: free.Conv2d(W, b, stride=(1, 1, 1)), TypeError, "a pair of integers, got (1, 1, "),
        (lambda: free.Conv2d(W, b, padding=-1), ValueError, "padding must be >= 0"),
        (lambda: free.Conv2d(W, b, padding="full"), ValueError, "'valid' or 'same', got 'full'"),
        (lambda: free.Conv2d(W, b, (1, 2), "same"), ValueError, "stride 1 with padding 'same', "),
        (lambda: free.Conv2d(W[0], b), fn.ShapeError, "shape (O, C, H, W), got (3, 3, 2)"),
        (lambda: free.Conv2d(W[:, :0], b), fn.ShapeError, "at least one weight"),
        (lambda: free.Conv2d(W, b[1:]), fn.ShapeError, "b of Conv2d must have shape (4,), got (3,"),
        (lambda: free.Conv2d(W, b.astype(float)), fn.DTypeError, "b of Conv2d must be float32, "),
        (lambda: free.MaxPool2d(None), TypeError, "kernel_size must be an integer, got None"),
        (lambda: free.MaxPool2d(2, padding="same"), TypeError, "padding must be an integer"),
    ],
)
def test_sizes_and_arrays_that_do_not_fit_are_refused(
    make: Callable[[], Wrong], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        make()


@pytest.mark.parametrize("pool", [MaxPool2d, AvgPool2d])
@pytest.mark.parametrize("kernel_size", range(1, 6))
def test_padding_of_a_pooling_layer_is_at_most_half_of_its_kernel(
    pool: type[MaxPool2d | AvgPool2d], kernel_size: int
) -> None:
    most = kernel_size // 2

    assert pool(kernel_size, padding=most).padding == (most, most)
    for padding in ((most + 1, most), (most, most + 1)):
        with pytest.raises(ValueError, match=r"at most half of kernel_size \(\d, \d\), got \("):
            pool(kernel_size, padding=padding)


# What they refuse


@every_layer
@pytest.mark.parametrize("shape", [(5,), (5, 3), (5, 3, 4), (5, 3, 4, 4, 1), ()])
def test_what_is_not_a_batch_of_images_is_refused(layer: AnyLayer, shape: tuple[int, ...]) -> None:
    with pytest.raises(fn.ShapeError, match=r"x of \w+ must have shape \(N, (3|C), H, W\), got "):
        fn.forward(layer, batch(*shape))


@every_layer
def test_images_without_pixels_are_refused(layer: AnyLayer) -> None:
    with pytest.raises(fn.ShapeError, match=r"at least one pixel, got shape \(5, 3, 4, 0\)$"):
        fn.forward(layer, batch(5, 3, 4, 0))


def test_other_channels_and_another_dtype_are_refused_by_a_convolution() -> None:
    with pytest.raises(fn.ShapeError, match=r"^x of Conv2d must have shape \(N, 3, H, W\), got "):
        fn.forward(conv, batch(5, 4, 6, 6))
    with pytest.raises(fn.DTypeError, match=r"^x of Conv2d must be float32, got float64"):
        fn.forward(conv, batch(5, 3, 6, 6, dtype=np.float64))


@pytest.mark.parametrize(
    ("layer", "kernel", "image"),
    [
        (conv, "3 x 2", "2 x 4"),
        (MaxPool2d((3, 7), 1, (0, 1)), "3 x 7", "2 x 4 (2 x 6 with padding)"),
    ],
)
def test_the_error_for_a_kernel_larger_than_the_image_names_both(
    layer: AnyLayer, kernel: str, image: str
) -> None:
    message = f"images of at least {kernel}, the size of the kernel, got {image}"

    with pytest.raises(fn.ShapeError, match=f"^x of .* must have {re.escape(message)}$"):
        fn.forward(layer, batch(5, 3, 2, 4))


def test_a_cache_of_other_images_is_refused() -> None:
    y, _ = fn.forward(conv, batch(5, 3, 6, 6))
    _, other = fn.forward(conv, batch(5, 3, 6, 7))

    with pytest.raises(fn.ShapeError, match=r"^dout of Conv2d must have shape \(5, 4, 4, 6\)"):
        fn.backward(conv, other, y)
