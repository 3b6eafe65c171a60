"""Mini-batches of rows that can be told apart, and transforms of them, for property tests."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
import numpy as np
from hypothesis import strategies as st

from funnet.core.arrays import Labels
from funnet.data import Minibatches, minibatches
from funnet.data.rows import each

Pixels = np.ndarray[tuple[int, int], np.dtype[np.float64]]
Batches = Minibatches[Pixels, Labels]
Batch = tuple[Pixels, Labels]
Transform = Callable[[Batches], Batches]


def samples(n: int) -> Batch:
    """Return inputs and targets that identify their row."""
    t = np.arange(n)
    return np.stack([t, -t], axis=1).astype(np.float64), t


def content(batch: tuple[Pixels, Any]) -> list[Any]:
    """Return the numbers of a batch, whose targets may be a tuple of arrays."""
    return [each(np.ndarray.tolist, array) for array in batch]


def listed(batches: Minibatches[Any, Any]) -> list[Any]:
    return list(map(content, batches))


def add_noise(x: Pixels, t: Labels, rng: np.random.Generator) -> Batch:
    return np.add(x, rng.random(x.shape)), t


def draw_all(x: Pixels, t: Labels, rng: np.random.Generator) -> Batch:
    return rng.random((len(x), 2)), t


def repeat(x: Pixels, t: Labels, rng: np.random.Generator) -> Batch:
    """Return each row 1 to 3 times."""
    times = rng.integers(1, 4)
    return np.repeat(x, times, axis=0), each(lambda array: np.repeat(array, times, axis=0), t)


def mapped(batches: Batches) -> Batches:
    return batches.map(add_noise)


def repeated(batches: Batches) -> Batches:
    return batches.map(repeat)


def halved(i: int, batches: Batches) -> Batches:
    return batches.shard(i, 2)


@st.composite
def runs(draw: st.DrawFn, least: int = 1, *, whole: bool = False) -> Batches:
    """Return batches with at least `least` rows each; if whole, of no more rows than there are."""
    size = draw(st.integers(least, least + 9))
    n = draw(st.integers(size if whole or least > 1 else 1, 30))
    return minibatches(
        *samples(n),
        size,
        rng=draw(st.integers(0, 2**64)),
        epochs=draw(st.integers(0, 3)),
        replacement=draw(st.booleans()),
        drop_last=n >= size and (0 < n % size < least or draw(st.booleans())),
    )


@st.composite
def transformed(draw: st.DrawFn) -> Batches:
    """Return batches with up to three maps and shards, of an array or of two arrays as targets."""
    transforms: list[Transform] = [mapped, repeated, partial(halved, 0), partial(halved, 1)]
    chosen = draw(st.lists(st.sampled_from(transforms), max_size=3))
    batches: Any = draw(runs(least=8 if chosen else 1))
    if draw(st.booleans()):
        batches = attrs.evolve(batches, t=(batches.t, -batches.t))
    for transform in chosen:
        batches = transform(batches)
    plain: Batches = batches
    return plain
