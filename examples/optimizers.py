"""Four optimizers on a valley and on handwritten digits: the textbook's comparison.

    python examples/optimizers.py

It draws their paths on x²/20 + y² from (-7, 2), and the training losses of four equal networks on
MNIST, or on the 8 x 8 digits if MNIST is not available.
"""

from itertools import islice

import numpy as np
from common import mnist_or_digits, options, print_table
from plots import draw_curves, draw_path, figure_of, save
from tqdm import tqdm

import funnet as fn

# With the textbook's learning rates: the first for the valley, the second for the digits.
OPTIMIZERS: dict[str, tuple[fn.Optimizer, fn.Optimizer]] = {
    "SGD": (fn.sgd(lr=0.95), fn.sgd(lr=0.01)),
    "Momentum": (fn.momentum(lr=0.1), fn.momentum(lr=0.01)),
    "AdaGrad": (fn.adagrad(lr=1.5), fn.adagrad(lr=0.01)),
    "Adam": (fn.adam(lr=0.3), fn.adam(lr=0.001)),
}


def height(x: fn.Matrix, y: fn.Matrix) -> fn.Matrix:
    """Return the height of the valley."""
    return x**2 / 20 + y**2


def descend(optimizer: fn.Optimizer) -> fn.Matrix:
    """Return the points of 30 steps down the valley, shape (31, 2)."""
    point = np.array([-7.0, 2.0])
    state, path = optimizer.init(point), [point]
    for _ in range(30):
        gradient = point * [1 / 10, 2]
        point, state = optimizer.update(point, gradient, state)
        path.append(point)
    return np.stack(path)


def main() -> None:
    """Run both comparisons, print and draw the results."""
    args = options(__doc__, seed=0, steps=2000, data_dir=None)
    (x, t), _ = mnist_or_digits(args.data_dir)

    paths = {name: descend(optimizer) for name, (optimizer, _) in OPTIMIZERS.items()}
    curves = {}
    for name, (_, optimizer) in OPTIMIZERS.items():
        rng = np.random.default_rng(args.seed)  # the same weights and batches for all
        widths = (x.shape[1], 100, 100, 100)
        hidden = [fn.sequential(fn.Affine.init(n, 100, rng=rng), fn.ReLU()) for n in widths]
        net = fn.sequential(*hidden, fn.Affine.init(100, 10, rng=rng))
        batches = fn.minibatches(x, t, 128, rng=rng)
        states = fn.train(net, batches, loss=fn.softmax_cross_entropy, optimizer=optimizer)
        limited = tqdm(islice(states, args.steps), name, args.steps, unit=" steps")
        losses = [mean for _, mean in fn.moving_average(limited, 50)]
        curves[name] = range(1, args.steps + 1), losses

    header = ["optimizer", "height after 30 steps", f"loss after {args.steps:,} steps"]
    print_table(header, [[k, float(height(*paths[k][-1])), curves[k][1][-1]] for k in OPTIMIZERS])

    figure = figure_of(12, 5.5)
    left, right = figure.subfigures(1, 2, squeeze=False, wspace=0.04, width_ratios=[6, 5])[0]
    left.suptitle("30 steps on x²/20 + y² from (-7, 2)")
    panels = left.subplots(2, 2, sharex=True, sharey=True)
    for axes, (name, path) in zip(panels.flat, paths.items(), strict=True):
        draw_path(axes, height, path)
        axes.set_title(name)
        axes.label_outer()
    axes = right.subplots()
    title = f"Training loss of five layers ({len(x):,} digits of {x.shape[1]} pixels)"
    draw_curves(axes, curves, title=title, xlabel="steps", yscale="log")
    axes.set_ylabel("cross-entropy (nats), mean of 50 steps")
    axes.legend()
    save(figure, args.out, "optimizers.png")


if __name__ == "__main__":
    main()
