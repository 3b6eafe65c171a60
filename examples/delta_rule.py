"""One sigmoid neuron learns a truth table by the delta rule, and fails on XOR.

    python examples/delta_rule.py

The weights move along x times delta, where delta = e y (1 - y) and e = t - y is the error. This is
the negative gradient of half the squared error, which `backward` returns.
"""

from itertools import repeat

import numpy as np
from common import CORNERS, XOR, options, print_table
from plots import draw_curves, figure_of, legend_below, save

import funnet as fn

# Three inputs, of which the last is always 1, and two truth tables.
X = np.hstack([CORNERS, np.ones((4, 1))])
TABLES = {"Targets 0, 0, 1, 1": np.array([[0.0], [0.0], [1.0], [1.0]]), "XOR: 0, 1, 1, 0": XOR}
WHY = """\
A neuron's output is above 1/2 on one side of a straight line and below on the other, and no line
has (0, 1) and (1, 0) on one side and (0, 0) and (1, 1) on the other. An update that brings one
output closer to its target moves another one away from its own; they balance at 1/2."""


def main() -> None:
    """Train on both tables, print and draw the outputs of the neuron."""
    args = options(__doc__, seed=0, epochs=10_000)
    start = fn.Affine.init(3, 1, rng=args.seed, weights=fn.normal(1), dtype=np.float64)
    neuron = fn.sequential(start, fn.Sigmoid())

    figure = figure_of(9, 4)
    for axes, (name, t) in zip(figure.subplots(1, 2, sharey=True), TABLES.items(), strict=True):
        y, cache = fn.forward(neuron, X)
        grads = fn.backward(neuron, cache, fn.sum_squared_error(y, t)[1])
        rule = X.T @ ((t - y) * y * (1 - y)) / len(X)
        difference = np.abs(grads.layers[0].W + rule).max()
        print(f"{name}\nbackward and the delta rule differ by {difference:.1g}")

        # The loss is the mean of four rows: the rate 3.6 is 0.9 for each row.
        rows = repeat((X, t), args.epochs)
        states = fn.train(neuron, rows, loss=fn.sum_squared_error, optimizer=fn.sgd(lr=3.6))
        outputs = np.hstack([fn.predict(state.params, X) for state in states])

        inputs = [", ".join(f"{value:.0f}" for value in row) for row in X]
        ends = zip(inputs, t[:, 0], outputs[:, -1], strict=True)
        print_table(["input", "target", "output"], ends)
        epochs = np.arange(1, args.epochs + 1)
        curves = {f"input {x}": (epochs, row) for x, row in zip(inputs, outputs, strict=True)}
        draw_curves(axes, curves, title=name, xlabel="epochs", ylabel="output")
        axes.set(xscale="log", ylim=(-0.03, 1.03))
        axes.label_outer()
    print(WHY)
    legend_below(figure)
    save(figure, args.out, "delta_rule.png")


if __name__ == "__main__":
    main()
