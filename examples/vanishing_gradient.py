"""How the initial weights of a deep network affect its activations and gradients.

    python examples/vanishing_gradient.py

Five layers of 100 neurons: the distribution of the activations of each layer, by activation
function and initializer. Then seven layers of 50: the size of the gradient of each layer's weights,
which are initialized by Xavier for sigmoid and tanh, and by He for ReLU.
"""

import numpy as np
from common import Net, options, print_table
from plots import BLUE, GREEN, ORANGE, draw_curves, draw_histograms, figure_of, save

import funnet as fn

FUNCTIONS: dict[str, Net] = {"sigmoid": fn.Sigmoid(), "tanh": fn.Tanh(), "ReLU": fn.ReLU()}
WEIGHTS = {"std 1": fn.normal(1), "std 0.01": fn.normal(0.01), "Xavier": fn.xavier, "He": fn.he}
BEST = {"sigmoid": "Xavier", "tanh": "Xavier", "ReLU": "He"}
BINS = {"sigmoid": (0, 1, BLUE), "tanh": (-1, 1, ORANGE), "ReLU": (0, 3, GREEN)}


def activations(layer: Net, weights: fn.Initializer, seed: int) -> list[fn.Array]:
    """Return the outputs of each of five layers for a normal input."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(1000, 100)).astype(np.float32)
    hidden = [
        fn.sequential(fn.Affine.init(100, 100, rng=rng, weights=weights), layer) for _ in range(5)
    ]
    outputs = fn.activations(fn.sequential(*hidden), x)
    return [outputs[f"layers.{i}"] for i in range(5)]


def gradients(layer: Net, weights: fn.Initializer, seed: int) -> list[float]:
    """Return mean |dW| of each of seven layers, for a batch of 100 rows with random classes."""
    rng = np.random.default_rng(seed)
    x, t = rng.normal(size=(100, 50)).astype(np.float32), rng.integers(10, size=100)
    hidden = [
        fn.sequential(fn.Affine.init(50, 50, rng=rng, weights=weights), layer) for _ in range(6)
    ]
    net = fn.sequential(*hidden, fn.Affine.init(50, 10, rng=rng, weights=weights))
    y, cache = fn.forward(net, x)
    _, dy = fn.softmax_cross_entropy(y, t)
    leaves = fn.named_leaves(fn.backward(net, cache, dy))
    return [float(np.abs(array).mean()) for path, array in leaves if path.endswith("W")]


def main() -> None:
    """Print and draw the spread of the activations and the size of the gradients."""
    args = options(__doc__, seed=0)

    figure, rows = figure_of(9, 13), []
    parts = figure.subfigures(3, 1, squeeze=False, hspace=0.03)[:, 0]
    for part, (name, layer) in zip(parts, FUNCTIONS.items(), strict=True):
        y = {kind: activations(layer, weights, args.seed) for kind, weights in WEIGHTS.items()}
        rows += [[name, kind, *(float(a.std()) for a in layers)] for kind, layers in y.items()]
        low, high, colour = BINS[name]
        draw_histograms(part, y, low, high, colour)
        part.suptitle(f"{name}: % of the activations per bin (30 bins, axis cut off at 30 %)")
    print("standard deviation of the activations after each of five layers:")
    print_table(["function", "weights", *"12345"], rows)
    save(figure, args.out, "vanishing_gradient_activations.png")

    sizes = {name: gradients(FUNCTIONS[name], WEIGHTS[BEST[name]], args.seed) for name in FUNCTIONS}
    print("\nmean |dW| of each of seven layers:")
    rows = [[name, BEST[name], *size, size[0] / size[-1]] for name, size in sizes.items()]
    print_table(["function", "weights", *"1234567", "first / last"], rows)

    figure = figure_of(7, 4.2)
    axes = figure.subplots()
    curves = {f"{name}, {BEST[name]}": (range(1, 8), size) for name, size in sizes.items()}
    draw_curves(axes, curves, title="Gradients of seven layers", xlabel="layer", yscale="log")
    axes.set_ylabel("mean |dW|")
    axes.legend()
    save(figure, args.out, "vanishing_gradient.png")


if __name__ == "__main__":
    main()
