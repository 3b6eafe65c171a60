"""With batch normalization, a deep network learns from initial weights of almost any size.

    python examples/batch_norm.py

The textbook's run: networks with five hidden layers learn 1,000 digits of MNIST, or of the 8 x 8
digits if MNIST is not available, with and without batch norms, from 16 standard deviations of the
initial weights.
"""

import math

import numpy as np
from common import mnist_or_digits, options, print_table
from plots import draw_curves, figure_of, legend_below, save
from tqdm import tqdm

import funnet as fn

STDS = np.logspace(0, -4, 16)


def train(
    x: fn.Matrix, t: fn.Labels, std: float, *, norm: bool, seed: int, epochs: int
) -> list[float]:
    """Train a network and return its accuracy in % on its training data after each epoch."""
    rng = np.random.default_rng(seed)
    weights = fn.normal(std)
    hidden = [
        fn.sequential(
            fn.Affine.init(n, 100, rng=rng, weights=weights),
            fn.BatchNorm.init(100) if norm else fn.Identity(),
            fn.ReLU(),
        )
        for n in (x.shape[1], 100, 100, 100, 100)
    ]
    net = fn.sequential(*hidden, fn.Affine.init(100, 10, rng=rng, weights=weights))
    batches = fn.minibatches(x, t, 100, rng=rng, epochs=epochs)
    loss, optimizer = fn.softmax_cross_entropy, fn.sgd(lr=0.01)
    states = fn.train(net, batches, loss=loss, optimizer=optimizer, seed=seed)
    scores = [math.nan] * epochs
    try:
        for state in fn.every(states, batches.steps_per_epoch):
            scores[state.epoch - 1] = 100 * fn.accuracy(fn.predict(state.params, x), t)
    except fn.NonFiniteError:
        pass  # weights so large that the loss overflows
    return scores


def main() -> None:
    """Train the networks, print and draw their accuracies."""
    args = options(__doc__, seed=0, epochs=30, data_dir=None)
    (x, t), _ = mnist_or_digits(args.data_dir)
    x, t = x[:1000], t[:1000]

    curves: dict[str, list[list[float]]] = {"with": [], "without": []}
    for std in tqdm(STDS, unit=" stds"):
        for name, scores in curves.items():
            norm = name == "with"
            scores.append(train(x, t, std, norm=norm, seed=args.seed, epochs=args.epochs))
    finals = {name: [scores[-1] for scores in runs] for name, runs in curves.items()}
    print(f"training accuracy in % after {args.epochs} epochs, nan if the loss overflowed:")
    print_table(["std", "with", "without"], zip(STDS, *finals.values(), strict=True))
    for name, values in finals.items():
        print(f"{name} batch norm, learned (over 50 %): {sum(v > 50 for v in values)} of 16")

    figure = figure_of(10, 9)
    panels = figure.subplots(4, 4, sharex=True, sharey=True)
    epochs = range(1, args.epochs + 1)
    for i, axes in enumerate(panels.flat):
        both = {f"{name} batch norm": (epochs, runs[i]) for name, runs in curves.items()}
        draw_curves(axes, both, title=f"std {STDS[i]:.2g}", xlabel="epochs")
        axes.set(ylim=(0, 105))
        axes.label_outer()
    figure.supylabel("training accuracy (%)")
    legend_below(figure)
    save(figure, args.out, "batch_norm.png")


if __name__ == "__main__":
    main()
