"""How long a training step takes: funnet, the bare matrix products, and other libraries.

    python examples/benchmark.py            # about three minutes, on a machine with nothing to do
    python examples/benchmark.py --quick    # a few seconds, to see that it works

A step is forward, softmax cross-entropy of class numbers, backward and plain SGD in float32, always
on the same batch and from the same weights, written as a good user of each library would write it.
The contenders take turns. For each turn, one of them gets a process of its own, with one thread or
with two, and is timed in short rounds. A round counts by its median, a contender by its best round.
That all of them compute the same is seen by their losses.
"""

import json
import math
import os
import subprocess
import sys
from argparse import SUPPRESS, ArgumentDefaultsHelpFormatter, ArgumentParser
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from itertools import pairwise, product
from statistics import median
from time import perf_counter
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
"""How many seconds a round lasts."""

BLOCK = 0.005
"""How many of them are timed at once: JAX starts a step while it still computes another."""

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
        return math.nan

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


class Found(NamedTuple):
    """What one contender came to in one turn, for one network."""

    network: str
    contender: str
    threads: int
    seconds: float
    loss: float


def main() -> None:
    """Let the contenders take turns, and print what they came to."""
    parser = ArgumentParser(
        description=(__doc__ or "").partition("\n")[0],
        formatter_class=ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS), help="what is trained")
    add("--contenders", nargs="+", choices=INSTALLED, default=INSTALLED, help="who trains it")
    add("--threads", type=positive, nargs="+", default=[1, 2], help="how many it may use, by turns")
    add("--turns", type=positive, default=4, help="how many it has with each number of threads")
    add("--rounds", type=positive, default=8, help="how often it is timed for each network in one")
    add("--quick", action="store_true", help="one turn of one round with one thread")
    add("--worker", choices=CONTENDERS, help=SUPPRESS)
    args = parser.parse_args()
    if args.quick:
        args.threads, args.turns, args.rounds = [1], 1, 1
    if args.worker:
        json.dump(work(args.worker, args.networks, args.rounds), sys.stdout)
        return

    turns = list(product(range(args.turns), args.threads, args.contenders))
    results: list[Found] = []
    for _, threads, contender in tqdm(turns, unit=" turns"):
        results += take_turn(contender, threads, args.networks, args.rounds)
    distributions = dict.fromkeys(CONTENDERS[name].distribution for name in args.contenders)
    print(
        ", ".join(f"{name} {version(name)}" for name in distributions), f"on {os.cpu_count()} CPUs"
    )
    for name in args.networks:
        report(name, [found for found in results if found.network == name])

    cost = import_cost(5 * args.turns)
    print(f"\nimport funnet: {cost:.0f} ms beyond import numpy  {verdict(cost, IMPORT_LIMIT, 0)}")


def take_turn(contender: str, threads: int, networks: Sequence[str], rounds: int) -> list[Found]:
    """Let a process of its own time one contender."""
    options = ["--worker", contender, "--rounds", str(rounds), "--networks", *networks]
    output = subprocess.run(  # noqa: S603  (this very file)
        [sys.executable, __file__, *options],
        env=os.environ | dict.fromkeys(THREADS, str(threads)),
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    return [Found(name, contender, threads, *found) for name, found in json.loads(output).items()]


def work(contender: str, networks: Sequence[str], rounds: int) -> dict[str, tuple[float, float]]:
    """Return the time of a step and the loss, for each network that the contender can train."""
    steps = {name: CONTENDERS[contender].make(*NETWORKS[name].problem()) for name in networks}
    return {name: time_step(step, rounds) for name, step in steps.items() if step is not None}


def time_step(step: Step, rounds: int) -> tuple[float, float]:
    """Return the median time of a step in the best round, and the last loss before all rounds."""
    loss = once = math.nan
    for _ in range(WARM_UP):
        start = perf_counter()
        loss = float(step())
        once = perf_counter() - start
    n_steps = math.ceil(BLOCK / once)

    def block() -> float:
        start = perf_counter()
        for _ in range(n_steps - 1):
            step()
        float(step())  # waits for what is still being computed
        return (perf_counter() - start) / n_steps

    n_blocks = max(3, round(ROUND / (n_steps * once)))
    return min(median(block() for _ in range(n_blocks)) for _ in range(rounds)), loss


def report(name: str, results: Sequence[Found]) -> None:
    """Print the best measurement of each contender for one network, and its ratio to the unit."""
    network = NETWORKS[name]
    best: dict[str, Found] = {}
    for found in results:
        if found.contender not in best or found.seconds < best[found.contender].seconds:
            best[found.contender] = found
    losses = [found.loss for found in best.values() if not math.isnan(found.loss)]
    if not math.isclose(min(losses, default=1), max(losses, default=1), rel_tol=1e-4):
        raise SystemExit(f"the contenders do not compute the same: {best.values()}")

    heading = f"{name}, batch {network.batch_size}"
    print(f"\n{heading:40}{'µs a step':>12}{'threads':>10}{'ratio':>8}")
    for contender, found in best.items():
        title = CONTENDERS[contender].title
        line = f"  {title:38}{1e6 * found.seconds:12,.1f}{found.threads:10}"
        if network.unit in best:
            ratio = found.seconds / best[network.unit].seconds
            note = f"  {verdict(ratio, network.limit)}" if contender == "funnet" else ""
            line += f"{ratio:8.2f}{note}"
        print(line)


def verdict(value: float, limit: float, decimals: int = 2) -> str:
    """Say what a value may be at most, and whether it is."""
    return f"at most {limit:.{decimals}f}: {'holds' if value <= limit else 'DOES NOT HOLD'}"


def import_cost(repeats: int) -> float:
    """Return the milliseconds of importing funnet beyond those of NumPy, in fresh processes."""
    code = "from time import perf_counter as now; start = now(); import {}; print(now() - start)"
    times: dict[str, list[float]] = {"numpy": [], "funnet": []}
    for _ in range(repeats):
        for module, seconds in times.items():
            command = [sys.executable, "-c", code.format(module)]
            seconds.append(float(subprocess.check_output(command)))  # noqa: S603  (no one else's)
    return 1000 * (median(times["funnet"]) - median(times["numpy"]))


if __name__ == "__main__":
    main()
