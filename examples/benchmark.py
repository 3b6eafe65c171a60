"""How long a training step takes: funnet, the bare matrix products, and other libraries.

    python examples/benchmark.py            # about three minutes, on a machine with nothing to do
    python examples/benchmark.py --quick    # a few seconds, to see that it works

A step is forward, softmax cross-entropy of class numbers, backward and plain SGD in float32, always
on the same batch and from the same weights, written as a good user of each library would write it.
Each contender has a process of its own with one thread, and another with two. They take turns in
short rounds, of which each counts by its median, and of all its rounds the best one counts. That
all contenders compute the same is seen by their losses.
"""

import json
import os
import subprocess
import sys
from argparse import SUPPRESS, ArgumentDefaultsHelpFormatter, ArgumentParser
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from itertools import pairwise, product
from math import ceil, isclose, isnan, nan
from statistics import median
from time import perf_counter, sleep
from typing import Any, NamedTuple, SupportsFloat

import numpy as np
from common import positive
from tqdm import tqdm

from funnet import (
    Affine,
    Labels,
    Matrix,
    ReLU,
    Vector,
    backward,
    forward,
    sequential,
    sgd_update,
    softmax_cross_entropy,
)

LR = 0.01

WARM_UP = 10
"""How many steps come before those that are timed."""

ROUND = 0.05
"""How many seconds a round takes."""

BLOCK = 0.005
"""How many of them are timed at once: JAX starts a step while it still computes another."""

PAUSE = 0.1
"""How many seconds lie between turns: so long, idle threads of OpenBLAS keep a processor busy."""

IMPORT_LIMIT = 40
"""How many milliseconds more than NumPy's may funnet's import take."""

THREADS = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "PJRT_NPROC",
)
"""The environment variables that NumPy, PyTorch, scikit-learn and JAX read when imported."""

Params = list[tuple[Matrix, Vector]]
"""The weights and the bias of each layer, with a ReLU between layers."""

Step = Callable[[], SupportsFloat]
"""Takes one step and returns the loss."""


def bare_products(x: Matrix, t: Labels, params: Params) -> Step:
    """Multiply the matrices of a step into buffers, and do nothing else."""
    ys = [x, *(np.empty((len(x), len(b)), np.float32) for _, b in params)]
    douts = [np.ones_like(y) for y in ys]
    calls = [(ys[i], W, ys[i + 1]) for i, (W, _) in enumerate(params)]
    for i, (W, _) in reversed(list(enumerate(params))):
        calls.append((ys[i].T, douts[i + 1], np.empty_like(W)))
        if i:  # nobody asks for the gradient of the batch
            calls.append((douts[i + 1], W.T, douts[i]))

    def step() -> float:
        for a, b, out in calls:
            np.dot(a, b, out)
        return nan

    return step


def by_funnet(x: Matrix, t: Labels, params: Params) -> Step:
    """Train a network that is a value."""
    first, *others = params
    net = sequential(Affine(*first), *(layer for p in others for layer in (ReLU(), Affine(*p))))

    def step() -> float:
        nonlocal net
        y, cache = forward(net, x)
        loss, dy = softmax_cross_entropy(y, t)
        net = sgd_update(net, backward(net, cache, dy), lr=LR)
        return loss

    return step


def by_numpy(x: Matrix, t: Labels, params: Params) -> Step:
    """Write the same formulas out, and update the arrays in place."""
    rows = np.arange(len(t))
    *hidden, (W_out, b_out) = params

    def step() -> float:
        inputs = [x]
        for W, b in hidden:
            inputs.append(np.maximum(inputs[-1] @ W + b, 0))
        scores = inputs[-1] @ W_out + b_out
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        loss = -np.log(p[rows, t]).mean()

        p[rows, t] -= 1
        dout = p / len(t)
        for y, layer in zip(reversed(inputs), reversed(params), strict=True):
            W, b = layer
            dW, db = y.T @ dout, dout.sum(axis=0)
            if y is not x:
                dout = (dout @ W.T) * (y > 0)
            W -= LR * dW
            b -= LR * db
        return float(loss)

    return step


# The libraries below need not be there, neither for Python nor for mypy: hence import_module, and
# what they return is Any.


def by_torch(x: Matrix, t: Labels, params: Params) -> Step:
    """Train eagerly, with an update by hand: torch.optim.SGD takes longer."""
    torch = import_module("torch")
    batch, classes = torch.from_numpy(x), torch.from_numpy(t)
    layers = [[torch.tensor(array, requires_grad=True) for array in pair] for pair in params]
    leaves = [leaf for layer in layers for leaf in layer]

    def step() -> Any:
        y = batch
        for i, (W, b) in enumerate(layers):
            y = torch.addmm(b, y.relu() if i else y, W)
        loss = torch.nn.functional.cross_entropy(y, classes)
        grads = torch.autograd.grad(loss, leaves)
        with torch.no_grad():
            for leaf, grad in zip(leaves, grads, strict=True):
                leaf.sub_(grad, alpha=LR)
        return loss.detach()

    return step


