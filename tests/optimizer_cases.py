"""The optimizers that the laws are tried on, and how they are run."""

from collections.abc import Callable

import numpy as np
import pytest

import funnet as fn
from funnet.optimizers.optimizer import P

NET = fn.sequential(fn.Affine.init(4, 5, rng=0), fn.ReLU(), fn.Affine.init(5, 3, rng=1))


def sign_descent(
    p: fn.Array, g: fn.Array, signs: fn.Array, /, *, lr: float
) -> tuple[fn.Array, fn.Array]:
    """Apply a user's update rule: only the signs of the gradients count."""
    signs = np.sign(g)
    return p - signs * lr, signs


MAKERS: list[Callable[..., fn.Optimizer]] = [
    fn.sgd,
    fn.momentum,
    fn.nesterov,
    fn.adagrad,
    fn.rmsprop,
    fn.adam,
    fn.adamw,
]
PLAIN = {make.__name__: make(lr=0.1) for make in MAKERS} | {
    "user's": fn.elementwise(sign_descent, lr=0.1)
}
OPTIMIZERS = PLAIN | {
    "decayed": fn.weight_decay(fn.adam(lr=0.1), 0.1),
    "clipped": fn.clip_by_global_norm(fn.momentum(lr=0.1), 0.5),
    "frozen": fn.freeze(fn.adam(lr=0.1), "layers.0"),
    "all": fn.clip_by_global_norm(
        fn.freeze(
            fn.weight_decay(fn.adam(fn.cosine_lr(0.1, 9, warmup_steps=2)), 0.1), "layers.2.b"
        ),
        0.5,
    ),
}
every_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)


def gradients_of(tree: P, seed: int) -> P:
    rng = np.random.default_rng(seed)
    return fn.tree_map(lambda a: rng.normal(size=a.shape).astype(a.dtype), tree)


def gradients(seed: int) -> fn.Sequential:  # type: ignore[type-arg]
    return gradients_of(NET, seed)


def run(optimizer: fn.Optimizer, net: P, steps: int) -> tuple[P, fn.OptimizerState[P]]:
    state = optimizer.init(net)
    for step in range(steps):
        net, state = optimizer.update(net, gradients_of(net, step), state)
    return net, state


def content(tree: object) -> list[tuple[str, bytes, str]]:
    return [(path, array.tobytes(), str(array.dtype)) for path, array in fn.named_leaves(tree)]
