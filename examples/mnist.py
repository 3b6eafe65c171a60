"""A two-layer network learns to read MNIST: the run of the textbook, 20,000 steps of SGD.

    python examples/mnist.py --gradient-check

Training and test accuracy are measured after each epoch, printed, and drawn. The four files of
MNIST come from --data-dir or the folder that FUNNET_DATA_DIR names, else by one download. Where
they can't be had, the digits of 8 x 8 pixels take their place.
"""

from itertools import islice
from typing import Literal

import numpy as np
from common import BLUE, ORANGE, draw_losses, mnist_or_digits, options, positive, save
from matplotlib.figure import Figure
from tqdm import tqdm

from funnet import (
    Affine,
    Classes,
    Matrix,
    Network,
    ReLU,
    accuracy,
    astype,
    backward,
    forward,
    minibatches,
    named_leaves,
    normal,
    numerical_gradient,
    parameter_count,
    predict,
    sequential,
    sgd_update,
    softmax_cross_entropy,
    tree_map,
)


def main() -> None:
    """Train the network, test it after each epoch, draw the result."""
    parser = options(__doc__)
    parser.add_argument("--steps", type=positive, default=20_000, help="updates of the weights")
    parser.add_argument("--hidden", type=positive, default=80, help="width of the hidden layer")
    parser.add_argument("--data-dir", help="folder with the four files of MNIST")
    parser.add_argument(
        "--gradient-check", action="store_true", help="first compare backward with differences"
    )
    args = parser.parse_args()

    (x_train, t_train), (x_test, t_test) = mnist_or_digits(args.data_dir)
    rng = np.random.default_rng(args.seed)
    net = sequential(
        Affine.init(x_train.shape[1], args.hidden, rng=rng, weights=normal(0.01)),
        ReLU(),
        Affine.init(args.hidden, 10, rng=rng, weights=normal(0.01)),
    )
    print(net)
    if args.gradient_check:
        check_gradient(net, x_train[:3], t_train[:3])

    # The textbook draws each batch from all rows anew, so that an epoch leaves out a third of them
    # and takes others twice or more. Here an epoch takes each row once, which is what the word
    # means, and what the accuracy after an epoch should rest on.
    batches = minibatches(x_train, t_train, 200, rng=rng)
    losses, accuracies = [], []
    for step, (x, t) in enumerate(tqdm(islice(batches, args.steps), total=args.steps), start=1):
        y, cache = forward(net, x)
        loss, dy = softmax_cross_entropy(y, t)
        net = sgd_update(net, backward(net, cache, dy), lr=0.1)
        losses.append(loss)
        if step % batches.steps_per_epoch == 0 or step == args.steps:
            train = accuracy(predict(net, x_train), t_train)
            test = accuracy(predict(net, x_test), t_test)
            accuracies.append((step / batches.steps_per_epoch, train, test))
            tqdm.write("epoch {:5.1f}: {:.2%} training, {:.2%} test".format(*accuracies[-1]))
    print(f"test accuracy: {accuracies[-1][2]:.2%}")

    figure = Figure(figsize=(12, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    draw_losses(left, losses, batches.steps_per_epoch)
    epochs, train, test = np.transpose(accuracies)
    right.plot(epochs, 100 * train, ".-", color=BLUE, label=f"training, {train[-1]:.2%} in the end")
    right.plot(epochs, 100 * test, ".--", color=ORANGE, label=f"test, {test[-1]:.2%} in the end")
    right.set(title="Accuracy after each epoch", xlabel="epochs", ylabel="accuracy (%)")
    right.legend()
    save(figure, args.out, "mnist.png")


def check_gradient(net: Network[int, Literal[10]], x: Matrix, t: Classes) -> None:
    """Print how much backward and the numerical gradient differ, as a mean for each parameter."""
    # In float32 the differences of the loss would be mostly rounding errors.
    net, x = astype(net, np.float64), astype(x, np.float64)
    y, cache = forward(net, x)
    _, dy = softmax_cross_entropy(y, t)

    total = parameter_count(net)
    print(f"gradient check: {total:,} numbers, each moved both ways, on a batch of {len(x)}")
    with tqdm(total=2 * total, unit=" losses") as bar:

        def loss(params: Network[int, Literal[10]]) -> float:
            bar.update()
            return softmax_cross_entropy(predict(params, x), t)[0]

        numerical = numerical_gradient(loss, net)
    differences = tree_map(lambda a, b: np.abs(a - b), backward(net, cache, dy), numerical)
    for path, difference in named_leaves(differences):
        print(f"{path}: mean absolute difference {difference.mean():.1e}")


if __name__ == "__main__":
    main()
