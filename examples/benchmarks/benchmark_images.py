"""How long a training step of convolutional networks takes, and how much memory.

    python examples/benchmarks/benchmark_images.py            # six minutes, on an idle machine
    python examples/benchmarks/benchmark_images.py --quick    # a short run, as a test

A step consists of forward, softmax cross-entropy with class labels, backward and plain SGD in
float32, always on the same 100 images of 28 x 28 and from the same weights. funnet is compared with
PyTorch and with the textbook's way, in which all windows of a batch form one matrix and layers are
modified in place. Of two threads, funnet's compute the halves of a batch, and BLAS has one.
`timing` describes how the contenders alternate and which times count.
"""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from subprocess import check_output
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from timing import Step, fastest, options, parse, race, report, verdict, work

from funnet import (
    Affine,
    Conv2d,
    Flatten,
    Images,
    Labels,
    MaxPool2d,
    ReLU,
    SomeLayer,
    backward,
    forward,
    sequential,
    sgd_update,
    softmax_cross_entropy,
)

if sys.platform != "win32":
    import resource

LR = 0.01

MEMORY_LIMIT = 150
"""How many megabytes a step of DeepConvNet may take beyond the interpreter, funnet and the data."""

Floats = npt.NDArray[np.float32]


def simple() -> list[SomeLayer]:
    """Return the layers of SimpleConvNet."""
    rng = np.random.default_rng(0)
    return [
        Conv2d.init(1, 30, 5, rng=rng),
        ReLU(),
        MaxPool2d(2),
        Flatten(),
        Affine.init(30 * 12 * 12, 100, rng=rng),
        ReLU(),
        Affine.init(100, 10, rng=rng),
    ]


def deep() -> list[SomeLayer]:
    """Return the layers of DeepConvNet, without dropout."""
    rng = np.random.default_rng(0)
    layers: list[SomeLayer] = []
    channels = 1
    for i, (out_channels, padding) in enumerate(
        [(16, 1), (16, 1), (32, 1), (32, 2), (64, 1), (64, 1)]
    ):
        layers += [Conv2d.init(channels, out_channels, 3, padding=padding, rng=rng), ReLU()]
        layers += [MaxPool2d(2)] if i % 2 else []
        channels = out_channels
    return [
        *layers,
        Flatten(),
        Affine.init(64 * 4 * 4, 50, rng=rng),
        ReLU(),
        Affine.init(50, 10, rng=rng),
    ]


def batch() -> tuple[Images, Labels]:
    """Return random images and their class numbers."""
    rng = np.random.default_rng(0)
    return rng.random((100, 1, 28, 28), np.float32), rng.integers(10, size=100)


def by_funnet(layers: list[SomeLayer]) -> Step:
    """Train a network that is a value."""
    net, (x, t) = sequential(*layers), batch()

    def step() -> float:
        nonlocal net
        y, cache = forward(net, x)
        loss, dy = softmax_cross_entropy(y, t)
        net = sgd_update(net, backward(net, cache, dy), lr=LR)
        return loss

    return step


# PyTorch need not be there, neither for Python nor for mypy: hence import_module, and what it
# returns is Any.


def by_torch(layers: list[SomeLayer]) -> Step:
    """Train eagerly, with an update by hand: torch.optim.SGD takes longer."""
    torch = import_module("torch")
    f = torch.nn.functional
    x, t = map(torch.from_numpy, batch())
    leaves: list[Any] = []
    functions: list[Callable[[Any], Any]] = []
    for layer in layers:
        W, b = made = [torch.tensor(getattr(layer, name, 0.0)) for name in ("W", "b")]
        if hasattr(layer, "W"):
            leaves += [array.requires_grad_() for array in made]
        if isinstance(layer, Conv2d):
            functions.append(partial(f.conv2d, weight=W, bias=b, padding=layer.padding))
        elif isinstance(layer, Affine):
            functions.append(partial(f.linear, weight=W.T, bias=b))
        elif isinstance(layer, MaxPool2d):
            functions.append(partial(f.max_pool2d, kernel_size=2))
        else:
            functions.append(torch.relu if isinstance(layer, ReLU) else torch.nn.Flatten())

    def step() -> Any:
        y = x
        for function in functions:
            y = function(y)
        loss = f.cross_entropy(y, t)
        with torch.no_grad():
            for leaf, grad in zip(leaves, torch.autograd.grad(loss, leaves), strict=True):
                leaf.sub_(grad, alpha=LR)
        return loss.detach()

    return step


