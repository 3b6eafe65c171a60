"""Time of `fit` of the classifiers of funnet and of scikit-learn, and their accuracy on MNIST.

    python examples/benchmarks/benchmark_sklearn.py            # three minutes on an idle machine
    python examples/benchmarks/benchmark_sklearn.py --quick    # to see that it works

Both train a 784-100-10 network in float32 with Adam, on batches of 200 rows of MNIST. A turn is one
epoch of 10,000 rows, which is 50 steps; `timing` describes how turns are timed. The accuracies are
those after the same number of steps on all training rows, for several seeds.
"""

import warnings
from importlib import import_module
from importlib.metadata import version
from math import nan
from statistics import mean
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from timing import Step, compete, options, parse, report, work

import funnet as fn
from funnet.sklearn import NetworkClassifier

N_ROWS = 10_000
"""Number of rows of a turn."""

LIMIT = 0.6
"""Upper limit of the time of funnet over that of scikit-learn."""

Data = tuple[fn.Matrix, fn.Labels]


def mnist(data_dir: str | None) -> tuple[Data, Data] | None:
    """Return the training set and the test set, or None if MNIST is not available."""
    try:
        return fn.load_mnist(data_dir=data_dir)
    except fn.DataError:
        return None


def model_of(contender: str, epochs: int, seed: int) -> Any:  # Any: scikit-learn has no types
    """Return the classifier of a contender, which makes a number of epochs."""
    if contender == "funnet":
        model: Any = NetworkClassifier(hidden=(100,))
    else:
        model = import_module("sklearn.neural_network").MLPClassifier((100,), alpha=0)
    return model.set_params(
        batch_size=200, max_iter=epochs, n_iter_no_change=epochs, random_state=seed
    )


CONTENDERS = {"funnet": "NetworkClassifier", "sklearn": "MLPClassifier"}


def main() -> None:
    """Time the contenders and print the results."""
    parser = options(__doc__, CONTENDERS)
    add = parser.add_argument
    add("--data-dir", help="folder with the four MNIST files")
    add("--epochs", type=int, default=10, help="epochs before the accuracy is measured")
    add("--seeds", type=int, default=3, help="number of seeds")
    args = parse(parser)
    # MLPClassifier gives one whenever it makes max_iter epochs.
    warnings.simplefilter("ignore", ConvergenceWarning)
    if args.worker:
        work({"784-100-10": epoch_of(args.worker, args.data_dir)})
        return

    arguments = [] if args.data_dir is None else ["--data-dir", args.data_dir]
    best = compete(list(CONTENDERS), arguments, args)
    print(f"funnet {version('funnet')}, scikit-learn {version('scikit-learn')}")
    for problem, found in best.items():
        steps = -(-N_ROWS // 200)
        named = {
            CONTENDERS[name]: fastest._replace(seconds=fastest.seconds / steps)
            for name, fastest in found.items()
        }
        report(f"{problem}, batch 200", named, "MLPClassifier", {"NetworkClassifier": LIMIT})

    data = mnist(args.data_dir)
    if data is None:
        print("data: random numbers of the shape of MNIST, so no accuracies")
    elif not args.quick:
        (x, t), (x_test, t_test) = data
        for name, title in CONTENDERS.items():
            scores = [
                100 * model_of(name, args.epochs, seed).fit(x, t).score(x_test, t_test)
                for seed in range(args.seeds)
            ]
            each = ", ".join(f"{score:.2f}" for score in scores)
            print(f"accuracy of {title:18} {mean(scores):.2f}% ({each})")


def epoch_of(contender: str, data_dir: str | None) -> Step:
    """Return a function that fits a model for one epoch."""
    data = mnist(data_dir)
    if data is None:
        rng = np.random.default_rng(0)
        x: fn.Matrix = rng.random((N_ROWS, 784), np.float32)
        t: fn.Labels = rng.integers(10, size=N_ROWS)
    else:
        x, t = data[0][0][:N_ROWS], data[0][1][:N_ROWS]
    model = model_of(contender, 1, 0)

    def step() -> float:
        model.fit(x, t)
        return nan  # they start from different weights

    return step


if __name__ == "__main__":
    main()
