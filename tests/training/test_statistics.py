"""Statistics in a run of training: those that overflow, are forgotten, or are missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import attrs
import numpy as np
import pytest
from live_cases import LIVE
from live_layers import Center
from training_cases import LOSS, SGD, Net, T, X, init, run

import funnet as fn


def huge(layer: Net) -> Net:
    return fn.sequential(layer, fn.Affine.init(4, 3, rng=0))


def test_statistics_that_are_not_finite_end_the_run_with_the_last_good_state() -> None:
    """The loss is finite: the variance is infinite, and the normalized input 0."""
    net, x = huge(fn.BatchNorm.init(4)), X.copy()
    x[:2, 1] = [1e25, -1e25]
    state = None
    with pytest.raises(  # noqa: PT012
        fn.NonFiniteError, match=r"the statistics of layers\.0 at step 2 are not finite$"
    ) as caught:
        for new in run(net, [(X, T), (X, T), (x, T)], seed=0):
            state = new

    assert state is not None
    assert caught.value.state is state
    assert state.step == 2
    with pytest.raises(fn.NonFiniteError, match="statistics of the network at step 0"):
        fn.train_step(init(fn.BatchNorm.init(4)), x, T, loss=LOSS, optimizer=SGD, seed=0)


@attrs.frozen(eq=False)
class Sum(Center):
    """A user's layer that refuses NaN, and whose sums overflow."""

    def pullback(self, cache: Any, dout: fn.Matrix) -> Any:
        grads, dx = Center.pullback(self, cache, dout)
        return Sum(gain=grads.gain, mean=self.mean, count=self.count), dx

    def with_statistics(self, values: tuple[fn.Array, ...]) -> Sum:
        int(values[0].sum())  # raises for NaN and infinity
        return attrs.evolve(self, mean=self.mean + values[0], count=self.count + 1)


def test_statistics_of_a_layer_that_overflow_end_the_run() -> None:
    net = fn.sequential(
        Sum(gain=np.zeros(4, np.float32), mean=np.zeros(4, np.float32)),
        fn.Affine.init(4, 3, rng=0),
    )
    x = np.full_like(X, 3e37)
    states = run(net, [(x[:2], T[:2])] * 20, seed=0)
    with pytest.raises(
        fn.NonFiniteError, match=r"makes the statistics of layers\.0 infi"
    ) as caught:
        list(states)

    assert np.isfinite(caught.value.state.params.layers[0].mean).all()  # type: ignore[attr-defined]


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1e30])
def test_population_statistics_that_are_not_finite_are_an_error(wrong: float) -> None:
    x = X.copy()
    x[1, 0] = wrong
    with pytest.raises(ValueError, match=r"statistics of layers\.1 are infinite or NaN; x must be"):
        fn.population_statistics(LIVE, x)


def test_population_statistics_need_an_array_of_samples() -> None:
    with pytest.raises(fn.DTypeError, match=r"x must be a NumPy array .*, got NoneType"):
        fn.population_statistics(LIVE, None)  # type: ignore[arg-type]


@dataclass
class Hidden:
    """A cache of a class that is not searched."""

    cache: object


@attrs.frozen(eq=False)
class Silent(Center):
    """A user's layer whose statistics are not found in its cache."""

    wrap: Callable[[Any], object] = attrs.field(kw_only=True)

    def forward(self, x: fn.Matrix) -> Any:
        y, cache = Center.forward(self, x)
        return y, self.wrap(cache)

    def pullback(self, cache: object, dout: fn.Matrix) -> Any:
        return fn.inference_mode(self), lambda: dout


@pytest.mark.parametrize("wrap", [Hidden, lambda cache: attrs.evolve(cache, statistics=None)])
def test_a_layer_that_reports_no_statistics_is_named(wrap: Callable[[Any], object]) -> None:
    zero = np.zeros(4, np.float32)
    net = fn.sequential(fn.Affine.init(4, 4, rng=0), Silent(gain=zero, mean=zero, wrap=wrap))
    says = r"^layers\.1: the cache has no statistics of Silent; .* is an attrs value, a tuple, a "

    with pytest.raises(fn.StructureError, match=says):
        fn.batch_gradients(net, X, T, loss=LOSS, seed=0)
    with pytest.raises(fn.StructureError, match=says):
        fn.population_statistics(net, X)
