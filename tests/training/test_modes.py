"""Networks in training mode and at rest, and the statistics that they keep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given, strategies as st
from live_layers import Center
from zoo import CASES, WITH_CONTEXT, Case

import funnet as fn

every_case = pytest.mark.parametrize("case", WITH_CONTEXT.values(), ids=WITH_CONTEXT)
NORM = fn.BatchNorm.init(2, dtype=np.float64)
X = np.random.default_rng(0).standard_normal((37, 2))


def live(net: Any, step: int = 0, **more: Any) -> Any:
    return fn.training_mode(net, seed=7, step=step, **more)


@pytest.mark.parametrize(
    "name", CASES.keys() - {n for n in CASES if n.removesuffix(", live") in WITH_CONTEXT}
)
def test_a_network_without_contexts_is_returned_itself(name: str) -> None:
    net = CASES[name].layer(0)

    assert live(net) is net
    assert fn.inference_mode(net) is net


@every_case
def test_inference_mode_is_the_inverse_of_training_mode(case: Case) -> None:
    net = case.layer(0)

    assert fn.fingerprint(live(net)) != fn.fingerprint(net)
    assert fn.fingerprint(fn.inference_mode(live(net))) == fn.fingerprint(net)


LOOKS: dict[str, Callable[[Any, Any], object]] = {
    "predict": fn.predict,
    "activations": fn.activations,
    "output_shape": lambda net, x: fn.output_shape(net, x.shape[1:]),
    "summary": lambda net, x: fn.summary(net, x.shape[1:]),
    "population_statistics": fn.population_statistics,
}


@every_case
def test_a_live_network_is_refused_where_one_at_rest_is_needed(case: Case) -> None:
    net, x = live(case.layer(0)), case.x(0)
    calls = LOOKS | {
        "training_mode": lambda net, _: live(net),
        "to_state_dict": lambda net, _: fn.to_state_dict(net),
        "from_state_dict": lambda net, _: fn.from_state_dict(net, {}),
    }

    for name, call in calls.items():
        with pytest.raises(ValueError, match=rf"^{name} needs .* pass inference_mode\(net\)"):
            call(net, x)


@pytest.mark.parametrize("name", LOOKS)
@pytest.mark.parametrize(
    ("given", "got"),
    [
        (fn.TrainState.init(NORM, fn.sgd()), "TrainState"),
        (fn.BatchNorm, "the class BatchNorm"),
        ([NORM], "list"),
    ],
)
def test_what_is_not_a_network_is_refused_where_one_is_needed(
    name: str, given: object, got: str
) -> None:
    message = f"^{name} needs a layer or network, such as state.params, got {got}$"
    with pytest.raises(TypeError, match=message):
        LOOKS[name](given, X)


@pytest.mark.parametrize("net", [fn.Dropout(0.5), fn.ReLU()])
@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"seed": -1}, ValueError), ({"step": -1}, ValueError), ({"shard": -1}, ValueError),
        ({"seed": 1.0}, TypeError), ({"step": 1.0}, TypeError), ({"seed": None}, TypeError),
        ({"at_rest": "rate"}, TypeError), ({"at_rest": None}, TypeError),
        ({"at_rest": [3]}, TypeError), ({"at_rest": ["layers.9"]}, KeyError),
        ({"at_rest": ["."]}, KeyError),
    ],
)  # fmt: skip
def test_wrong_arguments_are_refused(net: Any, arguments: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        fn.training_mode(net, **{"seed": 0, "step": 0, **arguments})


@pytest.mark.parametrize("path", ["layers.1.gamma", "layers.1.mean", "layers.1.eps"])
def test_at_rest_takes_only_paths_of_layers(path: str) -> None:
    """An array cannot be at rest, and ignoring its path would keep its layer in training mode."""
    net: Any = fn.sequential(fn.Affine.init(2, 2, rng=0, dtype=np.float64), NORM)
    t, loss, optimizer = np.zeros(len(X), int), fn.softmax_cross_entropy, fn.sgd()
    state = fn.TrainState.init(net, optimizer)
    _, cache = fn.forward(live(net), X)
    run: dict[str, Any] = {"loss": loss, "seed": 0, "at_rest": [path]}

    for call in (
        lambda: live(net, at_rest=[path]),
        lambda: fn.update_statistics(net, cache, at_rest=[path]),
        lambda: fn.batch_gradients(net, X, t, **run),
        lambda: fn.train_step(state, X, t, optimizer=optimizer, **run),
        lambda: fn.train(net, [(X, t)], optimizer=optimizer, **run),
    ):
        with pytest.raises(ValueError, match=r"paths of layers, such as 'layers.1', got 'layers"):
            call()


def test_parts_can_stay_at_rest() -> None:
    net: Any = live(
        fn.sequential(NORM, fn.sequential(NORM)), step=3, at_rest=["layers.0", "layers.1"]
    )

    assert fn.inference_mode(net) is net


def test_forgotten_or_foreign_statistics_are_refused() -> None:
    net: Any = fn.sequential(NORM, fn.Dropout(0.5))
    _, resting = fn.forward(net, X)
    _, other = fn.forward(live(fn.sequential(fn.ReLU(), NORM)), X)

    with pytest.raises(fn.StructureError, match=r"^layers\.0: the cache has no statistics"):
        fn.update_statistics(net, resting)
    assert fn.update_statistics(net, resting, at_rest=["layers.0"]) is net
    with pytest.raises(fn.StructureError, match=r"^layers\.1: expected a layer that keeps"):
        fn.update_statistics(net, other)
    with pytest.raises(ValueError, match=r"^layers\.0 has no statistics at step 1; call net = "):
        live(net, step=1)
    narrow: Any = fn.sequential(fn.BatchNorm.init(1, dtype=np.float64))
    _, cache = fn.forward(live(narrow), X[:, :1])
    with pytest.raises(fn.ShapeError, match=r"^layers\.0: the mean of the batch must have shape"):
        fn.update_statistics(fn.sequential(NORM), cache)


@attrs.frozen(eq=False)
class Forgetful:
    """A user's layer that returns something else than itself."""

    returned: Any
    context: fn.Context | None = attrs.field(default=None, kw_only=True)

    def forward(self, x: fn.Matrix, /) -> tuple[fn.Matrix, fn.Statistics]:
        assert self.context is not None
        return x, fn.Statistics(self.context.path, (x.mean(axis=0),))

    def pullback(self, _cache: object, dout: fn.Matrix, /) -> tuple[Any, Any]:
        return fn.inference_mode(self), lambda: dout

    def with_statistics(self, _values: object, /) -> object:
        return self.returned


