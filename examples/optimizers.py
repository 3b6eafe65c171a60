"""Four optimizers on a valley and on handwritten digits: the textbook's comparison.

    python examples/optimizers.py

It draws their paths on x²/20 + y² from (-7, 2), and the losses of four equal networks on MNIST, or
on the digits inside scikit-learn where MNIST is missing.
"""

from itertools import islice

import numpy as np
from common import BLUE, ORANGE, options, positive, save
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from tqdm import tqdm

from funnet import (
    Affine,
    DataError,
    Labels,
    Matrix,
    Optimizer,
    ReLU,
    adagrad,
    adam,
    load_digits,
    load_mnist,
    minibatches,
    momentum,
    moving_average,
    sequential,
    sgd,
    softmax_cross_entropy,
    train,
)

# The textbook's learning rates: the first for the valley, the second for the digits.
OPTIMIZERS: dict[str, tuple[Optimizer, Optimizer]] = {
    "SGD": (sgd(lr=0.95), sgd(lr=0.01)),
    "Momentum": (momentum(lr=0.1), momentum(lr=0.01)),
    "AdaGrad": (adagrad(lr=1.5), adagrad(lr=0.01)),
    "Adam": (adam(lr=0.3), adam(lr=0.001)),
}


def main() -> None:
    """Run both comparisons, print the figures, draw the pictures."""
    parser = options(__doc__)
    parser.add_argument("--steps", type=positive, default=2000, help="steps of each network")
    parser.add_argument("--data", help="folder of MNIST")
    args = parser.parse_args()

    figure = Figure(figsize=(12, 5.5), layout="constrained")
    left, right = figure.subfigures(1, 2, squeeze=False, wspace=0.04, width_ratios=[6, 5])[0]
    left.suptitle("30 steps on x²/20 + y² from (-7, 2)")
    for axes, (name, (optimizer, _)) in zip(
        left.subplots(2, 2).flat, OPTIMIZERS.items(), strict=True
    ):
        path = descend(optimizer)
        x, y = path[-1]
        print(f"{name:>8}: f = {x**2 / 20 + y**2:.4f} after 30 steps")
        draw_path(axes, name, path)

    source, x, t = digits(args.data)
    axes = right.subplots()
    axes.set_prop_cycle(
        color=[BLUE, ORANGE, "#009E73", "#CC79A7"], linestyle=["-", "--", "-.", "-"]
    )
    for name, (_, optimizer) in OPTIMIZERS.items():
        rng = np.random.default_rng(args.seed)  # equal weights and equal batches for all
        net = sequential(
            Affine.init(x.shape[1], 100, rng=rng), ReLU(),
            Affine.init(100, 100, rng=rng), ReLU(),
            Affine.init(100, 100, rng=rng), ReLU(),
            Affine.init(100, 100, rng=rng), ReLU(),
            Affine.init(100, 10, rng=rng),
        )  # fmt: skip
        batches = minibatches(x, t, 128, rng=rng)
        run = train(net, batches, loss=softmax_cross_entropy, optimizer=optimizer)
        some = tqdm(islice(run, args.steps), name, args.steps, unit=" steps")
        losses = [mean for _, mean in moving_average(some, 50)]
        print(f"{name:>8}: loss {losses[-1]:.4f} after {args.steps} steps on {source}")
        axes.semilogy(losses, label=name)
    axes.set(title=f"Loss on {source}, mean of 50 steps", xlabel="step", ylabel="cross-entropy")
    axes.legend()
    save(figure, args.out, "optimizers.png")


def descend(optimizer: Optimizer) -> Matrix:
    """Return the points of 30 steps."""
    point = np.array([-7.0, 2.0])
    state, path = optimizer.init(point), [point]
    for _ in range(30):
        point, state = optimizer.update(point, point * [1 / 10, 2], state)
        path.append(point)
    return np.stack(path)


def draw_path(axes: Axes, name: str, path: Matrix) -> None:
    """Draw the points over the contours of the valley."""
    x, y = np.meshgrid(np.linspace(-10, 10, 200), np.linspace(-6, 6, 200))
    axes.contour(x, y, x**2 / 20 + y**2, levels=np.arange(0.5, 42, 2), colors="0.8")
    axes.plot(*path.T, ".-", color=ORANGE)
    axes.plot(0, 0, "+", color=BLUE, ms=12)
    axes.set(title=name, xlabel="x", ylabel="y")


def digits(folder: str | None) -> tuple[str, Matrix, Labels]:
    """Return the name, inputs and targets of the data that there is."""
    try:
        (x, t), _ = load_mnist(data_dir=folder)
    except DataError:
        (x, t), _ = load_digits()
        return "the digits of scikit-learn", x, t
    return "MNIST", x, t


if __name__ == "__main__":
    main()
