"""How the initial weights of a deep network decide whether it learns.

    python examples/weight_init_compare.py

The training losses of three networks of five layers on MNIST, or on the 8 x 8 digits if MNIST is
not available. They see the same batches, and differ only in the size of their initial weights.
"""

from itertools import islice

import numpy as np
from common import mnist_or_digits, options, print_table
from plots import draw_curves, figure_of, save
from tqdm import tqdm

import funnet as fn

WEIGHTS = {"std 0.01": fn.normal(0.01), "Xavier": fn.xavier, "He": fn.he}


def main() -> None:
    """Train a network from each kind of weights, print and draw the losses."""
    args = options(__doc__, seed=0, steps=2000, data_dir=None)
    (x, t), _ = mnist_or_digits(args.data_dir)

    curves = {}
    for name, weights in WEIGHTS.items():
        rng = np.random.default_rng(args.seed)  # the same batches for all
        hidden = [
            fn.sequential(fn.Affine.init(n, 100, rng=rng, weights=weights), fn.ReLU())
            for n in (x.shape[1], 100, 100, 100)
        ]
        net = fn.sequential(*hidden, fn.Affine.init(100, 10, rng=rng, weights=weights))
        batches = fn.minibatches(x, t, 128, rng=rng)
        states = fn.train(net, batches, loss=fn.softmax_cross_entropy, optimizer=fn.sgd(lr=0.01))
        limited = tqdm(islice(states, args.steps), name, args.steps, unit=" steps")
        losses = [mean for _, mean in fn.moving_average(limited, 50)]
        curves[name] = range(1, args.steps + 1), losses

    header = ["weights", "first loss", f"loss after {args.steps:,} steps"]
    print_table(header, [[name, losses[0], losses[-1]] for name, (_, losses) in curves.items()])
    print(f"a network that guesses: {np.log(10):.4g}")

    figure = figure_of(7, 4.2)
    axes = figure.subplots()
    title = f"Training loss of five layers ({len(x):,} digits of {x.shape[1]} pixels)"
    draw_curves(axes, curves, title=title, xlabel="steps")
    axes.axhline(np.log(10), color="0.5", lw=1, zorder=0)
    axes.set(ylabel="cross-entropy (nats), mean of 50 steps", ylim=(0, 2.6))
    axes.legend(loc="center right")
    save(figure, args.out, "weight_init_compare.png")


if __name__ == "__main__":
    main()
