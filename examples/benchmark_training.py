"""What `train`, `adam` and `minibatches` cost, and how much memory the MNIST example takes.

    python examples/benchmark_training.py            # two minutes, on a machine with nothing to do
    python examples/benchmark_training.py --quick    # to see that it works

A step is forward, softmax cross-entropy of class numbers, backward and update of a 784-80-10
network on a batch of 200 of MNIST in float32. `train` is compared with the loop that its user would
write by hand, `adam` with `torch.optim.Adam`, and taking a batch with the step that it is for.
How the contenders take turns, and which of their times count, is said in `timing`.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from itertools import cycle, islice
from math import nan
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from timing import Step, compete, options, parse, report, verdict, work

from funnet import (
    Affine,
    Classes,
    DataError,
    Matrix,
    Minibatches,
    Optimizer,
    ReLU,
    Sequential,
    adam,
    backward,
    forward,
    load_mnist,
    minibatches,
    sequential,
    sgd,
    sgd_update,
    softmax_cross_entropy,
    train,
)

LR = 0.001

N_BATCHES = 50
"""How many batches the steps go round: as in training, the next one is in no cache."""

MEMORY_LIMIT = 450
"""How many megabytes the MNIST example may take."""

TwoLayerNet = Sequential[Matrix, Matrix, tuple[Affine, ReLU, Affine]]
Batch = tuple[Matrix, Classes]


def data(data_dir: str | None) -> Minibatches[Matrix, Classes]:
    """Return batches of MNIST as it is loaded, or of random numbers of its shape."""
    try:
        (x, t), _ = load_mnist(data_dir=data_dir)
    except DataError:
        rng = np.random.default_rng(0)
        x, t = rng.random((60_000, 784), np.float32), rng.integers(10, size=60_000)
    return minibatches(x, t, 200, rng=0)


def network() -> TwoLayerNet:
    """Return the network to start from."""
    rng = np.random.default_rng(0)
    return sequential(Affine.init(784, 80, rng=rng), ReLU(), Affine.init(80, 10, rng=rng))


def prepared(batches: Minibatches[Matrix, Classes]) -> Iterator[Batch]:
    """Return an iterator without end over a few batches that are there already."""
    return cycle(list(islice(batches, N_BATCHES)))


def by_hand(batches: Minibatches[Matrix, Classes]) -> dict[str, Step]:
    """Train in a loop of the core's functions."""
    return {
        "sgd": sgd_by_hand(prepared(batches)),
        "adam": adam_by_hand(prepared(batches)),
        "update": adam_update(next(iter(batches))),
    }


def sgd_by_hand(batches: Iterator[Batch]) -> Step:
    """Train with `sgd_update`."""
    net = network()

    def step() -> float:
        nonlocal net
        x, t = next(batches)
        y, cache = forward(net, x)
        loss, dy = softmax_cross_entropy(y, t)
        net = sgd_update(net, backward(net, cache, dy), LR)
        return loss

    return step


def adam_by_hand(batches: Iterator[Batch]) -> Step:
    """Train with the pair of functions that `adam` is."""
    net, optimizer = network(), adam(LR)
    state = optimizer.init(net)

    def step() -> float:
        nonlocal net, state
        x, t = next(batches)
        y, cache = forward(net, x)
        loss, dy = softmax_cross_entropy(y, t)
        net, state = optimizer.update(net, backward(net, cache, dy), state)
        return loss

    return step


def adam_update(batch: Batch) -> Step:
    """Update again and again with the same gradients."""
    net, optimizer = network(), adam(LR)
    state = optimizer.init(net)
    x, t = batch
    y, cache = forward(net, x)
    grads = backward(net, cache, softmax_cross_entropy(y, t)[1])

    def step() -> float:
        nonlocal net, state
        net, state = optimizer.update(net, grads, state)
        return nan

    return step


