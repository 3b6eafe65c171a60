"""The estimators as parts of scikit-learn: parameters, data, weights, selection of models."""

from __future__ import annotations

import importlib
import pickle
import sys
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", minversion="1.6", reason="scikit-learn >= 1.6 is not installed")

from hypothesis import given, settings, strategies as st
from scipy.sparse import csr_array
from sklearn import config_context
from sklearn.datasets import load_diabetes, load_wine
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

import funnet as fn
from funnet.sklearn import NetworkClassifier, NetworkRegressor

# Any: scikit-learn has no types.
X, T = load_wine(return_X_y=True)
X = StandardScaler().fit_transform(X)
XR, YR = load_diabetes(return_X_y=True)
XR, YR = XR[:100] * 20, (YR[:100] - 150) / 80
SPARSE: Any = csr_array
NAMES = np.array(["barolo", "grignolino", "barbera"])
QUICK: dict[str, Any] = {
    "hidden": (8,),
    "learning_rate": 0.01,
    "max_iter": 8,
    "n_iter_no_change": 8,
    "random_state": 0,
}


def classifier(**parameters: Any) -> NetworkClassifier:
    return NetworkClassifier(**QUICK | parameters)


def regressor(**parameters: Any) -> NetworkRegressor:
    return NetworkRegressor(**QUICK | parameters)


def fingerprint(model: NetworkClassifier | NetworkRegressor) -> str:
    """Return the fingerprint of a model's network."""
    return fn.fingerprint(model.network_)


def test_the_training_is_that_of_scikit_learn_from_the_same_weights() -> None:
    """Theirs divides the penalty by the number of rows."""
    start = fn.mlp((13, 8, 3), rng=0, dtype=np.float64)
    alpha = 0.01
    theirs = MLPClassifier((8,), alpha=alpha * len(X), batch_size=len(X), warm_start=True)
    theirs.set_params(max_iter=1, n_iter_no_change=30, learning_rate_init=0.01)
    with pytest.warns(match="Maximum iterations"):
        theirs.fit(X, T)
    first, _, last = start.layers
    assert isinstance(first, fn.Affine)
    assert isinstance(last, fn.Affine)
    theirs.coefs_ = [first.W.copy(), last.W.copy()]
    theirs.intercepts_ = [first.b.copy(), last.b.copy()]

    with pytest.warns(match="Maximum iterations"):
        theirs.set_params(max_iter=20).fit(X, T)
    ours = classifier(network=lambda *_: start, max_iter=20, n_iter_no_change=20, alpha=alpha)
    ours.fit(X, T)

    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-9)


@pytest.mark.parametrize("kind", [NetworkClassifier, NetworkRegressor])
def test_the_defaults_are_those_of_scikit_learn(kind: Any) -> None:
    """But for alpha, which is 0 here, and for "auto", which is a batch of at most 200 rows."""
    ours, theirs = kind().get_params(), MLPClassifier().get_params()
    names = {"hidden": "hidden_layer_sizes", "learning_rate": "learning_rate_init"}
    other = {"alpha", "batch_size", "network", "class_weight"}

    assert {name: ours[name] for name in ours.keys() - other} == {
        name: theirs[names.get(name, name)] for name in ours.keys() - other
    }
    assert (ours["alpha"], ours["batch_size"], theirs["batch_size"]) == (0, 200, "auto")


def test_a_search_with_two_processes_finds_what_one_process_finds() -> None:
    model = Pipeline([("scale", StandardScaler()), ("net", classifier())])
    grid = {"net__hidden": [(4,), (8, 4)], "net__alpha": [1e-4, 1.0]}

    one, two = (GridSearchCV(model, grid, cv=3, n_jobs=n).fit(X, T) for n in (1, 2))

    assert one.best_params_ == two.best_params_
    np.testing.assert_array_equal(
        one.cv_results_["mean_test_score"], two.cv_results_["mean_test_score"]
    )


