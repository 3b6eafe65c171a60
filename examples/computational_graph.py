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

import funnet as fn


@attrs.frozen(eq=False)
class Multiply:
    """y = factor x: each of the two gets the gradient times the other."""

    factor: fn.Vector = attrs.field(converter=fn.lock_vector)

    def forward(self, x: fn.Matrix) -> tuple[fn.Matrix, fn.Matrix]:
        """Return y, and x for the way back."""
        return self.factor * x, x

    def pullback(self, x: fn.Matrix, dout: fn.Matrix) -> tuple["Multiply", Callable[[], fn.Matrix]]:
        """Return the gradient of the factor; dx = dout factor."""
        return Multiply((dout * x).sum(axis=0)), lambda: dout * self.factor


@attrs.frozen(eq=False)
class Add:
    """y = x + term: both get the gradient as it is."""

    term: fn.Vector = attrs.field(converter=fn.lock_vector)

    def forward(self, x: fn.Matrix) -> tuple[fn.Matrix, None]:
        """Return y; the way back needs nothing."""
        return x + self.term, None

    def pullback(self, _: None, dout: fn.Matrix) -> tuple["Add", Callable[[], fn.Matrix]]:
        """Return the gradient of the term; dx = dout."""
        return Add(dout.sum(axis=0)), lambda: dout


@attrs.frozen(eq=False)
class Exp:
    """y = exp(x), which is its own derivative."""

    def forward(self, x: fn.Matrix) -> tuple[fn.Matrix, fn.Matrix]:
        """Return y, which the way back needs as well."""
        y: fn.Matrix = np.exp(x)
        return y, y

    def pullback(self, y: fn.Matrix, dout: fn.Matrix) -> tuple["Exp", Callable[[], fn.Matrix]]:
        """Return no gradients; dx = dout y."""
        return self, lambda: dout * y


@attrs.frozen(eq=False)
class Reciprocal:
    """y = 1 / x, of which the derivative is -y²."""

    def forward(self, x: fn.Matrix) -> tuple[fn.Matrix, fn.Matrix]:
        """Return y, which the way back needs as well."""
        return 1 / x, 1 / x

    def pullback(
        self, y: fn.Matrix, dout: fn.Matrix
    ) -> tuple["Reciprocal", Callable[[], fn.Matrix]]:
        """Return no gradients; dx = -dout y²."""
        return self, lambda: -dout * y * y


APPLES: dict[str, Net] = {
    "× number": Multiply(np.array([2.0])),
    "× tax": Multiply(np.array([1.1])),
}
SIGMOID: dict[str, Net] = {
    "× (-1)": Multiply(np.array([-1.0])),
    "exp": Exp(),
    "+ 1": Add(np.array([1.0])),
    "1 / x": Reciprocal(),
}
HEADER = ("in", "its gradient", "parameter", "its gradient", "out", "its gradient")


def walk(nodes: dict[str, Net], start: float) -> list[list[str]]:
    """Go forward and back through nodes; return a row of the table for each of them."""
    visits, x = [], np.full((1, 1), start)
    for name, node in nodes.items():
        y, cache = node.forward(x)
        visits.append((name, node, x, cache, y))
        x = y
    rows, dy = [], np.ones((1, 1))
    for name, node, x, cache, y in reversed(visits):
        grads, pull = node.pullback(cache, dy)
        dx = pull()
        parameter = [*fn.tree_leaves(node), *fn.tree_leaves(grads)]
        texts = [f"{value.item():.4g}" for value in (x, dx, *parameter, y, dy)]
        rows.append([name, *texts[:2], *(texts[2:-2] or ["", ""]), *texts[-2:]])
        dy = dx
    return rows[::-1]


def main() -> None:
    """Print and draw what goes forward and backward between the nodes."""
    args = options(__doc__, x=1.0)

    figure = figure_of(9, 4.2)
    graphs = {"two apples, in won": (100.0, APPLES), "sigmoid": (args.x, SIGMOID)}
    for axes, (title, (start, nodes)) in zip(figure.subplots(2, 1), graphs.items(), strict=True):
        rows = walk(nodes, start)
        print_table([title, *HEADER], rows)
        draw_graph(axes, rows)
        axes.set_title(title)
    legend_below(figure)

    x = np.linspace(-20, 20, 1001)[:, np.newaxis]
    pairs = zip(curves(fn.sequential(*SIGMOID.values()), x), curves(fn.Sigmoid(), x), strict=True)
    value, gradient = (np.abs(nodes - layer).max() for nodes, layer in pairs)
    print("from -20 to 20, four nodes and Sigmoid ", end="")
    print(f"differ by {value:.1g} in value, {gradient:.1g} in gradient")
    save(figure, args.out, "computational_graph.png")


if __name__ == "__main__":
    main()
