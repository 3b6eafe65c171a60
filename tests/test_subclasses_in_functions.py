"""Subclasses of ndarray are converted by functions, losses, metrics and data; masks are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from loss_cases import LOSSES
from strategies import AnyArray, normal_array

from funnet import (
    DTypeError,
    accuracy,
    identity,
    log_softmax,
    minibatches,
    numerical_gradient,
    relu,
    sigmoid,
    sigmoid_cross_entropy,
    softmax,
    softmax_cross_entropy,
    step_function,
    tanh,
)
from funnet.data import one_hot

scores = normal_array(0, 4, 3)
labels = np.array([0, 2, 1, 1])
rows = np.eye(3)[labels]

# Any: arrays of every class, and what comes out of each function.
Door = tuple[Callable[[Any], Any], AnyArray]
Labels = tuple[Callable[[Any], Any], "np.ndarray[Any, np.dtype[np.int64]]"]

FUNCTIONS: list[Any] = [identity, step_function, relu, sigmoid, tanh, softmax, log_softmax]
OF_PAIRS: list[Any] = [*LOSSES.values(), accuracy]


def of_scores(f: Any) -> Callable[[Any], Any]:
    return lambda y: f(y, rows)


def of_targets(f: Any) -> Callable[[Any], Any]:
    return lambda t: f(scores, t)


DOORS: dict[str, Door] = {f.__name__: (f, scores) for f in FUNCTIONS}
DOORS |= {f"{f.__name__}, scores": (of_scores(f), scores) for f in OF_PAIRS}
DOORS |= {f"{f.__name__}, t": (of_targets(f), rows) for f in OF_PAIRS}
DOORS |= {
    "softmax_cross_entropy of labels": (lambda y: softmax_cross_entropy(y, labels), scores),
    "accuracy of labels": (lambda y: accuracy(y, labels), scores),
    "accuracy, threshold": (lambda y: accuracy(y, labels % 2, threshold=0), scores[:, :1]),
    "minibatches, x": (lambda x: minibatches(x, labels, 2, rng=0)[0][0], scores),
    "minibatches, t": (lambda t: minibatches(scores, t, 2, rng=0)[0][1], rows),
    "numerical_gradient": (lambda x: numerical_gradient(lambda v: float((v * v).sum()), x), scores),
}
OF_LABELS: dict[str, Labels] = {
    "softmax_cross_entropy": (lambda t: softmax_cross_entropy(scores, t), labels),
    "sigmoid_cross_entropy": (lambda t: sigmoid_cross_entropy(scores[:, :1], t), labels % 2),
    "accuracy": (lambda t: accuracy(scores, t), labels),
    "accuracy, threshold": (lambda t: accuracy(scores[:, :1], t, threshold=0), labels % 2),
    "one_hot": (lambda t: one_hot(t, 3), labels),
    "minibatches": (lambda t: minibatches(scores, t, 2, rng=0)[0][1], labels),
}


def parts(result: Any) -> list[Any]:
    """Return what a function returned, as classes and bytes."""
    values = result if isinstance(result, tuple) else (result,)
    return [(type(value), np.asarray(value).tobytes()) for value in values]


@pytest.mark.parametrize("kind", [np.matrix, np.memmap, np.recarray])
@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS.keys())
def test_a_subclass_gives_what_the_plain_array_gives(
    door: Door, kind: type[np.ndarray[Any, Any]]
) -> None:
    function, array = door

    assert parts(function(array.view(kind))) == parts(function(array))


@pytest.mark.parametrize("door", OF_LABELS.values(), ids=OF_LABELS.keys())
def test_labels_of_a_subclass_are_accepted(door: Labels) -> None:
    function, array = door

    assert parts(function(array.view(np.memmap))) == parts(function(array))


@pytest.mark.parametrize("mask", [False, True])
@pytest.mark.parametrize(
    "door",
    [*DOORS.values(), *OF_LABELS.values()],
    ids=[*DOORS, *(f"{name} of labels" for name in OF_LABELS)],
)
def test_a_masked_array_is_refused(door: Door, mask: bool) -> None:  # noqa: FBT001
    function, array = door

    with pytest.raises(DTypeError, match=r"without a mask, got MaskedArray; fill it with .filled"):
        function(np.ma.masked_array(array, mask))