@pytest.mark.parametrize("model", [classifier(warm_start=True), regressor(warm_start=True)])
def test_a_pickled_estimator_predicts_and_continues_as_the_original(
    model: NetworkClassifier | NetworkRegressor,
) -> None:
    copy = pickle.loads(pickle.dumps(model.fit(X, T)))  # noqa: S301 (made here)

    np.testing.assert_array_equal(copy.predict(X), model.predict(X))
    assert fingerprint(copy.fit(X, T)) == fingerprint(model.fit(X, T))


def test_equal_seeds_give_equal_bytes_and_a_generator_is_advanced() -> None:
    assert fingerprint(classifier().fit(X, T)) == fingerprint(classifier().fit(X, T))

    model = classifier(random_state=np.random.RandomState(0))
    assert fingerprint(model.fit(X, T)) != fingerprint(model.fit(X, T))


def test_classes_may_be_strings_and_probabilities_are_in_their_order() -> None:
    model = classifier(max_iter=30, n_iter_no_change=30).fit(X, NAMES[T])

    assert model.classes_.tolist() == sorted(NAMES)
    p = model.predict_proba(X)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_array_equal(model.predict(X), model.classes_[p.argmax(axis=1)])
    assert model.score(X, NAMES[T]) > 0.95


@pytest.mark.parametrize("shape", [(100,), (100, 1), (100, 3)])
def test_predictions_have_the_shape_of_the_targets(shape: tuple[int, ...]) -> None:
    y = np.resize(YR, shape)

    assert regressor().fit(XR, y).predict(XR).shape == shape


def test_each_output_is_fitted() -> None:
    y = np.stack([YR, -YR, XR[:, 2]], axis=1)

    model = regressor(hidden=(30,), max_iter=100, n_iter_no_change=100).fit(XR, y)

    assert (((model.predict(XR) - y) ** 2).mean(axis=0) < 0.4 * y.var(axis=0)).all()


@pytest.mark.parametrize(
    ("given_type", "kept"),
    [("float32", "float32"), ("float64", "float64"), ("int64", "float64"), ("float16", "float64")],
)
@pytest.mark.parametrize("make", [classifier, regressor])
def test_float32_is_kept_and_all_else_is_float64(make: Any, given_type: str, kept: str) -> None:
    model = make().fit(X.astype(given_type), T)

    assert {array.dtype.name for array in fn.tree_leaves(model.network_)} == {kept}
    assert fn.predict(model.network_, X[:2].astype(kept)).dtype.name == kept
    np.testing.assert_array_equal(model.predict(X.astype(kept)), model.predict(X.astype(kept)))


def test_a_float32_model_accepts_rows_of_float64() -> None:
    model = classifier().fit(X.astype(np.float32), T)

    np.testing.assert_array_equal(model.predict_proba(X), model.predict_proba(X.astype(np.float32)))


def test_the_network_may_have_any_architecture() -> None:
    def network(n_in: int, n_out: int, rng: np.random.Generator) -> fn.Network[int, int]:
        return fn.sequential(
            fn.Affine.init(n_in, 8, rng=rng),
            fn.BatchNorm.init(8),
            fn.Tanh(),
            fn.Dropout(0.1),
            fn.Affine.init(8, n_out, rng=rng),
        )

    model = classifier(network=network, max_iter=30, n_iter_no_change=30).fit(X, T)

    assert model.score(X, T) > 0.95
    assert [type(layer) for _, layer in fn.named_leaves(model.network_)][:1] == [np.ndarray]


def test_hidden_is_short_for_an_mlp() -> None:
    def network(n_in: int, n_out: int, rng: np.random.Generator) -> fn.Network[int, int]:
        return fn.mlp((n_in, 8, n_out), rng=rng, dtype=np.float64)

    assert fingerprint(classifier(network=network).fit(X, T)) == fingerprint(
        classifier(hidden=(8,)).fit(X, T)
    )


@pytest.mark.parametrize("make", [classifier, regressor])
def test_a_row_of_weight_zero_is_a_missing_row(make: Any) -> None:
    w = np.arange(len(X)) % 3

    weighted = make().fit(X, T, sample_weight=w)

    assert fingerprint(weighted) == fingerprint(
        make().fit(X[w > 0], T[w > 0], sample_weight=w[w > 0])
    )


