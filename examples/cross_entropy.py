"""The XOR network learns faster with cross-entropy than with the squared error.

    python examples/cross_entropy.py

The error of an output is e = y - t. With the squared error, the delta of the output is
e y (1 - y), which vanishes where the sigmoid is flat, even if the output is completely wrong. With
cross-entropy, the factor y (1 - y) cancels, and delta is the error itself.
"""

from collections.abc import Callable
from itertools import repeat

import numpy as np
from common import CORNERS, XOR, Net, options, print_table
from plots import draw_curves, figure_of, legend_below, save
from tqdm import tqdm
from xor import scorer

import funnet as fn

NAMES = ("squared error", "cross-entropy")
Loss = Callable[[fn.Matrix, fn.Matrix], tuple[float, fn.Matrix]]


def learn(
    net: Net, loss: Loss, activation: Callable[[fn.Matrix], fn.Matrix], epochs: int
) -> fn.Matrix:
    """Return the loss and the largest error of the four outputs by epoch, shape (2, epochs)."""
    states = fn.train(net, repeat((CORNERS, XOR), epochs), loss=loss, optimizer=fn.sgd(lr=3.6))
    outputs = ((state.loss, activation(fn.predict(state.params, CORNERS))) for state in states)
    return np.array([(value, np.abs(y - XOR).max()) for value, y in outputs]).T


def main() -> None:
    """Train from several seeds with both losses, and print and draw which is faster."""
    args = options(__doc__, seed=0, seeds=5, epochs=2000)

    scores = fn.predict(scorer(args.seed), CORNERS)
    _, delta = fn.sigmoid_cross_entropy(scores, XOR)  # of the mean of four rows
    difference = np.abs(4 * delta - (fn.sigmoid(scores) - XOR)).max()
    print(f"delta and the error y - t differ by {difference:.1g}\n")

    seeds = range(args.seed, args.seed + args.seeds)
    squared, cross = [], []
    for seed in tqdm(seeds, unit=" seeds"):
        net = scorer(seed)
        squared.append(
            learn(fn.sequential(net, fn.Sigmoid()), fn.sum_squared_error, fn.identity, args.epochs)
        )
        cross.append(learn(net, fn.sigmoid_cross_entropy, fn.sigmoid, args.epochs))
    wrong = [[int(np.sum(errors >= 0.1)) for _, errors in runs] for runs in (squared, cross)]
    print("epochs in which an output is off by 0.1 or more:")
    print_table(["seed", *NAMES], zip(seeds, *wrong, strict=True))
    faster = sum(c < s for s, c in zip(*wrong, strict=True))
    print(f"cross-entropy is faster for {faster} of {len(seeds)} seeds")

    figure = figure_of(11, 3.9)
    shapes, losses, errors = figure.subplots(1, 3)
    e = np.linspace(0, 0.99, 100)
    formulas = dict(zip(NAMES, ((e, e**2 / 2), (e, -np.log(1 - e))), strict=True))
    draw_curves(shapes, formulas, title="Loss of one output", xlabel="error |y - t|", ylabel="loss")
    x = np.arange(1, args.epochs + 1)
    for runs in zip(squared, cross, strict=True):
        for i, axes in enumerate((losses, errors)):
            curves = {name: (x, run[i]) for name, run in zip(NAMES, runs, strict=True)}
            draw_curves(axes, curves, xlabel="epochs", xscale="log")
    losses.set(title=f"Mean loss of four rows, {args.seeds} seeds", ylabel="loss")
    errors.set(title=f"Largest error of four rows, {args.seeds} seeds", ylabel="error |y - t|")
    legend_below(figure)
    save(figure, args.out, "cross_entropy.png")


if __name__ == "__main__":
    main()
