"""Time and memory of a whole job: from the files of MNIST to a trained network.

    python examples/benchmarks/benchmark_job.py            # a quarter of an hour
    python examples/benchmarks/benchmark_job.py --quick    # one short round, to see that it works

A job is a process of its own, timed from its start to its end: it imports its library, reads MNIST,
trains a 784-80-10 network by 20,000 steps of plain SGD on shuffled batches of 200 rows in float32,
and prints the test accuracy. Each library is used as its users would. The jobs take turns, with one
thread and with two, and the best time of each counts. scikit-learn trains for whole epochs, which
are up to 299 steps more.
"""

import gzip
import os
import subprocess
import sys
from argparse import SUPPRESS, ArgumentDefaultsHelpFormatter, ArgumentParser
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from itertools import islice, product
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from timing import THREADS, verdict

BATCH_SIZE, HIDDEN, LR = 200, 80, 0.1

TIME_LIMIT = 1.0
"""Upper limit of funnet's time relative to that of each other library."""

MEMORY_LIMIT = 1.2
"""Upper limit of funnet's peak memory relative to that of NumPy by hand."""

Arrays = tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]


def read(folder: str) -> tuple[Arrays, Arrays]:
    """Return the training and the test data, read without funnet."""

    def values(name: str, offset: int) -> npt.NDArray[np.uint8]:
        with gzip.open(Path(folder) / f"{name}.gz") as file:
            return np.frombuffer(file.read(), np.uint8, offset=offset)

    def part(name: str) -> Arrays:
        x = values(f"{name}-images-idx3-ubyte", 16).reshape(-1, 784).astype(np.float32)
        x /= 255
        return x, values(f"{name}-labels-idx1-ubyte", 8).astype(np.int64)

    return part("train"), part("t10k")


def batches(n: int) -> Iterator[npt.NDArray[np.int64]]:
    """Iterate over the rows of batches; each epoch has an order of its own."""
    rng = np.random.default_rng(0)
    while True:
        order = rng.permutation(n)
        yield from (order[i : i + BATCH_SIZE] for i in range(0, n, BATCH_SIZE))


def weights() -> list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]:
    """Return initial weights and biases."""
    rng = np.random.default_rng(0)
    return [
        (
            (rng.normal(size=shape) * np.sqrt(2 / shape[0])).astype(np.float32),
            np.zeros(shape[1], np.float32),
        )
        for shape in ((784, HIDDEN), (HIDDEN, 10))
    ]


# Libraries are imported where they are used, so that each job pays for its own.


def by_funnet(folder: str, steps: int) -> float:
    """Train with `train`."""
    fn = import_module("funnet")
    (x, t), (x_test, t_test) = fn.load_mnist(data_dir=folder)
    rng = np.random.default_rng(0)
    net = fn.sequential(
        fn.Affine.init(784, HIDDEN, rng=rng), fn.ReLU(), fn.Affine.init(HIDDEN, 10, rng=rng)
    )
    states = fn.train(
        net,
        fn.minibatches(x, t, BATCH_SIZE, rng=rng),
        loss=fn.softmax_cross_entropy,
        optimizer=fn.sgd(LR),
    )
    for state in islice(states, steps):
        net = state.params
    return float(fn.accuracy(fn.predict(net, x_test), t_test))


