"""Perceptrons with weights set by hand: AND, NAND, OR, and XOR as two layers of them.

    python examples/gates.py

A perceptron separates the plane by one straight line. XOR takes two lines, and so two layers.
"""

import numpy as np
from common import CORNERS, Net, options, print_table
from plots import draw_lines, draw_plane, figure_of, legend_below, save

import funnet as fn

AND = fn.Affine(np.array([[0.5], [0.5]]), np.array([-0.7]))
NAND = fn.Affine(np.array([[-0.5], [-0.5]]), np.array([0.7]))
OR = fn.Affine(np.array([[0.5], [0.5]]), np.array([-0.2]))
# The first layer of XOR computes NAND and OR side by side, and the second their AND.
NAND_OR = fn.Affine(np.hstack([NAND.W, OR.W]), np.concatenate([NAND.b, OR.b]))

GATES: dict[str, Net] = {
    "AND": fn.sequential(AND, fn.Step()),
    "NAND": fn.sequential(NAND, fn.Step()),
    "OR": fn.sequential(OR, fn.Step()),
    "XOR": fn.sequential(NAND_OR, fn.Step(), AND, fn.Step()),
}
LINES = {"AND": AND, "NAND": NAND, "OR": OR, "XOR": NAND_OR}
TRUTH = {"AND": [0, 0, 0, 1], "NAND": [1, 1, 1, 0], "OR": [0, 1, 1, 1], "XOR": [0, 1, 1, 0]}


def main() -> None:
    """Print the truth tables and draw the lines."""
    args = options(__doc__)

    outputs = {name: fn.predict(gate, CORNERS) for name, gate in GATES.items()}
    rows = np.hstack([CORNERS, *outputs.values()]).astype(int).tolist()
    print_table(["x1", "x2", *outputs], rows)
    right = [name for name, y in outputs.items() if y[:, 0].tolist() == TRUTH[name]]
    print(f"correct truth tables: {len(right)} of {len(GATES)}")
    print(f"XOR: {GATES['XOR']}")

    figure = figure_of(10, 3.4)
    panels = figure.subplots(1, 4, sharey=True)
    for axes, (name, y) in zip(panels, outputs.items(), strict=True):
        draw_plane(axes, GATES[name], y)
        draw_lines(axes, LINES[name])
        axes.set_title(name)
        axes.label_outer()
    legend_below(figure)
    save(figure, args.out, "gates.png")


if __name__ == "__main__":
    main()
