"""Runs for the tests of `sweep`, in a module that processes can import."""

import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import attrs
import numpy as np

import funnet as fn


@attrs.frozen
class Config:
    """The configuration of `training`."""

    lr: float
    width: int = 16


def training(config: Config, seed: np.random.SeedSequence) -> dict[str, str | float]:
    """Return the loss and the fingerprint of a network after two epochs."""
    data, weights, order = map(np.random.default_rng, seed.spawn(3))
    x = data.normal(size=(400, 30)).astype(np.float32)
    t = (x[:, :3].sum(axis=1) > 0).astype(np.int64)
    net = fn.sequential(
        fn.Affine.init(30, config.width, rng=weights),
        fn.Tanh(),
        fn.Affine.init(config.width, 2, rng=weights),
    )
    batches = fn.minibatches(x, t, 64, rng=order, epochs=2)
    run = fn.train(net, batches, loss=fn.softmax_cross_entropy, optimizer=fn.adam(config.lr))
    state = fn.last(run)
    return {"loss": state.loss, "fingerprint": fn.fingerprint(state)}


def seed_of(config: int, seed: np.random.SeedSequence) -> list[int]:
    """Return two words of the seed."""
    return [int(word) for word in seed.generate_state(2)]


def fails_for_odd(config: int, seed: np.random.SeedSequence) -> int:
    """Return the configuration, or raise."""
    if config % 2:
        raise ValueError(f"{config} is odd")
    return config


def dies_for_three(config: int, seed: np.random.SeedSequence) -> int:
    """Return the configuration, or end the process without an exception."""
    if config == 3:
        os._exit(1)
    return config


def dies_at_once_for_three(config: int, seed: np.random.SeedSequence) -> int:
    """Return the configuration after 0.3 s, or end the process at once."""
    if config == 3:
        os._exit(1)
    time.sleep(0.3)
    return config


def exits_for_odd(config: int, seed: np.random.SeedSequence) -> int:
    """Return the configuration, or exit as a script does."""
    if config % 2:
        sys.exit("odd")
    return config


def is_interrupted(config: int, seed: np.random.SeedSequence) -> int:
    """Raise what Ctrl-C raises."""
    raise KeyboardInterrupt


def processes(workers: int) -> ProcessPoolExecutor:
    """Return an executor whose processes import this module anew."""
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"))


def runs_again(configs: Sequence[object], file: Path, *, seed: int = 0) -> bool:
    """Return whether a sweep runs anything, given its results file."""
    calls = []
    list(fn.sweep(lambda config, _seed: calls.append(config), configs, results=file, seed=seed))
    return bool(calls)
