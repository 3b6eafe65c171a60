"""A two-layer network learns to read MNIST: the textbook's run, 20,000 steps of SGD.

    python examples/mnist.py --gradient-check

Training and test accuracy are measured every 300 steps, printed and drawn. The four MNIST files are
read from --data-dir, the folder FUNNET_DATA_DIR or the user's cache, or else downloaded. Without
MNIST, the 8 x 8 digits are used instead.
"""

from itertools import islice

import numpy as np
from common import mnist_or_digits, options
from gradient_check import print_differences
from plots import draw_curves, draw_losses, figure_of, save
from tqdm import tqdm

import funnet as fn


def main() -> None:
    """Train the network, test it every 300 steps, and draw the result."""
    args = options(__doc__, seed=0, steps=20_000, hidden=80, data_dir=None, gradient_check=False)

    (x_train, t_train), (x_test, t_test) = mnist_or_digits(args.data_dir)
    rng = np.random.default_rng(args.seed)
    net = fn.sequential(
        fn.Affine.init(x_train.shape[1], args.hidden, rng=rng, weights=fn.normal(0.01)),
        fn.ReLU(),
        fn.Affine.init(args.hidden, 10, rng=rng, weights=fn.normal(0.01)),
    )
    print(net)
    if args.gradient_check:
        print(f"gradient check of {fn.parameter_count(net):,} parameters, please wait")
        exact = fn.astype(net, np.float64)  # in float32, the differences are mostly rounding errors
        print_differences(exact, x_train[:3].astype(np.float64), t_train[:3])

    # The textbook draws each batch from all rows, so that an epoch omits a third of them and
    # repeats others. Here each row occurs once per epoch.
    batches = fn.minibatches(x_train, t_train, 200, rng=rng)
    states = fn.train(net, batches, loss=fn.softmax_cross_entropy, optimizer=fn.sgd(lr=0.1))
    losses, epochs, training, test = [], [], [], []
    for state in tqdm(islice(states, args.steps), total=args.steps, unit=" steps"):
        losses.append(state.loss)
        if state.step % 300 == 0 or state.step == args.steps:  # on MNIST, an epoch
            epochs.append(state.step / batches.steps_per_epoch)
            training.append(100 * fn.accuracy(fn.predict(state.params, x_train), t_train))
            test.append(100 * fn.accuracy(fn.predict(state.params, x_test), t_test))
            accuracy = f"{training[-1]:.2f}% training, {test[-1]:.2f}% test"
            tqdm.write(f"epoch {epochs[-1]:5.1f}: {accuracy}")
    print(f"test accuracy: {test[-1]:.2f}%")

    figure = figure_of(12, 5)
    left, right = figure.subplots(1, 2)
    draw_losses(left, losses, batches.steps_per_epoch)
    curves = {
        f"training ({training[-1]:.2f} % at the end)": (epochs, training),
        f"test ({test[-1]:.2f} % at the end)": (epochs, test),
    }
    draw_curves(right, curves, title="Accuracy", xlabel="epochs", ylabel="accuracy (%)")
    right.legend()
    save(figure, args.out, "mnist.png")


if __name__ == "__main__":
    main()
