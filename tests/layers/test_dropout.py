"""Dropout: how much is dropped, and of what the masks are a function."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from live_cases import CONTEXTS
from strategies import AnyArray

import funnet as fn

ONES: fn.Matrix = np.ones((40, 50))
HALF = fn.Dropout(0.5)


def live(seed: Any = 7, step: int = 3, shard: int = 0, rate: float = 0.5) -> fn.Dropout:
    return fn.training_mode(fn.Dropout(rate), seed=seed, step=step, shard=shard)


def kept(layer: Any, x: AnyArray = ONES) -> npt.NDArray[np.bool]:
    """Return which elements are kept."""
    mask: npt.NDArray[np.bool] = fn.forward(layer, x)[0] != 0
    return mask


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.25, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("seed", range(3))
def test_the_rate_holds_within_four_standard_errors(rate: float, seed: int) -> None:
    n = 1_000_000

    dropped = n - kept(live(seed, rate=rate), np.ones((1000, 1000), np.float32)).sum()

    assert abs(dropped / n - rate) < 4 * np.sqrt(rate * (1 - rate) / n)


def test_the_rate_holds_for_each_element_over_many_steps() -> None:
    steps = 2000

    counts = sum(kept(live(step=step), ONES[:2]).astype(int) for step in range(steps))

    errors = np.abs(counts / steps - 0.5) / np.sqrt(0.25 / steps)
    assert errors.max() < 4.5  # of 100 elements
    assert np.mean(errors < 1) == pytest.approx(0.68, abs=0.2)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("rate", [0.1, 0.25, 0.5, 0.9])
def test_what_is_kept_is_divided_by_one_minus_the_rate(dtype: type[fn.Float], rate: float) -> None:
    x = np.full((20, 30), 3, dtype)

    y, cache = fn.forward(live(rate=rate), x)
    dx = fn.input_gradient(live(rate=rate), cache, x)

    factor = dtype(1 / (1 - rate))
    assert set(y.flat) == {dtype(0), dtype(3) * factor}
    np.testing.assert_array_equal(dx, y, strict=True)


def test_masks_do_not_depend_on_the_dtype() -> None:
    half, single, double = (
        kept(live(), ONES.astype(dtype)) for dtype in (np.float16, np.float32, np.float64)
    )

    np.testing.assert_array_equal(half, double)
    np.testing.assert_array_equal(single, double)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("rate", [0.99999, 1 - 2**-30, np.nextafter(1, 0)])
def test_a_rate_near_1_gives_finite_numbers(dtype: type[fn.Float], rate: float) -> None:
    y, _ = fn.forward(live(rate=rate), np.ones((300, 1000), dtype))

    assert np.isfinite(y).all()


def test_a_rate_of_0_and_a_network_at_rest_change_nothing() -> None:
    for layer in (live(rate=0), HALF, fn.inference_mode(live())):
        y, cache = fn.forward(layer, ONES)

        np.testing.assert_array_equal(y, ONES, strict=True)
        np.testing.assert_array_equal(fn.input_gradient(layer, cache, ONES), ONES, strict=True)


def test_an_empty_batch_stays_empty() -> None:
    assert fn.forward(live(), ONES[:0])[0].shape == (0, 50)


def test_masks_are_equal_in_another_process() -> None:
    net: Any = fn.sequential(HALF, fn.sequential(HALF))
    networks = [
        fn.training_mode(net, seed=seed, step=step, shard=shard)
        for seed, step, shard in [(0, 0, 0), (7, 2**32, 1), (2**70, 5, 3)]
    ]

    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        theirs = [pool.submit(fn.forward, network, ONES).result()[0] for network in networks]

    for network, y in zip(networks, theirs, strict=True):
        np.testing.assert_array_equal(fn.forward(network, ONES)[0], y, strict=True)


PAIRS = [(a, b) for a in CONTEXTS for b in CONTEXTS if a < b]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_masks_at_different_addresses_are_independent(one: str, other: str) -> None:
    a, b = (kept(fn.Dropout(0.5, context=CONTEXTS[name])) for name in (one, other))

    assert abs((a == b).mean() - 0.5) < 4.5 * np.sqrt(0.25 / a.size)  # of 120 pairs


def test_masks_are_independent_of_the_order_of_minibatches() -> None:
    """With one seed for both, neither draws what the other has drawn."""
    n = 2000
    x = np.arange(n, dtype=np.float32)[:, np.newaxis]

    for step in range(5):
        order, _ = next(fn.minibatches(x, np.arange(n), n, rng=7).from_step(step))
        mask = kept(live(step=step), np.ones((n, 1), np.float32))

        correlation = np.corrcoef(order[:, 0], mask[:, 0])[0, 1]
        assert abs(correlation) < 4.5 / np.sqrt(n)
