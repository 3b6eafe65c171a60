"""Twenty image networks as users write them: mypy reports nothing, and all of them run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs
import numpy as np

from funnet import (
    Affine,
    AvgPool2d,
    BatchNorm,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAvgPool2d,
    Identity,
    Images,
    LayerNorm,
    LeakyReLU,
    Matrix,
    MaxPool2d,
    OnImages,
    ReLU,
    Sigmoid,
    Softmax,
    SomeLayer,
    Standardize,
    Tanh,
    adam,
    backward,
    concatenate,
    forward,
    minibatches,
    predict,
    residual,
    sequential,
    sgd_update,
    softmax_cross_entropy,
    train,
    training_mode,
    update_statistics,
)

rng = np.random.default_rng(0)
images = rng.normal(size=(4, 1, 12, 12)).astype(np.float32)
t = np.arange(4)
CHANNELS: Final = 6


def conv(n_in: int, n_out: int, size: int = 3) -> Conv2d[int, int]:
    return Conv2d.init(n_in, n_out, size, padding=size // 2, rng=rng)


# 1. A single convolution, as in the book, and its training step.
simple = sequential(
    Conv2d.init(1, 5, 5, rng=rng),
    ReLU(),
    MaxPool2d(2),
    Flatten(),
    Affine.init(80, 10, rng=rng),
    ReLU(),
    Affine.init(10, 4, rng=rng),
)
y, cache = forward(simple, images)
_, dy = softmax_cross_entropy(y, t)
simple = sgd_update(simple, backward(simple, cache, dy), lr=0.1)

# 2. Six convolutions, as in the book's deep network.
deep = sequential(
    Conv2d.init(1, 4, 3, padding=1, rng=rng),
    ReLU(),
    Conv2d.init(4, 4, 3, padding=1, rng=rng),
    ReLU(),
    MaxPool2d(2),
    Conv2d.init(4, 8, 3, padding=1, rng=rng),
    ReLU(),
    Conv2d.init(8, 8, 3, padding=2, rng=rng),
    ReLU(),
    MaxPool2d(2),
    Conv2d.init(8, 16, 3, padding=1, rng=rng),
    ReLU(),
    Conv2d.init(16, 16, 3, padding=1, rng=rng),
    ReLU(),
    MaxPool2d(2),
    Flatten(),
    Affine.init(64, 10, rng=rng),
    ReLU(),
    Dropout(0.5),
    Affine.init(10, 4, rng=rng),
)

# 3. LeNet: average pooling and sigmoids.
lenet = sequential(
    Conv2d.init(1, 6, 5, padding=2, rng=rng),
    Sigmoid(),
    AvgPool2d(2),
    Conv2d.init(6, 16, 3, rng=rng),
    Sigmoid(),
    AvgPool2d(2),
    Flatten(),
    Affine.init(64, 12, rng=rng),
    Sigmoid(),
    Affine.init(12, 4, rng=rng),
)

# 4. Blocks of convolution, norm and activation, made by a function.


def unit(n_in: int, n_out: int) -> OnImages:
    return sequential(conv(n_in, n_out), BatchNorm.init(n_out), ReLU())


norm: OnImages = sequential(BatchNorm.init(8), ReLU(), Dropout(0.1))
units = sequential(
    unit(1, 4), MaxPool2d(2), unit(4, 8), norm, GlobalAvgPool2d(), Affine.init(8, 4, rng=0)
)

# 5. VGG: blocks under names.
first = sequential(
    Conv2d.init(1, 4, 3, padding="same", rng=rng),
    ReLU(),
    Conv2d.init(4, 4, 3, padding="same", rng=rng),
    ReLU(),
    MaxPool2d(2),
)
second = sequential(Conv2d.init(4, 8, 3, padding="same", rng=rng), ReLU(), MaxPool2d(2))
vgg = sequential(first, second, Flatten(), Affine.init(72, 10, rng=rng), ReLU())

# 6. A ResNet block, and the step after its norms have seen a batch.
block = residual(
    sequential(
        Conv2d.init(4, 4, 3, padding=1, rng=rng),
        BatchNorm.init(4),
        ReLU(),
        Conv2d.init(4, 4, 3, padding=1, rng=rng),
        BatchNorm.init(4),
    )
)
resnet = sequential(
    Conv2d.init(1, 4, 3, padding=1, rng=rng),
    BatchNorm.init(4),
    ReLU(),
    block,
    ReLU(),
    GlobalAvgPool2d(),
    Affine.init(4, 4, rng=rng),
)
live = training_mode(resnet, seed=0, step=0)
_, live_cache = forward(live, images)
resnet = update_statistics(resnet, live_cache)

# 7. Activation before convolution.
preactivation = sequential(
    Conv2d.init(1, 4, 3, padding=1, rng=rng),
    residual(sequential(BatchNorm.init(4), ReLU(), Conv2d.init(4, 4, 3, padding=1, rng=rng))),
    residual(sequential(BatchNorm.init(4), ReLU(), Conv2d.init(4, 4, 3, padding=1, rng=rng))),
    GlobalAvgPool2d(),
)

# 8. Bottlenecks with strides between the stages.


def bottleneck(n: int) -> OnImages:
    return residual(
        sequential(conv(n, n // 2, 1), ReLU(), conv(n // 2, n // 2), ReLU(), conv(n // 2, n, 1))
    )


stages = sequential(
    conv(1, 8),
    bottleneck(8),
    Conv2d.init(8, 16, 3, stride=2, padding=1, rng=rng),
    bottleneck(16),
    GlobalAvgPool2d(),
    Affine.init(16, 4, rng=rng),
)

# 9. Inception: convolutions of several sizes, side by side.
inception = concatenate(
    Conv2d.init(4, 3, 1, rng=rng),
    sequential(Conv2d.init(4, 2, 1, rng=rng), ReLU(), Conv2d.init(2, 3, 3, padding=1, rng=rng)),
    sequential(Conv2d.init(4, 2, 1, rng=rng), ReLU(), Conv2d.init(2, 3, 5, padding=2, rng=rng)),
    sequential(MaxPool2d(3, 1, 1), Conv2d.init(4, 1, 1, rng=rng)),
)
googlenet = sequential(
    Conv2d.init(1, 4, 3, padding=1, rng=rng),
    ReLU(),
    inception,
    ReLU(),
    MaxPool2d(2),
    Flatten(),
    Affine.init(360, 4, rng=rng),
)

# 10. DenseNet: each block sees what the blocks before it saw.
dense = sequential(
    Conv2d.init(1, 4, 3, padding=1, rng=rng),
    concatenate(Identity(), Conv2d.init(4, 2, 3, padding=1, rng=rng)),
    concatenate(Identity(), Conv2d.init(6, 2, 3, padding=1, rng=rng)),
    concatenate(Identity(), Conv2d.init(8, 2, 3, padding=1, rng=rng)),
    GlobalAvgPool2d(),
    Affine.init(10, 4, rng=rng),
)

# 11. A U without up-sampling: what goes in comes beside what comes out of the middle.
middle = sequential(
    Conv2d.init(4, 8, 3, padding=1, rng=rng), ReLU(), Conv2d.init(8, 4, 3, padding=1, rng=rng)
)
skip = concatenate(Identity(), middle)
u_net = sequential(
    Conv2d.init(1, 4, 3, padding=1, rng=rng),
    ReLU(),
    concatenate(Identity(), sequential(Conv2d.init(4, 4, 1, rng=rng), skip)),
    Conv2d.init(12, 1, 1, rng=rng),
)
assert predict(u_net, images).shape == images.shape

# 12. Nested three levels deep.
nested = sequential(
    sequential(sequential(Conv2d.init(1, 4, 3, rng=rng), ReLU()), MaxPool2d(2)),
    sequential(Flatten(), sequential(Affine.init(100, 10, rng=rng), Tanh())),
    Affine.init(10, 4, rng=rng),
)

# 13. A list of layers on images whose length depends on data.
layers: list[SomeLayer] = []
for n_in, n_out in [(1, 4), (4, 4), (4, 8)]:
    layers += [conv(n_in, n_out), BatchNorm.init(n_out), ReLU()]
listed = sequential(*layers, GlobalAvgPool2d(), Affine.init(8, 4, rng=rng))

# 14. A list of blocks of one class.
tower = sequential(*[conv(1, 4)], *[residual(conv(4, 4)) for _ in range(3)])
towered = sequential(tower, GlobalAvgPool2d(), Affine.init(4, 4, rng=rng))

# 15. Widths in a constant, and read from the layers.
stem = Conv2d.init(1, CHANNELS, 3, rng=rng)
constants = sequential(
    stem,
    BatchNorm.init(CHANNELS),
    LeakyReLU(0.1),
    Conv2d.init(stem.n_out, 2 * CHANNELS, 3, stride=2, rng=rng),
    Flatten(),
    LayerNorm.init(2 * CHANNELS * 4 * 4),
    Affine.init(2 * CHANNELS * 4 * 4, 4, rng=rng),
    Softmax(),
)

# 16. Rows first: standardized features of the images.
features = predict(sequential(Conv2d.init(1, 2, 3, rng=rng), ReLU(), Flatten()), images)
head = sequential(Standardize.fit(features), Affine.init(200, 4, rng=rng))
prepared = sequential(Conv2d.init(1, 2, 3, rng=rng), ReLU(), Flatten(), head)

# 17. Two views of an image, joined as rows.
views = sequential(
    concatenate(
        sequential(Conv2d.init(1, 3, 3, rng=rng), ReLU(), GlobalAvgPool2d()),
        sequential(AvgPool2d(4), Flatten()),
    ),
    Affine.init(12, 4, rng=rng),
)

# 18. Any of several activations, and of several heads.
activations = {"relu": ReLU, "tanh": Tanh}
chosen = sequential(
    Conv2d.init(1, 4, 3, rng=rng), activations["tanh"](), Flatten(), Affine.init(400, 4, rng=rng)
)


# 19. A user's layer, and a user's network.
@attrs.frozen(eq=False)
class FlipCache:
    x: Images


@attrs.frozen(eq=False)
class Flip:
    """Mirrored images."""

    def forward(self, x: Images, /) -> tuple[Images, FlipCache]:
        return np.flip(x, axis=3), FlipCache(x)

    def pullback(self, _cache: FlipCache, dout: Images, /) -> tuple[Flip, Callable[[], Images]]:
        return self, lambda: np.flip(dout, axis=3)


mirrored = sequential(
    concatenate(Identity(), Flip()),
    Conv2d.init(2, 4, 3, rng=rng),
    ReLU(),
    residual(sequential(Flip(), Conv2d.init(4, 4, 1, rng=rng))),
    Flatten(),
    Affine.init(400, 4, rng=rng),
)

# 20. A trained body under a new head.
body = sequential(Conv2d.init(1, 4, 3, rng=rng), BatchNorm.init(4), ReLU(), GlobalAvgPool2d())
pretrained = sequential(body, Affine.init(4, 9, rng=rng))
renewed = sequential(pretrained.layers[0], Affine.init(4, 4, rng=rng))
batches = minibatches(images, t, 2, rng=0, epochs=1)
for state in train(
    renewed, batches, loss=softmax_cross_entropy, optimizer=adam(), seed=0, at_rest=["layers.0"]
):
    renewed = state.params

scores: list[Matrix] = [
    predict(simple, images),
    predict(deep, images),
    predict(lenet, images),
    predict(units, images),
    predict(vgg, images),
    predict(resnet, images),
    predict(preactivation, images),
    predict(stages, images),
    predict(googlenet, images),
    predict(dense, images),
    predict(nested, images),
    predict(listed, images),
    predict(towered, images),
    predict(constants, images),
    predict(prepared, images),
    predict(views, images),
    predict(chosen, images),
    predict(mirrored, images),
    predict(renewed, images),
]
assert all(len(each) == len(images) for each in scores)