@settings(max_examples=10)
@given(st.lists(st.integers(1, 4), min_size=30, max_size=30), st.sampled_from([None, "balanced"]))
def test_a_whole_weight_is_a_number_of_equal_rows(weights: list[int], class_weight: Any) -> None:
    """If a batch holds all rows, for class weights as well."""
    x, t, w = X[::6], T[::6], np.array(weights)
    repeated = np.repeat(np.arange(30), w)
    model = classifier(class_weight=class_weight)

    p = model.fit(x, t, sample_weight=w).predict_proba(X)

    np.testing.assert_allclose(model.fit(x[repeated], t[repeated]).predict_proba(X), p, rtol=1e-8)


@pytest.mark.parametrize("class_weight", ["balanced", {0: 1, 1: 2.5, 2: 0.5}])
def test_class_weights_are_sample_weights(class_weight: Any) -> None:
    rows = np.r_[0:20, 60:140]
    w = compute_sample_weight(class_weight, T[rows])

    a = classifier(class_weight=class_weight).fit(X[rows], T[rows])
    b = classifier().fit(X[rows], T[rows], sample_weight=w)

    assert fingerprint(a) == fingerprint(b)


def test_rows_of_a_class_of_weight_0_are_left_out() -> None:
    """As rows of weight 0 are: a batch of nothing else would count as one of loss 0."""
    kept = T != 1

    a = classifier(class_weight={1: 0}).partial_fit(X, T, [0, 1, 2])
    b = classifier().partial_fit(X, T, [0, 1, 2], sample_weight=kept)

    assert fingerprint(a) == fingerprint(b)
    assert a.loss_curve_ == b.loss_curve_


@pytest.mark.parametrize(
    "change",
    [{"early_stopping": True, "validation_fraction": 0.01}, {"network": lambda *_: None}],
)
def test_after_an_error_before_training_the_model_is_not_fitted(change: dict[str, Any]) -> None:
    for model in (classifier(), classifier().fit(X, NAMES[T])):
        with pytest.raises((TypeError, ValueError)):
            model.set_params(**change).fit(X, T)
        with pytest.raises(NotFittedError):
            model.predict(X)


def test_class_weights_multiply_sample_weights() -> None:
    w = 1.0 + np.arange(len(X)) % 2

    a = classifier(class_weight={"barbera": 3}).fit(X, NAMES[T], sample_weight=w)
    b = classifier().fit(X, NAMES[T], sample_weight=w * np.where(T == 2, 3, 1))

    assert fingerprint(a) == fingerprint(b)


def test_sample_weights_are_routed_through_a_pipeline() -> None:
    w = 1.0 + np.arange(len(X)) % 2
    with config_context(enable_metadata_routing=True):
        model = classifier().set_fit_request(sample_weight=True)
        pipeline = Pipeline([("same", "passthrough"), ("net", model)])

        routed = pipeline.fit(X, T, sample_weight=w)

    assert fingerprint(routed["net"]) == fingerprint(classifier().fit(X, T, sample_weight=w))


