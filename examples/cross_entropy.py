"""The XOR network learns faster by cross-entropy than by the squared error.

    python examples/cross_entropy.py

Both losses punish the same error e = y - t. By the squared error, the output's delta is
e y (1 - y), which dies where the sigmoid is flat, even if the answer is wholly wrong. By
cross-entropy, y (1 - y) cancels out, and delta is the error itself.
"""

from collections.abc import Callable
from itertools import repeat

import numpy as np
from common import (
    BLUE,
    CORNERS,
    ORANGE,
    XOR,
    Net,
    descend,
    options,
    positive,
    print_table,
    save,
)
from matplotlib.figure import Figure
from tqdm import tqdm
from xor import scorer

from funnet import (
    Matrix,
    Sigmoid,
    identity,
    predict,
    sequential,
    sigmoid,
    sigmoid_cross_entropy,
    sum_squared_error,
)

NAMES = ("squared error", "cross-entropy")
Loss = Callable[[Matrix, Matrix], tuple[float, Matrix]]


def main() -> None:
    """Train from several seeds by both losses, print and draw which is faster."""
    parser = options(__doc__)
    parser.add_argument("--seeds", type=positive, default=5, help="how many, from --seed on")
    parser.add_argument("--epochs", type=positive, default=2000, help="passes through the table")
    args = parser.parse_args()

    scores = predict(scorer(args.seed), CORNERS)
    _, delta = sigmoid_cross_entropy(scores, XOR)  # of the mean over four rows
    print(f"4 delta - (y - t): {np.abs(4 * delta - (sigmoid(scores) - XOR)).max():.0e}\n")

    seeds = range(args.seed, args.seed + args.seeds)
    curves = [
        (
            learn(sequential(scorer(seed), Sigmoid()), sum_squared_error, identity, args.epochs),
            learn(scorer(seed), sigmoid_cross_entropy, sigmoid, args.epochs),
        )
        for seed in tqdm(seeds, unit="seed")
    ]
    epochs = [[int(np.sum(errors >= 0.1)) for _, errors in pair] for pair in curves]
    print("epochs with an answer that is wrong by 0.1 or more:")
    print_table(["seed", *NAMES], [[seed, *n] for seed, n in zip(seeds, epochs, strict=True)])
    faster = sum(cross < squared for squared, cross in epochs)
    print(f"cross-entropy is faster: {faster} of {len(seeds)} seeds")
    save(draw(curves), args.out, "cross_entropy.png")


def learn(net: Net, loss: Loss, last: Callable[[Matrix], Matrix], epochs: int) -> Matrix:
    """Return the loss and the largest error of the four answers, (2, epochs)."""
    steps = descend(net, repeat((CORNERS, XOR), epochs), loss, lr=3.6)
    errors = [(value, np.abs(last(predict(now, CORNERS)) - XOR).max()) for now, value in steps]
    return np.array(errors).T


def draw(curves: list[tuple[Matrix, Matrix]]) -> Figure:
    """Draw the two losses over the error, and by epoch both the loss and the error."""
    figure = Figure(figsize=(10, 3.9), layout="constrained")
    shapes, losses, errors = figure.subplots(1, 3)
    e = np.linspace(0, 0.99, 100)
    styles = list(zip(NAMES, (BLUE, ORANGE), ("--", "-"), (e**2 / 2, -np.log(1 - e)), strict=True))
    for i, (name, colour, style, loss) in enumerate(styles):
        shapes.plot(e, loss, style, color=colour, lw=2.5, label=name)
        for pair in curves:
            for axes, values in zip((losses, errors), pair[i], strict=True):
                axes.semilogx(1 + np.arange(values.size), values, style, color=colour, lw=1.5)
    shapes.set(title="Loss of one answer", xlabel="error |y - t|", ylabel="loss")
    losses.set(title="Loss", xlabel="epochs", ylabel="mean of the four rows")
    errors.set(title="Error", xlabel="epochs", ylabel="largest |y - t| of the four rows")
    for axes in (shapes, losses, errors):
        axes.grid(alpha=0.3)
        axes.set_ylim(bottom=0)
    figure.legend(loc="outside lower center", ncols=2, handlelength=3)
    return figure


if __name__ == "__main__":
    main()