def by_train(batches: Minibatches[Matrix, Classes]) -> dict[str, Step]:
    """Train by `train`, which also checks that loss and gradients are finite."""

    def step_of(optimizer: Optimizer) -> Step:
        states = train(
            network(), prepared(batches), loss=softmax_cross_entropy, optimizer=optimizer
        )
        return lambda: next(states).loss

    return {"sgd": step_of(sgd(LR)), "adam": step_of(adam(LR))}


def by_minibatches(batches: Minibatches[Matrix, Classes]) -> dict[str, Step]:
    """Take the next batch, and do nothing with it."""
    following = iter(batches)

    def step() -> float:
        next(following)
        return nan

    return {"sgd": step}


def by_torch(batches: Minibatches[Matrix, Classes]) -> dict[str, Step]:
    """Train as the tutorials do."""
    # PyTorch need not be there, neither for Python nor for mypy: hence import_module and Any.
    torch = import_module("torch")
    cross_entropy = torch.nn.CrossEntropyLoss()

    def start() -> tuple[Any, Any]:
        net = network()
        model = torch.nn.Sequential(
            torch.nn.Linear(784, 80), torch.nn.ReLU(), torch.nn.Linear(80, 10)
        )
        with torch.no_grad():
            for i in (0, 2):
                model[i].weight.copy_(torch.tensor(net.layers[i].W.T))
                model[i].bias.copy_(torch.tensor(net.layers[i].b))
        return model, torch.optim.Adam(model.parameters(), lr=LR)

    tensors = cycle(
        [tuple(map(torch.from_numpy, batch)) for batch in islice(batches, N_BATCHES)]
    )
    model, optimizer = start()

    def step() -> Any:
        x, t = next(tensors)
        optimizer.zero_grad()
        loss = cross_entropy(model(x), t)
        loss.backward()
        optimizer.step()
        return loss.detach()

    same_model, same_optimizer = start()
    x, t = next(tensors)
    cross_entropy(same_model(x), t).backward()

    def update() -> float:
        same_optimizer.step()
        return nan

    return {"adam": step, "update": update}


CONTENDERS = {
    "hand": by_hand,
    "train": by_train,
    "minibatches": by_minibatches,
    "torch": by_torch,
}
TITLES = {
    "hand": "the core's functions",
    "train": "train",
    "minibatches": "the next of minibatches",
    "torch": "PyTorch",
}


class Comparison(NamedTuple):
    """What is compared: a problem, with one contender as the unit and limits for others."""

    heading: str
    problem: str
    unit: str
    limits: dict[str, float]


COMPARISONS = (
    Comparison("A step of SGD", "sgd", "hand", {"train": 1.05, "minibatches": 0.35}),
    Comparison("A step of Adam", "adam", "hand", {"train": 1.05}),
    Comparison("A step of Adam, beside PyTorch", "adam", "torch", {"hand": 1.5}),
    Comparison("Adam's update alone", "update", "torch", {"hand": 1.5}),
)


def main() -> None:
    """Print each figure with its limit."""
    parser = options(__doc__, CONTENDERS)
    parser.add_argument("--data-dir", help="folder with the four files of MNIST")
    args = parse(parser)
    if args.worker:
        work(CONTENDERS[args.worker](data(args.data_dir)))
        return

    arguments = [] if args.data_dir is None else ["--data-dir", args.data_dir]
    has_mnist = report_memory(["--steps", "1", *arguments] if args.quick else arguments)
    if not has_mnist:
        print("data: random numbers of the shape of MNIST, since there is no MNIST")
    installed = [name for name in CONTENDERS if name != "torch" or find_spec(name)]
    best = compete(installed, arguments, args)
    for heading, problem, unit, limits in COMPARISONS:
        if unit in best[problem]:
            chosen = {name: best[problem][name] for name in (unit, *limits)}
            report(heading, chosen, TITLES, unit, limits)
        else:
            print(f"\n{heading}: left out, since PyTorch is not installed")
