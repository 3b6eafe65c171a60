"""Numerical gradients, and the check of `backward` against them."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
import numpy as np
from numpy import ndarray

from funnet.core.arrays import Array, T, array_type
from funnet.core.checks import as_float, check_like, check_number
from funnet.core.conversion import astype
from funnet.core.errors import join
from funnet.core.layer import Layer, X, Y, backward, forward, input_gradient
from funnet.core.locks import lock_in_place
from funnet.core.tree import Tree, leaves_like, named_leaves, replace_at, tree_leaves, tree_map


def numerical_gradient(f: Callable[[Tree], float], params: Tree, *, step: float = 1e-4) -> Tree:
    """Return (f(p + step) - f(p - step)) / (2 step) for each number p of the parameters.

    `params` is an array, a layer, a network, or a tuple, list or dict of these; the result has its
    structure. In float32 the differences are mostly rounding errors: convert with
    `astype(params, np.float64)` first.

    Raises
    ------
    DTypeError, TypeError
        If an array does not hold floats or is masked, or `f` does not return a number.
    ValueError
        If `step` is not finite and > 0, or too small for the dtype at one of the numbers.

    Examples
    --------
    >>> from funnet import numerical_gradient
    >>> numerical_gradient(lambda x: float(np.sum(x**2)), np.array([3.0, 4.0])).round(6)
    array([6., 8.])
    """
    step = as_float(step, "step")
    if not 0 < step < math.inf:
        raise ValueError(f"step must be finite and > 0, got {step}")

    def derivatives(path: str, array: Array) -> Array:
        grad = np.empty_like(array)
        for index in np.ndindex(array.shape):
            above, below = array.copy(), array.copy()
            above[index] += step
            below[index] -= step
            distance = above[index] - below[index]  # not 2 * step: both are rounded
            if distance == 0:
                raise ValueError(f"step {step} is too small for {array.dtype} at {array[index]}")
            # Locked arrays are shared by the layer; writeable ones would be copied.
            high, low = (
                as_float(f(replace_at(params, path, lock_in_place(moved))), "what f returns")
                for moved in (above, below)
            )
            grad[index] = (high - low) / distance
        return lock_in_place(grad)

    params = tree_map(lambda array: array, params)
    grads = (derivatives(path, array) for path, array in named_leaves(params))
    return tree_map(lambda _: next(grads), params)


def check_loss(loss: Callable[[Y, T], tuple[float, Y]], y: Y, t: T) -> tuple[float, Y]:
    """Return `loss(y, t)`, after a check that it is a number and a gradient like y.

    Raise TypeError for the number; DTypeError or ShapeError for the gradient, if y is an array.
    """
    if not callable(loss):
        raise TypeError(
            "loss must be a function (y, t) -> (loss, dy), such as softmax_cross_entropy, "
            f"got {loss!r}"
        )
    result: object = loss(y, t)
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError(
            f"expected {_name(loss)} to return a pair (loss, dy), got {array_type(result)}"
        )
    value, dy = result
    if isinstance(y, ndarray) and not (
        isinstance(dy, ndarray) and dy.dtype is y.dtype and dy.shape == y.shape
    ):
        check_like(dy, y, f"the gradient that the loss {_name(loss)} returns")
    if type(value) is not float:
        value = as_float(value, f"the loss that {_name(loss)} returns")
    return value, dy


def _name(loss: Callable[..., object]) -> str:
    while isinstance(loss, partial):
        loss = loss.func
    return getattr(loss, "__name__", type(loss).__name__)


@attrs.frozen
class GradientReport:
    """The entry at which `backward` and the numerical gradient differ most; true if `ok` is.

    It is at `index` in the array at `path` ("x" for the input), and has the values `backward` and
    `numerical`; `excess` is their difference divided by the allowed difference, at most 1 if all
    entries agree. `entries` is the number of entries compared. `kink` tells that the derivatives on
    both sides of the entry differ, so that `backward` need not be wrong.
    """

    path: str
    index: tuple[int, ...]
    backward: float
    numerical: float
    excess: float
    entries: int
    kink: bool = False

    @property
    def ok(self) -> bool:
        """Whether at least one entry was compared, and all agree."""
        return self.entries > 0 and self.excess <= 1

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        if self.entries == 0:
            return "nothing to compare: the network has no parameters, and the input no floats"
        where = f"{self.path}[{', '.join(map(str, self.index))}]"
        kink = (
            "; it is at a kink, such as 0 for ReLU or equal maxima for MaxPool2d, so check other "
            "numbers, such as random ones"
        )
        return (
            f"backward {'agrees with' if self.ok else 'differs from'} the numerical gradient: of "
            f"{self.entries} entries, the worst is {where} with {self.backward:.9g} by backward "
            f"and {self.numerical:.9g} numerically ({self.excess:.3g} times the tolerance)"
            f"{kink if self.kink else ''}"
        )


class GradientError(AssertionError):
    """Raised if `backward` is wrong or nothing was compared; `report` holds the details."""

    def __init__(self, report: GradientReport) -> None:
        super().__init__(report)
        self.report = report


def check_gradients(
    params: Layer[X, Y, Any, object],
    x: X,
    loss: Callable[[Y, T], tuple[float, Y]],
    t: T,
    *,
    step: float = 1e-5,
    rtol: float = 1e-5,
    atol: float = 1e-8,
    raise_error: bool = False,
) -> GradientReport:
    """Compare `backward` and `input_gradient` with numerical gradients in float64.

    Parameters
    ----------
    params, x
        A layer or network, and a small batch: each number in them costs two forward passes. Avoid
        kinks, which have no derivative: 0 for ReLU, and equal maxima for MaxPool2d, as in the
        background of an image. Random numbers have none.
    loss, t
        A function `(y, t) -> (loss, dy)`, and its targets.
    step
        The step of `numerical_gradient`. Default: 1e-5.
    rtol, atol
        The allowed difference is `atol + rtol * abs(numerical)`. Default: 1e-5 and 1e-8.
    raise_error
        Whether to raise an error if the report is false: an entry differs, or there is nothing to
        compare, as in a network without parameters on integers. Default: False.

    Raises
    ------
    GradientError
        If `raise_error` is True and the report is false.
    StructureError, ShapeError, DTypeError, TypeError
        If the gradients do not have the structure of the parameters, or `loss` does not return a
        number and a float64 array of the shape of y.
    ValueError
        If `step` is not finite and > 0, or a tolerance not finite and >= 0.

    Examples
    --------
    >>> from funnet import Affine, Tanh, check_gradients, sequential, softmax_cross_entropy
    >>> net = sequential(Affine.init(3, 4, rng=0), Tanh(), Affine.init(4, 2, rng=1))
    >>> x = np.random.default_rng(2).normal(size=(5, 3))
    >>> report = check_gradients(net, x, softmax_cross_entropy, np.array([0, 1, 1, 0, 1]))
    >>> assert report, report
    """
    rtol, atol = check_number(rtol, "rtol", 0), check_number(atol, "atol", 0)
    net = astype(params, np.float64)
    # Integers, such as word indices, have no gradient and are not converted.
    differentiable = all(array.dtype.kind == "f" for array in tree_leaves(x))
    x = astype(x, np.float64) if differentiable else x

    y, cache = forward(net, x)
    _, dy = check_loss(loss, y, t)

    def report_on(name: str, f: Callable[[Tree], float], at: Tree, ours: object) -> GradientReport:
        worst = GradientReport(name, (), 0.0, 0.0, 0.0, 0)
        entries = 0
        numerical = numerical_gradient(f, at, step=step)
        pairs = zip(leaves_like(numerical, ours), named_leaves(numerical), strict=True)
        for a, (path, b) in pairs:
            excess = np.abs(a - b) / (atol + rtol * np.abs(b))
            excess[np.isnan(excess)] = np.inf
            if a.size and (not entries or excess.max() > worst.excess):
                index = tuple(int(i) for i in np.unravel_index(excess.argmax(), excess.shape))
                difference = float(a[index]), float(b[index]), float(excess[index])
                kink = difference[2] > 1 and _is_kink(_along(f, at, path, index), step, atol)
                worst = GradientReport(join(name, path), index, *difference, 0, kink)
            entries += a.size
        return attrs.evolve(worst, entries=entries)

    reports = [report_on("", lambda p: loss(forward(p, x)[0], t)[0], net, backward(net, cache, dy))]
    if differentiable:
        dx = input_gradient(net, cache, dy)
        reports.append(report_on("x", lambda v: loss(forward(net, v)[0], t)[0], x, dx))
    worst = max(reports, key=lambda report: (report.entries > 0, report.excess))
    report = attrs.evolve(worst, entries=sum(report.entries for report in reports))
    if raise_error and not report.ok:
        raise GradientError(report)
    return report


def _along(
    f: Callable[[Tree], float], at: Tree, path: str, index: tuple[int, ...]
) -> Callable[[float], float]:
    """Return the function of what is added to one number of the array at a path."""
    array = dict(named_leaves(at))[path]

    def value(offset: float) -> float:
        moved = array.copy()
        moved[index] += offset
        return f(replace_at(at, path, lock_in_place(moved)))

    return value


def _is_kink(f: Callable[[float], float], step: float, atol: float) -> bool:
    """Return whether the derivatives on both sides of 0 differ."""

    def jump(step: float) -> float:
        return abs(f(step) - 2 * f(0) + f(-step)) / step

    # That of a smooth function is halved with the step.
    return jump(step / 2) > max(0.75 * jump(step), atol)
