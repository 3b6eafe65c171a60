"""Accumulated gradients: those of the parts of a batch, in turn, are those of the batch."""

from __future__ import annotations

import tracemalloc
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live_cases import LIVE
from training_cases import LOSS, NET, Net, T, X

import funnet as fn

BATCHES = fn.minibatches(X, T, 8, rng=1)  # 3 to an epoch, the last of 7 rows
every_net = pytest.mark.parametrize("net", [NET, LIVE], ids=["plain", "live"])


def run(start: Net, n_shards: int, batches: Any = BATCHES, loss: Any = LOSS) -> list[Net]:
    """Return the states of up to 13 steps."""
    states = fn.train(start, batches, loss=loss, optimizer=fn.adam(0.01), seed=7, n_shards=n_shards)
    return list(islice(states, 13))


@pytest.mark.parametrize("n_shards", [2, 3, 5, 7])
def test_accumulated_batches_are_the_large_batch_to_rounding(n_shards: int) -> None:
    """In float64; a batch has 5 rows, the last of an epoch 3, and some weigh nothing."""
    w = np.random.default_rng(0).gamma(1.0, size=len(T)) * (np.arange(len(T)) % 4 > 0)
    net, x = fn.astype(NET, np.float64), X.astype(np.float64)

    for t, loss in ((T, LOSS), ((T, w), fn.weighted(LOSS))):
        batches = fn.minibatches(x, t, 5, rng=1)
        of_parts, whole = (run(net, n, batches, loss) for n in (n_shards, 1))

        for ours, expected in zip(of_parts, whole, strict=True):
            assert (ours.step, ours.epoch) == (expected.step, expected.epoch)
            assert ours.loss == pytest.approx(expected.loss, rel=1e-11)
            pairs = zip(fn.tree_leaves(ours.params), fn.tree_leaves(expected.params), strict=True)
            for a, b in pairs:
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


@every_net
def test_the_parts_are_shards_with_masks_of_their_own(net: Net) -> None:
    state = fn.TrainState.init(net, fn.sgd())
    by_hand = state
    for x, t in islice(BATCHES, 6):
        parts = [
            fn.batch_gradients(
                by_hand.params, x[rows], t[rows], loss=LOSS, seed=7, step=by_hand.step, shard=i
            )
            for i, rows in enumerate([slice(0, (len(x) + 1) // 2), slice((len(x) + 1) // 2, None)])
        ]
        by_hand = fn.apply_gradients(by_hand, fn.combine(parts), optimizer=fn.sgd())
        state = fn.train_step(state, x, t, loss=LOSS, optimizer=fn.sgd(), seed=7, n_shards=2)

        assert fn.fingerprint(state) == fn.fingerprint(by_hand)


@every_net
@pytest.mark.parametrize("step", [1, 4, 5, 12])
def test_a_run_resumes_bit_for_bit(net: Net, step: int, tmp_path: Path) -> None:
    whole = run(net, 2)
    fn.save(tmp_path / "state.npz", whole[step - 1])

    start = fn.load(tmp_path / "state.npz", like=whole[0])
    rest = run(start, 2)[: 13 - step]

    assert [fn.fingerprint(state) for state in rest] == [fn.fingerprint(s) for s in whole[step:]]


def test_a_batch_of_fewer_rows_has_a_part_for_each() -> None:
    few, many = (run(NET, n) for n in (8, 100))

    assert [fn.fingerprint(state) for state in few] == [fn.fingerprint(state) for state in many]


def test_the_parts_need_less_memory_than_the_batch() -> None:
    net = fn.sequential(fn.Affine.init(4, 500, rng=0), fn.Tanh(), fn.Affine.init(500, 3, rng=1))
    x, t = np.ones((2000, 4), np.float32), np.zeros(2000, int)
    state = fn.TrainState.init(net, fn.sgd())

    def peak(n_shards: int) -> int:
        tracemalloc.start()
        try:
            new = fn.train_step(state, x, t, loss=LOSS, optimizer=fn.sgd(), n_shards=n_shards)
            assert new.step == 1
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(10) < peak(1) / 4


@pytest.mark.parametrize("x", [X.tolist(), np.array(1.0), X[:0]])
def test_only_arrays_with_rows_have_parts(x: Any) -> None:
    state = fn.TrainState.init(NET, fn.sgd())

    with pytest.raises(fn.ShapeError, match="x must have one row for each sample, got"):
        fn.train_step(state, x, T, loss=LOSS, optimizer=fn.sgd(), n_shards=2)
