"""A deep convolutional network learns to read MNIST: the textbook's DeepConvNet.

    python examples/deep_convnet.py

Six convolutions of 3 x 3 and two affine layers, trained by Adam at a rate that falls to 0, with
dropout before the last layer (not on the scores, as in the textbook). The picture shows the test
digits that it misreads. Stored in float16, the network has half the size and reads as well. Without
MNIST, the 8 x 8 digits and a smaller network are used instead.
"""

import numpy as np
from common import images_or_digits, options
from plots import draw_digits, figure_of, save
from tqdm import tqdm

import funnet as fn


def block(n_in: int, n_out: int, padding: int, rng: np.random.Generator) -> fn.SomeLayer:
    """Return two convolutions and a pooling layer, which halves the height and the width."""
    return fn.sequential(
        fn.Conv2d.init(n_in, n_out, 3, padding=1, rng=rng),
        fn.ReLU(),
        fn.Conv2d.init(n_out, n_out, 3, padding=padding, rng=rng),
        fn.ReLU(),
        fn.MaxPool2d(2),
    )


def main() -> None:
    """Train the network, test it after each epoch, and draw the digits that it misreads."""
    args = options(__doc__, seed=0, epochs=20, data_dir=None)

    (x_train, t_train), (x_test, t_test) = images_or_digits(args.data_dir)
    rng = np.random.default_rng(args.seed)
    if x_train.shape[2] == 28:  # 28, then 14, then 16 by the padding of 2, then 8, then 4
        blocks = [block(1, 16, 1, rng), block(16, 32, 2, rng), block(32, 64, 1, rng)]
        features = 64 * 4 * 4
    else:
        blocks, features = [block(1, 16, 1, rng), block(16, 32, 2, rng)], 32 * 3 * 3
    net = fn.sequential(
        *blocks,
        fn.Flatten(),
        fn.Affine.init(features, 50, rng=rng),
        fn.ReLU(),
        fn.Dropout(0.5),
        fn.Affine.init(50, 10, rng=rng),
    )
    print(fn.summary(net, x_train.shape[1:]))

    batches = fn.minibatches(x_train, t_train, 100, rng=rng, epochs=args.epochs)
    optimizer = fn.adam(fn.cosine_lr(0.001, len(batches)))
    states = fn.train(
        net, batches, loss=fn.softmax_cross_entropy, optimizer=optimizer, seed=args.seed
    )
    scores: fn.Matrix = np.zeros((len(x_test), 10), np.float32)
    for state in tqdm(states, total=len(batches), unit=" steps"):
        if state.step % batches.steps_per_epoch == 0:
            net = state.params
            scores = fn.predict(net, x_test, 100)
            tqdm.write(f"epoch {state.epoch:2}: {fn.accuracy(scores, t_test):.2%}")

    half = fn.astype(net, np.float16)
    stored = fn.accuracy(fn.predict(fn.astype(half, np.float32), x_test, 100), t_test)
    print(f"with weights in float16, computed in float32: {stored:.2%}")

    figure = figure_of(9, 6.5)
    draw_digits(figure, x_test, t_test, scores.argmax(axis=1))
    save(figure, args.out, "deep_convnet.png")
    print(f"test accuracy: {fn.accuracy(scores, t_test):.2%}")


if __name__ == "__main__":
    main()
