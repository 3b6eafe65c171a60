"""`predict` allocates its output and the arrays of one batch."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from funnet import Affine, Matrix, Network, ReLU, ShapeError, forward, predict, sequential

Net = Network[Literal[20], Literal[5]]


@pytest.fixture(scope="module")
def net() -> Net:
    rng = np.random.default_rng(0)
    return sequential(Affine.init(20, 300, rng=rng), ReLU(), Affine.init(300, 5, rng=rng))


def peak_beyond_output(net: Net, x: Matrix, batch_size: int | None) -> int:
    tracemalloc.start()
    try:
        y = predict(net, x, batch_size)
        return tracemalloc.get_traced_memory()[1] - y.nbytes
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("batch_size", [None, 100])
def test_memory_beyond_the_output_does_not_grow_with_the_rows(
    net: Net, batch_size: int | None
) -> None:
    few, many = np.zeros((5_000, 20), np.float32), np.zeros((50_000, 20), np.float32)

    more = peak_beyond_output(net, many, batch_size) - peak_beyond_output(net, few, batch_size)

    assert more < 20_000


def test_an_input_on_disk_is_read_a_batch_at_a_time(net: Net, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.ones((50_000, 20), np.float32))
    x = np.load(tmp_path / "x.npy", mmap_mode="r")

    assert peak_beyond_output(net, x, 1_000) < x.nbytes


def test_a_batch_size_beyond_the_rows_is_forward(net: Net) -> None:
    x = np.random.default_rng(1).normal(size=(30, 20)).astype(np.float32)

    np.testing.assert_array_equal(predict(net, x, 30), forward(net, x)[0])
    np.testing.assert_array_equal(predict(net, x, 1_000), forward(net, x)[0])


def test_a_scalar_has_no_rows(net: Net) -> None:
    with pytest.raises(ShapeError, match="x must have one row per sample, got a scalar"):
        predict(net, np.array(1.0, np.float32))