def by_numpy(folder: str, steps: int) -> float:
    """Train with the formulas."""
    (x_train, t_train), (x_test, t_test) = read(folder)
    (W1, b1), (W2, b2) = weights()
    rows = np.arange(BATCH_SIZE)
    for batch in islice(batches(len(x_train)), steps):
        x, t = x_train[batch], t_train[batch]
        h = np.maximum(x @ W1 + b1, 0)
        y = h @ W2 + b2
        p = np.exp(y - y.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        p[rows, t] -= 1
        p /= len(t)
        dh = (p @ W2.T) * (h > 0)
        W2 -= LR * (h.T @ p)
        b2 -= LR * p.sum(axis=0)
        W1 -= LR * (x.T @ dh)
        b1 -= LR * dh.sum(axis=0)
    y = np.maximum(x_test @ W1 + b1, 0) @ W2 + b2
    return float((y.argmax(axis=1) == t_test).mean())


def by_torch(folder: str, steps: int) -> float:
    """Train a module with torch.optim.SGD."""
    torch = import_module("torch")
    (x, t), (x_test, t_test) = (tuple(map(torch.from_numpy, part)) for part in read(folder))
    model = torch.nn.Sequential(
        torch.nn.Linear(784, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, 10)
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)
    cross_entropy = torch.nn.CrossEntropyLoss()
    for batch in map(torch.from_numpy, islice(batches(len(x)), steps)):
        optimizer.zero_grad()
        cross_entropy(model(x[batch]), t[batch]).backward()
        optimizer.step()
    with torch.no_grad():
        return float((model(x_test).argmax(dim=1) == t_test).float().mean())


def by_jax(folder: str, steps: int) -> float:
    """Train with one compiled function."""
    jax = import_module("jax")
    (x, t), (x_test, t_test) = read(folder)

    def scores(params: Any, x: Any) -> Any:
        (W1, b1), (W2, b2) = params
        return jax.nn.relu(x @ W1 + b1) @ W2 + b2

    def loss(params: Any, x: Any, t: Any) -> Any:
        log_p = jax.nn.log_softmax(scores(params, x))
        return -jax.numpy.take_along_axis(log_p, t[:, None], axis=1).mean()

    def update(params: Any, x: Any, t: Any) -> Any:
        grads = jax.grad(loss)(params, x, t)
        return jax.tree.map(lambda param, grad: param - LR * grad, params, grads)

    compiled, params = jax.jit(update, donate_argnums=0), jax.tree.map(jax.numpy.asarray, weights())
    for batch in islice(batches(len(x)), steps):
        params = compiled(params, x[batch], t[batch])
    return float((np.asarray(scores(params, x_test)).argmax(axis=1) == t_test).mean())


def by_sklearn(folder: str, steps: int) -> float:
    """Train MLPClassifier."""
    (x, t), (x_test, t_test) = read(folder)
    model = import_module("sklearn.neural_network").MLPClassifier(
        [HIDDEN],
        solver="sgd",
        learning_rate_init=LR,
        momentum=0,
        alpha=0,
        batch_size=BATCH_SIZE,
        max_iter=-(-steps * BATCH_SIZE // len(x)),
        n_iter_no_change=steps,
        tol=0,
    )
    import_module("warnings").simplefilter("ignore")  # that it may not have converged
    return float(model.fit(x, t).score(x_test, t_test))


JOBS: dict[str, Callable[[str, int], float]] = {
    "funnet": by_funnet,
    "numpy": by_numpy,
    "torch": by_torch,
    "jax": by_jax,
    "sklearn": by_sklearn,
}
TITLES = {
    "funnet": "funnet",
    "numpy": "NumPy by hand",
    "torch": "PyTorch",
    "jax": "JAX",
    "sklearn": "scikit-learn",
}


class Result(NamedTuple):
    """What a process took."""

    seconds: float
    megabytes: float
    accuracy: float
    threads: int


def main() -> None:
    """Let the jobs take turns, and print what they took."""
    parser = ArgumentParser(
        description=(__doc__ or "").partition("\n")[0],
        formatter_class=ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--data-dir", default=os.environ.get("FUNNET_DATA_DIR"), help="folder with MNIST")
    add("--steps", type=int, default=20_000, help="number of steps")
    add("--rounds", type=int, default=3, help="rounds per job and number of threads")
    add("--quick", action="store_true", help="one round of 20 steps with one thread")
    add("--worker", choices=JOBS, help=SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        print(JOBS[args.worker](args.data_dir, args.steps))
        return
    if sys.platform == "win32":
        print("skipped: Windows does not report the memory of a process that has ended")
        return
    if not args.data_dir or not (Path(args.data_dir) / "train-images-idx3-ubyte.gz").exists():
        print("skipped: --data-dir or FUNNET_DATA_DIR must be a folder with the files of MNIST")
        return

    threads = [1] if args.quick else [1, 2]
    steps, rounds = (20, 1) if args.quick else (args.steps, args.rounds)
    jobs = [job for job in JOBS if find_spec(job)]
    results: dict[str, list[Result]] = {job: [] for job in jobs}
    for _, job, n in product(range(rounds), jobs, threads):
        results[job].append(run(job, args.data_dir, steps, n))
    print(f"{steps:,} steps on MNIST, import and loading included")
    print(f"{'':20}{'seconds':>10}{'threads':>10}{'MB':>8}{'accuracy':>10}")
    for job, found in results.items():
        best = min(found)
        print(f"{TITLES[job]:20}{best.seconds:10.2f}{best.threads:10}", end="")
        print(f"{min(r.megabytes for r in found):8.0f}{best.accuracy:10.2%}")
    ours, others = results["funnet"], [job for job in jobs if job != "funnet"]
    for job in others:
        ratio = min(ours).seconds / min(results[job]).seconds
        print(f"time: funnet / {TITLES[job]:20}{ratio:8.2f}  {verdict(ratio, TIME_LIMIT)}")
    memory = [min(r.megabytes for r in results[job]) for job in ("funnet", "numpy")]
    ratio = memory[0] / memory[1]
    print(f"memory: funnet / {TITLES['numpy']:18}{ratio:8.2f}  {verdict(ratio, MEMORY_LIMIT)}")


def run(job: str, folder: str, steps: int, threads: int) -> Result:
    """Run a job in a process of its own."""
    command = [sys.executable, __file__, "--worker", job, "--data-dir", folder]
    start = perf_counter()
    process = subprocess.Popen(  # noqa: S603  (this script)
        [*command, "--steps", str(steps)],
        env=os.environ | dict.fromkeys(THREADS, str(threads)),
        stdout=subprocess.PIPE,
        text=True,
    )
    output = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    seconds = perf_counter() - start
    if status:
        raise SystemExit(f"{TITLES[job]} has failed; see its error above")
    megabytes = usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    return Result(seconds, megabytes, float(output), threads)


if __name__ == "__main__":
    main()
