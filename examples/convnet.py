"""A convolutional network learns to read MNIST: the textbook's SimpleConvNet.

    python examples/convnet.py

One convolution of 30 filters of 5 x 5 and two affine layers, trained by Adam at a rate that falls
to a tenth after 6,000 steps. The picture shows the filters before and after training, and where two
of them find edges. Without MNIST, the 8 x 8 digits and a smaller network are used instead.
"""

import numpy as np
from common import images_or_digits, options
from plots import draw_edges, draw_filters, figure_of, save
from tqdm import tqdm

import funnet as fn


def main() -> None:
    """Train the network, test it after each epoch, and draw its filters."""
    args = options(__doc__, seed=0, epochs=20, data_dir=None)

    (x_train, t_train), (x_test, t_test) = images_or_digits(args.data_dir)
    side = x_train.shape[2]
    filters, size, hidden = (30, 5, 100) if side == 28 else (10, 3, 50)
    rng = np.random.default_rng(args.seed)
    net = fn.sequential(
        fn.Conv2d.init(1, filters, size, rng=rng, weights=fn.normal(0.01)),
        fn.ReLU(),
        fn.MaxPool2d(2),
        fn.Flatten(),
        fn.Affine.init(filters * ((side - size + 1) // 2) ** 2, hidden, rng=rng),
        fn.ReLU(),
        fn.Affine.init(hidden, 10, rng=rng),
    )
    print(net)

    batches = fn.minibatches(x_train, t_train, 100, rng=rng, epochs=args.epochs)
    optimizer = fn.adam(fn.step_lr(0.001, 6000))
    states = fn.train(net, batches, loss=fn.softmax_cross_entropy, optimizer=optimizer)
    learned, accuracy = net, 0.0
    for state in tqdm(states, total=len(batches), unit=" steps"):
        if state.step % batches.steps_per_epoch == 0:
            learned = state.params
            accuracy = fn.accuracy(fn.predict(learned, x_test, 100), t_test)
            tqdm.write(f"epoch {state.epoch:2}: {accuracy:.2%}")

    before, after = net.layers[0], learned.layers[0]
    figure = figure_of(9, 5.4)
    top, bottom = figure.subfigures(2, 1, squeeze=False, hspace=0.04, height_ratios=[5, 8])[:, 0]
    left, right = top.subfigures(1, 2, squeeze=False, wspace=0.04)[0]
    draw_filters(left, before.W, "Filters before training")
    draw_filters(right, after.W, "Filters after training")
    draw_edges(bottom, after, x_test[t_test == 5][:1])
    save(figure, args.out, "convnet.png")
    print(f"test accuracy: {accuracy:.2%}")


if __name__ == "__main__":
    main()
