"""Batch normalization: PyTorch's values and gradients, its running statistics, and extremes."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given, strategies as st
from strategies import normal_array

import funnet as fn


def setting(seed: int) -> tuple[fn.BatchNorm, Any, Any]:
    """Return a random layer, an input and a dout; some are of one channel or one image."""
    rng = np.random.default_rng(seed)
    c = int(rng.integers(1, 6))
    shape: tuple[int, ...] = (int(rng.integers(2, 9)), c)
    if seed % 2:
        shape = (int(rng.integers(1, 4)), c, int(rng.integers(1, 5)), int(rng.integers(2, 6)))
    gamma, beta, mean = rng.standard_normal((3, c))
    norm = fn.BatchNorm(gamma, beta, mean, rng.uniform(0.1, 3, c), np.array(9), eps=1e-3)
    return norm, 3 * rng.standard_normal(shape) + 1, rng.standard_normal(shape)


@pytest.mark.parametrize("shape", [(5, 2), (5, 2, 3, 4)])
def test_a_new_layer_at_rest_has_mean_0_and_variance_1(shape: tuple[int, ...]) -> None:
    """So a new network can be looked at."""
    norm, x = fn.BatchNorm.init(2, eps=0.5, dtype=np.float64), normal_array(0, *shape)

    assert not norm.has_statistics
    np.testing.assert_allclose(fn.predict(norm, x), x / np.sqrt(1.5), rtol=1e-14)


def close(ours: Any, theirs: Any) -> None:
    theirs = theirs.detach().numpy()
    assert np.abs(ours - theirs).max() <= 1e-10 * max(1, np.abs(theirs).max())


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("seed", range(300))
def test_values_gradients_and_statistics_are_those_of_pytorch(
    torch: Any,
    seed: int,
    live: bool,  # noqa: FBT001
) -> None:
    norm, x, dout = setting(seed)
    weight = max(norm.momentum, (x.size // norm.n_in) / (9 + x.size // norm.n_in))
    module = torch.nn.BatchNorm1d if x.ndim == 2 else torch.nn.BatchNorm2d
    theirs = module(norm.n_in, eps=norm.eps, momentum=weight, dtype=torch.float64)
    pairs = zip(
        ("weight", "bias", "running_mean", "running_var"),
        ("gamma", "beta", "mean", "var"),
        strict=True,
    )
    with torch.no_grad():
        for name, own in pairs:
            getattr(theirs, name).copy_(torch.tensor(getattr(norm, own)))
    theirs.train(live)
    tensor = torch.tensor(x, requires_grad=True)
    output = theirs(tensor)
    output.backward(torch.tensor(dout))

    layer = fn.training_mode(norm, seed=0, step=1) if live else norm
    y, cache = fn.forward(layer, x)
    grads = fn.backward(layer, cache, dout)

    close(y, output)
    close(grads.gamma, theirs.weight.grad)
    close(grads.beta, theirs.bias.grad)
    close(fn.input_gradient(layer, cache, dout), tensor.grad)
    if live:
        after = fn.update_statistics(norm, cache)
        close(after.mean, theirs.running_mean)
        close(after.var, theirs.running_var)


def test_running_statistics_are_an_exact_average_and_then_an_exponential_one() -> None:
    norm = fn.BatchNorm.init(2, dtype=np.float64)
    batches = np.random.default_rng(0).standard_normal((40, 8, 2))
    mean, var = np.zeros(2), np.ones(2)

    for k, x in enumerate(batches):
        norm = fn.update_statistics(norm, fn.forward(fn.training_mode(norm, seed=0, step=k), x)[1])
        weight = max(0.1, 1 / (k + 1))
        mean = (1 - weight) * mean + weight * x.mean(axis=0)
        var = (1 - weight) * var + weight * x.var(axis=0, ddof=1)
        np.testing.assert_allclose(norm.mean, mean, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(norm.var, var, rtol=1e-10)


@pytest.mark.parametrize("shape", [(8, 2), (2, 1), (1, 3, 1, 2), (3, 2, 4, 5)])
def test_over_many_steps_both_averages_are_those_of_pytorch(
    torch: Any, shape: tuple[int, ...]
) -> None:
    """PyTorch has both averages, one for momentum=None; it never changes from one to the other."""
    norm = fn.BatchNorm.init(shape[1], dtype=np.float64)
    module = torch.nn.BatchNorm1d if len(shape) == 2 else torch.nn.BatchNorm2d
    theirs = module(shape[1], momentum=None, dtype=torch.float64)

    for k, x in enumerate(normal_array(0, 40, *shape, scale=3) + 5):
        norm = fn.update_statistics(norm, fn.forward(fn.training_mode(norm, seed=0, step=k), x)[1])
        if k == 10:
            theirs.momentum = norm.momentum
        theirs(torch.tensor(x))
        close(norm.mean, theirs.running_mean)
        close(norm.var, theirs.running_var)


@given(
    number=st.floats(-(2.0**100), 2.0**100, width=32),
    n=st.integers(2, 300),
    sides=st.sampled_from([(), (1, 1), (3, 5)]),
)
def test_a_constant_channel_becomes_beta(number: float, n: int, sides: tuple[int, ...]) -> None:
    x = np.full((n, 2, *sides), number, np.float32)
    x[:, 1] = normal_array(n, *x[:, 1].shape)
    norm = attrs.evolve(fn.BatchNorm.init(2), beta=np.array([3, 4], np.float32))

    y, cache = fn.forward(fn.training_mode(norm, seed=0, step=0), x)

    assert (y[:, 0] == 3).all()
    after = fn.update_statistics(norm, cache)
    assert (after.mean[0], after.var[0]) == (np.float32(number), 0)


@pytest.mark.parametrize("shape", [(1, 2), (1, 2, 1, 1), (0, 2)])
def test_one_value_per_channel_is_refused_in_training_mode(shape: tuple[int, ...]) -> None:
    live = fn.training_mode(fn.BatchNorm.init(2), seed=0, step=0)

    with pytest.raises(fn.ShapeError, match=r"at least two values per channel.*drop_last=True"):
        fn.forward(live, np.ones(shape, np.float32))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(6, 2), (2, 2, 3, 1)])
def test_no_finite_input_gives_a_warning(dtype: type[fn.Float], shape: tuple[int, ...]) -> None:
    top = float(np.finfo(dtype).max)
    for number in (0.0, 1.0, top, np.finfo(dtype).tiny):
        x = np.full(shape, number, dtype)
        norm = fn.BatchNorm.init(2, dtype=dtype)
        for batch in (x, x * np.where(np.arange(x.size).reshape(shape) % 3, 1, -1).astype(dtype)):
            for step in range(2):
                live = fn.training_mode(norm, seed=0, step=step)
                y, cache = fn.forward(live, batch)
                _ = fn.input_gradient(live, cache, batch)
                norm = fn.update_statistics(norm, cache)
                if dtype == np.float16:
                    assert np.isfinite(y).all()
            _ = fn.forward(norm, batch)
    empty = np.ones((0, *shape[1:]), dtype)
    assert fn.forward(fn.BatchNorm.init(2, dtype=dtype), empty)[0].shape == empty.shape


def test_buffers_out_of_range_are_refused() -> None:
    norm = fn.BatchNorm.init(2)
    for change, message in (
        ({"var": np.array([1, -1], np.float32)}, "var of BatchNorm must be >= 0"),
        ({"count": np.array(-1)}, "count of BatchNorm must be an integer >= 0"),
    ):
        with pytest.raises(ValueError, match=message):
            attrs.evolve(norm, **change)


@pytest.mark.parametrize("shape", [(5, 3), (5, 2, 4), (5,), (5, 3, 2, 2)])
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    x: Any = np.zeros(shape, np.float32)

    with pytest.raises(fn.ShapeError, match=r"shape \(N, 2\) or \(N, 2, H, W\), got"):
        fn.forward(fn.BatchNorm.init(2), x)
