"""What `train`, `adam` and `minibatches` cost, and how much memory the MNIST example takes.

    python examples/benchmarks/benchmark_training.py            # two minutes, on an idle machine
    python examples/benchmarks/benchmark_training.py --quick    # to see that it works

A step is forward, softmax cross-entropy of class numbers, backward and update of a 784-80-10
network on a batch of 200 of MNIST in float32. `train` is compared with the loop that its user would
write by hand, `adam` with `torch.optim.Adam`, and taking a batch with the step that it is for.
How the contenders take turns, and which of their times count, is said in `timing`.
"""

import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from itertools import cycle, islice
from math import nan
from pathlib import Path
from subprocess import check_output
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
from timing import Step, compete, options, parse, report, verdict, work

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
    tree_leaves,
)

if sys.platform != "win32":
    import resource

LR = 0.001

N_BATCHES = 50
"""How many batches the steps go round: as in training, the next one is in no cache."""

Batch = tuple[Matrix, LabelsLike]


def data(data_dir: str | None) -> Minibatches[Matrix, LabelsLike]:
    """Return batches of MNIST as it is loaded, or of random numbers of its shape."""
    try:
        (x, t), _ = load_mnist(data_dir=data_dir)
    except DataError:
        rng = np.random.default_rng(0)
        x, t = rng.random((60_000, 784), np.float32), rng.integers(10, size=60_000)
    return minibatches(x, t, 200, rng=0)


def network() -> Network[Literal[784], Literal[10]]:
    """Return the network to start from."""
    rng = np.random.default_rng(0)
    return sequential(Affine.init(784, 80, rng=rng), ReLU(), Affine.init(80, 10, rng=rng))


def sgd_by_hand(batches: Iterator[Batch]) -> Step:
    """Train in a loop of the core's functions."""
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


def adam_update(batches: Iterator[Batch]) -> Step:
    """Update again and again with the same gradients."""
    net, optimizer = network(), adam(LR)
    state = optimizer.init(net)
    x, t = next(batches)
    y, cache = forward(net, x)
    grads = backward(net, cache, softmax_cross_entropy(y, t)[1])

    def step() -> float:
        nonlocal net, state
        net, state = optimizer.update(net, grads, state)
        return nan

    return step


def by_train(batches: Iterator[Batch], optimizer: Optimizer) -> Step:
    """Train by `train`, which also checks that loss and gradients are finite."""
    states = train(network(), batches, loss=softmax_cross_entropy, optimizer=optimizer)
    return lambda: next(states).loss


def next_batch(batches: Iterator[Batch]) -> Step:
    """Take the next batch, and do nothing with it."""

    def step() -> float:
        next(batches)
        return nan

    return step


def by_funnet(batches: Minibatches[Matrix, LabelsLike]) -> dict[str, Step]:
    """Take each step in one process: where two are compared, both have the same luck with it."""
    prepared = list(islice(batches, N_BATCHES))
    return {
        "sgd": sgd_by_hand(cycle(prepared)),
        "sgd by train": by_train(cycle(prepared), sgd(LR)),
        "batch": next_batch(iter(batches)),
        "adam": adam_by_hand(cycle(prepared)),
        "adam by train": by_train(cycle(prepared), adam(LR)),
        "adam's update": adam_update(cycle(prepared)),
    }


def by_torch(batches: Minibatches[Matrix, LabelsLike]) -> dict[str, Step]:
    """Train as the tutorials do."""
    # PyTorch need not be there, neither for Python nor for mypy: hence import_module and Any.
    torch = import_module("torch")
    cross_entropy = torch.nn.CrossEntropyLoss()
    tensors = [tuple(map(torch.from_numpy, batch)) for batch in islice(batches, N_BATCHES)]

    def start() -> tuple[Any, Any]:
        model = torch.nn.Sequential(
            torch.nn.Linear(784, 80), torch.nn.ReLU(), torch.nn.Linear(80, 10)
        )
        with torch.no_grad():
            for ours, theirs in zip(tree_leaves(network()), model.parameters(), strict=True):
                theirs.copy_(torch.tensor(ours.T))
        return model, torch.optim.Adam(model.parameters(), lr=LR)

    following = cycle(tensors)
    model, optimizer = start()

    def step() -> Any:
        x, t = next(following)
        optimizer.zero_grad()
        loss = cross_entropy(model(x), t)
        loss.backward()
        optimizer.step()
        return loss.detach()

    same_model, same_optimizer = start()
    x, t = tensors[0]
    cross_entropy(same_model(x), t).backward()

    def update() -> float:
        same_optimizer.step()
        return nan

    return {"adam": step, "adam's update": update}


CONTENDERS = {"funnet": by_funnet, "torch": by_torch}

# What is compared: each row is a title, with a contender and its problem. The first one is the unit
# for those below it, which have limits.
COMPARISONS = {
    "SGD, 784-80-10, batch 200": {
        "the core's functions": ("funnet", "sgd"),
        "train": ("funnet", "sgd by train"),
        "the next of minibatches": ("funnet", "batch"),
    },
    "Adam": {
        "the core's functions": ("funnet", "adam"),
        "train": ("funnet", "adam by train"),
    },
    "Adam, beside PyTorch": {
        "PyTorch": ("torch", "adam"),
        "adam": ("funnet", "adam"),
    },
    "Adam, its update alone": {
        "PyTorch": ("torch", "adam's update"),
        "adam": ("funnet", "adam's update"),
    },
}
LIMITS = {"train": 1.05, "the next of minibatches": 0.35, "adam": 1.5}


def main() -> None:
    """Print each figure with its limit."""
    parser = options(__doc__, CONTENDERS)
    parser.add_argument("--data-dir", help="folder with the four files of MNIST")
    args = parse(parser)
    if args.worker:
        work(CONTENDERS[args.worker](data(args.data_dir)))
        return

    arguments = [] if args.data_dir is None else ["--data-dir", args.data_dir]
    report_memory(["--steps", "1", *arguments] if args.quick else arguments)
    best = compete([name for name in CONTENDERS if find_spec(name)], arguments, args)
    for heading, rows in COMPARISONS.items():
        if all(contender in best[problem] for contender, problem in rows.values()):
            found = {
                title: best[problem][contender] for title, (contender, problem) in rows.items()
            }
            report(heading, found, next(iter(rows)), LIMITS)
        else:
            print(f"\n{heading}: left out, since PyTorch is not installed")


def report_memory(arguments: Sequence[str]) -> None:
    """Run the MNIST example, and print how much memory it took."""
    example = Path(__file__).parents[1] / "mnist.py"
    with TemporaryDirectory() as folder:
        command = [sys.executable, str(example), "--out", folder, *arguments]
        output = check_output(command, text=True)  # noqa: S603  (our own)
    if "data: MNIST" not in output:
        print("data: random numbers of the shape of MNIST, since there is no MNIST")
        print("peak memory of the MNIST example: left out, for the same reason")
    elif sys.platform == "win32":
        print("peak memory of the MNIST example: left out, since Windows does not tell it")
    else:
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        peak_mb = peak / (1e6 if sys.platform == "darwin" else 1e3)
        print(f"peak memory of the MNIST example: {peak_mb:.0f} MB  {verdict(peak_mb, 450, 0)}")


if __name__ == "__main__":
    main()
