"""Deep networks, and what their first weights do to activations and gradients.

    python examples/vanishing_gradient.py

Five layers of 100 neurons: what is left of a normal input after each, by activation function and
by how the weights begin. Then seven layers of 50: how large the gradient of each layer's weights
is, with weights by Xavier for sigmoid and tanh, and by He for ReLU.
"""

from typing import Any

import numpy as np
from common import BLUE, GREEN, ORANGE, options, print_table, save
from matplotlib.figure import Figure

from funnet import (
    Affine,
    Initializer,
    Layer,
    Matrix,
    ReLU,
    Sigmoid,
    Tanh,
    backward,
    forward,
    he,
    named_leaves,
    normal,
    predict,
    sequential,
    softmax_cross_entropy,
    xavier,
)

Activation = Layer[Matrix, Matrix, Any, Any]
FUNCTIONS: dict[str, Activation] = {"sigmoid": Sigmoid(), "tanh": Tanh(), "ReLU": ReLU()}
WEIGHTS = {"std 1": normal(1), "std 0.01": normal(0.01), "Xavier": xavier, "He": he}
RANGES = {"sigmoid": (0, 1), "tanh": (-1, 1), "ReLU": (0, 3)}
BEST = {"sigmoid": "Xavier", "tanh": "Xavier", "ReLU": "He"}
STYLES = {"sigmoid": (BLUE, "o-"), "tanh": (GREEN, "s--"), "ReLU": (ORANGE, "^-.")}

Activations = dict[tuple[str, str], list[Matrix]]


def main() -> None:
    """Print and draw the spread of activations, then the size of gradients."""
    args = options(__doc__).parse_args()

    y = {
        (name, weights): activations(layer, WEIGHTS[weights], args.seed)
        for name, layer in FUNCTIONS.items()
        for weights in WEIGHTS
    }
    print("standard deviation of the activations after each of five layers:")
    print_table(
        ["function", "weights", *"12345"],
        [[*key, *(float(a.std()) for a in layers)] for key, layers in y.items()],
    )
    save(draw_activations(y), args.out, "vanishing_gradient_activations.png")

    sizes = {
        name: gradients(layer, WEIGHTS[BEST[name]], args.seed) for name, layer in FUNCTIONS.items()
    }
    print("\nmean |dW| of each of seven layers:")
    print_table(
        ["function", "weights", *"1234567", "first / last"],
        [[name, BEST[name], *size, size[0] / size[-1]] for name, size in sizes.items()],
    )
    save(draw_gradients(sizes), args.out, "vanishing_gradient.png")


def activations(layer: Activation, weights: Initializer, seed: int) -> list[Matrix]:
    """Return what comes out of each of five layers."""
    rng = np.random.default_rng(seed)
    y: Matrix = rng.normal(size=(1000, 100)).astype(np.float32)
    outputs = []
    for _ in range(5):
        y = predict(sequential(Affine.init(100, 100, rng=rng, weights=weights), layer), y)
        outputs.append(y)
    return outputs


def gradients(layer: Activation, weights: Initializer, seed: int) -> list[float]:
    """Return mean |dW| of each of seven layers, for a batch of 100 with random classes."""
    rng = np.random.default_rng(seed)
    x, t = rng.normal(size=(100, 50)).astype(np.float32), rng.integers(10, size=100)
    hidden = [sequential(Affine.init(50, 50, rng=rng, weights=weights), layer) for _ in range(6)]
    net = sequential(*hidden, Affine.init(50, 10, rng=rng, weights=weights))
    y, cache = forward(net, x)
    _, dy = softmax_cross_entropy(y, t)
    leaves = named_leaves(backward(net, cache, dy))
    return [float(np.abs(array).mean()) for path, array in leaves if path.endswith("W")]


def draw_activations(y: Activations) -> Figure:
    """Draw a histogram for each function, kind of weights and layer."""
    figure = Figure(figsize=(9, 13), layout="constrained")
    parts = figure.subfigures(3, 1, squeeze=False, hspace=0.03)[:, 0]
    for part, (name, (low, high)) in zip(parts, RANGES.items(), strict=True):
        panels = part.subplots(4, 5, sharex=True, sharey=True)
        for row, weights in zip(panels, WEIGHTS, strict=True):
            for axes, a in zip(row, y[name, weights], strict=True):
                bins = np.clip(a.ravel(), low, high)
                share = np.full(bins.size, 100 / bins.size)
                axes.hist(bins, 30, range=(low, high), weights=share, color=STYLES[name][0])
                axes.set_title(f"std {a.std():{'.2g' if a.std() < 100 else ',.0f'}}", size="small")
                axes.set(ylim=(0, 30), yticks=[0, 30])
            row[0].set_ylabel(weights)
        for i, axes in enumerate(panels[-1]):
            axes.set_xlabel(f"layer {i + 1}")
        beyond = "; the last bin holds all above 3" if name == "ReLU" else ""
        part.suptitle(f"{name}: per cent of the activations in each bin{beyond}")
    return figure


def draw_gradients(sizes: dict[str, list[float]]) -> Figure:
    """Draw the size of the gradient by layer."""
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    for name, size in sizes.items():
        colour, style = STYLES[name]
        label = f"{name}, {BEST[name]}"
        axes.semilogy(range(1, 8), size, style, color=colour, lw=2.5, ms=8, label=label)
    axes.set(title="Gradients of seven layers", xlabel="layer", ylabel="mean |dW|")
    axes.legend()
    axes.grid(alpha=0.3)
    return figure


if __name__ == "__main__":
    main()
