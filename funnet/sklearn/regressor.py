"""The regressor."""

from __future__ import annotations

from typing import Any, Self

import attrs
import numpy.typing as npt
from sklearn.base import RegressorMixin

from funnet import Array, mean_squared_error
from funnet.sklearn.estimator import NetworkEstimator, Rows


@attrs.define(eq=False, repr=False, slots=False, kw_only=True)
class NetworkRegressor(RegressorMixin, NetworkEstimator):  # type: ignore[misc]
    """Regressor that trains a network with the mean squared error and Adam.

    Targets of very different scale than 1 are best standardized, by scikit-learn's
    `TransformedTargetRegressor`.

    Parameters
    ----------
    **parameters
        See `help(funnet.sklearn)`.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from funnet.sklearn import NetworkRegressor
    >>> x, y = make_regression(n_features=3, n_targets=2, random_state=0)
    >>> model = NetworkRegressor(learning_rate=0.03, random_state=0).fit(x, y / 100)
    >>> model.predict(x[:5]).shape, model.score(x, y / 100) > 0.99
    ((5, 2), True)
    """

    _target_shape: tuple[int, ...] = attrs.field(init=False)  # of one row

    def fit(
        self, X: npt.ArrayLike, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> Self:
        """Train the network on rows `X` (N, n_features) with targets `y` (N,) or (N, n_outputs).

        Raises
        ------
        ValueError
            If `y` has another shape than before in a warm start; and as in all estimators of
            scikit-learn.
        NonFiniteError
            If the loss or a parameter becomes infinite or NaN.
        """
        continued = self._continues()
        rows, n_out = self._rows(X, y, sample_weight, continued=continued)
        return self._fit(rows, n_out, continued=continued)

    def partial_fit(
        self, X: npt.ArrayLike, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> Self:
        """Train the network for one epoch on these rows."""
        rows, n_out = self._rows(X, y, sample_weight, continued=hasattr(self, "network_"))
        return self._partial_fit(rows, n_out)

    def predict(self, X: npt.ArrayLike) -> Array:
        """Return the predictions, of shape (N,) or (N, n_outputs) as `y`."""
        scores = self._scores(X)
        return scores.reshape(len(scores), *self._target_shape)

    def _rows(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None,
        *,
        continued: bool,
    ) -> tuple[Rows, int]:
        x, y, w = self._read(X, y, sample_weight, reset=not continued)
        shape = y.shape[1:]
        if continued and shape != self._target_shape:
            raise ValueError(
                f"y must have shape {('N', *self._target_shape)} as before, got {y.shape}"
            )
        self._target_shape = shape
        t = y.reshape(len(y), -1).astype(x.dtype, copy=False)
        return Rows(x, t, w, mean_squared_error), t.shape[1]

    def __sklearn_tags__(self) -> Any:  # Any: scikit-learn has no types
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
