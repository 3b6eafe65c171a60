"""Losses and their gradients are those of PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from loss_cases import Loss, Target, bits, class_numbers, distributions, numbers
from strategies import AnyArray, normal_array

import funnet as fn

SEEDS = range(50)


def size(seed: int) -> tuple[int, int]:
    n, width = np.random.default_rng([seed, 1]).integers(1, 9, 2)
    return int(n), int(width)


def assert_same(torch: Any, loss: Loss, theirs: Callable[..., Any], y: AnyArray, t: Any) -> None:
    """Check that the loss and its gradient agree to 1e-10, relative to the largest number."""
    scores = torch.tensor(y, requires_grad=True)
    expected = theirs(scores)
    expected.backward()

    value, dy = loss(y, t)

    assert value == pytest.approx(expected.item(), rel=1e-10, abs=1e-12)
    gradient = scores.grad.numpy()
    assert np.abs(dy - gradient).max() <= 1e-10 * max(1e-3, np.abs(gradient).max())


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("target", [class_numbers, distributions], ids=lambda f: f.__name__)
def test_softmax_cross_entropy(
    torch: Any, target: Callable[..., Target], smoothing: float, seed: int
) -> None:
    y, t = normal_array(seed, *size(seed), scale=3), target(seed, *size(seed))
    loss = partial(fn.softmax_cross_entropy, label_smoothing=smoothing)
    cross_entropy = torch.nn.CrossEntropyLoss(label_smoothing=smoothing)

    assert_same(torch, loss, lambda x: cross_entropy(x, torch.tensor(t)), y, t)


@pytest.mark.parametrize("seed", SEEDS)
def test_weights_of_classes(torch: Any, seed: int) -> None:
    """PyTorch divides by the sum of the weights of the rows, too."""
    n, n_classes = size(seed)
    y, t = normal_array(seed, n, n_classes, scale=3), class_numbers(seed, n, n_classes)
    table = np.random.default_rng(seed).gamma(1.0, size=n_classes)
    cross_entropy = torch.nn.CrossEntropyLoss(weight=torch.tensor(table))
    pair = t, fn.class_weights(t, table)

    assert_same(
        torch,
        fn.weighted(fn.softmax_cross_entropy),
        lambda x: cross_entropy(x, torch.tensor(t)),
        y,
        pair,
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_rows_of_weight_0_are_those_that_pytorch_ignores(torch: Any, seed: int) -> None:
    n, n_classes = size(seed)
    y, t = normal_array(seed, n, n_classes, scale=3), class_numbers(seed, n, n_classes)
    t[1::2] = -1
    cross_entropy = torch.nn.CrossEntropyLoss(ignore_index=-1)

    assert_same(
        torch,
        fn.weighted(fn.softmax_cross_entropy),
        lambda x: cross_entropy(x, torch.tensor(t)),
        y,
        (t, t >= 0),
    )


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("delta", [0.1, 1.0, 3.0])
def test_huber_loss(torch: Any, delta: float, seed: int) -> None:
    y, t = normal_array(seed, *size(seed), scale=3), numbers(seed + 1, *size(seed))
    theirs = torch.nn.HuberLoss(delta=delta)

    assert_same(
        torch, partial(fn.huber_loss, delta=delta), lambda x: theirs(x, torch.tensor(t)), y, t
    )


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("loss", "name", "target"),
    [
        (fn.mean_absolute_error, "L1Loss", numbers),
        (fn.mean_squared_error, "MSELoss", numbers),
        (fn.sigmoid_cross_entropy, "BCEWithLogitsLoss", bits),
    ],
)
def test_other_losses(
    torch: Any, loss: Loss, name: str, target: Callable[..., Target], seed: int
) -> None:
    """PyTorch's binary cross-entropy is a mean over all entries, ours over rows."""
    y, t = normal_array(seed, *size(seed), scale=3), target(seed + 1, *size(seed))
    theirs = getattr(torch.nn, name)()
    factor = size(seed)[1] if loss is fn.sigmoid_cross_entropy else 1

    assert_same(torch, loss, lambda x: factor * theirs(x, torch.tensor(t.astype(np.float64))), y, t)
