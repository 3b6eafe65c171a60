"""A small network, batches, and runs over them."""

from collections.abc import Callable, Generator, Iterable
from typing import Any

import numpy as np

import funnet as fn

rng = np.random.default_rng(0)
X: fn.Matrix = rng.normal(size=(23, 4)).astype(np.float32)
T = rng.integers(0, 3, 23)
BATCHES = fn.minibatches(X, T, 5, rng=1)  # 5 to an epoch, the last of 3 rows
NET = fn.sequential(fn.Affine.init(4, 6, rng=2), fn.Tanh(), fn.Affine.init(6, 3, rng=3))

ADAM, SGD = fn.adam(), fn.sgd(lr=0.1)


def run(
    start: Any = NET,  # Any: invalid arguments as well
    batches: Iterable[Any] = BATCHES,
    *,
    loss: Callable[[Any, Any], Any] = fn.softmax_cross_entropy,
    optimizer: Any = SGD,
) -> Generator[fn.TrainState[Any], None, None]:
    return fn.train(start, batches, loss=loss, optimizer=optimizer)


def content(tree: object) -> list[tuple[str, bytes]]:
    return [(path, array.tobytes()) for path, array in fn.named_leaves(tree)]
