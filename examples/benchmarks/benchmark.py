"""Time of a training step: funnet, the bare matrix products, and other libraries.

    python examples/benchmarks/benchmark.py            # about six minutes on an idle machine
    python examples/benchmarks/benchmark.py --quick    # a few seconds, to see that it works

A step is forward, softmax cross-entropy of class numbers, backward and an update in float32, always
on the same batch and from the same weights, written as an experienced user of each library would:
plain SGD, or Adam for networks "with Adam". funnet takes part twice: with its functions, and with
`train`, which also checks that all results are finite. `timing` describes how the contenders are
timed.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise, repeat
from math import nan
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from timing import (
    Step,
    compete,
    options,
    parse,
    report,
    report_ratios,
    verdict,
    versions,
    work,
)

from funnet import (
    Affine,
    Labels,
    Matrix,
    Network,
    Optimizer,
    ReLU,
    Vector,
    adam,
    backward,
    forward,
    sequential,
    sgd,
    sgd_update,
    softmax_cross_entropy,
    train,
)

LR = 0.01
ADAM_LR = 0.001
ADAM_EPS = 1e-12  # so small that it does not matter where it is added

IMPORT_LIMIT = 40
"""Upper limit in milliseconds of importing funnet beyond importing NumPy and attrs."""

Params = list[tuple[Matrix, Vector]]
"""The weights and the bias of each layer; there is a ReLU between layers."""

Make = Callable[[Matrix, Labels, Params], Step | None]
"""Makes the step of a contender, or None if it cannot take part."""


def bare_products(x: Matrix, t: Labels, params: Params) -> Step:
    """Multiply the matrices of a step into buffers, and nothing else."""
    ys = [x, *(np.empty((len(x), len(b)), np.float32) for _, b in params)]
    douts = [np.ones_like(y) for y in ys]
    calls = [(ys[i], W, ys[i + 1]) for i, (W, _) in enumerate(params)]
    for i, (W, _) in reversed(list(enumerate(params))):
        calls.append((ys[i].T, douts[i + 1], np.empty_like(W)))
        if i:  # the gradient of the batch is not needed
            calls.append((douts[i + 1], W.T, douts[i]))

    def step() -> float:
        for a, b, out in calls:
            np.dot(a, b, out)
        return nan

    return step


def network(params: Params) -> Network[int, int]:
    """Return the network of funnet."""
    first, *others = params
    return sequential(Affine(*first), *(layer for p in others for layer in (ReLU(), Affine(*p))))


def by_funnet(x: Matrix, t: Labels, params: Params) -> Step:
    """Train with the functions of funnet."""
    net = network(params)

    def step() -> float:
        nonlocal net
        y, cache = forward(net, x)
        loss, dy = softmax_cross_entropy(y, t)
        net = sgd_update(net, backward(net, cache, dy), lr=LR)
        return loss

    return step


def by_funnet_adam(x: Matrix, t: Labels, params: Params) -> Step:
    """Train with the functions of funnet and the update of its Adam."""
    net, optimizer = network(params), adam(ADAM_LR, eps=ADAM_EPS)
    state = optimizer.init(net)

    def step() -> float:
        nonlocal net, state
        y, cache = forward(net, x)
        loss, dy = softmax_cross_entropy(y, t)
        net, state = optimizer.update(net, backward(net, cache, dy), state)
        return loss

    return step


def by_train(optimizer: Optimizer) -> Callable[[Matrix, Labels, Params], Step]:
    """Train with `train`."""

    def make(x: Matrix, t: Labels, params: Params) -> Step:
        batches = repeat((x, t))
        states = train(network(params), batches, loss=softmax_cross_entropy, optimizer=optimizer)
        return lambda: next(states).loss

    return make


def by_numpy(x: Matrix, t: Labels, params: Params) -> Step:
    """Train with the same formulas on arrays, and update them in place."""
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


# The libraries below may be missing, for Python and for mypy, hence import_module and Any.


def by_torch(x: Matrix, t: Labels, params: Params) -> Step:
    """Train eagerly, with an explicit update: torch.optim.SGD takes longer."""
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


def by_torch_adam(x: Matrix, t: Labels, params: Params) -> Step:
    """Train eagerly with the faster form of torch.optim.Adam, which handles all arrays at once."""
    torch = import_module("torch")
    batch, classes = torch.from_numpy(x), torch.from_numpy(t)
    layers = [[torch.tensor(array, requires_grad=True) for array in pair] for pair in params]
    leaves = [leaf for layer in layers for leaf in layer]
    optimizer = torch.optim.Adam(leaves, lr=ADAM_LR, eps=ADAM_EPS, foreach=True)

    def step() -> Any:
        y = batch
        for i, (W, b) in enumerate(layers):
            y = torch.addmm(b, y.relu() if i else y, W)
        loss = torch.nn.functional.cross_entropy(y, classes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def by_jax(x: Matrix, t: Labels, params: Params) -> Step:
    """Train with one compiled function that may overwrite its parameters."""
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
    """Train with `MLPClassifier.partial_fit`, without the optional checks."""
    n_classes = len(params[-1][1])
    if n_classes == 2:  # it would have one output: another network
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
    """The ways to take the step with plain SGD and with Adam, and the distribution they need."""

    title: str
    sgd: Make | None
    adam: Make | None = None
    distribution: str = "numpy"


CONTENDERS = {
    "products": Contender("matrix products", bare_products, bare_products),
    "numpy": Contender("NumPy by hand", by_numpy),
    "funnet": Contender("funnet", by_funnet, by_funnet_adam),
    "train": Contender("train", by_train(sgd(LR)), by_train(adam(ADAM_LR, eps=ADAM_EPS))),
    "torch": Contender("PyTorch", by_torch, by_torch_adam, "torch"),
    "jax": Contender("JAX", by_jax, distribution="jax"),
    "sklearn": Contender("scikit-learn", by_sklearn, distribution="scikit-learn"),
}
MODULES = {"products": "numpy", "train": "funnet"}
INSTALLED = [name for name in CONTENDERS if find_spec(MODULES.get(name, name))]


class Problem(NamedTuple):
    """A network, and upper limits of the time of one contender over that of another."""

    widths: Sequence[int]
    batch_size: int
    limits: Mapping[tuple[str, str], float]
    with_adam: bool = False

    def arguments(self) -> tuple[Matrix, Labels, Params]:
        """Return a batch, its class numbers, and the parameters to start from."""
        rng = np.random.default_rng(0)
        x = rng.random((self.batch_size, self.widths[0]), np.float32)
        t = rng.integers(self.widths[-1], size=self.batch_size)
        layers = [Affine.init(n_in, n_out, rng=rng) for n_in, n_out in pairwise(self.widths)]
        return x, t, [(layer.W.copy(), layer.b.copy()) for layer in layers]

    def step(self, contender: str) -> Step | None:
        """Return the step of a contender, or None if it does not take part."""
        _, with_sgd, with_adam, _ = CONTENDERS[contender]
        make = with_adam if self.with_adam else with_sgd
        return make(*self.arguments()) if make else None


AHEAD = {
    ("funnet", "NumPy by hand"): 1.05,
    ("train", "NumPy by hand"): 1.0,
    ("funnet", "PyTorch"): 1.0,
    ("funnet", "JAX"): 1.0,
}
# OpenBLAS multiplies large matrices more slowly than what PyTorch and JAX use.
LARGE = {
    ("funnet", "NumPy by hand"): 1.05,
    ("train", "NumPy by hand"): 1.0,
    ("funnet", "matrix products"): 1.35,
    ("train", "matrix products"): 1.25,
}
ADAM = {("funnet", "PyTorch"): 0.7, ("train", "PyTorch"): 0.7}

PROBLEMS = {
    "784-80-10": Problem((784, 80, 10), 200, AHEAD),
    "784-50-10": Problem((784, 50, 10), 100, AHEAD),
    "784-100x5-10": Problem((784, *[100] * 5, 10), 128, AHEAD),
    "784-1024-1024-10": Problem((784, 1024, 1024, 10), 256, LARGE),
    "2-4-2": Problem((2, 4, 2), 4, {("funnet", "NumPy by hand"): 2.0}),
    "784-80-10 with Adam": Problem((784, 80, 10), 200, ADAM, with_adam=True),
    "784-100x5-10 with Adam": Problem((784, *[100] * 5, 10), 128, ADAM, with_adam=True),
}


def main() -> None:
    """Time the contenders and print the results."""
    parser = options(__doc__, CONTENDERS)
    add = parser.add_argument
    add("--networks", nargs="+", choices=PROBLEMS, default=list(PROBLEMS), help="networks to train")
    add(
        "--contenders", nargs="+", choices=INSTALLED, default=INSTALLED, help="libraries to compare"
    )
    args = parse(parser)
    if args.worker:
        steps = {name: PROBLEMS[name].step(args.worker) for name in args.networks}
        work({name: step for name, step in steps.items() if step is not None})
        return

    print(versions(CONTENDERS[name].distribution for name in args.contenders))
    best = compete(args.contenders, ["--networks", *args.networks], args)
    for name in args.networks:
        problem = PROBLEMS[name]
        found = {CONTENDERS[contender].title: times for contender, times in best[name].items()}
        report(f"{name}, batch {problem.batch_size}", found, "matrix products", {})
        report_ratios(found, problem.limits)
    cost = import_cost(min(args.rounds, 20))
    print(
        f"\nimport funnet: {cost:.0f} ms beyond NumPy and attrs  {verdict(cost, IMPORT_LIMIT, 0)}"
    )


def import_cost(repeats: int) -> float:
    """Return the time in ms of importing funnet beyond NumPy and attrs, in new processes."""
    code = "from time import perf_counter as now; start = now(); import {}; print(now() - start)"
    # With compiled modules, as for every user from the second time on.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}

    def seconds(modules: str) -> float:
        command = [sys.executable, "-c", code.format(modules)]
        return float(subprocess.check_output(command, env=environment))  # noqa: S603  (our own)

    seconds("funnet")
    pairs = [(seconds("funnet"), seconds("numpy, attrs")) for _ in range(repeats)]
    return 1000 * median(ours - theirs for ours, theirs in pairs)


if __name__ == "__main__":
    main()
