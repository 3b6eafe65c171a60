"""Backpropagation against the numerical gradient, on a two-layer network: as exact, far faster.

    python examples/gradient_check.py

The numerical gradient moves each parameter both ways and looks at the loss: two forward passes for
each of them. Backpropagation goes forward and back once for all. The picture shows which steps are
good: large ones give no derivative, tiny ones mostly rounding errors.
"""

from collections.abc import Iterator
from timeit import timeit
from typing import Literal

import numpy as np
from common import BLUE, GREY, ORANGE, options, positive, print_table, save
from matplotlib.figure import Figure
from tqdm import tqdm

from funnet import (
    Affine,
    Array,
    Float,
    Network,
    Sigmoid,
    Vector,
    astype,
    backward,
    check_gradients,
    forward,
    load_digits,
    named_leaves,
    numerical_gradient,
    parameter_count,
    sequential,
    softmax_cross_entropy,
    tree_leaves,
    tree_map,
)

DigitReader = Network[Literal[64], Literal[10]]
# With a smaller step than the last, a float32 weight does not move.
STEPS: dict[type[Float], Vector] = {
    np.float64: 10.0 ** -np.arange(12),
    np.float32: 10.0 ** -np.arange(7),
}


def main() -> None:
    """Compare gradients and times, draw the differences by step."""
    parser = options(__doc__)
    parser.add_argument("--hidden", type=positive, default=20, help="width of the hidden layer")
    args = parser.parse_args()

    rng = np.random.default_rng(args.seed)
    first = Affine.init(64, args.hidden, rng=rng, dtype=np.float64)
    net = sequential(first, Sigmoid(), Affine.init(args.hidden, 10, rng=rng, dtype=np.float64))
    (digits, classes), _ = load_digits()
    x, t = digits[:3].astype(np.float64), classes[:3]

    def loss(params: DigitReader) -> float:
        y, _ = forward(params, x.astype(tree_leaves(params)[0].dtype))
        return softmax_cross_entropy(y, t)[0]

    def by_backward() -> DigitReader:
        y, cache = forward(net, x)
        return backward(net, cache, softmax_cross_entropy(y, t)[1])

    grads = by_backward()
    numerical = numerical_gradient(loss, net)
    print_table(
        ["parameter", "numbers", "mean |difference|"],
        [[name, d.size, float(np.abs(d).mean())] for name, d in differences(numerical, grads)],
    )
    print(check_gradients(net, x, softmax_cross_entropy, t))
    slow = timeit(lambda: numerical_gradient(loss, net), number=1)
    fast = timeit(by_backward, number=100) / 100
    print(f"numerical {slow * 1e3:.0f} ms, backpropagation {fast * 1e3:.3f} ms: ", end="")
    print(f"{slow / fast:,.0f} times as fast for {parameter_count(net):,} parameters")

    curves = {}
    for dtype, steps in STEPS.items():
        moved = [numerical_gradient(loss, astype(net, dtype), step=float(h)) for h in tqdm(steps)]
        errors = [[d.ravel() for _, d in differences(other, grads)] for other in moved]
        curves[dtype.__name__] = steps, [np.abs(np.concatenate(e)).mean() for e in errors]
    save(draw(curves), args.out, "gradient_check.png")


def differences(a: DigitReader, b: DigitReader) -> Iterator[tuple[str, Array]]:
    """Iterate over the parameters' paths with the differences of two gradients."""
    return named_leaves(tree_map(np.subtract, a, b))


def draw(curves: dict[str, tuple[Vector, list[float]]]) -> Figure:
    """Draw the mean difference over the step, by float type."""
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    styles = ((BLUE, "o-"), (ORANGE, "s--"))
    for (colour, style), (name, (h, errors)) in zip(styles, curves.items(), strict=True):
        axes.loglog(h, errors, style, color=colour, lw=2.5, ms=8, label=name)
    axes.axvline(1e-4, color=GREY, ls=":", label="the default step")
    axes.set(title="Numerical gradient against backpropagation")
    axes.set(xlabel="step by which a parameter is moved", ylabel="mean |difference|")
    axes.legend()
    axes.grid(alpha=0.3)
    return figure


if __name__ == "__main__":
    main()