def by_jax(x: Matrix, t: Labels, params: Params) -> Step:
    """Train by one compiled function that may overwrite the parameters it is given."""
    jax = import_module("jax")
    jnp = jax.numpy

    def loss(params: Params, x: Matrix, t: Labels) -> Any:
        *hidden, (W_out, b_out) = params
        for W, b in hidden:
            x = jax.nn.relu(x @ W + b)
        log_p = jax.nn.log_softmax(x @ W_out + b_out)
        return -jnp.take_along_axis(log_p, t[:, None], axis=1).mean()

    def update(params: Params, x: Matrix, t: Labels) -> tuple[Params, Any]:
        value, grads = jax.value_and_grad(loss)(params, x, t)
        return jax.tree.map(lambda param, grad: param - LR * grad, params, grads), value

    compiled = jax.jit(update, donate_argnums=0)
    state, batch, classes = jax.tree.map(jnp.asarray, (params, x, t))

    def step() -> Any:
        nonlocal state
        state, value = compiled(state, batch, classes)
        return value

    return step


def by_sklearn(x: Matrix, t: Labels, params: Params) -> Step | None:
    """Hand the batch to `MLPClassifier.partial_fit`, without the checks that can be left out."""
    n_classes = len(params[-1][1])
    if n_classes == 2:  # it then has one output, which makes it another network
        return None
    import_module("sklearn").set_config(assume_finite=True, skip_parameter_validation=True)
    model = import_module("sklearn.neural_network").MLPClassifier(
        [len(b) for _, b in params[:-1]],
        solver="sgd",
        learning_rate_init=LR,
        momentum=0,
        alpha=0,
        batch_size=len(x),
        shuffle=False,
    )
    model.partial_fit(x, t, classes=np.arange(n_classes))
    model.coefs_, model.intercepts_ = map(list, zip(*params, strict=True))

    def step() -> Any:
        return model.partial_fit(x, t).loss_

    return step


class Contender(NamedTuple):
    """Who takes the step, and the distribution that it comes from."""

    title: str
    make: Callable[[Matrix, Labels, Params], Step | None]
    distribution: str = "numpy"


CONTENDERS = {
    "products": Contender("matrix products", bare_products),
    "funnet": Contender("funnet", by_funnet),
    "numpy": Contender("NumPy by hand", by_numpy),
    "torch": Contender("PyTorch", by_torch, "torch"),
    "jax": Contender("JAX", by_jax, "jax"),
    "sklearn": Contender("scikit-learn", by_sklearn, "scikit-learn"),
}
INSTALLED = ["products", "funnet", *filter(find_spec, ("numpy", "torch", "jax", "sklearn"))]


class Network(NamedTuple):
    """What is trained, and how much longer than a unit, another contender, funnet may take."""

    widths: Sequence[int]
    batch_size: int
    limit: float
    unit: str = "products"

    def problem(self) -> tuple[Matrix, Labels, Params]:
        """Return a batch, its class numbers, and the parameters to start from."""
        rng = np.random.default_rng(0)
        x = rng.random((self.batch_size, self.widths[0]), np.float32)
        t = rng.integers(self.widths[-1], size=self.batch_size)
        layers = [Affine.init(n_in, n_out, rng=rng) for n_in, n_out in pairwise(self.widths)]
        return x, t, [(layer.W.copy(), layer.b.copy()) for layer in layers]


NETWORKS = {
    "-".join(map(str, network.widths)): network
    for network in (
        Network((784, 80, 10), 200, limit=1.45),
        Network((784, 1024, 1024, 10), 256, limit=1.20),
        Network((784, 100, 100, 100, 100, 100, 10), 128, limit=1.65),
        Network((2, 4, 2), 4, limit=2.0, unit="numpy"),
    )
}


class Best(NamedTuple):
    """The best round of a contender: the median time of a step, and with how many threads."""

    seconds: float
    threads: int


