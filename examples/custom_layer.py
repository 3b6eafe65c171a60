"""A layer and a network class of your own, with every right that funnet's have.

    python examples/custom_layer.py

Swish, y = x sigmoid(beta x), learns a beta for each column; a TwoLayerNet holds one between its
weights. Both are compared with numerical gradients, the network learns to read digits, and mypy
is asked about a Swish that returns an array where a function belongs.
"""

import inspect
import os
from collections.abc import Callable

import attrs
import numpy as np
from common import options
from plots import ORANGE, draw_curves, figure_of, save
from tqdm import tqdm

from funnet import (
    Matrix,
    Vector,
    accuracy,
    check_gradients,
    describe,
    he,
    last,
    load_digits,
    lock_matrix,
    lock_vector,
    minibatches,
    predict,
    rebuild,
    relu,
    sgd,
    sigmoid,
    softmax_cross_entropy,
    sum_squared_error,
    train,
)


@attrs.frozen(eq=False)
class Swish:
    """y = x sigmoid(beta x)."""

    beta: Vector = attrs.field(converter=lock_vector)

    __repr__ = describe
    __reduce__ = rebuild

    def forward(self, x: Matrix) -> tuple[Matrix, Matrix]:
        """Return y, and x for the way back."""
        return x * sigmoid(x * self.beta), x

    def pullback(self, x: Matrix, dout: Matrix) -> tuple["Swish", Callable[[], Matrix]]:
        """Return the gradient of beta, and how to get that of x."""
        s = sigmoid(x * self.beta)
        slope = x * s * (1 - s)
        dy: Matrix = s + self.beta * slope

        def dx() -> Matrix:
            return dout * dy

        return Swish((dout * x * slope).sum(axis=0)), dx


@attrs.frozen(eq=False)
class TwoLayerNet:
    """y = swish(x W1 + b1) W2 + b2."""

    W1: Matrix = attrs.field(converter=lock_matrix)
    b1: Vector = attrs.field(converter=lock_vector)
    swish: Swish
    W2: Matrix = attrs.field(converter=lock_matrix)
    b2: Vector = attrs.field(converter=lock_vector)

    __repr__ = describe
    __reduce__ = rebuild

    def forward(self, x: Matrix) -> tuple[Matrix, tuple[Matrix, Matrix, Matrix]]:
        """Return the scores, and what the way back needs."""
        hidden, cache = self.swish.forward(x @ self.W1 + self.b1)
        return hidden @ self.W2 + self.b2, (x, cache, hidden)

    def pullback(
        self, cache: tuple[Matrix, Matrix, Matrix], dout: Matrix
    ) -> tuple["TwoLayerNet", Callable[[], Matrix]]:
        """Return the gradients, and how to get that of x."""
        x, inner, hidden = cache
        swish, dx = self.swish.pullback(inner, dout @ self.W2.T)
        da = dx()
        grads = TwoLayerNet(x.T @ da, da.sum(axis=0), swish, hidden.T @ dout, dout.sum(axis=0))
        return grads, lambda: da @ self.W1.T


def ask_mypy() -> None:
    """Print what mypy says of a Swish whose gradient of x is no function."""
    try:
        from mypy import api  # noqa: PLC0415 (only who wants to know needs it)
    except ImportError:
        print("what mypy says of a mistake is shown where it is installed: pip install mypy")
        return
    imports = "from collections.abc import Callable\nimport attrs\nfrom funnet import *\n"
    wrong = inspect.getsource(Swish).replace(", dx\n", ", dx()\n")
    strict = ["--strict", "--config-file=", "--cache-dir", os.devnull]
    out, _, _ = api.run([*strict, "-c", imports + wrong])
    print(f"mypy, where Swish returns dx() in place of dx:\n{out.splitlines()[0]}")


def main() -> None:
    """Check, train, ask mypy, and draw what each column computes before and after training."""
    args = options(__doc__, seed=0, epochs=20)

    (x_train, t_train), (x_test, t_test) = load_digits()
    rng = np.random.default_rng(args.seed)
    beta = rng.uniform(0, 2, 50).astype(np.float32)
    b1, b2 = np.zeros(50, np.float32), np.zeros(10, np.float32)
    net = TwoLayerNet(he(rng, 64, 50, np.float32), b1, Swish(beta), he(rng, 50, 10, np.float32), b2)
    print(net)

    x, t = rng.normal(size=(5, 50)), rng.normal(size=(5, 50))
    print("Swish:", check_gradients(net.swish, x, sum_squared_error, t))
    print("TwoLayerNet:", check_gradients(net, x_test[:3], softmax_cross_entropy, t_test[:3]))

    batches = tqdm(minibatches(x_train, t_train, 50, rng=rng, epochs=args.epochs), unit=" steps")
    learned = last(train(net, batches, loss=softmax_cross_entropy, optimizer=sgd(lr=0.5))).params
    print(f"test accuracy: {accuracy(predict(learned, x_test), t_test):.2%}")
    ask_mypy()

    figure = figure_of(9, 3.8)
    line = np.linspace(-6, 3, 200, dtype=np.float32)[:, np.newaxis]
    swishes = {"drawn from 0 to 2": net.swish, "learned": learned.swish}
    panels = figure.subplots(1, 2, sharey=True)
    for axes, (name, swish) in zip(panels, swishes.items(), strict=True):
        title = f"50 betas, {name}: {swish.beta.min():.2f} to {swish.beta.max():.2f}"
        limit = {"ReLU, the limit of a large beta": (line, relu(line))}
        axes.plot(line, predict(swish, line), color=ORANGE, lw=1, alpha=0.6)
        draw_curves(axes, limit, title=title, xlabel="input x", ylabel="x sigmoid(beta x)")
        axes.label_outer()
    figure.axes[0].legend()
    save(figure, args.out, "custom_layer.png")


if __name__ == "__main__":
    main()
