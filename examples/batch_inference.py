"""A network answers for one sample or for a whole batch: the same answers, much faster.

    python examples/batch_inference.py

First the 2-4-3 network with its three kinds of output, on a batch of 10. Then one with 50 and 100
hidden neurons reads the test images in batches of several sizes, without a softmax: it changes no
order, so the highest score is that of the most probable class.
"""

from functools import partial
from itertools import pairwise
from timeit import repeat

import numpy as np
from common import BLUE, mnist_or_digits, options, positive, print_table, save, train
from matplotlib.figure import Figure
from tqdm import tqdm

from funnet import (
    Affine,
    Identity,
    Sigmoid,
    Softmax,
    accuracy,
    minibatches,
    predict,
    sequential,
    softmax,
    softmax_cross_entropy,
    xavier,
)

SIZES = [1, 10, 100, 1000]


def main() -> None:
    """Print what a small network says, then train a large one a little and time it."""
    parser = options(__doc__)
    parser.add_argument("--epochs", type=positive, default=1, help="of training, before reading")
    parser.add_argument("--data-dir", help="folder with the four files of MNIST")
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    three_outputs(rng)

    (x_train, t_train), (x, t) = mnist_or_digits(args.data_dir)
    a, b, c = (
        Affine.init(n_in, n_out, rng=rng, weights=xavier)
        for n_in, n_out in pairwise([x.shape[1], 50, 100, 10])
    )
    net = sequential(a, Sigmoid(), b, Sigmoid(), c)
    batches = minibatches(x_train, t_train, 100, rng=rng, epochs=args.epochs)
    net = train(net, tqdm(batches, unit="step"), softmax_cross_entropy, lr=1.0)

    scores = predict(net, x)
    same = [predict(net, x, n).argmax(axis=1).tolist() for n in SIZES].count(
        softmax(scores).argmax(axis=1).tolist()
    )
    seconds = [min(repeat(partial(predict, net, x, n), number=1, repeat=7)) for n in SIZES]
    rates = [len(x) / s for s in seconds]
    print_table(["batch", "images per second"], zip(SIZES, map(round, rates), strict=True))
    print(f"the same predictions for {same} of {len(SIZES)} batch sizes, with and without softmax")
    print(f"test accuracy: {accuracy(scores, t):.2%}")
    print(f"batches of 100 are {rates[2] / rates[0]:.1f} times as fast as one image at a time")
    save(draw(rates), args.out, "batch_inference.png")


def three_outputs(rng: np.random.Generator) -> None:
    """Print what a 2-4-3 network says to a batch of 10, by kind of output."""
    x = rng.normal(size=(10, 2)).astype(np.float32)
    body = sequential(Affine.init(2, 4, rng=rng), Sigmoid(), Affine.init(4, 3, rng=rng))
    print(f"{body}\ninput {x.shape}, output {predict(body, x).shape}")
    outputs = [predict(sequential(body, last), x) for last in (Identity(), Sigmoid(), Softmax())]
    rows = [["  ".join(f"{v:6.3f}" for v in y[i]) for y in outputs] for i in range(len(x))]
    sums = outputs[2].sum(axis=1).astype(float)
    print_table(
        ["identity", "sigmoid", "softmax", "sum of softmax"],
        [[*row, total] for row, total in zip(rows, sums, strict=True)],
    )
    print(f"softmax of 1010, 1000, 990: {softmax(np.array([1010.0, 1000.0, 990.0]))}\n")


def draw(rates: list[float]) -> Figure:
    """Draw the images per second for each batch size."""
    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh([str(n) for n in SIZES], rates, color=BLUE)
    axes.bar_label(bars, [f"{rate:,.0f}" for rate in np.round(rates, -3)], padding=4)
    axes.margins(x=0.15)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set(title="Inference", xlabel="images per second", ylabel="batch size (images)")
    return figure


if __name__ == "__main__":
    main()
