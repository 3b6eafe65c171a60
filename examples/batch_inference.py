"""Inference in batches: the same predictions as for single images, but much faster.

    python examples/batch_inference.py

A network with hidden layers of 50 and 100 neurons classifies the test images in batches of several
sizes. It needs no softmax, which would not change which score is the largest.
"""

from functools import partial
from itertools import islice
from timeit import repeat

import numpy as np
from common import mnist_or_digits, options, print_table
from plots import BLUE, figure_of, save
from tqdm import tqdm

import funnet as fn

SIZES = [1, 10, 100, 1000]


def main() -> None:
    """Train a network briefly, then time its predictions for several batch sizes."""
    args = options(__doc__, seed=0, steps=600, data_dir=None)
    rng = np.random.default_rng(args.seed)

    (x_train, t_train), (x, t) = mnist_or_digits(args.data_dir)
    net = fn.sequential(
        fn.Affine.init(x.shape[1], 50, rng=rng, weights=fn.xavier),
        fn.Sigmoid(),
        fn.Affine.init(50, 100, rng=rng, weights=fn.xavier),
        fn.Sigmoid(),
        fn.Affine.init(100, 10, rng=rng, weights=fn.xavier),
    )
    batches = islice(fn.minibatches(x_train, t_train, 100, rng=rng), args.steps)
    steps = tqdm(batches, total=args.steps, unit=" steps")
    net = fn.last(
        fn.train(net, steps, loss=fn.softmax_cross_entropy, optimizer=fn.sgd(lr=1.0))
    ).params

    scores = fn.predict(net, x)
    classes = fn.softmax(scores).argmax(axis=1)
    same = [np.array_equal(fn.predict(net, x, n).argmax(axis=1), classes) for n in SIZES]
    seconds = [min(repeat(partial(fn.predict, net, x, n), number=1, repeat=7)) for n in SIZES]
    rates = [len(x) / s for s in seconds]
    print_table(["batch size", "images per second"], zip(SIZES, map(round, rates), strict=True))
    print(f"same predictions as with softmax: {sum(same)} of {len(SIZES)} batch sizes")
    print(f"test accuracy: {fn.accuracy(scores, t):.2%}")
    print(f"batches of 100 are {rates[2] / rates[0]:.1f} times as fast as single images")

    figure = figure_of(7, 3)
    axes = figure.subplots()
    bars = axes.barh([str(n) for n in SIZES], rates, color=BLUE)
    axes.bar_label(bars, [f"{rate:,.0f}" for rate in np.round(rates, -3)], padding=4)
    axes.margins(x=0.15)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set(title="Inference", xlabel="images per second", ylabel="batch size (images)")
    save(figure, args.out, "batch_inference.png")


if __name__ == "__main__":
    main()
