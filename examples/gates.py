"""Perceptrons with weights set by hand: AND, NAND, OR, and XOR as two layers of them.

    python examples/gates.py

One perceptron draws one straight line, so none is XOR; two lines and an AND of their sides are.
"""

from typing import Any

import numpy as np
from common import CORNERS, draw_plane, options, print_table, save
from matplotlib.figure import Figure

from funnet import Affine, Layer, Matrix, Step, predict, sequential

AND = Affine(np.array([[0.5], [0.5]]), np.array([-0.7]))
NAND = Affine(np.array([[-0.5], [-0.5]]), np.array([0.7]))
OR = Affine(np.array([[0.5], [0.5]]), np.array([-0.2]))
# The first layer computes NAND and OR side by side, and the second their AND.
NAND_OR = Affine(np.hstack([NAND.W, OR.W]), np.concatenate([NAND.b, OR.b]))

GATES: dict[str, Layer[Matrix, Matrix, Any, Any]] = {
    "AND": sequential(AND, Step()),
    "NAND": sequential(NAND, Step()),
    "OR": sequential(OR, Step()),
    "XOR": sequential(NAND_OR, Step(), AND, Step()),
}
LINES = {"AND": AND, "NAND": NAND, "OR": OR, "XOR": NAND_OR}
TRUTH = {"AND": [0, 0, 0, 1], "NAND": [1, 1, 1, 0], "OR": [0, 1, 1, 1], "XOR": [0, 1, 1, 0]}


def main() -> None:
    """Print the truth tables, draw the lines."""
    args = options(__doc__, seed=False).parse_args()

    outputs = {name: predict(gate, CORNERS) for name, gate in GATES.items()}
    print_table(
        ["x1", "x2", *outputs],
        np.hstack([CORNERS, *outputs.values()]).astype(int).tolist(),
    )
    right = [name for name, y in outputs.items() if y[:, 0].tolist() == TRUTH[name]]
    print(f"right: {len(right)} of {len(GATES)} truth tables")
    print(GATES["XOR"])
    save(draw(outputs), args.out, "gates.png")


def draw(outputs: dict[str, Matrix]) -> Figure:
    """Draw, for each gate, where it says 1 and the lines at which its first layer changes."""
    figure = Figure(figsize=(10, 3.7), layout="constrained")
    panels = figure.subplots(1, 4, sharey=True)
    for axes, (name, y) in zip(panels, outputs.items(), strict=True):
        draw_plane(axes, GATES[name], y)
        for (w1, w2), b in zip(LINES[name].W.T, LINES[name].b, strict=True):
            x1 = np.array([-0.5, 1.5])
            axes.plot(x1, -(b + w1 * x1) / w2, color="black", label="$w_1x_1 + w_2x_2 + b = 0$")
        axes.set(title=name, xlim=(-0.5, 1.5), ylim=(-0.5, 1.5))
        axes.label_outer()
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


if __name__ == "__main__":
    main()
