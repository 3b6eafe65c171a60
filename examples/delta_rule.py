"""One sigmoid neuron learns a table of four rows by the delta rule, and fails at XOR.

    python examples/delta_rule.py

The weights move along x times delta, where delta = e y (1 - y) and e = t - y is the error: with the
sign turned, that is the gradient of half the squared error, and `backward` returns it.
"""

from itertools import repeat

import numpy as np
from common import (
    BLUE,
    CORNERS,
    GREEN,
    ORANGE,
    XOR,
    YELLOW,
    descend,
    options,
    positive,
    print_table,
    save,
)
from matplotlib.figure import Figure

from funnet import (
    Affine,
    Matrix,
    Sigmoid,
    backward,
    forward,
    normal,
    predict,
    sequential,
    sum_squared_error,
)

# Three inputs, of which the last is always 1, and four targets.
X = np.hstack([CORNERS, np.ones((4, 1))])
TABLES = {"targets 0, 0, 1, 1": np.array([[0.0], [0.0], [1.0], [1.0]]), "XOR: 0, 1, 1, 0": XOR}
WHY = """\
A neuron says more than 1/2 on one side of a straight line and less on the other, and no line has
(0, 1) and (1, 0) on one side and (0, 0) and (1, 1) on the other. What brings one answer nearer to
its target takes another away from its own, and the balance of the four is 1/2 for each."""


def main() -> None:
    """Train on both tables, print and draw what the neuron says."""
    parser = options(__doc__)
    parser.add_argument("--epochs", type=positive, default=10_000, help="passes through the table")
    args = parser.parse_args()

    start = Affine.init(3, 1, rng=args.seed, weights=normal(1), dtype=np.float64)
    neuron = sequential(start, Sigmoid())
    answers = {}
    for name, t in TABLES.items():
        y, cache = forward(neuron, X)
        grads = backward(neuron, cache, sum_squared_error(y, t)[1])
        by_hand = X.T @ ((t - y) * y * (1 - y)) / len(X)
        print(f"{name}\nbackward and the delta rule: {abs(grads.layers[0].W + by_hand).max():.0e}")

        # The mean over four rows, at the rate 3.6: 0.9 for each row.
        steps = descend(neuron, repeat((X, t), args.epochs), sum_squared_error, lr=3.6)
        answers[name] = np.hstack([predict(net, X) for net, _ in steps])
        print_table(["x", "target", "answer"], zip(X, t[:, 0], answers[name][:, -1], strict=True))
    print(WHY)
    save(draw(answers), args.out, "delta_rule.png")


def draw(answers: dict[str, Matrix]) -> Figure:
    """Draw the answers (rows, epochs) to each table."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    for axes, (name, y) in zip(panels, answers.items(), strict=True):
        styles = zip(y, X, (BLUE, ORANGE, GREEN, YELLOW), ("-", "--", "-.", ":"), strict=True)
        for row, x, colour, style in styles:
            label = f"input {x[0]:.0f}, {x[1]:.0f}, {x[2]:.0f}"
            axes.semilogx(1 + np.arange(row.size), row, style, color=colour, lw=2.5, label=label)
        axes.set(title=name, xlabel="epochs", ylabel="the neuron's answer", ylim=(-0.03, 1.03))
        axes.grid(alpha=0.3)
        axes.label_outer()
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, handlelength=3)
    return figure


if __name__ == "__main__":
    main()
