"""Time of `train` and `minibatches`, beside the loop and the step written by hand.

    python examples/benchmarks/benchmark_training.py            # two minutes on an idle machine
    python examples/benchmarks/benchmark_training.py --quick    # to see that it works

A step is forward, softmax cross-entropy of class numbers, backward and update of a 784-80-10
network on a batch of 200 rows of MNIST in float32, another one in each step. `timing` describes how
the contenders are timed.
"""

from collections.abc import Iterator
from itertools import cycle, islice
from math import nan
from typing import Literal

import numpy as np
from timing import Step, compete, options, parse, report, work

from funnet import (
    Affine,
    DataError,
    LabelsLike,
    Matrix,
    Minibatches,
    Network,
    Optimizer,
    ReLU,
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
"""Number of batches that are cycled through: as in training, the next one is in no cache."""

Batch = tuple[Matrix, LabelsLike]


def data(data_dir: str | None) -> Minibatches[Matrix, LabelsLike]:
    """Return batches of MNIST, or of random numbers of the same shape."""
    try:
        (x, t), _ = load_mnist(data_dir=data_dir)
    except DataError:
        rng = np.random.default_rng(0)
        x, t = rng.random((60_000, 784), np.float32), rng.integers(10, size=60_000)
    return minibatches(x, t, 200, rng=0)


def network() -> Network[Literal[784], Literal[10]]:
    """Return the initial network."""
    rng = np.random.default_rng(0)
    return sequential(Affine.init(784, 80, rng=rng), ReLU(), Affine.init(80, 10, rng=rng))


def sgd_by_hand(batches: Iterator[Batch]) -> Step:
    """Train with forward, backward and sgd_update."""
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
    """Train with forward, backward and the update of `adam`."""
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


def by_train(batches: Iterator[Batch], optimizer: Optimizer) -> Step:
    """Train with `train`, which also checks that the results are finite."""
    states = train(network(), batches, loss=softmax_cross_entropy, optimizer=optimizer)
    return lambda: next(states).loss


def next_batch(batches: Iterator[Batch]) -> Step:
    """Take the next batch."""

    def step() -> float:
        next(batches)
        return nan

    return step


def by_funnet(batches: Minibatches[Matrix, LabelsLike]) -> dict[str, Step]:
    """Return the steps, all for one process, so that chance affects them equally."""
    prepared = list(islice(batches, N_BATCHES))
    return {
        "sgd": sgd_by_hand(cycle(prepared)),
        "sgd by train": by_train(cycle(prepared), sgd(LR)),
        "batch": next_batch(iter(batches)),
        "adam": adam_by_hand(cycle(prepared)),
        "adam by train": by_train(cycle(prepared), adam(LR)),
    }


CONTENDERS = {"funnet": by_funnet}

# Each row is a title with a problem. The first row of a comparison is the unit of those below it,
# which have limits.
COMPARISONS = {
    "SGD, 784-80-10, batch 200": {"by hand": "sgd", "train": "sgd by train", "next batch": "batch"},
    "Adam": {"by hand": "adam", "train": "adam by train"},
}
LIMITS = {"train": 1.05, "next batch": 0.35}


def main() -> None:
    """Print each result with its limit."""
    parser = options(__doc__, CONTENDERS)
    parser.add_argument("--data-dir", help="folder with the four MNIST files")
    args = parse(parser)
    if args.worker:
        work(CONTENDERS[args.worker](data(args.data_dir)))
        return

    arguments = [] if args.data_dir is None else ["--data-dir", args.data_dir]
    best = compete(list(CONTENDERS), arguments, args)
    for heading, rows in COMPARISONS.items():
        found = {title: best[problem]["funnet"] for title, problem in rows.items()}
        report(heading, found, next(iter(rows)), LIMITS)


if __name__ == "__main__":
    main()
