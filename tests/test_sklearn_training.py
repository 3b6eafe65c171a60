"""How the estimators train: epoch by epoch, continued, stopped."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", minversion="1.6", reason="scikit-learn >= 1.6 is not installed")

from sklearn.datasets import load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import funnet as fn
from funnet.sklearn import NetworkClassifier, NetworkRegressor

# Any: scikit-learn has no types.
X, T = load_wine(return_X_y=True)
X = StandardScaler().fit_transform(X)
QUICK: dict[str, Any] = {"learning_rate": 0.01, "batch_size": 50, "random_state": 0}
Model = NetworkClassifier | NetworkRegressor
BOTH = pytest.mark.parametrize("kind", [NetworkClassifier, NetworkRegressor])


def live_network(n_in: int, n_out: int, rng: np.random.Generator) -> fn.Network[int, int]:
    """Return a network that depends on the step and keeps statistics."""
    return fn.sequential(
        fn.Affine.init(n_in, 8, rng=rng),
        fn.BatchNorm.init(8),
        fn.ReLU(),
        fn.Dropout(0.3),
        fn.Affine.init(8, n_out, rng=rng),
    )


def make(kind: Any, epochs: int, **parameters: Any) -> Any:
    """Return a model that makes a number of epochs."""
    settings = QUICK | {"network": live_network, "max_iter": epochs, "n_iter_no_change": 99}
    return kind(**settings | parameters)


def same(a: Model, b: Model) -> bool:
    """Return whether two models have equal networks and curves."""
    return (
        fn.fingerprint(a.network_) == fn.fingerprint(b.network_)
        and a.loss_curve_ == b.loss_curve_
        and a.validation_curve_ == b.validation_curve_
    )


@BOTH
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_warm_start_continues_as_one_long_fit(kind: Any, *, early_stopping: bool) -> None:
    model = make(kind, 3, warm_start=True, early_stopping=early_stopping).fit(X, T)

    model.set_params(max_iter=4).fit(X, T)

    assert same(model, make(kind, 7, early_stopping=early_stopping).fit(X, T))


@BOTH
def test_a_network_with_a_batch_norm_may_leave_one_row_over(kind: Any) -> None:
    n = 2 * QUICK["batch_size"] + 1
    rows, targets = X[::-1][:n], T[::-1][:n]

    model = make(kind, 3).fit(rows, targets).partial_fit(rows, targets)

    assert model.n_iter_ == 4
    assert np.isfinite(model.loss_curve_).all()


def test_a_warm_start_may_change_alpha_but_not_from_zero() -> None:
    model = make(NetworkClassifier, 1, warm_start=True, alpha=0.1).fit(X, T)
    assert model.set_params(alpha=0.2).fit(X, T).n_iter_ == 2

    with pytest.raises(fn.StructureError, match=r"got that of weight_decay\(adam\)"):
        model.set_params(alpha=0.0).fit(X, T)


@pytest.mark.parametrize("change", [{"hidden": (5,)}, {"network": live_network}])
def test_training_does_not_continue_with_another_architecture(change: dict[str, Any]) -> None:
    model = make(NetworkRegressor, 1, warm_start=True, network=None, hidden=[4]).fit(X, T)
    model.set_params(hidden=(4,)).fit(X, T).partial_fit(X, T)
    model.set_params(**change)

    for train in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match="hidden and network must be as when training started"):
            train(X, T)
    assert model.n_iter_ == 3


def test_without_warm_start_fit_starts_anew() -> None:
    model = make(NetworkClassifier, 3).fit(X, T)

    assert same(model.fit(X, T), make(NetworkClassifier, 3).fit(X, T))


@BOTH
def test_calls_of_partial_fit_are_the_epochs_of_fit(kind: Any) -> None:
    model = make(kind, 1)

    for _ in range(4):
        classes = {"classes": [0, 1, 2]} if kind is NetworkClassifier else {}
        model.partial_fit(X, T, **classes)

    assert same(model, make(kind, 4).fit(X, T))


def test_steps_are_counted_over_calls_with_any_number_of_rows() -> None:
    """Nor need all classes be in each of them."""
    steps = []

    def schedule(step: int) -> float:
        steps.append(step)
        return 0.01

    model = make(NetworkClassifier, 2, learning_rate=schedule, warm_start=True)
    model.partial_fit(X[:60], T[:60], classes=[0, 1, 2]).partial_fit(X[60:], T[60:])
    model.partial_fit(X[:7], T[:7]).fit(X, T)

    assert model.n_iter_ == 3 + 2
    assert sorted(set(steps)) == list(range(2 + 3 + 1 + 2 * 4))


def test_after_an_interrupt_a_warm_start_continues_with_the_interrupted_epoch() -> None:
    steps = []

    def interrupted_once(step: int) -> float:
        steps.append(step)
        if steps.count(9) == 1 and step == 9:
            raise KeyboardInterrupt
        return 0.01

    model = make(NetworkClassifier, 5, warm_start=True, learning_rate=interrupted_once)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, T)
    assert model.n_iter_ == 2

    model.set_params(max_iter=3).fit(X, T)

    assert same(model, make(NetworkClassifier, 5).fit(X, T))


def test_the_loss_curve_is_the_mean_loss_of_the_batches() -> None:
    model = make(NetworkClassifier, 1, batch_size=len(X), network=None, hidden=(5,))
    start = fn.mlp(
        (13, 5, 3),
        rng=np.random.default_rng(np.random.SeedSequence(seed_of(0)).spawn(3)[0]),
        dtype=np.float64,
    )

    model.fit(X, T)

    assert model.loss_curve_ == pytest.approx(
        [fn.softmax_cross_entropy(fn.predict(start, X), T)[0]], rel=1e-12
    )


def seed_of(random_state: int) -> int:
    """Return the seed that is drawn from a random state."""
    return np.random.RandomState(random_state).randint(2**31 - 1)


@BOTH
@pytest.mark.parametrize("weights", [None, 1.0 + T])
def test_early_stopping_keeps_the_network_of_the_lowest_validation_loss(
    kind: Any, weights: Any
) -> None:
    model = make(
        kind,
        200,
        network=None,
        hidden=(50,),
        n_iter_no_change=5,
        early_stopping=True,
        tol=0.0,
        validation_fraction=0.3,
        learning_rate=0.03,
    )
    model.fit(X, T, sample_weight=weights)

    curve = model.validation_curve_
    assert len(curve) == len(model.loss_curve_) == model.n_iter_ == np.argmin(curve) + 1 + 5 < 200
    held = train_test_split(
        np.arange(len(X)),
        test_size=0.3,
        random_state=seed_of(0),
        stratify=T if kind is NetworkClassifier else None,
    )[1]
    y = fn.predict(model.network_, X[held])
    w = np.ones(len(held)) if weights is None else weights[held]
    if kind is NetworkClassifier:
        p = model.predict_proba(X[held])[np.arange(len(held)), T[held]]
        lowest = np.average(-np.log(p), weights=w)
    else:
        lowest = np.average((y[:, 0] - T[held]) ** 2, weights=w)
    assert min(curve) == pytest.approx(lowest, rel=1e-10)


def test_training_stops_when_the_loss_does_not_improve() -> None:
    model = NetworkRegressor(**QUICK, tol=1e9, n_iter_no_change=4).fit(X, T)

    assert model.n_iter_ == 1 + 4


@pytest.mark.parametrize(("max_iter", "n_warnings"), [(3, 1), (2, 0)])
def test_a_warning_tells_that_max_iter_came_before_the_end(max_iter: int, n_warnings: int) -> None:
    model = NetworkClassifier(**QUICK, max_iter=max_iter, n_iter_no_change=2)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, T)

    assert [each.category for each in caught] == [ConvergenceWarning] * n_warnings
    assert all(each.filename == __file__ for each in caught)


def test_a_loss_that_is_not_finite_is_an_error_that_says_why() -> None:
    with pytest.raises(fn.NonFiniteError, match="at step"), np.errstate(all="ignore"):
        NetworkRegressor(**QUICK).fit(X * 1e300, T)
