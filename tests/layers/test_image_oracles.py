"""Convolution and pooling compute what PyTorch computes, and what SciPy and plain loops do."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import attrs
import numpy as np
import pytest
import scipy.signal
from zoo import AnyLayer

import funnet as fn

SEEDS = range(300)
FEW = range(60)  # loops take their time


@attrs.frozen
class Setting:
    """A batch, a kernel, and how it moves."""

    x: fn.Array
    kernel_size: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    rng: np.random.Generator

    @property
    def moves(self) -> dict[str, tuple[int, int]]:
        return {"stride": self.stride, "padding": self.padding}

    def conv(self) -> fn.Conv2d:
        out_channels = int(self.rng.integers(1, 5))
        W = self.rng.standard_normal((out_channels, self.x.shape[1], *self.kernel_size))
        return fn.Conv2d(W, self.rng.standard_normal(out_channels), **self.moves)


def setting(seed: int, *, pool: bool) -> Setting:
    """Return one of the settings; a quarter of the images have one row, and of the kernels too."""
    rng = np.random.default_rng([seed, pool])

    def number(low: int, high: int) -> int:
        return int(rng.integers(low, high + 1))

    kernel = (1 if rng.random() < 0.25 else number(1, 5), number(1, 5))
    padding = tuple(number(0, k // 2 if pool else 6) for k in kernel)
    stride = (number(1, 4), number(1, 4))
    smallest = [max(1, k - 2 * p) for k, p in zip(kernel, padding, strict=True)]
    height = smallest[0] if rng.random() < 0.25 else number(smallest[0], 11)
    width = number(smallest[1], 11)
    x = rng.standard_normal((number(1, 3), number(1, 4), height, width))
    if pool:
        x = x.round(1)  # so that there are equal maxima
    return Setting(x, kernel, stride, (padding[0], padding[1]), rng)


def assert_same(ours: list[fn.Array], theirs: list[fn.Array]) -> None:
    """Check that arrays agree to 1e-10, relative to the largest number of each."""
    for a, b in zip(ours, theirs, strict=True):
        assert a.shape == b.shape
        assert np.abs(a - b).max() <= 1e-10 * max(1e-3, np.abs(b).max())


def results(
    layer: AnyLayer, x: fn.Array, rng: np.random.Generator
) -> tuple[fn.Array, list[fn.Array]]:
    """Return a direction, and the output and all gradients for it."""
    y, cache = fn.forward(layer, x)
    dout = rng.standard_normal(y.shape)
    grads = fn.tree_leaves(fn.backward(layer, cache, dout))
    return dout, [y, fn.input_gradient(layer, cache, dout), *grads]


# PyTorch


def torch_results(
    torch: Any, f: Callable[..., Any], leaves: list[fn.Array], dout: fn.Array
) -> list[fn.Array]:
    tensors = [torch.tensor(leaf, requires_grad=True) for leaf in leaves]
    y = f(*tensors)
    grads = torch.autograd.grad(y, tensors, torch.from_numpy(dout))
    return [y.detach().numpy(), *(grad.numpy() for grad in grads)]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_convolution_and_its_gradients_are_those_of_pytorch(torch: Any, seed: int) -> None:
    given = setting(seed, pool=False)
    layer = given.conv()

    dout, ours = results(layer, given.x, given.rng)

    def theirs(x: Any, W: Any, b: Any) -> Any:
        return torch.nn.functional.conv2d(x, W, b, **given.moves)

    assert_same(ours, torch_results(torch, theirs, [given.x, layer.W, layer.b], dout))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("pool", "name"), [(fn.MaxPool2d, "max_pool2d"), (fn.AvgPool2d, "avg_pool2d")]
)
def test_a_pooling_and_its_gradient_are_those_of_pytorch(
    torch: Any, pool: type[fn.MaxPool2d | fn.AvgPool2d], name: str, seed: int
) -> None:
    given = setting(seed, pool=True)

    dout, ours = results(pool(given.kernel_size, **given.moves), given.x, given.rng)

    def theirs(x: Any) -> Any:
        return getattr(torch.nn.functional, name)(x, given.kernel_size, **given.moves)

    assert_same(ours, torch_results(torch, theirs, [given.x], dout))


@pytest.mark.parametrize("kernel_size", list(product((1, 2, 3, 4), repeat=2)))
def test_padding_that_keeps_the_size_is_that_of_pytorch(
    torch: Any, kernel_size: tuple[int, int]
) -> None:
    rng = np.random.default_rng(0)
    layer = fn.Conv2d.init(2, 3, kernel_size, padding="same", rng=rng, dtype=np.float64)
    x = rng.standard_normal((2, 2, 5, 3))

    dout, ours = results(layer, x, rng)

    def theirs(x: Any, W: Any, b: Any) -> Any:
        return torch.nn.functional.conv2d(x, W, b, padding="same")

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Using padding='same' with even kernel")  # it is slow
        assert_same(ours, torch_results(torch, theirs, [x, layer.W, layer.b], dout))


# SciPy, and plain loops


def padded(x: fn.Array, padding: tuple[int, int], value: float) -> fn.Array:
    sides = [(0, 0), (0, 0), *((p, p) for p in padding)]
    return np.pad(x, sides, constant_values=value)


@pytest.mark.parametrize("seed", FEW)
def test_a_convolution_is_a_sum_of_correlations(seed: int) -> None:
    given = setting(seed, pool=False)
    layer = given.conv()
    down, across = given.stride

    y, _ = fn.forward(layer, given.x)

    expected = np.array(
        [
            [
                b
                + sum(
                    scipy.signal.correlate2d(channel, kernel, "valid")[::down, ::across]
                    for channel, kernel in zip(image, kernels, strict=True)
                )
                for kernels, b in zip(layer.W, layer.b, strict=True)
            ]
            for image in padded(given.x, given.padding, 0)
        ]
    )
    assert_same([y], [expected])


@pytest.mark.parametrize("seed", FEW)
def test_the_gradients_of_a_convolution_are_its_adjoints(seed: int) -> None:
    """It is linear in x, in W and in b: a gradient times v is dout times what v would give."""
    given = setting(seed, pool=False)
    layer = given.conv()
    y, cache = fn.forward(layer, given.x)
    dout = given.rng.standard_normal(y.shape)
    grads = fn.backward(layer, cache, dout)
    v, V = (given.rng.standard_normal(a.shape) for a in (given.x, layer.W))
    zero = np.zeros_like(layer.b)

    along_x, _ = fn.forward(fn.Conv2d(layer.W, zero, **given.moves), v)
    along_W, _ = fn.forward(fn.Conv2d(V, zero, **given.moves), given.x)

    dx = fn.input_gradient(layer, cache, dout)
    scale = np.abs(dout).sum()
    assert np.vdot(dx, v) == pytest.approx(np.vdot(dout, along_x), abs=1e-12 * scale)
    assert np.vdot(grads.W, V) == pytest.approx(np.vdot(dout, along_W), abs=1e-12 * scale)
    assert grads.b == pytest.approx(dout.sum((0, 2, 3)), abs=1e-12 * scale)


def windows(given: Setting, shape: tuple[int, ...]) -> Iterator[tuple[Any, Any]]:
    """Iterate over the pixels of an output, and the window of the padded input of each."""
    for n, c, i, j in np.ndindex(shape):
        starts = i * given.stride[0], j * given.stride[1]
        rows, cols = (slice(a, a + k) for a, k in zip(starts, given.kernel_size, strict=True))
        yield (n, c, i, j), (n, c, rows, cols)


@pytest.mark.parametrize("seed", FEW)
def test_pooling_is_a_loop_over_windows(seed: int) -> None:
    given = setting(seed, pool=True)
    top, left = given.padding
    inside = (..., slice(top, top + given.x.shape[2]), slice(left, left + given.x.shape[3]))
    for pool, value in ((fn.MaxPool2d, -np.inf), (fn.AvgPool2d, 0)):
        dout, ours = results(pool(given.kernel_size, **given.moves), given.x, given.rng)
        x = padded(given.x, given.padding, value)
        y, dx = np.empty_like(dout), np.zeros_like(x)
        for at, window in windows(given, dout.shape):
            share = np.full(given.kernel_size, 1 / x[window].size)
            if pool is fn.MaxPool2d:
                share = np.zeros(given.kernel_size)
                share.flat[x[window].argmax()] = 1
            y[at] = x[window].max() if pool is fn.MaxPool2d else x[window].mean()
            dx[window] += share * dout[at]

        assert_same(ours, [y, dx[inside]])
