"""The forward pass of a 2-4-3 network on a batch of ten points, with three output activations.

    python examples/forward_pass.py

Identity leaves the scores unchanged (regression), sigmoid maps each of them to (0, 1) (several
labels may be true), and softmax turns a row into probabilities that sum to 1 (one class is true).
None of them changes which score is the largest.
"""

import numpy as np
from common import Net, options, print_table
from plots import STYLES, figure_of, save

import funnet as fn

OUTPUTS: dict[str, Net] = {
    "identity": fn.Identity(),
    "sigmoid": fn.Sigmoid(),
    "softmax": fn.Softmax(),
}


def main() -> None:
    """Print the outputs for the batch, and draw those for the first point."""
    args = options(__doc__, seed=0)
    rng = np.random.default_rng(args.seed)

    x = rng.normal(size=(10, 2)).astype(np.float32)
    body = fn.sequential(fn.Affine.init(2, 4, rng=rng), fn.Sigmoid(), fn.Affine.init(4, 3, rng=rng))
    print(f"{body}\ninput {x.shape}, output {fn.predict(body, x).shape}")

    outputs = [fn.predict(fn.sequential(body, last), x) for last in OUTPUTS.values()]
    rows = [["  ".join(f"{v:6.3f}" for v in y) for y in row] for row in zip(*outputs, strict=True)]
    table = [[*row, float(y.sum())] for row, y in zip(rows, outputs[2], strict=True)]
    print_table([*OUTPUTS, "sum of softmax"], table)
    print(f"softmax of 1010, 1000, 990: {fn.softmax(np.array([1010.0, 1000.0, 990.0]))}")

    figure = figure_of(9, 3.3)
    figure.suptitle("Outputs for the first point, by output activation")
    panels = figure.subplots(1, 3)
    for axes, name, y, (colour, _, _) in zip(panels, OUTPUTS, outputs, STYLES, strict=False):
        bars = axes.bar(["0", "1", "2"], y[0], color=colour)
        axes.bar_label(bars, fmt="%.2f", padding=2)
        axes.axhline(0, color="black", lw=1)
        axes.margins(y=0.15)
        axes.set(title=name, xlabel="output neuron")
    save(figure, args.out, "forward_pass.png")


if __name__ == "__main__":
    main()
