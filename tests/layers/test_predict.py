"""`predict`: batches, memory and arguments."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from small_networks import Wrong, network

import funnet as fn

Net = fn.Network[Literal[20], Literal[5]]


@pytest.fixture(scope="module")
def net() -> Net:
    rng = np.random.default_rng(0)
    return fn.sequential(
        fn.Affine.init(20, 300, rng=rng), fn.ReLU(), fn.Affine.init(300, 5, rng=rng)
    )


def peak_beyond_output(net: Net, x: fn.Matrix, batch_size: int | None) -> int:
    tracemalloc.start()
    try:
        y = fn.predict(net, x, batch_size)
        return tracemalloc.get_traced_memory()[1] - y.nbytes
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("batch_size", [None, 100])
def test_memory_beyond_the_output_does_not_grow_with_the_rows(
    net: Net, batch_size: int | None
) -> None:
    few, many = np.zeros((5_000, 20), np.float32), np.zeros((20_000, 20), np.float32)

    more = peak_beyond_output(net, many, batch_size) - peak_beyond_output(net, few, batch_size)

    assert more < 20_000


def test_an_input_on_disk_is_read_in_batches(net: Net, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.ones((50_000, 20), np.float32))
    x = np.load(tmp_path / "x.npy", mmap_mode="r")

    assert peak_beyond_output(net, x, 1_000) < x.nbytes


@pytest.mark.parametrize("batch_size", [30, 1_000])
def test_a_batch_of_all_rows_gives_the_output_of_forward(net: Net, batch_size: int) -> None:
    x = np.random.default_rng(1).normal(size=(30, 20)).astype(np.float32)

    np.testing.assert_array_equal(fn.predict(net, x, batch_size), fn.forward(net, x)[0])


@pytest.mark.parametrize("x", [[[1.0, 2.0, 3.0]], [[1.0], [1.0, 2.0]], "text", None, 3.0])
def test_the_input_must_be_an_array(x: Wrong) -> None:
    with pytest.raises(
        fn.DTypeError, match=rf"x .* a NumPy array with one row .*, got {type(x).__name__};"
    ):
        fn.predict(network(), x)


def test_a_training_state_is_not_a_network() -> None:
    state: Wrong = fn.TrainState.init(network(), fn.sgd())

    with pytest.raises(
        TypeError, match=r"layer or network, such as state\.params, got TrainState$"
    ):
        fn.predict(state, np.ones((1, 3), np.float32))
