"""A layer and a network class of your own, used like those of funnet.

    python examples/custom_layer.py

Swish, y = x sigmoid(beta x), learns a beta for each column, and TwoLayerNet is a network that uses
it. The network learns to read digits, both classes are compared with numerical gradients, and mypy
reports a Swish that returns an array instead of a function.
"""

import inspect
import os
import subprocess
import sys
from collections.abc import Callable

import attrs
import numpy as np
from common import options
from plots import ORANGE, draw_curves, figure_of, save
from tqdm import tqdm

import funnet as fn


@attrs.frozen(eq=False)
class Swish:
    """y = x sigmoid(beta x)."""

    beta: fn.Vector = attrs.field(converter=fn.lock_vector)

    __repr__ = fn.describe
    __reduce__ = fn.reduce_to_constructor

    def forward(self, x: fn.Matrix) -> tuple[fn.Matrix, fn.Matrix]:
        """Return y, and x as the cache."""
        return x * fn.sigmoid(x * self.beta), x

    def pullback(self, x: fn.Matrix, dout: fn.Matrix) -> tuple["Swish", Callable[[], fn.Matrix]]:
        """Return the gradient of beta, and a function that computes that of x."""
        s = fn.sigmoid(x * self.beta)
        slope = x * s * (1 - s)
        dy: fn.Matrix = s + self.beta * slope

        def dx() -> fn.Matrix:
            return dout * dy

        return Swish((dout * x * slope).sum(axis=0)), dx


@attrs.frozen(eq=False)
class TwoLayerNet:
    """y = swish(x W1 + b1) W2 + b2."""

    W1: fn.Matrix = attrs.field(converter=fn.lock_matrix)
    b1: fn.Vector = attrs.field(converter=fn.lock_vector)
    swish: Swish
    W2: fn.Matrix = attrs.field(converter=fn.lock_matrix)
    b2: fn.Vector = attrs.field(converter=fn.lock_vector)

    __repr__ = fn.describe
    __reduce__ = fn.reduce_to_constructor

    def forward(self, x: fn.Matrix) -> tuple[fn.Matrix, tuple[fn.Matrix, fn.Matrix, fn.Matrix]]:
        """Return the scores, and the arrays that the backward pass needs."""
        hidden, cache = self.swish.forward(x @ self.W1 + self.b1)
        return hidden @ self.W2 + self.b2, (x, cache, hidden)

    def pullback(
        self, cache: tuple[fn.Matrix, fn.Matrix, fn.Matrix], dout: fn.Matrix
    ) -> tuple["TwoLayerNet", Callable[[], fn.Matrix]]:
        """Return the gradients, and a function that computes that of x."""
        x, inner, hidden = cache
        swish, dx = self.swish.pullback(inner, dout @ self.W2.T)
        da = dx()
        grads = TwoLayerNet(x.T @ da, da.sum(axis=0), swish, hidden.T @ dout, dout.sum(axis=0))
        return grads, lambda: da @ self.W1.T


def run_mypy() -> None:
    """Print the error that mypy reports if `Swish.pullback` returns an array instead of dx."""
    imports = "from collections.abc import Callable\nimport attrs\nimport funnet as fn\n"
    wrong = inspect.getsource(Swish).replace(", dx\n", ", dx()\n")
    strict = ["--strict", "--config-file=", "--cache-dir", os.devnull]
    command = [sys.executable, "-m", "mypy", *strict, "-c", imports + wrong]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (ours)
    print("mypy, if Swish returns dx() instead of dx:")
    print((done.stdout or done.stderr).splitlines()[0])


def main() -> None:
    """Train, check, run mypy, and draw each column of Swish before and after training."""
    args = options(__doc__, seed=0, epochs=20)

    (x_train, t_train), (x_test, t_test) = fn.load_digits()
    rng = np.random.default_rng(args.seed)
    swish = Swish(np.zeros(50, np.float32))  # x / 2: at first, the network is linear
    W1, W2 = (fn.Affine.init(n, m, rng=rng).W for n, m in ((64, 50), (50, 10)))
    net = TwoLayerNet(W1, np.zeros(50, np.float32), swish, W2, np.zeros(10, np.float32))
    print(net)

    batches = tqdm(fn.minibatches(x_train, t_train, 50, rng=rng, epochs=args.epochs), unit=" steps")
    learned = fn.last(
        fn.train(net, batches, loss=fn.softmax_cross_entropy, optimizer=fn.sgd(lr=0.5))
    ).params
    print(f"test accuracy: {fn.accuracy(fn.predict(learned, x_test), t_test):.2%}")

    x, t = rng.normal(size=(5, 50)), rng.normal(size=(5, 50))
    print("Swish:", fn.check_gradients(learned.swish, x, fn.sum_squared_error, t))
    print(
        "TwoLayerNet:",
        fn.check_gradients(learned, x_test[:3], fn.softmax_cross_entropy, t_test[:3]),
    )
    run_mypy()

    figure = figure_of(7, 4.2)
    axes = figure.subplots()
    line = np.linspace(-6, 6, 200, dtype=np.float32)[:, np.newaxis]
    after = axes.plot(line, fn.predict(learned.swish, line), color=ORANGE, lw=1)
    after[0].set_label("after training, each of 50 columns")
    before = {"before training, all columns": (line, fn.predict(swish, line)[:, 0])}
    draw_curves(
        axes,
        before,
        title="Swish before and after training",
        xlabel="input x",
        ylabel="x sigmoid(beta x)",
    )
    axes.legend()
    save(figure, args.out, "custom_layer.png")


if __name__ == "__main__":
    main()
