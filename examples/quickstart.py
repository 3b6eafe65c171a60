"""A two-layer network learns to read handwritten digits in a few seconds.

    python examples/quickstart.py

It trains on 1,500 of the 8 x 8 digits included with scikit-learn, tests the network on the other
297, and draws the loss and the predictions for some of them.
"""

import numpy as np
from common import options
from plots import draw_digits, draw_losses, figure_of, save
from tqdm import tqdm

import funnet as fn


def main() -> None:
    """Train the network, test it, and draw the result."""
    args = options(__doc__, seed=0, epochs=60)

    (x_train, t_train), (x_test, t_test) = fn.load_digits()
    rng = np.random.default_rng(args.seed)
    net = fn.sequential(
        fn.Affine.init(64, 100, rng=rng), fn.ReLU(), fn.Affine.init(100, 10, rng=rng)
    )
    print(net)

    batches = fn.minibatches(x_train, t_train, 30, rng=rng, epochs=args.epochs)
    losses = []
    for x, t in tqdm(batches, unit=" steps"):
        y, cache = fn.forward(net, x)
        loss, dy = fn.softmax_cross_entropy(y, t)
        net = fn.sgd_update(net, fn.backward(net, cache, dy), lr=0.8)
        losses.append(loss)

    scores = fn.predict(net, x_test)
    print(f"test accuracy: {fn.accuracy(scores, t_test):.2%} of {len(t_test)} digits")

    figure = figure_of(12, 5.5)
    left, right = figure.subfigures(1, 2, squeeze=False, wspace=0.04, width_ratios=[4, 5])[0]
    draw_losses(left.subplots(), losses, batches.steps_per_epoch)
    draw_digits(right, x_test, t_test, scores.argmax(axis=1))
    save(figure, args.out, "quickstart.png")


if __name__ == "__main__":
    main()
