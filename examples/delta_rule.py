"""One sigmoid neuron learns a table of four rows by the delta rule, and fails at XOR.

    python examples/delta_rule.py

The weights move along x times delta, where delta = e y (1 - y) and e = t - y is the error: with the
sign turned, that is the gradient of half the squared error, and `backward` returns it.
"""

from itertools import repeat

import numpy as np
from common import CORNERS, XOR, options, print_table
from plots import draw_curves, figure_of, legend_below, save

import funnet as fn

# Three inputs, of which the last is always 1, and two tables of targets.
X = np.hstack([CORNERS, np.ones((4, 1))])
TABLES = {"targets 0, 0, 1, 1": np.array([[0.0], [0.0], [1.0], [1.0]]), "XOR: 0, 1, 1, 0": XOR}
WHY = """\
A neuron says more than 1/2 on one side of a straight line and less on the other, and no line has
(0, 1) and (1, 0) on one side and (0, 0) and (1, 1) on the other. What brings one answer nearer to
its target takes another away from its own, and the balance of the four is 1/2 for each."""


def main() -> None:
    """Train on both tables, print and draw what the neuron says."""
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
        answers = np.hstack([fn.predict(state.params, X) for state in states])

        inputs = [", ".join(f"{value:.0f}" for value in row) for row in X]
        ends = zip(inputs, t[:, 0], answers[:, -1], strict=True)
        print_table(["input", "target", "answer"], ends)
        epochs = np.arange(1, args.epochs + 1)
        curves = {f"input {x}": (epochs, row) for x, row in zip(inputs, answers, strict=True)}
        draw_curves(axes, curves, title=name, xlabel="epochs", ylabel="the neuron's answer")
        axes.set(xscale="log", ylim=(-0.03, 1.03))
        axes.label_outer()
    print(WHY)
    legend_below(figure)
    save(figure, args.out, "delta_rule.png")


if __name__ == "__main__":
    main()