def by_the_book(layers: list[SomeLayer]) -> Step:
    """Train layers that keep what they have seen, and lay out all windows of a batch."""
    x, t = batch()
    made: list[Any] = [BOOK[type(layer)](layer) for layer in layers]

    def step() -> float:
        y = x
        for layer in made:
            y = layer.forward(y)
        p = np.exp(y - y.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        loss = -np.log(p[np.arange(len(t)), t]).mean()
        p[np.arange(len(t)), t] -= 1
        dout = p / np.float32(len(t))
        for layer in reversed(made):
            dout = layer.backward(dout)
        for layer in made:
            for name in ("W", "b"):
                if hasattr(layer, name):
                    setattr(layer, name, getattr(layer, name) - LR * getattr(layer, f"d{name}"))
        return float(loss)

    return step


def im2col(x: Floats, size: int, stride: int, padding: int) -> Floats:
    """Return all windows of a batch as the rows of a matrix."""
    n, channels, *_ = x.shape
    padded = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    height, width = ((length - size) // stride + 1 for length in padded.shape[2:])
    col = np.zeros((n, channels, size, size, height, width), x.dtype)
    for i in range(size):
        for j in range(size):
            rows, cols = slice(i, i + stride * height, stride), slice(j, j + stride * width, stride)
            col[:, :, i, j] = padded[:, :, rows, cols]
    return col.transpose(0, 4, 5, 1, 2, 3).reshape(n * height * width, -1)


def col2im(col: Floats, shape: tuple[int, ...], size: int, stride: int, padding: int) -> Floats:
    """Return the images of a shape that get, at each pixel, the sum of what is in its windows."""
    n, channels, height, width = shape
    padded = np.zeros((n, channels, height + 2 * padding, width + 2 * padding), col.dtype)
    down, across = ((length - size) // stride + 1 for length in padded.shape[2:])
    col = col.reshape(n, down, across, channels, size, size).transpose(0, 3, 4, 5, 1, 2)
    for i in range(size):
        for j in range(size):
            rows, cols = slice(i, i + stride * down, stride), slice(j, j + stride * across, stride)
            padded[:, :, rows, cols] += col[:, :, i, j]
    return padded[:, :, padding : padding + height, padding : padding + width]


class BookConvolution:
    """A convolution as the product of all windows with all kernels."""

    def __init__(self, layer: Conv2d) -> None:
        self.W, self.b, self.padding = layer.W, layer.b, int(layer.padding[0])

    def forward(self, x: Floats) -> Floats:
        """Return y."""
        n, _, height, width = self.shape = x.shape
        size = self.W.shape[2]
        out = (n, height + 2 * self.padding - size + 1, width + 2 * self.padding - size + 1, -1)
        self.col = im2col(x, size, 1, self.padding)
        y: Floats = self.col @ self.W.reshape(len(self.W), -1).T + self.b
        return y.reshape(out).transpose(0, 3, 1, 2)

    def backward(self, dout: Floats) -> Floats:
        """Return dx, and keep the gradients."""
        dout = dout.transpose(0, 2, 3, 1).reshape(-1, len(self.W))
        self.db = dout.sum(axis=0)
        self.dW = (self.col.T @ dout).T.reshape(self.W.shape)
        dcol = dout @ self.W.reshape(len(self.W), -1)
        return col2im(dcol, self.shape, self.W.shape[2], 1, self.padding)


class BookPooling:
    """The maximum of each window of 2 x 2."""

    def __init__(self, layer: MaxPool2d) -> None:
        pass

    def forward(self, x: Floats) -> Floats:
        """Return y."""
        n, channels, height, width = self.shape = x.shape
        col = im2col(x, 2, 2, 0).reshape(-1, 4)
        self.at = col.argmax(axis=1)
        y: Floats = col.max(axis=1).reshape(n, height // 2, width // 2, channels)
        return y.transpose(0, 3, 1, 2)

    def backward(self, dout: Floats) -> Floats:
        """Return dx, and keep the gradients."""
        dcol = np.zeros((dout.size, 4), dout.dtype)
        dcol[np.arange(dout.size), self.at] = dout.transpose(0, 2, 3, 1).ravel()
        return col2im(dcol, self.shape, 2, 2, 0)


class BookAffine:
    """A product, behind images that are made rows."""

    def __init__(self, layer: Affine) -> None:
        self.W, self.b = layer.W, layer.b

    def forward(self, x: Floats) -> Floats:
        """Return y."""
        self.x = x
        y: Floats = x @ self.W + self.b
        return y

    def backward(self, dout: Floats) -> Floats:
        """Return dx, and keep the gradients."""
        self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)
        dx: Floats = dout @ self.W.T
        return dx


class BookRelu:
    """The positive part, by a mask."""

    def __init__(self, layer: ReLU) -> None:
        pass

    def forward(self, x: Floats) -> Floats:
        """Return y."""
        self.mask = x <= 0
        y = x.copy()
        y[self.mask] = 0
        return y

    def backward(self, dout: Floats) -> Floats:
        """Return dx, and keep the gradients."""
        dout[self.mask] = 0
        return dout


class BookFlatten:
    """Images made rows."""

    def __init__(self, layer: Flatten) -> None:
        pass

    def forward(self, x: Floats) -> Floats:
        """Return y."""
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, dout: Floats) -> Floats:
        """Return dx, and keep the gradients."""
        return dout.reshape(self.shape)


BOOK: dict[type, Callable[[Any], Any]] = {
    Affine: BookAffine,
    Conv2d: BookConvolution,
    Flatten: BookFlatten,
    MaxPool2d: BookPooling,
    ReLU: BookRelu,
}


CONTENDERS = {"funnet": by_funnet, "torch": by_torch, "book": by_the_book}
HALVES = {"funnet": {"OPENBLAS_NUM_THREADS": "1"}}
"""Environment variables of contenders."""

TITLES = {"funnet": "funnet", "torch": "PyTorch", "book": "the way of the textbook"}


class Limits(NamedTuple):
    """How many times as long as PyTorch a step may take, with one thread, and with the better."""

    make: Callable[[], list[SomeLayer]]
    one_thread: float
    better: float


NETWORKS = {"SimpleConvNet": Limits(simple, 1.0, 1.5), "DeepConvNet": Limits(deep, 1.7, 2.2)}

BOOK_LIMIT = 1 / 3
"""How much of the time of the textbook's way a step may take."""


def main() -> None:
    """Let the contenders take turns, and print what they came to."""
    parser = options(__doc__, [*CONTENDERS, "memory"])
    parser.set_defaults(rounds=10)
    add = parser.add_argument
    add("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS), help="what is trained")
    args = parse(parser)
    if args.worker == "memory":
        print(memory())
        return
    if args.worker:
        made = {name: CONTENDERS[args.worker](NETWORKS[name].make()) for name in args.networks}
        work(made)
        return

    print(f"versions: {versions()}")
    report_memory()
    contenders = [name for name in CONTENDERS if installed(name)]
    arguments = ["--networks", *args.networks]
    for name, times in race(contenders, arguments, args, HALVES).items():
        alone = {entry: seconds for entry, seconds in times.items() if entry[1] == 1}
        limits = NETWORKS[name]
        report_times(f"{name}, batch 100, one thread", alone, limits.one_thread)
        if times != alone:
            report_times(f"{name}, batch 100, best", times, limits.better)


def report_times(heading: str, times: Mapping[tuple[str, int], float], limit: float) -> None:
    """Print what the contenders came to, beside PyTorch and beside the textbook."""
    best = fastest(times)
    if not best:
        return
    named = {TITLES[contender]: found for contender, found in best.items()}
    report(heading, named, "PyTorch", {"funnet": limit})
    ratio = best["funnet"].seconds / best["book"].seconds
    print(f"  funnet, beside the textbook {ratio:40.2f}  {verdict(ratio, BOOK_LIMIT)}")


def installed(contender: str) -> bool:
    """Return whether a contender is there."""
    return contender != "torch" or find_spec("torch") is not None


def versions() -> str:
    """Return the versions of the libraries that are compared."""
    return ", ".join(f"{name} {version(name)}" for name in ("numpy", "torch") if find_spec(name))


def memory() -> float:
    """Return how many megabytes a few steps of DeepConvNet take beyond what was there before."""
    step = by_funnet(deep())
    before = peak()
    for _ in range(5):
        step()
    return peak() - before


def peak() -> float:
    """Return the largest number of megabytes that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        1e6 if sys.platform == "darwin" else 1e3
    )


def report_memory() -> None:
    """Print how much memory a step takes, in a process of its own."""
    if sys.platform == "win32":
        print("peak memory of a step: left out, since Windows does not tell it")
        return
    command = [sys.executable, __file__, "--worker", "memory"]
    used = float(check_output(command, text=True))  # noqa: S603  (this script)
    print(f"memory of a step of DeepConvNet: {used:.0f} MB  {verdict(used, MEMORY_LIMIT, 0)}")


if __name__ == "__main__":
    main()
