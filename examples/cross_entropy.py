"""The XOR network learns faster by cross-entropy than by the squared error.

    python examples/cross_entropy.py

Both losses punish the same error e = y - t. By the squared error, the output's delta is
e y (1 - y), which dies where the sigmoid is flat, even if the answer is wholly wrong. By
cross-entropy, y (1 - y) cancels out, and delta is the error itself.
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


def learn(net: Net, loss: Loss, answer: Callable[[fn.Matrix], fn.Matrix], epochs: int) -> fn.Matrix:
    """Return the loss and the largest error of the four answers, (2, epochs)."""
    states = fn.train(net, repeat((CORNERS, XOR), epochs), loss=loss, optimizer=fn.sgd(lr=3.6))
    outputs = ((state.loss, answer(fn.predict(state.params, CORNERS))) for state in states)
    return np.array([(value, np.abs(y - XOR).max()) for value, y in outputs]).T


def main() -> None:
    """Train from several seeds by both losses, print and draw which is faster."""
    args = options(__doc__, seed=0, seeds=5, epochs=2000)

    scores = fn.predict(scorer(args.seed), CORNERS)
    _, delta = fn.sigmoid_cross_entropy(scores, XOR)  # of the mean over four rows
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
    print("epochs with an answer that is wrong by 0.1 or more:")
    print_table(["seed", *NAMES], zip(seeds, *wrong, strict=True))
    faster = sum(c < s for s, c in zip(*wrong, strict=True))
    print(f"cross-entropy is faster: {faster} of {len(seeds)} seeds")

    figure = figure_of(10, 3.9)
    shapes, losses, errors = figure.subplots(1, 3)
    e = np.linspace(0, 0.99, 100)
    formulas = dict(zip(NAMES, ((e, e**2 / 2), (e, -np.log(1 - e))), strict=True))
    draw_curves(shapes, formulas, title="One answer", xlabel="error |y - t|", ylabel="loss")
    x = np.arange(1, args.epochs + 1)
    for runs in zip(squared, cross, strict=True):
        for i, axes in enumerate((losses, errors)):
            curves = {name: (x, run[i]) for name, run in zip(NAMES, runs, strict=True)}
            draw_curves(axes, curves, xlabel="epochs", xscale="log")
    losses.set(title=f"Mean of four rows, {args.seeds} seeds", ylabel="loss")
    errors.set(title=f"Worst of four rows, {args.seeds} seeds", ylabel="error |y - t|")
    legend_below(figure)
    save(figure, args.out, "cross_entropy.png")


if __name__ == "__main__":
    main()
