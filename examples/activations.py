"""The activation functions and their derivatives.

    python examples/activations.py

The derivative is the result of `input_gradient` for an upstream gradient of 1, so the script has no
formula for it. It shows why deep sigmoid networks learn slowly (a sigmoid passes on at most a
quarter of a gradient), and why gradient descent cannot train a perceptron (a step passes on none).
"""

import numpy as np
from common import Net, options, print_table
from plots import draw_curves, figure_of, legend_below, save

import funnet as fn

LAYERS: dict[str, Net] = {
    "step": fn.Step(),
    "sigmoid": fn.Sigmoid(),
    "tanh": fn.Tanh(),
    "ReLU": fn.ReLU(),
    "leaky ReLU, slope 0.1": fn.LeakyReLU(0.1),
    "identity": fn.Identity(),
}


def curves(layer: Net, x: fn.Matrix) -> tuple[fn.Matrix, fn.Matrix]:
    """Return the outputs and the derivatives of a layer at x."""
    y, cache = fn.forward(layer, x)
    return y, fn.input_gradient(layer, cache, np.ones_like(y))


def main() -> None:
    """Print some of the derivatives and draw all functions."""
    args = options(__doc__)

    points = np.array([[-5.0, -1.0, -0.1, 0.1, 1.0, 5.0]])
    slopes = [[name, *curves(layer, points)[1][0].tolist()] for name, layer in LAYERS.items()]
    print_table(["derivative at", *(f"{x:g}" for x in points[0])], slopes)

    figure = figure_of(9, 5.6)
    x = np.linspace(-5, 5, 1000)[:, np.newaxis]
    for axes, (name, layer) in zip(figure.subplots(2, 3).flat, LAYERS.items(), strict=True):
        y, slope = curves(layer, x)
        pair = {"function y(x)": (x, y), "derivative dy/dx": (x, slope)}
        draw_curves(axes, pair, title=name, xlabel="input x")
        axes.set(ylim=(-1.2, 2.2), yticks=[-1, 0, 1, 2])
        axes.label_outer()
    legend_below(figure)
    save(figure, args.out, "activations.png")


if __name__ == "__main__":
    main()
