"""Losses in which the rows of a batch have weights."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, TypeAlias, TypeVar

import attrs
import numpy as np
import numpy.typing as npt

from funnet.core.arrays import (
    AnyArray,
    Array,
    ArrayT,
    Float,
    LabelsLike,
    array_type,
    as_ndarray,
    typed_like,
)
from funnet.core.checks import check_float, check_integers, check_number
from funnet.core.errors import DTypeError, ShapeError
from funnet.gradients import check_loss
from funnet.losses.rows import Shares

T = TypeVar("T", bound=AnyArray)

Weights: TypeAlias = "np.ndarray[tuple[int], np.dtype[Float | np.integer | np.bool]]"
"""One number >= 0 for each row of a batch."""


def weighted(
    loss: Callable[[ArrayT, T], tuple[float, ArrayT]],
) -> Callable[[ArrayT, tuple[T, Weights]], tuple[float, ArrayT]]:
    """Return the loss `(y, (t, w)) -> (loss, dy)`, the mean of the losses of rows weighted by `w`.

    That is sum(w_i loss_i) / sum(w). Whole weights have the effect of repeated rows, and rows of
    weight 0 that of missing ones: their scores and targets are not looked at. If all weights are 0,
    so are the loss and the gradient. `batch_gradients` asks a weighted loss for the weight of a
    batch, so `combine` averages parts by their sums of weights.

    Weighted losses of equal losses compare equal. They can be pickled if the loss can.

    Parameters
    ----------
    loss
        A function `(y, t) -> (loss, dy)` that can be called with a single row. If it has a keyword
        argument `shares`, as those of funnet have, it is called once for a batch, else once for
        each row. Bind its other arguments with `functools.partial`.

    Returns
    -------
    weighted_loss
        A function of `y` (N, ...) and a pair `(t, w)` of targets (N, ...) and weights (N,), finite
        numbers >= 0 of any numeric dtype.

    Raises
    ------
    TypeError
        If `loss` is not callable; when called, if the second argument is not a pair, or what the
        loss returns is not one.
    ShapeError
        When called, if `y`, `t` and `w` have different numbers of rows, or w not rank 1.
    DTypeError
        When called, if `y` is not an array of floats, `t` not an array, or `w` not one of numbers.
    ValueError
        When called, if a weight is negative or not finite.

    Examples
    --------
    >>> from funnet import softmax_cross_entropy, weighted
    >>> loss = weighted(softmax_cross_entropy)
    >>> y, t = np.array([[0.0, 0.0], [0.0, 9.0]]), np.array([1, 0])
    >>> value, dy = loss(y, (t, np.array([1.0, 0.0])))
    >>> round(value, 4), dy
    (0.6931, array([[ 0.5, -0.5],
           [ 0. ,  0. ]]))
    """
    return _Weighted(loss)


def _unbound(loss: object) -> object:
    """Return what a loss is compared by: partial objects do not compare by their parts."""
    if isinstance(loss, partial):
        return _unbound(loss.func), loss.args, tuple(sorted(loss.keywords.items()))
    return loss


def _shown(loss: object) -> str:
    if isinstance(loss, partial):
        bound = [repr(value) for value in loss.args]
        bound += [f"{name}={value!r}" for name, value in loss.keywords.items()]
        return f"partial({', '.join([_shown(loss.func), *bound])})"
    return str(getattr(loss, "__qualname__", repr(loss)))


def _callable(loss: Callable[..., Any]) -> Callable[..., Any]:
    if not callable(loss):
        raise TypeError(f"loss must be a function (y, t) -> (loss, dy), got {array_type(loss)}")
    return loss


@attrs.frozen(repr=False)
class _Weighted:
    # Any: the loss is typed by `weighted`.
    loss: Callable[..., Any] = attrs.field(converter=_callable, eq=_unbound)
    _takes_shares: bool = attrs.field(init=False, eq=False)

    @_takes_shares.default
    def _(self) -> bool:
        try:
            return "shares" in inspect.signature(self.loss).parameters
        except ValueError:  # a function written in C
            return False

    def __repr__(self) -> str:
        return f"weighted({_shown(self.loss)})"

    def __call__(self, y: ArrayT, t: object) -> tuple[float, ArrayT]:
        targets, w = _pair(t)
        y, targets, w = as_ndarray(y, "y"), as_ndarray(targets, "t"), as_ndarray(w, "w")
        check_float(y, "y")
        total = _checked_sum(w)
        _check_rows(y, targets, w)
        if total == 0:
            return 0.0, typed_like(y, np.zeros(y.shape, y.dtype.type))
        shares = np.asarray(w, np.float64) / total
        counted = shares > 0
        if counted.all():
            return self._sum(y, targets, shares)
        value, dy_counted = self._sum(y[counted], targets[counted], shares[counted])
        dy = np.zeros(y.shape, y.dtype.type)
        dy[counted] = dy_counted
        return value, typed_like(y, dy)

    def batch_weight(self, t: object) -> float:
        """Return the sum of the weights of a batch, as `batch_gradients` asks for it."""
        return _checked_sum(_pair(t)[1])

    # Any: an array that is indexed has no better type.
    def _sum(self, y: Any, t: Any, shares: Shares) -> tuple[float, Any]:
        """Return the sum of the losses of the rows, each times its share, and its gradient."""
        if self._takes_shares:
            return check_loss(partial(self.loss, shares=shares), y, t)
        total, dy = 0.0, np.empty(y.shape, y.dtype.type)
        for i, share in enumerate(shares.tolist()):
            row = slice(i, i + 1)
            value, dy_row = check_loss(self.loss, y[row], t[row])
            total += share * value
            dy[row] = share * dy_row
        return total, dy


def _pair(t: object) -> tuple[Any, Any]:
    if not isinstance(t, tuple | list) or len(t) != 2:
        raise TypeError(f"a weighted loss needs a pair (t, w) as its targets, got {array_type(t)}")
    return t[0], t[1]


@np.errstate(over="ignore", invalid="ignore")
def _checked_sum(w: Weights) -> float:
    """Return the sum of weights, after a check of their type and values."""
    w = as_ndarray(w, "w")
    if not isinstance(w, np.ndarray) or w.dtype.kind not in "fiub":
        hint = "" if isinstance(w, np.ndarray) else "; convert it with np.asarray"
        raise DTypeError(f"w must be an array of numbers, got {array_type(w)}{hint}")
    total = float(np.add.reduce(w, None, np.float64))
    if w.size and not (np.minimum.reduce(w, None) >= 0 and total < np.inf):
        wrong = np.argwhere(~((w >= 0) & np.isfinite(w)))
        if len(wrong):
            index = tuple(wrong[0].tolist())
            raise ValueError(
                f"w must be finite and >= 0, got {w[index]} at row {', '.join(map(str, index))}"
            )
        raise ValueError("w must have a sum in the range of float64")
    return total


def _check_rows(y: Array, t: object, w: Weights) -> None:
    """Check that y and t have one row for each weight."""
    n = len(y) if y.ndim else 0
    if w.shape != (n,) or not n:
        raise ShapeError(
            f"w must have one number for each row of y, at least one, got {array_type(w)} for y of "
            f"shape {y.shape}"
        )
    if not isinstance(t, np.ndarray):
        raise DTypeError(f"t must be a NumPy array, got {array_type(t)}")
    if t.ndim == 0 or len(t) != n:
        raise ShapeError(f"t must have {n} rows, as y, got shape {t.shape}")


def class_weights(
    t: LabelsLike,
    weights: Literal["balanced"] | Mapping[int, float] | Sequence[float] | npt.NDArray[Float],
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the weight of each row, which is that of its class.

    Parameters
    ----------
    t
        Class numbers (N,).
    weights
        "balanced" for N / (K count), where K is the number of classes in `t` and count the number
        of rows of a class, so that all classes have the same sum of weights (King and Zeng,
        "Logistic regression in rare events data", 2001, as in scikit-learn). Or the weights
        themselves: a mapping from class numbers, or a sequence in the order of the classes from 0.

    Raises
    ------
    DTypeError
        If `t` is not an array of integers.
    ShapeError
        If the rank of `t` is not 1.
    ValueError
        If a class has no weight, or one that is negative or not finite.
    TypeError
        If `weights` is of another type.

    Examples
    --------
    >>> from funnet import class_weights
    >>> class_weights(np.array([0, 1, 1, 1]), "balanced")
    array([2.        , 0.66666667, 0.66666667, 0.66666667])
    >>> class_weights(np.array([0, 1, 1, 1]), {0: 5, 1: 1})
    array([5., 1., 1., 1.])
    """
    t = as_ndarray(t, "t")
    check_integers(t)
    if t.ndim != 1:
        raise ShapeError(f"class labels must have shape (N,), got {t.shape}")
    classes, places, counts = np.unique(t, return_inverse=True, return_counts=True)
    of_classes: npt.NDArray[np.float64]
    if isinstance(weights, str):
        if weights != "balanced":
            raise ValueError(f'weights must be "balanced" or the weights, got {weights!r}')
        of_classes = len(t) / (len(classes) * counts)
    else:
        of_classes = np.array([_of_class(weights, label) for label in classes.tolist()], np.float64)
    return of_classes[places]


def _of_class(
    weights: Mapping[int, float] | Sequence[float] | npt.NDArray[Float], label: int
) -> float:
    if not isinstance(weights, Mapping | Sequence | np.ndarray) or (
        isinstance(weights, np.ndarray) and weights.ndim == 0
    ):
        raise TypeError(
            'weights must be "balanced", a mapping or a sequence of numbers, '
            f"got {array_type(weights)}"
        )
    has_weight = label in weights if isinstance(weights, Mapping) else 0 <= label < len(weights)
    if not has_weight:
        raise ValueError(f"weights must have a number for class {label}")
    return check_number(weights[label], f"the weight of class {label}", 0)
