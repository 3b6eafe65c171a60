"""Backpropagation through a computational graph, node by node.

    python examples/computational_graph.py

Two apples and three oranges with 10 per cent tax, and the sigmoid split into four nodes. Each node
is a layer that knows only its own derivatives. A node with two inputs takes a pair of arrays and
returns a gradient for each of them.
"""

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
from common import options, print_table
from plots import draw_graph, figure_of, legend_below, save

import funnet as fn

Inputs = tuple[fn.Array, ...]
"""The inputs of a node: one array or two."""

Backward = Callable[[], Inputs]
"""Computes the gradients of the inputs of a node."""


@attrs.frozen
class Multiply:
    """y = a b: the gradient of each input is dout times the other input."""

    def forward(self, inputs: Inputs) -> tuple[fn.Array, Inputs]:
        """Return the product, and both inputs as the cache."""
        a, b = inputs
        return a * b, inputs

    def pullback(self, inputs: Inputs, dout: fn.Array) -> tuple["Multiply", Backward]:
        """Return da = dout b and db = dout a."""
        a, b = inputs
        return self, lambda: (dout * b, dout * a)


@attrs.frozen
class Add:
    """y = a + b: the gradient of both inputs is dout."""

    def forward(self, inputs: Inputs) -> tuple[fn.Array, None]:
        """Return the sum; the backward pass needs no cache."""
        a, b = inputs
        return a + b, None

    def pullback(self, _: None, dout: fn.Array) -> tuple["Add", Backward]:
        """Return da = db = dout."""
        return self, lambda: (dout, dout)


@attrs.frozen
class Exp:
    """y = exp(x), which is its own derivative."""

    def forward(self, inputs: Inputs) -> tuple[fn.Array, fn.Array]:
        """Return the exponential, which is also the cache."""
        y = np.exp(inputs[0])
        return y, y

    def pullback(self, y: fn.Array, dout: fn.Array) -> tuple["Exp", Backward]:
        """Return dx = dout y."""
        return self, lambda: (dout * y,)


@attrs.frozen
class Reciprocal:
    """y = 1 / x, with the derivative -y²."""

    def forward(self, inputs: Inputs) -> tuple[fn.Array, fn.Array]:
        """Return the reciprocal, which is also the cache."""
        y = 1 / inputs[0]
        return y, y

    def pullback(self, y: fn.Array, dout: fn.Array) -> tuple["Reciprocal", Backward]:
        """Return dx = -dout y²."""
        return self, lambda: (-dout * y * y,)


# Any: each class of nodes has another cache.
Node = fn.Layer[Inputs, fn.Array, Any, object]
Graph = dict[str, tuple[Node, *tuple[str, ...]]]
"""The nodes by the name of the output, each with the names of its inputs."""

SYMBOLS: dict[type, str] = {Multiply: "×", Add: "+", Exp: "exp", Reciprocal: "1 / x"}

SHOPPING: Graph = {
    "apples": (Multiply(), "apple price", "apple count"),
    "oranges": (Multiply(), "orange price", "orange count"),
    "fruit": (Add(), "apples", "oranges"),
    "total": (Multiply(), "fruit", "tax"),
}
PRICES = {"apple price": 100, "apple count": 2, "orange price": 150, "orange count": 3, "tax": 1.1}

SIGMOID: Graph = {
    "-x": (Multiply(), "x", "-1"),
    "exp(-x)": (Exp(), "-x"),
    "1 + exp(-x)": (Add(), "exp(-x)", "1"),
    "sigmoid": (Reciprocal(), "1 + exp(-x)"),
}
ONES = {"-1": -1.0, "1": 1.0}


def differentiate(
    graph: Graph, inputs: Mapping[str, fn.Array]
) -> tuple[dict[str, fn.Array], dict[str, fn.Array]]:
    """Return the value of each edge, and the gradient of the last value with respect to it."""
    values, caches = dict(inputs), {}
    for name, (node, *sources) in graph.items():
        values[name], caches[name] = node.forward(tuple(values[source] for source in sources))

    gradients = {name: np.zeros_like(value) for name, value in values.items()}
    gradients[name] = np.ones_like(values[name])
    for name, (node, *sources) in reversed(graph.items()):
        _, dx = node.pullback(caches[name], gradients[name])
        for source, gradient in zip(sources, dx(), strict=True):
            gradients[source] = gradients[source] + gradient
    return values, gradients


def main() -> None:
    """Print and draw the values and the gradients of both graphs."""
    args = options(__doc__, x=1.0)

    figure = figure_of(9, 5.8)
    graphs = {"Shopping, in won": (SHOPPING, PRICES), "Sigmoid": (SIGMOID, {"x": args.x} | ONES)}
    panels = figure.subplots(2, 1, height_ratios=[4, 2])
    for axes, (title, (graph, inputs)) in zip(panels, graphs.items(), strict=True):
        edges = differentiate(graph, {name: np.full(1, float(v)) for name, v in inputs.items()})
        numbers = {name: (edges[0][name].item(), edges[1][name].item()) for name in edges[0]}
        print_table([title, "value", "gradient"], [[n, *pair] for n, pair in numbers.items()])
        symbols = {
            name: (SYMBOLS[type(node)], *sources) for name, (node, *sources) in graph.items()
        }
        draw_graph(axes, symbols, numbers)
        axes.set_title(title)
    legend_below(figure)

    x = np.linspace(-20, 20, 1001)
    constants = {name: np.full_like(x, value) for name, value in ONES.items()}
    values, gradients = differentiate(SIGMOID, {"x": x} | constants)
    y, cache = fn.forward(fn.Sigmoid(), x)
    dx = fn.input_gradient(fn.Sigmoid(), cache, np.ones_like(y))
    print("largest difference between the four nodes and Sigmoid, from -20 to 20: ", end="")
    print(f"value {np.abs(values['sigmoid'] - y).max():.1g}, ", end="")
    print(f"gradient {np.abs(gradients['x'] - dx).max():.1g}")
    save(figure, args.out, "computational_graph.png")


if __name__ == "__main__":
    main()
