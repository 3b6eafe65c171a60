"""Numbers that users pass: what is not a finite real number is refused, by its name, everywhere."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import funnet as fn

Y = np.ones((1, 1))
LAYER = fn.Affine(Y, np.ones(1))

NUMBERS: list[tuple[str, Callable[[Any], object]]] = [
    ("alpha", fn.ELU),
    ("slope", fn.LeakyReLU),
    ("rate", fn.Dropout),
    ("dropout", lambda number: fn.mlp((2, 2), rng=0, dropout=number)),
    ("std", fn.normal),
    ("eps", lambda number: fn.LayerNorm.init(3, eps=number)),
    ("eps", lambda number: fn.BatchNorm.init(3, eps=number)),
    ("momentum", lambda number: fn.BatchNorm.init(3, momentum=number)),
    ("delta", lambda number: fn.huber_loss(Y, Y, delta=number)),
    ("lr", lambda number: fn.sgd_update(LAYER, LAYER, number)),
    ("lr", fn.sgd),
    ("momentum", lambda number: fn.momentum(momentum=number)),
    ("alpha", lambda number: fn.rmsprop(alpha=number)),
    ("eps", lambda number: fn.adagrad(eps=number)),
    (r"betas\[1\]", lambda number: fn.adam(betas=(0.9, number))),
    ("weight_decay", lambda number: fn.adamw(weight_decay=number)),
    ("rate", lambda number: fn.weight_decay(fn.sgd(), number)),
    ("max_norm", lambda number: fn.clip_by_global_norm(fn.sgd(), number)),
    ("lr", fn.constant_lr),
    ("gamma", lambda number: fn.step_lr(0.1, 3, number)),
    ("eta_min", lambda number: fn.cosine_lr(0.1, 9, eta_min=number)),
    (r"values\[1\]", lambda number: fn.piecewise_lr([3], [0.1, number])),
    ("min_delta", lambda number: fn.early_stopping([], 1, min_delta=number)),
]
every_number = pytest.mark.parametrize(("name", "make"), NUMBERS)


@every_number
@pytest.mark.parametrize(
    "wrong",
    [True, np.True_, "0.1", None, 1j, np.complex64(1), np.ones(1), np.zeros((), bool), [0.1]],
    ids=repr,
)
def test_what_is_no_real_number_is_refused(
    name: str, make: Callable[[Any], object], wrong: object
) -> None:
    with pytest.raises(TypeError, match=f"^{name} must be a number, got"):
        make(wrong)


@every_number
@pytest.mark.parametrize(
    "wrong",
    [np.nan, np.inf, -np.inf, np.float32("inf"), np.array(np.nan), 10**400, Fraction(-(10**400))],
    ids=lambda number: str(number)[:9],
)
def test_what_is_not_finite_is_refused(
    name: str, make: Callable[[Any], object], wrong: object
) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must be .*, got (-?inf|nan|a number outside)"):
        make(wrong)
