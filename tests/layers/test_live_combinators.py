"""Dropout and batch norms inside `residual`, `concatenate` and a user's network, in training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest
from strategies import normal_array
from zoo import AnyLayer

import funnet as fn
from funnet import BatchNorm, Dropout, Identity, Matrix, concatenate, residual, sequential


@attrs.frozen(eq=False)
class Net:
    """A user's network: y = body(x) + head(x), with combinators inside."""

    body: AnyLayer
    heads: dict[str, AnyLayer]

    def forward(self, x: Matrix) -> tuple[Matrix, tuple[object, object]]:
        (y, a), (z, b) = fn.forward(self.body, x), fn.forward(self.heads["one"], x)
        return y + z, (a, b)

    def pullback(
        self, cache: tuple[object, object], dout: Matrix
    ) -> tuple[Net, Callable[[], Matrix]]:
        grads_a, dx_a = self.body.pullback(cache[0], dout)
        grads_b, dx_b = self.heads["one"].pullback(cache[1], dout)
        return Net(grads_a, {"one": grads_b}), lambda: dx_a() + dx_b()


def norm_and_dropout() -> AnyLayer:
    return sequential(
        fn.Affine.init(4, 4, rng=0, dtype=np.float64),
        BatchNorm.init(4, dtype=np.float64),
        Dropout(0.5),
    )


NETS: dict[str, tuple[AnyLayer, list[str]]] = {
    "residual": (residual(norm_and_dropout()), ["layer.layers.1"]),
    "concatenate": (
        concatenate(norm_and_dropout(), Identity(), norm_and_dropout()),
        ["layers.0.layers.1", "layers.2.layers.1"],
    ),
    "a user's network": (
        Net(residual(norm_and_dropout()), {"one": residual(sequential(norm_and_dropout()))}),
        ["body.layer.layers.1", "heads.one.layer.layers.0.layers.1"],
    ),
}
every_net = pytest.mark.parametrize(("net", "paths"), NETS.values(), ids=NETS)


@every_net
def test_training_mode_reaches_every_layer_and_inference_mode_undoes_it(
    net: AnyLayer, paths: list[str]
) -> None:
    live = fn.training_mode(net, seed=7, step=0)

    assert repr(live).count("context=Context(") == 2 * len(paths)
    assert all(f"path='{path}'" in repr(live) for path in paths)
    assert repr(fn.inference_mode(live)) == repr(net)


@every_net
def test_the_gradients_of_a_live_network_are_derivatives(net: AnyLayer, paths: list[str]) -> None:
    x = normal_array(1, 6, 4)
    live = fn.training_mode(net, seed=7, step=0)
    t = np.zeros_like(fn.forward(net, x)[0])

    assert (report := fn.check_gradients(live, x, fn.sum_squared_error, t)), report
    y, cache = fn.forward(live, x)
    assert repr(fn.backward(live, cache, y)) == repr(net)  # at rest


@every_net
def test_update_statistics_finds_the_norms(net: AnyLayer, paths: list[str]) -> None:
    x = normal_array(1, 6, 4)
    _, cache = fn.forward(fn.training_mode(net, seed=7, step=0), x)

    new = fn.update_statistics(net, cache)

    for path in paths:
        norm, first = _at(new, path), _at(net, path[:-1] + "0")
        np.testing.assert_allclose(norm.mean, fn.predict(first, x).mean(axis=0), rtol=1e-12)
        assert norm.count == 6
    assert repr(fn.training_mode(new, seed=7, step=1)).count("context=") == 2 * len(paths)
    with pytest.raises(ValueError, match=f"^{paths[0]} has no statistics at step 1"):
        fn.training_mode(net, seed=7, step=1)


def _at(net: Any, path: str) -> Any:
    for name in path.split("."):
        net = net[name] if isinstance(net, dict) else getattr(net, name, None) or net[int(name)]
    return net


@every_net
def test_a_part_stays_at_rest(net: AnyLayer, paths: list[str]) -> None:
    part = paths[0].removesuffix(".layers.1")
    live = fn.training_mode(net, seed=7, step=0, at_rest=[part])
    _, cache = fn.forward(live, normal_array(1, 6, 4))

    new = fn.update_statistics(net, cache, at_rest=[part])

    assert f"path='{part}" not in repr(live)
    assert [int(_at(new, path).count) for path in paths] == [0, *[6] * (len(paths) - 1)]
