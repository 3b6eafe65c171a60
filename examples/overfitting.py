"""Weight decay and dropout against overfitting.

    python examples/overfitting.py

A network of seven layers learns 300 digits of MNIST, or of the 8 x 8 digits if MNIST is not
available, by heart: it reads all of them, but far fewer of the test digits. With weight decay or
dropout, the gap is narrower.
"""

import numpy as np
from common import mnist_or_digits, options, print_table
from plots import draw_curves, figure_of, legend_below, save
from tqdm import tqdm

import funnet as fn

# The rate of weight decay, and the rate of the dropout after each hidden layer.
RUNS = {"no remedy": (0.0, 0.0), "weight decay 0.1": (0.1, 0.0), "dropout 0.2": (0.0, 0.2)}


def main() -> None:
    """Train three networks, print and draw their accuracies."""
    args = options(__doc__, seed=0, epochs=100, data_dir=None)
    (x, t), (x_test, t_test) = mnist_or_digits(args.data_dir)
    x, t = x[:300], t[:300]

    curves, rows = {}, []
    for name, (decay, rate) in RUNS.items():
        rng = np.random.default_rng(args.seed)  # the same weights and batches for all
        hidden = [
            fn.sequential(fn.Affine.init(n, 100, rng=rng), fn.ReLU(), fn.Dropout(rate))
            for n in (x.shape[1], 100, 100, 100, 100, 100)
        ]
        net = fn.sequential(*hidden, fn.Affine.init(100, 10, rng=rng))
        batches = fn.minibatches(x, t, 100, rng=rng, epochs=args.epochs)
        optimizer = fn.weight_decay(fn.momentum(lr=0.01), decay)
        loss = fn.softmax_cross_entropy
        states = fn.train(net, batches, loss=loss, optimizer=optimizer, seed=args.seed)
        epochs, training, test = [], [], []
        steps = tqdm(states, name, args.epochs * batches.steps_per_epoch, unit=" steps")
        for state in fn.every(steps, 4 * batches.steps_per_epoch, last=True):
            epochs.append(state.epoch)
            training.append(100 * fn.accuracy(fn.predict(state.params, x), t))
            test.append(100 * fn.accuracy(fn.predict(state.params, x_test), t_test))
        curves[name] = {"training": (epochs, training), "test": (epochs, test)}
        rows.append([name, training[-1], test[-1], training[-1] - test[-1]])
    print(f"accuracy in % after {args.epochs} epochs:")
    print_table(["", "training", "test", "gap"], rows)

    figure = figure_of(10, 4)
    panels = figure.subplots(1, 3, sharex=True, sharey=True)
    for axes, (name, both) in zip(panels, curves.items(), strict=True):
        draw_curves(axes, both, title=name, xlabel="epochs")
        axes.set_ylim(0, 105)
    panels[0].set_ylabel("accuracy (%)")
    legend_below(figure)
    save(figure, args.out, "overfitting.png")


if __name__ == "__main__":
    main()
