"""Image layers: how they are made, what they refuse, and what they do at the edges."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from small_networks import Wrong, batch
from strategies import AnyArray, normal_array
from zoo import AnyLayer, TwoLayerNet

import funnet as fn
from funnet import Affine, AvgPool2d, Conv2d, Flatten, GlobalAvgPool2d, MaxPool2d, ReLU

conv = Conv2d.init(3, 4, (3, 2), rng=0)

LAYERS: dict[str, AnyLayer] = {
    "Conv2d": conv,
    "MaxPool2d": MaxPool2d(2),
    "AvgPool2d": AvgPool2d(2),
    "GlobalAvgPool2d": GlobalAvgPool2d(),
}
POOLS: list[type[MaxPool2d | AvgPool2d]] = [MaxPool2d, AvgPool2d]

every_layer = pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS.keys())
every_pool = pytest.mark.parametrize("pool", POOLS)


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


def test_the_stride_of_a_pooling_layer_is_its_kernel_size_unless_given() -> None:
    x = normal_array(0, 2, 3, 6, 7)

    for pool in POOLS:
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


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: free.Conv2d.init(0, 4, 3, rng=0),
            ValueError,
            "in_channels must be >= 1",
        ),
        (lambda: free.Conv2d.init(3, 2.0, 3, rng=0), TypeError, "out_channels must be an integer"),
        (
            lambda: free.Conv2d.init(3, 4, 0, rng=0),
            ValueError,
            "kernel_size must be >= 1",
        ),
        (lambda: free.Conv2d.init(3, 4, 3), TypeError, "required keyword-only argument: 'rng'"),
        (lambda: free.Conv2d.init(3, 4, 3, rng=None), TypeError, "rng must be a seed"),
        (
            lambda: free.Conv2d.init(3, 4, 3, rng=0, dtype=int),
            TypeError,
            "dtype must be np.float16",
        ),
        (
            lambda: free.Conv2d(conv.W, conv.b, stride=0),
            ValueError,
            "stride must be >= 1",
        ),
        (lambda: free.Conv2d(conv.W, conv.b, stride=1.0), TypeError, "stride must be an integer"),
        (
            lambda: free.Conv2d(conv.W, conv.b, stride=(1, 1, 1)),
            TypeError,
            "stride must be an integer or a pair of integers, got (1, 1, 1)",
        ),
        (
            lambda: free.Conv2d(conv.W, conv.b, padding=-1),
            ValueError,
            "padding must be >= 0",
        ),
        (
            lambda: free.Conv2d(conv.W, conv.b, padding="full"),
            ValueError,
            "padding must be a size, 'valid' or 'same', got 'full'",
        ),
        (
            lambda: free.Conv2d(conv.W, conv.b, stride=(1, 2), padding="same"),
            ValueError,
            "expected stride 1 with padding 'same', got (1, 2)",
        ),
        (
            lambda: free.Conv2d(conv.W[0], conv.b),
            fn.ShapeError,
            "W of Conv2d must have shape (O, C, H, W), got (3, 3, 2)",
        ),
        (lambda: free.Conv2d(conv.W[:, :0], conv.b), fn.ShapeError, "at least one weight"),
        (
            lambda: free.Conv2d(conv.W, conv.b[1:]),
            fn.ShapeError,
            "b of Conv2d must have shape (4,), got (3,)",
        ),
        (
            lambda: free.Conv2d(conv.W, conv.b.astype(np.float64)),
            fn.DTypeError,
            "b of Conv2d must be float32, got float64",
        ),
        (lambda: free.MaxPool2d(0), ValueError, "kernel_size must be >= 1"),
        (lambda: free.MaxPool2d(None), TypeError, "kernel_size must be an integer, got None"),
        (lambda: free.AvgPool2d(2, 0), ValueError, "stride must be >= 1"),
        (
            lambda: free.AvgPool2d((4, 3), padding=2),
            ValueError,
            "expected padding of at most half of kernel_size (4, 3), got (2, 2)",
        ),
        (lambda: free.MaxPool2d(2, padding="same"), TypeError, "padding must be an integer"),
    ],
)
def test_sizes_and_arrays_that_do_not_fit_are_refused(
    make: Callable[[], Wrong], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        make()

    assert message in str(caught.value)


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


@every_layer
@pytest.mark.parametrize("x", [[[1.0]], None, np.ones((1, 3, 4, 4), int)])
def test_what_is_not_an_array_of_floats_is_refused(layer: AnyLayer, x: Wrong) -> None:
    with pytest.raises(fn.DTypeError, match=r"x of \w+ must be "):
        fn.forward(layer, x)


def test_other_channels_and_another_dtype_are_refused_by_a_convolution() -> None:
    with pytest.raises(fn.ShapeError, match=r"^x of Conv2d must have shape \(N, 3, H, W\), got "):
        fn.forward(conv, batch(5, 4, 6, 6))
    with pytest.raises(fn.DTypeError, match=r"^x of Conv2d must be float32, got float64"):
        fn.forward(conv, batch(5, 3, 6, 6, dtype=np.float64))


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (conv, "Conv2d must have images of at least 3 x 2, the size of the kernel, got 2 x 4"),
        (
            MaxPool2d((3, 7), padding=(0, 1)),
            (
                "MaxPool2d must have images of at least 3 x 7, the size of the kernel, "
                "got 2 x 4 (2 x 6 with padding)"
            ),
        ),
    ],
)
def test_the_error_for_a_kernel_larger_than_the_image_names_both(
    layer: AnyLayer, message: str
) -> None:
    with pytest.raises(fn.ShapeError) as caught:
        fn.forward(layer, batch(5, 3, 2, 4))

    assert str(caught.value) == f"x of {message}"


@every_layer
@pytest.mark.parametrize("pull", [fn.backward, fn.input_gradient])
def test_a_gradient_unlike_the_output_is_refused(
    layer: AnyLayer, pull: Callable[[AnyLayer, Wrong, AnyArray], object]
) -> None:
    y, cache = fn.forward(layer, batch(5, 3, 6, 6))

    with pytest.raises(fn.ShapeError, match=r"^dout of \w+ must have shape"):
        pull(layer, cache, y[1:])
    with pytest.raises(fn.DTypeError, match=r"^dout of \w+ must be float32, got float64"):
        pull(layer, cache, y.astype(np.float64))
    with pytest.raises(fn.StructureError, match=r"^expected \w+Cache, got AffineCache"):
        pull(layer, Affine.init(1, 1, rng=0).forward(batch(1, 1))[1], y)


def test_a_cache_of_other_images_is_refused() -> None:
    y, _ = fn.forward(conv, batch(5, 3, 6, 6))
    _, other = fn.forward(conv, batch(5, 3, 6, 7))

    with pytest.raises(fn.ShapeError, match=r"^dout of Conv2d must have shape \(5, 4, 4, 6\)"):
        fn.backward(conv, other, y)


# What they do at the edges


@every_pool
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


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@every_layer
def test_the_largest_numbers_cause_no_warning(layer: AnyLayer, dtype: type[fn.Float]) -> None:
    """The test suite turns warnings into errors."""
    layer = fn.astype(layer, dtype)
    x = np.full((2, 3, 6, 6), np.finfo(dtype).max)
    x[:, 1] *= -1

    y, cache = fn.forward(layer, x)
    dout = np.full(y.shape, np.finfo(dtype).max)

    _ = fn.backward(layer, cache, dout), fn.input_gradient(layer, cache, dout)


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


# Channels are widths


net = fn.sequential(
    Conv2d.init(1, 4, 3, rng=0), ReLU(), MaxPool2d(2), Flatten(), Affine.init(36, 10, rng=1)
)


@pytest.mark.parametrize(
    ("layers", "expects", "outputs"),
    [
        (
            (Conv2d.init(1, 16, 3, rng=0), ReLU(), MaxPool2d(2), conv),
            "layer 3 (Conv2d) expects 3",
            "layer 0 (Conv2d) outputs 16",
        ),
        (
            (conv, AvgPool2d(2), GlobalAvgPool2d(), Affine.init(5, 2, rng=0)),
            "layer 3 (Affine) expects 5",
            "layer 0 (Conv2d) outputs 4",
        ),
        (
            (conv, Flatten(), ReLU(), Affine.init(30, 2, rng=0)),
            "layer 3 (Affine) expects 30",
            "layer 1 (Flatten) outputs a multiple of 4",
        ),
        (
            (conv, fn.sequential(ReLU(), Flatten(), Affine.init(30, 2, rng=0))),
            "layer 1 (Sequential) expects a divisor of 30",
            "layer 0 (Conv2d) outputs 4",
        ),
        (
            (fn.sequential(conv, Flatten()), Affine.init(30, 2, rng=0)),
            "layer 1 (Affine) expects 30",
            "layer 0 (Sequential) outputs a multiple of 4",
        ),
        (
            (Affine.init(2, 6, rng=0), Flatten(), Flatten(), Affine.init(8, 2, rng=0)),
            "layer 3 (Affine) expects 8",
            "layer 2 (Flatten) outputs a multiple of 6",
        ),
    ],
)
def test_channels_that_do_not_fit_are_refused_when_a_network_is_made(
    layers: tuple[AnyLayer, ...], expects: str, outputs: str
) -> None:
    with pytest.raises(fn.ShapeError) as caught:
        fn.Sequential(layers)

    assert str(caught.value) == f"{expects} input features, but {outputs}"


def test_a_network_knows_its_channels_as_far_as_they_are_known() -> None:
    flat = fn.sequential(MaxPool2d(2), conv, Flatten())

    assert (flat.n_in, flat.n_out, flat.keeps_width) == (3, None, False)
    assert (net.n_in, net.n_out) == (1, 10)
    assert fn.sequential(MaxPool2d(2), GlobalAvgPool2d()).keeps_width
    assert not fn.sequential(Flatten()).keeps_width


def test_a_width_behind_a_layer_of_unknown_width_is_not_compared() -> None:
    some: AnyLayer = TwoLayerNet(np.ones((4, 2)), np.ones(2), np.ones((2, 5)), np.ones(5))
    anything = fn.sequential(conv, Flatten(), Affine.init(64, 4, rng=0), some)

    assert fn.sequential(anything, Flatten(), Affine.init(5, 7, rng=0)).n_out == 7


def test_an_empty_batch_has_the_output_shape_and_gradients_of_zero() -> None:
    y, cache = fn.forward(net, batch(0, 1, 8, 8))

    grads = fn.backward(net, cache, y)

    assert y.shape == (0, 10)
    assert not any(grad.any() for grad in fn.tree_leaves(grads))


def test_a_network_learns_to_tell_stripes_apart() -> None:
    rng = np.random.default_rng(0)
    t = rng.integers(2, size=64)
    x = rng.normal(size=(64, 1, 8, 8), scale=0.5).astype(np.float32)
    x[t == 0, :, ::2] += 1
    x[t == 1, :, :, ::2] += 1
    state = fn.last(
        fn.train(
            net,
            fn.minibatches(x, t, 16, rng=0, epochs=30),
            loss=fn.softmax_cross_entropy,
            optimizer=fn.adam(lr=0.01),
        )
    )

    assert fn.accuracy(fn.predict(state.params, x), t) == 1


def test_image_layers_are_saved_and_loaded(path: Path) -> None:
    saved: AnyLayer = fn.sequential(
        Conv2d.init(1, 4, 3, padding="same", rng=0),
        MaxPool2d(2),
        AvgPool2d(3, (1, 2), 1),
        GlobalAvgPool2d(),
    )
    fn.save(path, saved)

    loaded = fn.load(path, like=saved)

    assert repr(loaded) == repr(saved)
    assert fn.fingerprint(loaded) == fn.fingerprint(saved)
