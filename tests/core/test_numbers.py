"""Numbers that users pass: what is not a finite number, or not a count, is refused by its name."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import attrs
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
    ("label_smoothing", lambda number: fn.softmax_cross_entropy(Y, Y, label_smoothing=number)),
    ("step", lambda number: fn.numerical_gradient(lambda _: 0.0, Y, step=number)),
    ("step", lambda number: fn.check_gradients(LAYER, Y, fn.huber_loss, Y, step=number)),
    ("rtol", lambda number: fn.check_gradients(LAYER, Y, fn.huber_loss, Y, rtol=number)),
    ("atol", lambda number: fn.check_gradients(LAYER, Y, fn.huber_loss, Y, atol=number)),
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


X, T = np.ones((6, 1)), np.zeros(6, int)
BATCHES = fn.minibatches(X, T, 2, rng=0)
SGD, LOSS = fn.sgd(), fn.mean_squared_error
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
