"""A right program with the estimators: mypy reports nothing, and infers the asserted types."""

from __future__ import annotations

from typing import Any, assert_type

import numpy as np
import numpy.typing as npt

import funnet as fn
from funnet.sklearn import NetworkClassifier, NetworkRegressor

x = np.zeros((20, 3), np.float32)
t = np.arange(20) % 2


def network(n_in: int, n_out: int, rng: np.random.Generator) -> fn.Network[int, int]:
    return fn.sequential(fn.mlp((n_in, 5), rng=rng), fn.Tanh(), fn.mlp((5, n_out), rng=rng))


classifier = NetworkClassifier(network=network, class_weight={0: 1.0, 1: 2.0}, max_iter=2)
assert_type(classifier.fit(x, t, sample_weight=np.ones(20)), NetworkClassifier)
assert_type(classifier.partial_fit(x.tolist(), t.tolist()), NetworkClassifier)
assert_type(classifier.predict_proba(x), fn.Matrix)
assert_type(classifier.predict(x), npt.NDArray[Any])
assert_type(classifier.network_, fn.Network[int, int])
assert_type(classifier.loss_curve_, list[float])
assert_type(classifier.n_iter_, int)

regressor = NetworkRegressor(hidden=[8, 4], learning_rate=fn.cosine_lr(0.01, 100), random_state=0)
assert_type(regressor.fit(x, x[:, :2]), NetworkRegressor)
assert_type(regressor.predict(x), fn.Array)