def main() -> None:
    """Let the contenders take turns, and print what they came to."""
    parser = ArgumentParser(
        description=(__doc__ or "").partition("\n")[0],
        formatter_class=ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS), help="what is trained")
    add("--contenders", nargs="+", choices=INSTALLED, default=INSTALLED, help="who trains it")
    add("--threads", type=positive, nargs="+", default=[1, 2], help="how many it may use")
    add("--rounds", type=positive, default=30, help="how often it is its turn")
    add("--quick", action="store_true", help="one round with one thread")
    add("--worker", choices=CONTENDERS, help=SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        work(args.worker, args.networks)
        return
    if args.quick:
        args.threads, args.rounds = [1], 1

    if hasattr(os, "getloadavg") and os.getloadavg()[0] > 1:
        print(f"This machine is busy (load {os.getloadavg()[0]:.1f}): the ratios may mean nothing.")
    best = compete(args.networks, list(product(args.contenders, args.threads)), args.rounds)
    distributions = dict.fromkeys(CONTENDERS[name].distribution for name in args.contenders)
    versions = ", ".join(f"{name} {version(name)}" for name in distributions)
    print(f"{versions} on {os.cpu_count()} CPUs")
    for name in args.networks:
        report(name, best[name])
    cost = import_cost(min(args.rounds, 15))
    print(f"\nimport funnet: {cost:.0f} ms beyond import numpy  {verdict(cost, IMPORT_LIMIT, 0)}")


def compete(
    networks: Sequence[str], entries: Sequence[tuple[str, int]], rounds: int
) -> dict[str, dict[str, Best]]:
    """Let contenders take turns, each with a number of threads; return the best rounds of each."""
    best: dict[str, dict[str, Best]] = {name: {} for name in networks}
    with ExitStack() as stack:
        workers = [stack.enter_context(start(*entry, networks)) for entry in entries]
        check_losses(dict(zip(entries, map(listen, workers), strict=True)))
        turns = list(product(range(rounds), zip(entries, workers, strict=True)))
        for _, ((contender, threads), worker) in tqdm(turns, unit=" turns"):
            print(file=worker.stdin, flush=True)
            for name, seconds in listen(worker).items():
                found = Best(seconds, threads)
                best[name][contender] = min(found, best[name].get(contender, found))
            sleep(PAUSE)
    return best


def start(contender: str, threads: int, networks: Sequence[str]) -> subprocess.Popen[str]:
    """Start the process of a contender, which takes a turn for each line that it gets."""
    return subprocess.Popen(  # noqa: S603  (this very file)
        [sys.executable, __file__, "--worker", contender, "--networks", *networks],
        env=os.environ | dict.fromkeys(THREADS, str(threads)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def listen(worker: subprocess.Popen[str]) -> dict[str, float]:
    """Return what a process says next: a number for each network."""
    line = worker.stdout.readline() if worker.stdout else ""
    if not line:
        raise SystemExit("a contender has failed; its error is above")
    return dict(json.loads(line))


def check_losses(losses: dict[tuple[str, int], dict[str, float]]) -> None:
    """Refuse a comparison of contenders that do not compute the same."""
    for name in NETWORKS:
        found = {entry: of[name] for entry, of in losses.items() if not isnan(of.get(name, nan))}
        if found and not isclose(min(found.values()), max(found.values()), rel_tol=1e-4):
            raise SystemExit(f"{name}: the losses differ: {found}")


def work(contender: str, networks: Sequence[str]) -> None:
    """Be such a process: say the losses after a few steps, then at each turn the times of one."""
    made = {name: CONTENDERS[contender].make(*NETWORKS[name].problem()) for name in networks}
    steps = {name: step for name, step in made.items() if step is not None}
    losses = {name: [float(step()) for _ in range(WARM_UP)][-1] for name, step in steps.items()}
    print(json.dumps(losses), flush=True)
    for _ in sys.stdin:
        print(json.dumps({name: time_round(step) for name, step in steps.items()}), flush=True)


def time_round(step: Step) -> float:
    """Return the median time of a step."""
    once = min(time_block(step, 1) for _ in range(3))
    n_steps = ceil(BLOCK / once)
    n_blocks = max(3, round(ROUND / (once * n_steps)))
    return median(time_block(step, n_steps) for _ in range(n_blocks))


def time_block(step: Step, n_steps: int) -> float:
    """Return the time of a step, as the mean of a few that are timed as one."""
    start = perf_counter()
    for _ in range(n_steps - 1):
        step()
    float(step())  # waits for what is still being computed
    return (perf_counter() - start) / n_steps


def report(name: str, best: dict[str, Best]) -> None:
    """Print the best round of each contender for one network, and its ratio to the unit."""
    network = NETWORKS[name]
    heading = f"{name}, batch {network.batch_size}"
    print(f"\n{heading:40}{'µs a step':>12}{'threads':>10}{'ratio':>8}")
    for contender, (seconds, threads) in best.items():
        title = CONTENDERS[contender].title
        line = f"  {title:38}{1e6 * seconds:12,.1f}{threads:10}"
        if network.unit in best:
            ratio = seconds / best[network.unit].seconds
            line += f"{ratio:8.2f}"
            if contender == "funnet":
                line += f"  {verdict(ratio, network.limit)}"
        print(line)


def verdict(value: float, limit: float, decimals: int = 2) -> str:
    """Say what a value may be at most, and whether it is."""
    return f"at most {limit:.{decimals}f}: {'holds' if value <= limit else 'DOES NOT HOLD'}"


def import_cost(repeats: int) -> float:
    """Return the milliseconds of importing funnet beyond those of NumPy, in fresh processes."""
    code = "from time import perf_counter as now; start = now(); import {}; print(now() - start)"
    # As for every user from the second time on: the modules are compiled.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    times: dict[str, list[float]] = {"numpy": [], "funnet": []}
    for _ in range(repeats + 1):
        for module, seconds in times.items():
            command = [sys.executable, "-c", code.format(module)]
            answer = subprocess.check_output(command, env=environment)  # noqa: S603  (our own)
            seconds.append(float(answer))
    return 1000 * (median(times["funnet"][1:]) - median(times["numpy"][1:]))


if __name__ == "__main__":
    main()
