"""The activation functions and their derivatives, one panel each.

    python examples/activations.py

The derivative is what `input_gradient` returns where 1 comes in from behind: no formula for it
stands here. It shows why deep sigmoid networks learn slowly (at most a quarter of a gradient comes
through a sigmoid), and why gradient descent cannot train a perceptron (nothing comes through).
"""

from typing import Any

import numpy as np
from common import BLUE, ORANGE, options, print_table, save
from matplotlib.figure import Figure

from funnet import (
    Identity,
    Layer,
    LeakyReLU,
    Matrix,
    ReLU,
    Sigmoid,
    Step,
    Tanh,
    forward,
    input_gradient,
)

LAYERS: dict[str, Layer[Matrix, Matrix, Any, Any]] = {
    "step": Step(),
    "sigmoid": Sigmoid(),
    "tanh": Tanh(),
    "ReLU": ReLU(),
    "leaky ReLU, slope 0.1": LeakyReLU(0.1),
    "identity": Identity(),
}


def curves(layer: Layer[Matrix, Matrix, Any, Any], x: Matrix) -> tuple[Matrix, Matrix]:
    """Return a layer's function and its derivative at x."""
    y, cache = forward(layer, x)
    return y, input_gradient(layer, cache, np.ones_like(y))


def main() -> None:
    """Print some values of the derivatives, draw all of them."""
    args = options(__doc__, seed=False).parse_args()

    points = np.array([[-5.0, -1.0, -0.1, 0.1, 1.0, 5.0]])
    slopes = {name: curves(layer, points)[1][0].tolist() for name, layer in LAYERS.items()}
    print_table(
        ["derivative at", *(f"{x:g}" for x in points[0])],
        [[name, *values] for name, values in slopes.items()],
    )
    save(draw(np.linspace(-5, 5, 1000)[:, np.newaxis]), args.out, "activations.png")


def draw(x: Matrix) -> Figure:
    """Draw each function and its derivative over x (points, 1)."""
    figure = Figure(figsize=(9, 5.2), layout="constrained")
    panels = figure.subplots(2, 3, sharex=True)
    for axes, (name, layer) in zip(panels.flat, LAYERS.items(), strict=True):
        y, slope = curves(layer, x)
        axes.plot(x, y, color=BLUE, lw=2.5, label="function y(x)")
        axes.plot(x, slope, color=ORANGE, lw=2.5, ls="--", label="derivative dy/dx")
        axes.set(title=name, ylim=(-1.2, 2.2), yticks=[-1, 0, 1, 2])
        axes.grid(alpha=0.3)
    figure.supxlabel("input x")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


if __name__ == "__main__":
    main()
