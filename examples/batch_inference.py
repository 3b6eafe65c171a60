"""A network answers for one sample or for a whole batch: the same answers, much faster.

    python examples/batch_inference.py

First the 2-4-3 network with its three kinds of output, on a batch of 10. Then one with 50 and 100
hidden neurons reads the test images in batches of several sizes, without a softmax: it changes no
order, so the highest score is that of the most probable class.
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


def three_outputs(rng: np.random.Generator) -> None:
    """Print what a 2-4-3 network says to a batch of 10, by kind of output."""
    x = rng.normal(size=(10, 2)).astype(np.float32)
    body = fn.sequential(fn.Affine.init(2, 4, rng=rng), fn.Sigmoid(), fn.Affine.init(4, 3, rng=rng))
    print(f"{body}\ninput {x.shape}, output {fn.predict(body, x).shape}")
    outputs = [
        fn.predict(fn.sequential(body, end), x)
        for end in (fn.Identity(), fn.Sigmoid(), fn.Softmax())
    ]
    rows = [["  ".join(f"{v:6.3f}" for v in y) for y in row] for row in zip(*outputs, strict=True)]
    table = [[*row, float(y.sum())] for row, y in zip(rows, outputs[2], strict=True)]
    print_table(["identity", "sigmoid", "softmax", "sum of softmax"], table)
    print(f"softmax of 1010, 1000, 990: {fn.softmax(np.array([1010.0, 1000.0, 990.0]))}\n")


def main() -> None:
    """Print what a small network says, then train a large one a little and time it."""
    args = options(__doc__, seed=0, steps=600, data_dir=None)
    rng = np.random.default_rng(args.seed)
    three_outputs(rng)

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
    print(f"equal predictions: {sum(same)} of {len(SIZES)} batch sizes, with and without softmax")
    print(f"test accuracy: {fn.accuracy(scores, t):.2%}")
    print(f"batches of 100 are {rates[2] / rates[0]:.1f} times as fast as one image at a time")

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