def test_feature_names_are_kept_and_compared() -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pandas.DataFrame(X, columns=load_wine().feature_names)
    scaler = StandardScaler().set_output(transform="pandas")

    model = make_pipeline(scaler, classifier()).fit(frame, pandas.Series(NAMES[T]))

    assert model[-1].feature_names_in_.tolist() == list(frame.columns)
    assert set(model.predict(frame)) <= set(NAMES)
    with pytest.raises(ValueError, match="feature names should match"):
        model[-1].predict(frame[frame.columns[::-1]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden": 100}, r"hidden must be a tuple of widths, as \(100,\), got 100"),
        ({"hidden": (8, 0)}, r"hidden\[1\] must be >= 1, got 0"),
        (
            {"network": fn.mlp((13, 3), rng=0)},
            r"network must be a function \(n_in, n_out, rng\) .*, got Sequential$",
        ),
        ({"network": lambda *_: fn.mlp((13, 4), rng=0)}, "a network with 3 outputs, got .*(4,)"),
        ({"learning_rate": -1.0}, "learning_rate must be finite and >= 0, got -1.0"),
        ({"alpha": -0.1}, "alpha must be finite and >= 0, got -0.1"),
        ({"batch_size": 0}, "batch_size must be >= 1, got 0"),
        ({"max_iter": 2.5}, "max_iter must be an integer, got 2.5"),
        ({"tol": None}, "tol must be a number, got None"),
        ({"n_iter_no_change": 0}, "n_iter_no_change must be >= 1, got 0"),
        ({"validation_fraction": 1.0}, "validation_fraction must be > 0 and < 1, got 1.0"),
        ({"network": lambda *_: None}, r"network\(13, 3, rng\) must return a network, got None"),
        ({"early_stopping": "False"}, "early_stopping must be True or False, got 'False'"),
        ({"warm_start": None}, "warm_start must be True or False, got None"),
        (
            {"early_stopping": True, "validation_fraction": 0.01},
            r"cannot hold out 0\.01 of 178 rows \(validation_fraction\): ",
        ),
        ({"class_weight": "even"}, "class_weight"),
        ({"class_weight": {0: 0, 1: 0, 2: 0}}, "class_weight must be > 0 for a class of y"),
        ({"class_weight": {1: -1}}, r"class_weight\[1\] must be finite and >= 0, got -1.0"),
        ({"class_weight": {2: np.nan}}, r"class_weight\[2\] must be finite and >= 0, got nan"),
    ],
)
def test_a_wrong_parameter_is_an_error_of_fit_that_names_it(
    change: dict[str, Any], message: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        classifier(**change).fit(X, T)


@pytest.mark.parametrize(
    ("fit", "message"),
    [
        (lambda: classifier().fit(SPARSE(X), T), "Sparse data was passed for X"),
        (lambda: regressor().fit(X, SPARSE(T[:, None])), "y must be a dense array"),
        (lambda: classifier().fit(X, np.full(len(X), "a")), r"more than one class, got \['a'\]"),
        (lambda: classifier().fit(X, X[:, 0]), "Unknown label type: continuous"),
        (lambda: classifier().fit(X, np.eye(3)[T]), "y should be a 1d array"),
        (lambda: classifier().fit(X, T, T[:3]), r"sample_weight must have shape \(178,\)"),
        (lambda: classifier().fit(X, T, T - 1), "sample_weight must be >= 0, got -1"),
        (lambda: classifier().fit(X, T, 0 * T), "sample_weight must have a number > 0"),
        (lambda: classifier().fit(X, T, T == 1), r"more than one class, got \[1\]"),
        (lambda: classifier().partial_fit(X, 0 * T, [0]), r"more than one class, got \[0\]"),
        (lambda: classifier().partial_fit(X, T, []), r"more than one class, got \[\]"),
        (lambda: classifier().partial_fit(X, T), "classes must be passed in the first call"),
        (lambda: classifier().partial_fit(X, T, [0, 1]), r"among the classes \[0 1\], got \[2\]"),
        (
            lambda: classifier().partial_fit(X, T, [0, 1, 2]).partial_fit(X, T, [0, 1, 2, 3]),
            r"classes must be \[0 1 2\] as before",
        ),
        (
            lambda: classifier(class_weight="balanced").partial_fit(X, T, [0, 1, 2]),
            "partial_fit cannot know all classes",
        ),
        (
            lambda: classifier(early_stopping=True).partial_fit(X, T, [0, 1, 2]),
            "it needs early_stopping=False",
        ),
        (
            lambda: classifier(warm_start=True).fit(X, T).fit(X, T + 1),
            r"y must have the classes \[0 1 2\] of before, got \[1 2 3\]",
        ),
        (
            lambda: regressor(warm_start=True).fit(X, T).fit(X, T[:, None]),
            r"y must have shape \('N',\) as before, got \(178, 1\)",
        ),
        (
            lambda: regressor(warm_start=True).fit(X, T).fit(X[:, 1:], T),
            "X has 12 features, but NetworkRegressor is expecting 13",
        ),
    ],
)
def test_wrong_data_are_an_error_that_says_what_was_expected(fit: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        fit()


def test_without_scikit_learn_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("funnet.sklearn")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn.base", None)

    with pytest.raises(ImportError, match=r'pip install "funnet\[sklearn\]"'):
        importlib.import_module("funnet.sklearn")
