"""The classifier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

import attrs
import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets, unique_labels

from funnet import Matrix, Vector, softmax, softmax_cross_entropy
from funnet.core.checks import check_number
from funnet.sklearn.estimator import ClassLabels, NetworkEstimator, Rows


@attrs.define(eq=False, repr=False, slots=False, kw_only=True)
class NetworkClassifier(ClassifierMixin, NetworkEstimator):  # type: ignore[misc]
    """Classifier that trains a network with the softmax cross-entropy and Adam.

    Parameters
    ----------
    class_weight
        "balanced" for weights so that each class has the same total, or a dict from class labels to
        weights, by which those of the rows are multiplied. Default: None.
    **parameters
        See `help(funnet.sklearn)`.

    Attributes
    ----------
    classes_
        The class labels, sorted.
    **attributes
        See `help(funnet.sklearn)`.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from funnet.sklearn import NetworkClassifier
    >>> model = NetworkClassifier(learning_rate=0.01, random_state=0)
    >>> x, y = load_wine(return_X_y=True)
    >>> scores = cross_val_score(make_pipeline(StandardScaler(), model), x, y)
    >>> bool(scores.mean() > 0.95)
    True
    """

    class_weight: Literal["balanced"] | Mapping[Any, float] | None = None

    classes_: ClassLabels = attrs.field(init=False)

    def fit(
        self, X: npt.ArrayLike, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> Self:
        """Train the network on rows `X` (N, n_features) with class labels `y` (N,).

        Raises
        ------
        ValueError
            If the rows are not of two classes at least, or of other classes than before in a warm
            start; and as in all estimators of scikit-learn.
        NonFiniteError
            If the loss or a parameter becomes infinite or NaN.
        """
        continued = self._continues()
        x, y, w = self._read(X, y, sample_weight, reset=not continued)
        check_classification_targets(y)
        classes = unique_labels(y)
        if continued and not np.array_equal(classes, self.classes_):
            raise ValueError(f"y must have the classes {self.classes_} of before, got {classes}")
        _check_several(classes)
        self.classes_ = classes
        return self._fit(self._rows(x, y, w), len(classes), continued=continued)

    def partial_fit(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        classes: npt.ArrayLike | None = None,
        sample_weight: npt.ArrayLike | None = None,
    ) -> Self:
        """Train the network for one epoch on these rows.

        Parameters
        ----------
        classes
            All class labels that will ever occur, required in the first call.
        """
        if self.class_weight == "balanced":
            raise ValueError(
                'partial_fit cannot know all classes for class_weight="balanced"; pass a dict'
            )
        first = not hasattr(self, "network_")
        if first and classes is None:
            raise ValueError("classes must be passed in the first call of partial_fit")
        x, y, w = self._read(X, y, sample_weight, reset=first)
        known = self.classes_ if classes is None else unique_labels(classes)
        _check_several(known)
        if not first and not np.array_equal(known, self.classes_):
            raise ValueError(f"classes must be {self.classes_} as before, got {known}")
        unknown = np.setdiff1d(y, known)
        if len(unknown):
            raise ValueError(f"y must have labels among the classes {known}, got {unknown}")
        self.classes_ = known
        return self._partial_fit(self._rows(x, y, w), len(known))

    def predict(self, X: npt.ArrayLike) -> ClassLabels:
        """Return the class label of each row."""
        places = self._scores(X).argmax(axis=1)
        labels: ClassLabels = self.classes_[places]
        return labels

    def predict_proba(self, X: npt.ArrayLike) -> Matrix:
        """Return the probability of each class, in the order of `classes_`, for each row."""
        return softmax(self._scores(X))

    def _rows(self, x: Matrix, y: ClassLabels, w: Vector | None) -> Rows:
        t = np.searchsorted(self.classes_, y)
        if self.class_weight is not None:
            w = np.ones(len(t)) if w is None else w
            if self.class_weight == "balanced":
                # As scikit-learn counts rows, but a row of weight 2 counts as two rows.
                totals = np.bincount(t, w)
                factors = w.sum() / (len(totals) * totals)
            else:
                factors = compute_class_weight(self.class_weight, classes=self.classes_, y=y)
                for label, factor in zip(self.classes_, factors, strict=True):
                    check_number(factor, f"class_weight[{label!s}]", 0)
            w = w * factors[t]
            if not w.any():
                raise ValueError(f"class_weight must be > 0 for a class of y, got {factors}")
            used = w > 0
            x, t, w = x[used], t[used], w[used]
        return Rows(x, t, w, softmax_cross_entropy)


def _check_several(classes: ClassLabels) -> None:
    if len(classes) < 2:
        raise ValueError(f"there must be more than one class, got {classes}")
