"""Backpropagation compared with the numerical gradient: as accurate, and far faster.

    python examples/gradient_check.py

The numerical gradient moves each parameter of a two-layer network in both directions, which takes
two forward passes per parameter. Backpropagation takes one forward and one backward pass for all of
them. The picture shows which steps are good: for a large step, the difference quotient is not the
derivative; for a tiny one, it is mostly rounding error.
"""

from timeit import timeit
from typing import Literal

import numpy as np
from common import options, print_table
from plots import draw_curves, figure_of, save
from tqdm import tqdm

import funnet as fn

# A network from images of any size to the scores of ten digits.
Reader = fn.Network[int, Literal[10]]
STEPS = 10.0 ** -np.arange(12)


def by_backward(net: Reader, x: fn.Matrix, t: fn.LabelsLike) -> Reader:
    """Return the gradients of the loss by one forward and one backward pass."""
    y, cache = fn.forward(net, x)
    _, dy = fn.softmax_cross_entropy(y, t)
    return fn.backward(net, cache, dy)


def by_differences(net: Reader, x: fn.Matrix, t: fn.LabelsLike, step: float = 1e-4) -> Reader:
    """Return the gradients of the loss by two forward passes per parameter."""

    def loss(params: Reader) -> float:
        return fn.softmax_cross_entropy(fn.predict(params, x), t)[0]

    return fn.numerical_gradient(loss, net, step=step)


def differences(
    net: Reader, x: fn.Matrix, t: fn.LabelsLike, step: float = 1e-4
) -> dict[str, fn.Array]:
    """Return the absolute differences of the two gradients, by path of the array."""
    pair = by_backward(net, x, t), by_differences(net, x, t, step)
    return dict(fn.named_leaves(fn.tree_map(lambda a, b: np.abs(a - b), *pair)))


def print_differences(net: Reader, x: fn.Matrix, t: fn.LabelsLike) -> None:
    """Print the mean absolute difference of the two gradients for each array."""
    rows = [[path, d.size, float(d.mean())] for path, d in differences(net, x, t).items()]
    print_table(["array", "parameters", "mean |difference|"], rows)


def main() -> None:
    """Compare gradients and times, and draw the differences by step."""
    args = options(__doc__, seed=0, hidden=20)
    rng = np.random.default_rng(args.seed)
    hidden = fn.Affine.init(64, args.hidden, rng=rng, dtype=np.float64)
    net = fn.sequential(
        hidden, fn.Sigmoid(), fn.Affine.init(args.hidden, 10, rng=rng, dtype=np.float64)
    )
    (digits, classes), _ = fn.load_digits()
    x, t = digits[:3].astype(np.float64), classes[:3]

    print_differences(net, x, t)
    print(fn.check_gradients(net, x, fn.softmax_cross_entropy, t))
    slow = timeit(lambda: by_differences(net, x, t), number=1)
    fast = timeit(lambda: by_backward(net, x, t), number=100) / 100
    print(f"numerical {slow * 1e3:.0f} ms, backpropagation {fast * 1e3:.3f} ms: ", end="")
    print(f"{slow / fast:,.0f} times as fast for {fn.parameter_count(net):,} parameters")

    curves = {}
    # A step below 1e-6 does not change a float32 weight.
    for dtype, steps in ((np.float64, STEPS), (np.float32, STEPS[:7])):
        params, rows = fn.astype(net, dtype), fn.astype(x, dtype)
        moved = [differences(params, rows, t, float(step)) for step in tqdm(steps, unit=" steps")]
        worst = [max(d.max() for d in arrays.values()) for arrays in moved]
        curves[dtype.__name__] = steps, worst

    figure = figure_of(7, 4.2)
    axes = figure.subplots()
    axes.axvline(1e-4, color="0.4", ls=":", label="default step")
    draw_curves(axes, curves, title="Numerical gradient and backpropagation")
    axes.set(xlabel="step of the numerical gradient", ylabel="largest |difference|")
    axes.set(xscale="log", yscale="log")
    axes.legend()
    save(figure, args.out, "gradient_check.png")


if __name__ == "__main__":
    main()
