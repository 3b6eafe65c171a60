"""Timing of contenders that take turns, each in its own processes.

A contender is a name that the script is started with as `--worker`. It has one process with one
thread and another with two. All processes take turns in short rounds. The time of a round is its
median, and the time of a contender is that of its best round. The early losses of contenders that
compute the same must agree.
"""

import json
import os
import subprocess
import sys
from argparse import (
    SUPPRESS,
    ArgumentDefaultsHelpFormatter,
    ArgumentParser,
    Namespace,
)
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from importlib.metadata import version
from itertools import product
from math import ceil, isclose, isnan
from statistics import median
from time import perf_counter, sleep
from typing import NamedTuple, SupportsFloat

from tqdm import tqdm

WARM_UP = 10
"""Number of steps before those that are timed."""

COMPARED = 3
"""The step of the warm-up whose loss is compared.

Later losses say little: rounding errors grow with every step, as ReLUs and maxima fall to the other
side. After ten steps of DeepConvNet, PyTorch with two threads is off by 2e-3 on a processor with
AVX-512, although its first gradients agree to 3e-6 with those of float64.
"""

TOLERANCE = 5e-5
"""The largest relative difference of losses, of which a learning rate off by 1 % makes 1e-4."""

ROUND = 0.05
"""Duration of a round in seconds."""

BLOCK = 0.005
"""Seconds of a round that are timed as one: JAX starts a step before it has finished another."""

PAUSE = 0.1
"""Seconds between turns: for that long, idle threads of OpenBLAS keep a processor busy."""

THREADS = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "PJRT_NPROC",
)
"""The environment variables that NumPy, PyTorch, scikit-learn and JAX read when imported."""

Step = Callable[[], SupportsFloat]
"""Takes one step and returns the loss, or NaN if there is none."""


class Best(NamedTuple):
    """The best round of a contender: the median time of a step, and the number of threads."""

    seconds: float
    threads: int


