"""The trajectories of the optimizers are those of PyTorch, and of the published formulas."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import funnet as fn

STEPS = 100
# The textbook and PyTorch add eps before and after the correction of v; near a minimum, where
# gradients are small and lr is large, the two go apart by more than 1e-6.
TINY = 1e-16
Params = dict[str, fn.Array]
Problem = tuple[Params, Callable[[Params], Params]]


@pytest.fixture(params=range(5))
def problem(request: pytest.FixtureRequest) -> Problem:
    """Return a starting point, and the gradient of a random convex function around another."""
    rng = np.random.default_rng(request.param)
    shapes = {"W": (5, 4), "b": (4,)}
    start: Params = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    goal = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    scale = {name: rng.uniform(0.1, 3, size=shape) for name, shape in shapes.items()}

    def gradient(params: Params) -> Params:
        away = {name: params[name] - goal[name] for name in params}
        coupling = sum(float(np.sum(d)) for d in away.values())
        return {n: scale[n] * d + 0.1 * d**3 + 0.05 * coupling for n, d in away.items()}

    return start, gradient


def trajectory(optimizer: fn.Optimizer, problem: Problem) -> Iterator[Params]:
    params, gradient = problem
    state = optimizer.init(params)
    for _ in range(STEPS):
        params, state = optimizer.update(params, gradient(params), state)
        yield params


def assert_same(ours: Iterator[Params], theirs: Iterator[Params]) -> None:
    """Check that each array is within 1e-6 of its length, at each of the steps."""
    steps = 0
    for a, b in zip(ours, theirs, strict=True):
        for name in a:
            assert np.linalg.norm(a[name] - b[name]) <= 1e-6 * np.linalg.norm(b[name])
        steps += 1
    assert steps == STEPS


def torch_trajectory(
    make: Callable[[Any, list[Any]], Any],
    problem: Problem,
    before: Callable[[Any, list[Any]], object] = lambda torch, tensors: None,
    schedule: Callable[[Any, Any], Any] | None = None,
) -> Iterator[Params]:
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    start, gradient = problem
    # One group for each array, so that `make` can treat them in different ways.
    tensors = {name: torch.nn.Parameter(torch.tensor(start[name])) for name in start}
    optimizer = make(torch, [{"params": [tensor]} for tensor in tensors.values()])
    scheduler = schedule(torch.optim.lr_scheduler, optimizer) if schedule else None
    for _ in range(STEPS):
        point = {name: tensor.detach().numpy() for name, tensor in tensors.items()}
        for name, grad in gradient(point).items():
            tensors[name].grad = torch.tensor(grad)
        before(torch, list(tensors.values()))
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        yield {name: tensor.detach().numpy().copy() for name, tensor in tensors.items()}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (fn.sgd(), lambda t, g: t.optim.SGD(g)),
        (fn.sgd(lr=0.05), lambda t, g: t.optim.SGD(g, lr=0.05)),
        (fn.momentum(lr=0.01), lambda t, g: t.optim.SGD(g, lr=0.01, momentum=0.9)),
        (fn.momentum(0.02, 0.5), lambda t, g: t.optim.SGD(g, lr=0.02, momentum=0.5)),
        (fn.nesterov(lr=0.01), lambda t, g: t.optim.SGD(g, lr=0.01, momentum=0.9, nesterov=True)),
        (fn.adagrad(), lambda t, g: t.optim.Adagrad(g)),
        (fn.adagrad(lr=0.5), lambda t, g: t.optim.Adagrad(g, lr=0.5)),
        (fn.rmsprop(), lambda t, g: t.optim.RMSprop(g)),
        (fn.rmsprop(0.002, 0.9), lambda t, g: t.optim.RMSprop(g, lr=0.002, alpha=0.9)),
        (fn.adam(), lambda t, g: t.optim.Adam(g)),
        (fn.adam(lr=0.01), lambda t, g: t.optim.Adam(g, lr=0.01)),
        (
            fn.adam(0.1, (0.8, 0.99), eps=TINY),
            lambda t, g: t.optim.Adam(g, lr=0.1, betas=(0.8, 0.99), eps=TINY),
        ),
        (fn.adamw(biases=True), lambda t, g: t.optim.AdamW(g)),
        (
            fn.adamw(0.1, eps=TINY, weight_decay=0.3, biases=True),
            lambda t, g: t.optim.AdamW(g, lr=0.1, eps=TINY, weight_decay=0.3),
        ),
        (
            fn.adamw(0.1, eps=TINY, weight_decay=0.3),
            lambda t, g: t.optim.AdamW(
                [g[0], g[1] | {"weight_decay": 0}], lr=0.1, eps=TINY, weight_decay=0.3
            ),
        ),
        (
            fn.weight_decay(fn.momentum(lr=0.01), 0.1),
            lambda t, g: t.optim.SGD(
                [g[0], g[1] | {"weight_decay": 0}], lr=0.01, momentum=0.9, weight_decay=0.1
            ),
        ),
        (
            fn.weight_decay(fn.adam(0.1, eps=TINY), 0.1, biases=True),
            lambda t, g: t.optim.Adam(g, lr=0.1, eps=TINY, weight_decay=0.1),
        ),
    ],
    ids=repr,
)
def test_the_trajectory_is_that_of_pytorch(
    ours: fn.Optimizer, theirs: Callable[[Any, list[Any]], Any], problem: Problem
) -> None:
    assert_same(trajectory(ours, problem), torch_trajectory(theirs, problem))


def test_clipping_is_that_of_pytorch(problem: Problem) -> None:
    theirs = torch_trajectory(
        lambda t, g: t.optim.SGD(g, lr=0.05),
        problem,
        # PyTorch adds 1e-6 to the norm, which these numbers make up for.
        before=lambda t, tensors: t.nn.utils.clip_grad_norm_(tensors, 0.7 + 1e-7),
    )
    assert_same(trajectory(fn.clip_by_global_norm(fn.sgd(lr=0.05), 0.7), problem), theirs)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (fn.constant_lr(0.1), lambda s, o: s.ConstantLR(o, factor=1)),
        (fn.step_lr(0.1, 30, gamma=0.5), lambda s, o: s.StepLR(o, 30, gamma=0.5)),
        (fn.exponential_lr(0.1, 0.97), lambda s, o: s.ExponentialLR(o, 0.97)),
        (
            fn.cosine_lr(0.1, 100, eta_min=0.01),
            lambda s, o: s.CosineAnnealingLR(o, 100, eta_min=0.01),
        ),
        (
            fn.piecewise_lr([20, 60], [0.1, 0.05, 0.025]),
            lambda s, o: s.MultiStepLR(o, [20, 60], gamma=0.5),
        ),
    ],
    ids=repr,
)
def test_schedules_are_those_of_pytorch(
    ours: Callable[[int], float], theirs: Callable[[Any, Any], Any], problem: Problem
) -> None:
    expected = torch_trajectory(lambda t, g: t.optim.SGD(g, lr=0.1), problem, schedule=theirs)
    assert_same(trajectory(fn.sgd(ours), problem), expected)


def published(
    update: Callable[[int, float, float, list[float]], float], slots: int, problem: Problem
) -> Iterator[Params]:
    """Return the trajectory of a formula for one number, applied to each by itself."""
    params, gradient = problem
    kept: dict[tuple[str, tuple[int, ...]], list[float]] = {}
    for t in range(1, STEPS + 1):
        grads = gradient(params)
        new: dict[str, npt.NDArray[np.float64]] = {n: np.empty(p.shape) for n, p in params.items()}
        for name, param in params.items():
            for index in np.ndindex(param.shape):
                memory = kept.setdefault((name, index), [0.0] * slots)
                p, g = float(param[index]), float(grads[name][index])
                new[name][index] = update(t, p, g, memory)
        params = dict(new)
        yield params


def textbook_momentum(t: int, p: float, g: float, k: list[float]) -> float:
    k[0] = 0.9 * k[0] - 0.02 * g
    return p + k[0]


def textbook_nesterov(t: int, p: float, g: float, k: list[float]) -> float:
    # Bengio et al. 2013, equation 7, where v_(t-1) is the velocity before this update.
    before, k[0] = k[0], 0.9 * k[0] - 0.02 * g
    return p + 0.9**2 * before - (1 + 0.9) * 0.02 * g


def textbook_adagrad(t: int, p: float, g: float, k: list[float]) -> float:
    k[0] += g * g
    return p - 0.5 * g / (math.sqrt(k[0]) + 1e-7)


def textbook_rmsprop(t: int, p: float, g: float, k: list[float]) -> float:
    k[0] = 0.99 * k[0] + (1 - 0.99) * g * g
    return p - 0.02 * g / (math.sqrt(k[0]) + 1e-7)


def textbook_adam(t: int, p: float, g: float, k: list[float]) -> float:
    lr_t = 0.1 * math.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    k[0] += (1 - 0.9) * (g - k[0])
    k[1] += (1 - 0.999) * (g**2 - k[1])
    return p - lr_t * k[0] / (math.sqrt(k[1]) + 1e-7)


@pytest.mark.parametrize(
    ("ours", "formula", "slots"),
    [
        (fn.sgd(lr=0.02), lambda t, p, g, k: p - 0.02 * g, 0),
        (fn.momentum(lr=0.02), textbook_momentum, 1),
        (fn.nesterov(lr=0.02), textbook_nesterov, 1),
        (fn.adagrad(lr=0.5, eps=1e-7), textbook_adagrad, 1),
        (fn.rmsprop(lr=0.02, eps=1e-7), textbook_rmsprop, 1),
        (fn.adam(lr=0.1, eps=1e-7), textbook_adam, 2),
    ],
    ids=repr,
)
def test_the_trajectory_is_that_of_the_published_formula(
    ours: fn.Optimizer,
    formula: Callable[[int, float, float, list[float]], float],
    slots: int,
    problem: Problem,
) -> None:
    assert_same(trajectory(ours, problem), published(formula, slots, problem))


def test_adamw_is_adam_from_decayed_parameters(problem: Problem) -> None:
    params, gradient = problem
    optimizer, plain = fn.adamw(lr=0.1, weight_decay=0.3, biases=True), fn.adam(lr=0.1)
    state, plain_state = optimizer.init(params), plain.init(params)
    for _ in range(STEPS):
        grads = gradient(params)
        decayed = {name: param * (1 - 0.1 * 0.3) for name, param in params.items()}
        expected, plain_state = plain.update(decayed, grads, plain_state)
        params, state = optimizer.update(params, grads, state)
        assert all((params[name] == expected[name]).all() for name in params)
