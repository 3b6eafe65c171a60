"""The optimizers that the laws are tried on, and how they are run."""

import numpy as np
import pytest

from funnet import (
    Affine,
    Array,
    Optimizer,
    OptimizerState,
    ReLU,
    Sequential,
    adagrad,
    adam,
    adamw,
    clip_by_global_norm,
    cosine_lr,
    elementwise,
    freeze,
    momentum,
    named_leaves,
    nesterov,
    rmsprop,
    sequential,
    sgd,
    tree_map,
    weight_decay,
)

NET = sequential(Affine.init(4, 5, rng=0), ReLU(), Affine.init(5, 3, rng=1))


def sign_descent(p: Array, g: Array, signs: Array, /, *, lr: float) -> tuple[Array, Array]:
    """Apply a user's update rule: only the signs of the gradients count."""
    signs = np.sign(g)
    return p - signs * lr, signs


PLAIN = {
    "sgd": sgd(lr=0.1),
    "momentum": momentum(lr=0.1),
    "nesterov": nesterov(lr=0.1),
    "adagrad": adagrad(lr=0.1),
    "rmsprop": rmsprop(lr=0.1),
    "adam": adam(lr=0.1),
    "adamw": adamw(lr=0.1),
    "user's": elementwise(sign_descent, lr=0.1),
}
OPTIMIZERS = PLAIN | {
    "decayed": weight_decay(adam(lr=0.1), 0.1),
    "clipped": clip_by_global_norm(momentum(lr=0.1), 0.5),
    "frozen": freeze(adam(lr=0.1), "layers.0"),
    "all": clip_by_global_norm(
        freeze(weight_decay(adam(cosine_lr(0.1, 9, warmup_steps=2)), 0.1), "layers.2.b"), 0.5
    ),
}
every_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)


def gradients(seed: int, like: Sequential = NET) -> Sequential:  # type: ignore[type-arg]
    rng = np.random.default_rng(seed)
    return tree_map(lambda a: rng.normal(size=a.shape).astype(a.dtype), like)


def run(optimizer: Optimizer, net: Sequential, steps: int) -> tuple[Sequential, OptimizerState]:  # type: ignore[type-arg]
    state = optimizer.init(net)
    for step in range(steps):
        net, state = optimizer.update(net, gradients(step, net), state)
    return net, state


def content(tree: object) -> list[tuple[str, bytes, str]]:
    return [(path, array.tobytes(), str(array.dtype)) for path, array in named_leaves(tree)]