def options(doc: str | None, contenders: Iterable[str]) -> ArgumentParser:
    """Return a parser with the options that the benchmarks share."""
    parser = ArgumentParser(
        description=(doc or "").partition("\n")[0], formatter_class=ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    add("--threads", type=int, nargs="+", default=[1, 2], help="numbers of BLAS threads")
    add("--rounds", type=int, default=30, help="rounds per contender and number of threads")
    add("--quick", action="store_true", help="one round with one thread")
    add("--worker", choices=list(contenders), help=SUPPRESS)
    return parser


def parse(parser: ArgumentParser) -> Namespace:
    """Return the options, and warn if the machine is busy."""
    args = parser.parse_args()
    if args.quick:
        args.threads, args.rounds = [1], 1
        if not args.worker:
            print("One round only: the ratios are meaningless.")
    if not args.worker and hasattr(os, "getloadavg") and os.getloadavg()[0] > 1:
        print(
            f"This machine is busy (load {os.getloadavg()[0]:.1f}): the ratios may be meaningless."
        )
    return args


def compete(
    contenders: Sequence[str], arguments: Sequence[str], args: Namespace
) -> dict[str, dict[str, Best]]:
    """Let contenders take turns; see `race` for the parameters.

    Returns
    -------
    best
        For each problem, the best round of each contender that has it.
    """
    return {name: fastest(times) for name, times in race(contenders, arguments, args).items()}


def race(
    contenders: Sequence[str],
    arguments: Sequence[str],
    args: Namespace,
    env: Mapping[str, Mapping[str, str]] | None = None,
) -> dict[str, dict[tuple[str, int], float]]:
    """Let contenders take turns.

    Parameters
    ----------
    contenders
        Names of the contenders.
    arguments
        Further arguments of the script.
    args
        The options: `threads` and `rounds`.
    env
        Environment variables of contenders, beside `THREADS`. Default: none.

    Returns
    -------
    times
        For each problem, the time of the best round of each contender with a number of threads.
    """
    times: dict[str, dict[tuple[str, int], float]] = defaultdict(dict)
    with ExitStack() as stack:
        workers, losses = {}, {}
        for entry in product(contenders, args.threads):
            variables = (env or {}).get(entry[0], {})
            workers[entry] = stack.enter_context(_start(*entry, arguments, variables))
            losses[entry] = _listen(workers[entry])
        _check_losses(losses)
        turns = list(product(range(args.rounds), workers.items()))
        for _, (entry, worker) in tqdm(turns, unit=" turns"):
            print(file=worker.stdin, flush=True)
            for problem, seconds in _listen(worker).items():
                times[problem][entry] = min(seconds, times[problem].get(entry, seconds))
            sleep(PAUSE)
    return times


def fastest(times: Mapping[tuple[str, int], float]) -> dict[str, Best]:
    """Return the best of the numbers of threads of each contender."""
    best: dict[str, Best] = {}
    for (contender, threads), seconds in times.items():
        found = Best(seconds, threads)
        best[contender] = min(found, best.get(contender, found))
    return best


def _start(
    contender: str, threads: int, arguments: Sequence[str], variables: Mapping[str, str]
) -> subprocess.Popen[str]:
    """Start the process of a contender, which takes a turn for each line that it reads."""
    return subprocess.Popen(  # noqa: S603  (this script)
        [sys.executable, sys.argv[0], "--worker", contender, *arguments],
        env={**os.environ, **dict.fromkeys(THREADS, str(threads)), **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _listen(worker: subprocess.Popen[str]) -> dict[str, float]:
    """Return the next message of a process: a number for each problem."""
    line = worker.stdout.readline() if worker.stdout else ""
    if not line:
        raise SystemExit("a contender has failed; see its error above")
    return dict(json.loads(line))


def _check_losses(losses: Mapping[tuple[str, int], Mapping[str, float]]) -> None:
    """Exit if contenders do not compute the same losses."""
    of_problem: dict[str, dict[tuple[str, int], float]] = defaultdict(dict)
    for entry, by_problem in losses.items():
        for problem, loss in by_problem.items():
            if not isnan(loss):
                of_problem[problem][entry] = loss
    for problem, found in of_problem.items():
        if not isclose(min(found.values()), max(found.values()), rel_tol=TOLERANCE):
            raise SystemExit(f"{problem}: the losses differ: {found}")


def work(steps: Mapping[str, Step]) -> None:
    """Run as the process of a contender: print its losses at an early step, then times per turn.

    Parameters
    ----------
    steps
        The step of the contender for each problem.
    """
    warm_up = {name: [float(step()) for _ in range(WARM_UP)] for name, step in steps.items()}
    print(json.dumps({name: losses[COMPARED - 1] for name, losses in warm_up.items()}), flush=True)
    for _ in sys.stdin:
        print(json.dumps({name: _time_round(step) for name, step in steps.items()}), flush=True)


def _time_round(step: Step) -> float:
    """Return the median time of a step in one round."""
    once = min(_time_block(step, 1) for _ in range(3))
    n_steps = ceil(BLOCK / once)
    n_blocks = max(3, round(ROUND / (once * n_steps)))
    return median(_time_block(step, n_steps) for _ in range(n_blocks))


def _time_block(step: Step, n_steps: int) -> float:
    """Return the mean time of a few steps."""
    start = perf_counter()
    for _ in range(n_steps - 1):
        step()
    float(step())  # waits until all steps are finished
    return (perf_counter() - start) / n_steps


def report(heading: str, best: Mapping[str, Best], unit: str, limits: Mapping[str, float]) -> None:
    """Print the best rounds for one problem.

    Parameters
    ----------
    heading
        Title of the problem.
    best
        The best round of each contender, by its title.
    unit
        Title of the contender that the others are compared with.
    limits
        Upper limits of ratios, by title.
    """
    print(f"\n{heading:40}{'µs per step':>12}{'threads':>10}{'ratio':>8}")
    for title, (seconds, threads) in best.items():
        line = f"  {title:38}{1e6 * seconds:12,.1f}{threads:10}"
        if unit in best:
            ratio = seconds / best[unit].seconds
            line += f"{ratio:8.2f}"
            if title in limits:
                line += f"  {verdict(ratio, limits[title])}"
        print(line)


def report_ratios(best: Mapping[str, Best], limits: Mapping[tuple[str, str], float]) -> None:
    """Print the time of one contender over that of another, by their titles, with its limit."""
    for (title, other), limit in limits.items():
        if title in best and other in best:
            ratio = best[title].seconds / best[other].seconds
            print(f"  {f'{title} / {other}':60}{ratio:8.2f}  {verdict(ratio, limit)}")


def versions(distributions: Iterable[str]) -> str:
    """Return the versions of libraries, and the number of processors."""
    names = ", ".join(f"{name} {version(name)}" for name in dict.fromkeys(distributions))
    return f"{names} on {os.cpu_count()} CPUs"


def verdict(value: float, limit: float, decimals: int = 2) -> str:
    """Return the limit of a value, and whether it holds."""
    return f"at most {limit:.{decimals}f}: {'holds' if value <= limit else 'DOES NOT HOLD'}"
