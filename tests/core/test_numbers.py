"""Numbers that users pass: others than those allowed are refused by their name."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import attrs
import numpy as np
import pytest

import funnet as fn

Y = np.ones((1, 1))
LAYER = fn.Affine(Y, np.ones(1))
SGD, LOSS = fn.sgd(), fn.mean_squared_error

# Each with what it must be, and numbers that it must not be.
NUMBERS: list[tuple[str, str, list[float], Callable[[Any], object]]] = [
    ("alpha", "finite and >= 0", [-0.1], fn.ELU),
    ("slope", "finite", [], fn.LeakyReLU),
    ("rate", "finite and in [0, 1)", [1.5, 1.0, -0.1], fn.Dropout),
    ("dropout", "finite and in [0, 1)", [1], lambda n: fn.mlp((2, 2), rng=0, dropout=n)),
    ("std", "finite and >= 0", [-1, -1e-300], fn.normal),
    ("eps", "finite and >= 1e-37", [0.0, -1e-5, 1e-50], lambda n: fn.LayerNorm.init(3, eps=n)),
    ("eps", "finite and >= 1e-37", [0.0], lambda n: fn.BatchNorm.init(3, eps=n)),
    ("momentum", "between 0 and 1", [1.5, -0.1], lambda n: fn.BatchNorm.init(3, momentum=n)),
    ("delta", "finite and > 0", [0, -1.0], lambda n: fn.huber_loss(Y, Y, delta=n)),
    ("label_smoothing", "from 0 to 1", [-0.1, 1.5],
     lambda n: fn.softmax_cross_entropy(Y, Y, label_smoothing=n)),
    ("step", "finite and > 0", [0.0, -1e-4],
     lambda n: fn.numerical_gradient(lambda _: 0.0, Y, step=n)),
    ("step", "finite and > 0", [0.0], lambda n: fn.check_gradients(LAYER, Y, LOSS, Y, step=n)),
    ("rtol", "finite and >= 0", [-1e-9], lambda n: fn.check_gradients(LAYER, Y, LOSS, Y, rtol=n)),
    ("atol", "finite and >= 0", [-1e-9], lambda n: fn.check_gradients(LAYER, Y, LOSS, Y, atol=n)),
    ("lr", "finite", [], lambda n: fn.sgd_update(LAYER, LAYER, n)),
    ("lr", "finite and >= 0", [-0.1], fn.sgd),
    ("lr", "finite and >= 0", [-0.1], fn.adam),
    ("momentum", "finite and in [0, 1)", [1.0], lambda n: fn.momentum(momentum=n)),
    ("momentum", "finite and in [0, 1)", [1.0], lambda n: fn.nesterov(momentum=n)),
    ("alpha", "finite and in [0, 1)", [1.0], lambda n: fn.rmsprop(alpha=n)),
    ("eps", "finite and >= 0", [-1e-9], lambda n: fn.adagrad(eps=n)),
    ("betas[1]", "finite and in [0, 1)", [1.5], lambda n: fn.adam(betas=(0.9, n))),
    ("weight_decay", "finite and >= 0", [-1], lambda n: fn.adamw(weight_decay=n)),
    ("rate", "finite and >= 0", [-1], lambda n: fn.weight_decay(SGD, n)),
    ("max_norm", "finite and > 0", [0], lambda n: fn.clip_by_global_norm(SGD, n)),
    ("lr", "finite and >= 0", [-0.1], fn.constant_lr),
    ("gamma", "finite and >= 0", [-0.1], lambda n: fn.step_lr(0.1, 3, n)),
    ("eta_min", "finite and >= 0", [-0.1], lambda n: fn.cosine_lr(0.1, 9, eta_min=n)),
    ("values[1]", "finite and >= 0", [-0.1], lambda n: fn.piecewise_lr([3], [0.1, n])),
    ("min_delta", "finite and >= 0", [-0.1], lambda n: fn.early_stopping([], 1, min_delta=n)),
]  # fmt: skip
every_number = pytest.mark.parametrize(
    ("name", "make"), [(re.escape(name), make) for name, _, _, make in NUMBERS]
)


@pytest.mark.parametrize(("name", "must_be", "numbers", "make"), NUMBERS)
def test_what_is_out_of_range_is_refused(
    name: str, must_be: str, numbers: list[float], make: Callable[[Any], object]
) -> None:
    for number in numbers:
        message = re.escape(f"{name} must be {must_be}, got {number}")
        with pytest.raises(ValueError, match=f"^{message}$"):
            make(number)


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


X, T = np.ones((6, 1)), np.zeros(6, int)
BATCHES = fn.minibatches(X, T, 2, rng=0)
STATES: list[fn.TrainState[object]] = []

# Each with its least value.
COUNTS: list[tuple[str, int, Callable[[Any], object]]] = [
    ("n_in", 1, lambda n: fn.Affine.init(n, 1, rng=0)),
    ("n_out", 1, lambda n: fn.Affine.init(1, n, rng=0)),
    ("in_channels", 1, lambda n: fn.Conv2d.init(n, 1, 1, rng=0)),
    ("out_channels", 1, lambda n: fn.Conv2d.init(1, n, 1, rng=0)),
    ("kernel_size", 1, fn.MaxPool2d),
    ("stride", 1, lambda n: fn.AvgPool2d(2, n)),
    ("padding", 0, lambda n: fn.AvgPool2d(2, padding=n)),
    ("n_features", 1, fn.LayerNorm.init),
    ("n_features", 1, fn.BatchNorm.init),
    (r"sizes\[1\]", 1, lambda n: fn.mlp((1, n), rng=0)),
    ("batch_size", 1, lambda n: fn.predict(LAYER, X, n)),
    ("batch_size", 1, lambda n: fn.population_statistics(LAYER, X, n)),
    (r"input_shape\[0\]", 0, lambda n: fn.output_shape(LAYER, (n,))),
    ("batch_size", 1, lambda n: fn.minibatches(X, T, n, rng=0)),
    ("epochs", 0, lambda n: fn.minibatches(X, T, 2, rng=0, epochs=n)),
    ("seed", 0, lambda n: fn.Minibatches(X, T, 2, n)),
    ("seed", 0, lambda n: attrs.evolve(BATCHES, seed=n)),
    ("i", 0, lambda n: BATCHES.shard(n, 2)),
    ("n", 1, lambda n: BATCHES.shard(0, n)),
    ("n_classes", 1, lambda n: fn.one_hot(T, n)),
    ("n_shards", 1, lambda n: fn.train(LAYER, [], loss=LOSS, optimizer=SGD, n_shards=n)),
    (
        "n_shards",
        1,
        lambda n: fn.train_step(
            fn.TrainState.init(LAYER, SGD), X, X, loss=LOSS, optimizer=SGD, n_shards=n
        ),
    ),
    ("seed", 0, lambda n: fn.Context(n, 0)),
    ("step", 0, lambda n: fn.Context(0, n)),
    ("shard", 0, lambda n: fn.Context(0, 0, "", n)),
    ("step_size", 1, lambda n: fn.step_lr(0.1, n)),
    ("total_steps", 1, lambda n: fn.cosine_lr(0.1, n)),
    ("warmup_steps", 0, lambda n: fn.cosine_lr(0.1, 9, warmup_steps=n)),
    (r"boundaries\[0\]", 1, lambda n: fn.piecewise_lr([n], [0.1, 0.2])),
    ("n", 1, lambda n: fn.every(STATES, n)),
    ("every", 1, lambda n: fn.scored(STATES, every=n)),
    ("patience", 1, lambda n: fn.early_stopping([], n)),
    ("window", 1, lambda n: fn.moving_average(STATES, n)),
    ("seed", 0, lambda n: fn.sweep(lambda _, __: 0, [], seed=n)),
]


@pytest.mark.parametrize(("name", "least", "make"), COUNTS)
def test_what_is_no_count_is_refused(name: str, least: int, make: Callable[[Any], object]) -> None:
    for wrong in (1.0, np.float64(3), True, np.True_, "3", np.array([3])):
        with pytest.raises(TypeError, match=f"^{name} must be an integer, got"):
            make(wrong)
    for low in (least - 1, np.int64(-5)):
        with pytest.raises(ValueError, match=f"^{name} must be >= {least}, got {low}$"):
            make(low)