@attrs.frozen(eq=False)
class Applied:
    """A user's network of one layer."""

    f: Forgetful

    def forward(self, x: fn.Matrix, /) -> tuple[fn.Matrix, list[fn.Statistics]]:
        y, cache = self.f.forward(x)
        return y, [cache]

    def pullback(self, _cache: object, _dout: fn.Matrix, /) -> tuple[Any, Any]:
        raise NotImplementedError


@pytest.mark.parametrize("returned", [None, fn.ReLU(), (np.zeros(2),)])
def test_a_layer_is_not_replaced_by_another_class(returned: object) -> None:
    net = [fn.ReLU(), Forgetful(returned)]
    _, cache = fn.forward(live(net)[1], X)

    with pytest.raises(fn.StructureError, match=r"^1: with_statistics must return a Forgetful"):
        fn.update_statistics(net, [cache])


def test_a_cache_with_other_paths_is_of_another_network() -> None:
    _, cache = fn.forward(live(fn.sequential(fn.Identity(), NORM)), X)

    with pytest.raises(fn.StructureError, match=r"of another network: nothing at 'layers\.1'"):
        fn.update_statistics(fn.sequential(NORM), cache)


def test_the_statistics_of_a_population_need_a_method() -> None:
    with pytest.raises(TypeError, match="Forgetful at 'f' must have a method with_population"):
        fn.population_statistics(Applied(Forgetful(None)), X)


def test_a_layer_used_twice_is_updated_twice() -> None:
    net = live(NORM)
    caches = [fn.forward(net, part)[1] for part in (X[:9], X[9:])]

    after = fn.update_statistics(NORM, caches)

    assert int(after.count) == len(X)
    np.testing.assert_allclose(after.mean, X.mean(axis=0), rtol=1e-12, atol=1e-15)


@given(n=st.integers(2, len(X)), batch_size=st.none() | st.integers(2, len(X) + 1))
def test_population_statistics_are_those_of_the_whole_data_set(
    n: int, batch_size: int | None
) -> None:
    first = fn.Affine.init(2, 2, rng=0, dtype=np.float64)
    net: Any = fn.sequential(first, fn.Dropout(0.5), NORM)
    hidden = fn.predict(first, X[:n])

    norm = fn.population_statistics(net, X[:n], batch_size).layers[2]

    assert norm.count == n
    np.testing.assert_allclose(norm.mean, hidden.mean(axis=0), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(norm.var, hidden.var(axis=0, ddof=1), rtol=1e-12)


@pytest.mark.parametrize(
    ("n", "batch_size", "sizes"),
    [(257, 256, [128, 129]), (7, 3, [2, 2, 3]), (5, 2, [2, 3]), (3, 2, [3]), (2, 1, [1, 1])],
)
def test_rows_are_spread_evenly_over_batches_of_at_least_two(
    n: int, batch_size: int, sizes: list[int]
) -> None:
    parts: list[int] = []

    @attrs.frozen(eq=False)
    class Counting(Center):
        def with_population(self, given: Any) -> Center:
            parts.extend(int(rows) for _, rows in given)
            return self

    layer = Counting(gain=np.ones(2), mean=np.zeros(2))
    _ = fn.population_statistics(layer, np.ones((n, 2)), batch_size)

    assert parts == sizes


@pytest.mark.parametrize(("n", "batch_size"), [(1, None), (1, 2), (4, 1)])
def test_batches_of_one_row_are_refused_by_a_batch_norm(n: int, batch_size: int | None) -> None:
    net: Any = fn.sequential(fn.Identity(), NORM)

    with pytest.raises(fn.ShapeError, match=r"^layers\.1: x of BatchNorm .* use larger batches"):
        fn.population_statistics(net, X[:n], batch_size)


def test_the_statistics_of_no_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="x must have at least one row"):
        fn.population_statistics(NORM, X[:0])


def test_batches_of_one_image_are_enough_for_a_batch_norm() -> None:
    x = np.random.default_rng(0).standard_normal((3, 2, 4, 5))

    norm = fn.population_statistics(fn.BatchNorm.init(2, dtype=np.float64), x, batch_size=1)

    np.testing.assert_allclose(norm.mean, x.mean((0, 2, 3)), rtol=1e-12)


@pytest.mark.parametrize("name", ["a user's layer with statistics", "a network with contexts"])
def test_users_layers_take_part(name: str) -> None:
    case = CASES[name]
    net = case.layer(0)

    updated = fn.update_statistics(net, fn.forward(live(net, 1), case.x(0))[1])

    assert fn.fingerprint(updated) != fn.fingerprint(net)
    assert fn.fingerprint(fn.population_statistics(net, case.x(0))) != fn.fingerprint(net)
