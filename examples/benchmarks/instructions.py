"""Instructions of a training step, counted by callgrind.

    python examples/benchmarks/instructions.py            # a quarter of an hour
    python examples/benchmarks/instructions.py --quick    # a minute, to see that it works

Times jump on a busy machine, the number of instructions does not. The network is 2-4-2 and the
batch has 4 rows, so that nearly all instructions are those between the matrix products. What is
printed is the difference between runs of 600 and of 100 steps, divided by 500. Results depend on
the processor and on the versions of Python and NumPy.

callgrind is a part of Valgrind: https://valgrind.org
"""

import os
import re
import shutil
import subprocess
import sys
from argparse import SUPPRESS, ArgumentDefaultsHelpFormatter, ArgumentParser
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from benchmark import LR, PROBLEMS, by_funnet, by_numpy, by_train, network
from timing import THREADS, verdict

from funnet import (
    adam,
    backward,
    forward,
    sgd,
    sgd_update,
    softmax_cross_entropy,
)

STEPS = 100, 600
"""The numbers of steps of the two runs."""

LIMITS = {
    "whole step": 350_000,
    "update of adam": 250_000,
    "train, sgd": 410_000,
    "train, adam": 570_000,
}
"""Upper limits of instructions per step."""

x, t, params = PROBLEMS["2-4-2"].arguments()
net = network(params)
y, cache = forward(net, x)
dy = softmax_cross_entropy(y, t)[1]
grads = backward(net, cache, dy)


def by_adam() -> Callable[[], object]:
    """Update with the same gradients in each step."""
    optimizer = adam()
    trained, state = net, optimizer.init(net)

    def step() -> None:
        nonlocal trained, state
        trained, state = optimizer.update(trained, grads, state)

    return step


PARTS: dict[str, Callable[[], Callable[[], object]]] = {
    "NumPy by hand": lambda: by_numpy(x, t, params),
    "whole step": lambda: by_funnet(x, t, params),
    "forward": lambda: lambda: forward(net, x),
    "loss": lambda: lambda: softmax_cross_entropy(y, t),
    "backward": lambda: lambda: backward(net, cache, dy),
    "sgd_update": lambda: lambda: sgd_update(net, grads, lr=LR),
    "update of adam": by_adam,
    "train, sgd": lambda: by_train(sgd(LR))(x, t, params),
    "train, adam": lambda: by_train(adam())(x, t, params),
}


def main() -> None:
    """Count the instructions of each part, and print them with their limits."""
    parser = ArgumentParser(
        description=(__doc__ or "").partition("\n")[0],
        formatter_class=ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="parts to count")
    add("--quick", action="store_true", help="one part and a few steps")
    add("--worker", choices=PARTS, help=SUPPRESS)
    add("--steps", type=int, help=SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        step = PARTS[args.worker]()
        for _ in range(args.steps):
            step()
        return
    if shutil.which("valgrind") is None:
        print("not counted: callgrind is a part of Valgrind, which is not installed")
        return

    few, many = STEPS
    if args.quick:
        args.parts, few, many = ["whole step"], 5, 10
    print(f"Python {sys.version.split()[0]}, NumPy {np.__version__}")
    for part in args.parts:
        count = (instructions(part, many) - instructions(part, few)) // (many - few)
        limit = f"  {verdict(count, LIMITS[part], 0)}" if part in LIMITS else ""
        print(f"{part:16}{count:12,}{limit}", flush=True)


def instructions(part: str, steps: int) -> int:
    """Return the number of instructions of a process that takes some steps."""
    with TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={Path(folder) / 'out'}"]
        command += [sys.executable, __file__, "--worker", part, "--steps", str(steps)]
        environment = os.environ | dict.fromkeys(THREADS, "1") | {"PYTHONHASHSEED": "0"}
        run = subprocess.run(  # noqa: S603  (our own)
            command, env=environment, capture_output=True, text=True, check=False
        )
    found = re.search(r"Collected : (\d+)", run.stderr)
    if run.returncode or found is None:
        raise SystemExit(f"callgrind has failed:\n{run.stderr[-2000:]}")
    return int(found[1])


if __name__ == "__main__":
    main()
