"""Time of `train`, `adam` and `minibatches`, and memory of the MNIST example.

    python examples/benchmarks/benchmark_training.py            # two minutes on an idle machine
    python examples/benchmarks/benchmark_training.py --quick    # to see that it works

A step is forward, softmax cross-entropy of class numbers, backward and update of a 784-80-10
network on a batch of 200 rows of MNIST in float32. `train` is compared with a loop written by hand,
`adam` with `torch.optim.Adam`, and taking a batch with a step. `timing` describes how the
contenders are timed.
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


def adam_update(batches: Iterator[Batch]) -> Step:
    """Update with the same gradients in each step."""
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
        "adam's update": adam_update(cycle(prepared)),
    }


def by_torch(batches: Minibatches[Matrix, LabelsLike]) -> dict[str, Step]:
    """Train as in PyTorch's tutorials."""
    # PyTorch may be missing, for Python and for mypy, hence import_module and Any.
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

# Each row is a title with a contender and its problem. The first row of a comparison is the unit
# of those below it, which have limits.
COMPARISONS = {
    "SGD, 784-80-10, batch 200": {
        "by hand": ("funnet", "sgd"),
        "train": ("funnet", "sgd by train"),
        "next batch": ("funnet", "batch"),
    },
    "Adam": {
        "by hand": ("funnet", "adam"),
        "train": ("funnet", "adam by train"),
    },
    "Adam, compared with PyTorch": {
        "PyTorch": ("torch", "adam"),
        "adam": ("funnet", "adam"),
    },
    "Adam, the update alone": {
        "PyTorch": ("torch", "adam's update"),
        "adam": ("funnet", "adam's update"),
    },
}
LIMITS = {"train": 1.05, "next batch": 0.35, "adam": 1.5}


def main() -> None:
    """Print each result with its limit."""
    parser = options(__doc__, CONTENDERS)
    parser.add_argument("--data-dir", help="folder with the four MNIST files")
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
            print(f"\n{heading}: skipped, since PyTorch is not installed")


def report_memory(arguments: Sequence[str]) -> None:
    """Run the MNIST example, and print its peak memory."""
    example = Path(__file__).parents[1] / "mnist.py"
    with TemporaryDirectory() as folder:
        command = [sys.executable, str(example), "--out", folder, *arguments]
        output = check_output(command, text=True)  # noqa: S603  (our own)
    if "data: MNIST" not in output:
        print("data: random numbers of the shape of MNIST, since MNIST is not available")
        print("peak memory of the MNIST example: skipped for the same reason")
    elif sys.platform == "win32":
        print("peak memory of the MNIST example: skipped, since Windows does not report it")
    else:
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        peak_mb = peak / (1e6 if sys.platform == "darwin" else 1e3)
        print(f"peak memory of the MNIST example: {peak_mb:.0f} MB  {verdict(peak_mb, 450, 0)}")


if __name__ == "__main__":
    main()
