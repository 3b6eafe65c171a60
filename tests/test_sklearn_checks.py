"""The estimators pass all checks of scikit-learn, without an expected failure."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

pytest.importorskip("sklearn", minversion="1.6", reason="scikit-learn >= 1.6 is not installed")

from sklearn.utils.estimator_checks import estimator_checks_generator

from funnet.sklearn import NetworkClassifier, NetworkRegressor

# Any: scikit-learn has no types.
CHECKS: list[tuple[Any, Any]] = [
    *estimator_checks_generator(NetworkClassifier()),
    *estimator_checks_generator(NetworkRegressor()),
]


def name_of(value: Any) -> str:
    """Return the name of a check with its arguments, or that of an estimator."""
    if not isinstance(value, partial):
        return type(value).__name__
    options = [f"{key}={option}" for key, option in value.keywords.items()]
    return "-".join([value.func.__name__, *options])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("estimator", "check"), CHECKS, ids=name_of)
def test_the_estimator_passes(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)


@pytest.mark.parametrize("name", ["sample_weight_equivalence", "n_iter", "partial_fit", "dtypes"])
@pytest.mark.parametrize("kind", [NetworkClassifier, NetworkRegressor])
def test_the_checks_that_depend_on_what_an_estimator_offers_are_among_them(
    kind: type, name: str
) -> None:
    assert any(type(each) is kind and name in name_of(check) for each, check in CHECKS)
