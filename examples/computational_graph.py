"""Backpropagation through the nodes of a computational graph, each a layer of its own.

    python examples/computational_graph.py

Two apples at 100 won each, plus 10 per cent tax; and the sigmoid taken apart into four nodes. A
node knows its own function and how a gradient goes back through it; `sequential` composes nodes.
"""

from collections.abc import Callable

import attrs
import numpy as np
from activations import curves
from common import Net, options, print_table
from plots import draw_graph, figure_of, legend_below, save

from funnet import (
    Matrix,
    Sigmoid,
    Vector,
    backward,
    forward,
    input_gradient,
    lock_vector,
    sequential,
    tree_leaves,
)


@attrs.frozen(eq=False)
class Multiply:
    """y = factor x: each of the two gets the gradient times the other."""

    factor: Vector = attrs.field(converter=lock_vector)

    def forward(self, x: Matrix) -> tuple[Matrix, Matrix]:
        """Return y, and x for the way back."""
        return self.factor * x, x

    def pullback(self, x: Matrix, dout: Matrix) -> tuple["Multiply", Callable[[], Matrix]]:
        """Return the gradient of the factor; dx = dout factor."""
        return Multiply((dout * x).sum(axis=0)), lambda: dout * self.factor


@attrs.frozen(eq=False)
class Add:
    """y = x + term: both get the gradient as it is."""

    term: Vector = attrs.field(converter=lock_vector)

    def forward(self, x: Matrix) -> tuple[Matrix, None]:
        """Return y; the way back needs nothing."""
        return x + self.term, None

    def pullback(self, _: None, dout: Matrix) -> tuple["Add", Callable[[], Matrix]]:
        """Return the gradient of the term; dx = dout."""
        return Add(dout.sum(axis=0)), lambda: dout


@attrs.frozen(eq=False)
class Exp:
    """y = exp(x), which is its own derivative."""

    def forward(self, x: Matrix) -> tuple[Matrix, Matrix]:
        """Return y, which the way back needs as well."""
        y: Matrix = np.exp(x)
        return y, y

    def pullback(self, y: Matrix, dout: Matrix) -> tuple["Exp", Callable[[], Matrix]]:
        """Return no gradients; dx = dout y."""
        return self, lambda: dout * y


@attrs.frozen(eq=False)
class Reciprocal:
    """y = 1 / x, of which the derivative is -y²."""

    def forward(self, x: Matrix) -> tuple[Matrix, Matrix]:
        """Return y, which the way back needs as well."""
        return 1 / x, 1 / x

    def pullback(self, y: Matrix, dout: Matrix) -> tuple["Reciprocal", Callable[[], Matrix]]:
        """Return no gradients; dx = -dout y²."""
        return self, lambda: -dout * y * y


TIMES = "\N{MULTIPLICATION SIGN}"
APPLES: dict[str, Net] = {
    f"{TIMES} number": Multiply(np.array([2.0])),
    f"{TIMES} tax": Multiply(np.array([1.1])),
}
SIGMOID: dict[str, Net] = {
    f"{TIMES} (-1)": Multiply(np.array([-1.0])),
    "exp": Exp(),
    "+ 1": Add(np.array([1.0])),
    "1 / x": Reciprocal(),
}


def trace(
    nodes: dict[str, Net], start: float
) -> tuple[list[tuple[float, float]], list[tuple[str, float, float]]]:
    """Return value and gradient of each edge, and name, value and gradient of each parameter."""
    values: list[Matrix] = [np.array([[start]])]
    gradients: list[Matrix] = [np.ones((1, 1))]
    parameters: list[tuple[str, float, float]] = []
    caches = []
    for node in nodes.values():
        y, cache = forward(node, values[-1])
        values.append(y)
        caches.append(cache)
    for name, cache in zip(reversed(nodes), reversed(caches), strict=True):
        node, dout = nodes[name], gradients[0]
        grads = tree_leaves(backward(node, cache, dout))
        for value, gradient in zip(tree_leaves(node), grads, strict=True):
            parameters.insert(0, (name, value.item(), gradient.item()))
        gradients.insert(0, input_gradient(node, cache, dout))
    edges = [(v.item(), g.item()) for v, g in zip(values, gradients, strict=True)]
    return edges, parameters


def main() -> None:
    """Print and draw what goes forward and backward between the nodes."""
    args = options(__doc__, x=1.0)

    figure = figure_of(9, 4.2)
    graphs = {"two apples, in won": (100.0, APPLES), "sigmoid": (args.x, SIGMOID)}
    for axes, (title, (x, nodes)) in zip(figure.subplots(2, 1), graphs.items(), strict=True):
        edges, parameters = trace(nodes, x)
        rows = [(name, *a, *b) for name, a, b in zip(nodes, edges, edges[1:], strict=False)]
        print_table([title, "in", "its gradient", "out", "its gradient"], rows)
        print_table(["parameter of", "value", "gradient"], parameters)
        draw_graph(axes, list(nodes), edges, parameters)
        axes.set_title(title)
    legend_below(figure)

    x = np.linspace(-20, 20, 1001)[:, np.newaxis]
    pairs = zip(curves(sequential(*SIGMOID.values()), x), curves(Sigmoid(), x), strict=True)
    value, gradient = (np.abs(nodes - layer).max() for nodes, layer in pairs)
    print(f"four nodes and Sigmoid differ by {value:.0e} in value, {gradient:.0e} in gradient")
    save(figure, args.out, "computational_graph.png")


if __name__ == "__main__":
    main()
