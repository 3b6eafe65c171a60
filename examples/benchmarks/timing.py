"""What the two benchmarks share: contenders that take turns, each in processes of its own.

A contender is a name that the script is started with as `--worker`. It has a process with one
thread, and another with two. All take turns in short rounds, of which each counts by its median,
and of all its rounds the best one counts. Where several contenders compute the same, their losses
must agree.
"""

import json
import os
import subprocess
import sys
from argparse import (
    SUPPRESS,
    ArgumentDefaultsHelpFormatter,
    ArgumentParser,
    ArgumentTypeError,
    Namespace,
)
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from itertools import product
from math import ceil, isclose, isnan
from statistics import median
from time import perf_counter, sleep
from typing import NamedTuple, SupportsFloat

from tqdm import tqdm

WARM_UP = 10
"""How many steps come before those that are timed."""

ROUND = 0.05
"""How many seconds a round takes."""

BLOCK = 0.005
"""How many of them are timed at once: JAX starts a step while it still computes another."""

PAUSE = 0.1
"""How many seconds lie between turns: so long, idle threads of OpenBLAS keep a processor busy."""

THREADS = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "PJRT_NPROC",
)
"""The environment variables that NumPy, PyTorch, scikit-learn and JAX read when imported."""

Step = Callable[[], SupportsFloat]
"""Takes one step and returns the loss, or NaN where it has none."""


class Best(NamedTuple):
    """The best round of a contender: the median time of a step, and with how many threads."""

    seconds: float
    threads: int


def positive(text: str) -> int:
    """Return the value of an option that must be an integer >= 1."""
    if not text.isdecimal() or int(text) == 0:
        raise ArgumentTypeError(f"expected an integer >= 1, got {text!r}")
    return int(text)


def options(doc: str | None, contenders: Iterable[str]) -> ArgumentParser:
    """Return a parser with the options of every benchmark, to which each adds its own."""
    parser = ArgumentParser(
        description=(doc or "").partition("\n")[0], formatter_class=ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    add("--threads", type=positive, nargs="+", default=[1, 2], help="how many each may use")
    add("--rounds", type=positive, default=30, help="how often it is its turn")
    add("--quick", action="store_true", help="one round with one thread")
    add("--worker", choices=list(contenders), help=SUPPRESS)
    return parser


def parse(parser: ArgumentParser) -> Namespace:
    """Return the options; say it if the machine has other work."""
    args = parser.parse_args()
    if args.quick:
        args.threads, args.rounds = [1], 1
        if not args.worker:
            print("One round only: the ratios mean nothing.")
    if not args.worker and hasattr(os, "getloadavg") and os.getloadavg()[0] > 1:
        print(f"This machine is busy (load {os.getloadavg()[0]:.1f}): the ratios may mean nothing.")
    return args


def compete(
    contenders: Sequence[str], arguments: Sequence[str], args: Namespace
) -> dict[str, dict[str, Best]]:
    """Let contenders take turns.

    Parameters
    ----------
    contenders
        Their names.
    arguments
        What the script that runs is started with as well.
    args
        The options: how many threads, and how many rounds.

    Returns
    -------
    best
        For each problem the best round of each contender that has it.
    """
    best: dict[str, dict[str, Best]] = defaultdict(dict)
    with ExitStack() as stack:
        workers, losses = {}, {}
        for entry in product(contenders, args.threads):
            workers[entry] = stack.enter_context(_start(*entry, arguments))
            losses[entry] = _listen(workers[entry])
        _check_losses(losses)
        turns = list(product(range(args.rounds), workers.items()))
        for _, ((contender, threads), worker) in tqdm(turns, unit=" turns"):
            print(file=worker.stdin, flush=True)
            for problem, seconds in _listen(worker).items():
                found = Best(seconds, threads)
                best[problem][contender] = min(found, best[problem].get(contender, found))
            sleep(PAUSE)
    return best


def _start(contender: str, threads: int, arguments: Sequence[str]) -> subprocess.Popen[str]:
    """Start the process of a contender, which takes a turn for each line that it gets."""
    return subprocess.Popen(  # noqa: S603  (the script that runs)
        [sys.executable, sys.argv[0], "--worker", contender, *arguments],
        env=os.environ | dict.fromkeys(THREADS, str(threads)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _listen(worker: subprocess.Popen[str]) -> dict[str, float]:
    """Return what a process says next: a number for each problem."""
    line = worker.stdout.readline() if worker.stdout else ""
    if not line:
        raise SystemExit("a contender has failed; its error is above")
    return dict(json.loads(line))


def _check_losses(losses: Mapping[tuple[str, int], Mapping[str, float]]) -> None:
    """Refuse a comparison of contenders that do not compute the same."""
    of_problem: dict[str, dict[tuple[str, int], float]] = defaultdict(dict)
    for entry, said in losses.items():
        for problem, loss in said.items():
            if not isnan(loss):
                of_problem[problem][entry] = loss
    for problem, found in of_problem.items():
        # Adam makes as large a step of a gradient that is mere rounding as of any other.
        if not isclose(min(found.values()), max(found.values()), rel_tol=1e-3):
            raise SystemExit(f"{problem}: the losses differ: {found}")


def work(steps: Mapping[str, Step]) -> None:
    """Be such a process: say the losses after a few steps, then at each turn the times of one.

    Parameters
    ----------
    steps
        What the contender does for each problem.
    """
    losses = {name: [float(step()) for _ in range(WARM_UP)][-1] for name, step in steps.items()}
    print(json.dumps(losses), flush=True)
    for _ in sys.stdin:
        print(json.dumps({name: _time_round(step) for name, step in steps.items()}), flush=True)


def _time_round(step: Step) -> float:
    """Return the median time of a step."""
    once = min(_time_block(step, 1) for _ in range(3))
    n_steps = ceil(BLOCK / once)
    n_blocks = max(3, round(ROUND / (once * n_steps)))
    return median(_time_block(step, n_steps) for _ in range(n_blocks))


def _time_block(step: Step, n_steps: int) -> float:
    """Return the time of a step, as the mean of a few that are timed as one."""
    start = perf_counter()
    for _ in range(n_steps - 1):
        step()
    float(step())  # waits for what is still being computed
    return (perf_counter() - start) / n_steps


def report(heading: str, best: Mapping[str, Best], unit: str, limits: Mapping[str, float]) -> None:
    """Print the best rounds for one problem.

    Parameters
    ----------
    heading
        What the problem is.
    best
        The best round of each contender, by the title that is printed.
    unit
        The title of the one that the others are compared with.
    limits
        How many units those may take that have a limit.
    """
    print(f"\n{heading:40}{'µs a step':>12}{'threads':>10}{'ratio':>8}")
    for title, (seconds, threads) in best.items():
        line = f"  {title:38}{1e6 * seconds:12,.1f}{threads:10}"
        if unit in best:
            ratio = seconds / best[unit].seconds
            line += f"{ratio:8.2f}"
            if title in limits:
                line += f"  {verdict(ratio, limits[title])}"
        print(line)


def verdict(value: float, limit: float, decimals: int = 2) -> str:
    """Say what a value may be at most, and whether it is."""
    return f"at most {limit:.{decimals}f}: {'holds' if value <= limit else 'DOES NOT HOLD'}"
