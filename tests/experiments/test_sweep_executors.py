"""Sweeps on executors: cancelled runs, dying processes, order of submission, slow readers."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import numpy as np
import pytest
from programs import FOLDER, python
from sweep_runs import (
    dies_at_once_for_three,
    dies_for_three,
    exits_for_odd,
    fails_for_odd,
    is_interrupted,
    processes,
)

from funnet import sweep

R = TypeVar("R")


def lines(file: Path) -> int:
    return len(file.read_bytes().splitlines())


@pytest.mark.parametrize("executor", [partial(ThreadPoolExecutor, 1), partial(processes, 1)])
def test_runs_cancelled_by_a_shutdown_are_failed_results(
    executor: Callable[[], Executor], file: Path
) -> None:
    pool = executor()
    stream = sweep(fails_for_odd, [0] * 500, executor=pool, results=file)
    first = next(stream)
    pool.shutdown(wait=True, cancel_futures=True)
    rest = list(stream)

    assert first.ok
    assert len(rest) == 499
    cancelled = [result for result in rest if not result.ok]
    assert "CancelledError" in str(cancelled[0].error)
    assert lines(file) == 500 - len(cancelled)


def test_runs_that_an_executor_does_not_accept_are_failed_results(file: Path) -> None:
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    results = list(sweep(fails_for_odd, [0, 2], executor=pool, results=file))

    assert [result.ok for result in results] == [False, False]
    assert "after shutdown" in str(results[1].error)
    assert lines(file) == 0


def test_a_run_that_was_running_when_the_reader_left_is_written(file: Path) -> None:
    started, go_on = threading.Event(), threading.Event()

    def run(config: int, seed: np.random.SeedSequence) -> int:
        if config == 1:
            started.set()
            assert go_on.wait(20)
        return config

    with ThreadPoolExecutor(1) as executor:
        stream = sweep(run, range(50), executor=executor, results=file)
        assert next(stream).value == 0
        assert started.wait(20)
        del stream
        go_on.set()

    assert lines(file) == 2


SLOW_READER = """
import sys, time
from concurrent.futures import ThreadPoolExecutor
from funnet import sweep
from sweep_runs import fails_for_odd

with ThreadPoolExecutor(2) as executor:
    for result in sweep(fails_for_odd, range(20), executor=executor, results=sys.argv[1]):
        time.sleep(100)
"""


def test_a_killed_program_loses_no_finished_run(file: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", SLOW_READER, file], cwd=FOLDER) as process:
        end = time.monotonic() + 20
        while not (file.exists() and lines(file) == 20):
            assert time.monotonic() < end
            time.sleep(0.01)
        process.kill()

    results = list(sweep(lambda config, _seed: -1, range(20), results=file))
    assert [result.value for result in results] == [n if n % 2 == 0 else -1 for n in range(20)]


class Ahead(ThreadPoolExecutor):
    """An executor that counts its runs."""

    submitted = 0

    def submit(self, fn: Callable[..., R], /, *args: object, **kwargs: object) -> Future[R]:
        self.submitted += 1
        return super().submit(fn, *args, **kwargs)


def test_an_executor_is_at_most_a_thousand_runs_ahead_of_the_reader() -> None:
    with Ahead(2) as executor:
        for read, result in enumerate(sweep(fails_for_odd, range(0, 5_000, 2), executor=executor)):
            assert result.index == read
            assert executor.submitted <= 1000 + read
    assert executor.submitted == 2_500


def test_a_slow_first_run_does_not_block_the_others() -> None:
    last = threading.Event()

    def run(config: int, seed: np.random.SeedSequence) -> int:
        if config == 0:
            assert last.wait(20)
        if config == 999:
            last.set()
        return config

    with ThreadPoolExecutor(2) as executor:
        values = [result.value for result in sweep(run, range(3_000), executor=executor)]
    assert values == list(range(3_000))


class AtOnce(Executor):
    """Executes each run when it is submitted."""

    def submit(self, fn: Callable[..., R], /, *args: object, **kwargs: object) -> Future[R]:
        future: Future[R] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def test_an_executor_may_run_at_once(file: Path) -> None:
    results = list(sweep(fails_for_odd, range(4), executor=AtOnce(), results=file))
    assert [result.value for result in results] == [0, None, 2, None]
    assert lines(file) == 4


@pytest.mark.parametrize(
    ("run", "error"), [(fails_for_odd, "ValueError: 3 is odd"), (exits_for_odd, "SystemExit: odd")]
)
@pytest.mark.parametrize(
    "executor", [nullcontext, partial(ThreadPoolExecutor, 2), partial(processes, 2)]
)
def test_a_run_that_fails_or_exits_is_a_failed_result_and_the_others_continue(
    executor: Callable[[], AbstractContextManager[Executor | None]],
    run: Callable[[int, np.random.SeedSequence], int],
    error: str,
) -> None:
    with executor() as pool:
        results = list(sweep(run, range(4), executor=pool))

    assert [(result.config, result.value) for result in results] == list(
        enumerate([0, None, 2, None])
    )
    assert [result.ok for result in results] == [True, False, True, False]
    assert error in str(results[3].error)
    assert run.__name__ in str(results[3].error)


@pytest.mark.parametrize("executor", [partial(ThreadPoolExecutor, 1), partial(processes, 1)])
def test_an_interrupt_in_another_thread_or_process_is_a_failed_result(
    executor: Callable[[], Executor],
) -> None:
    with executor() as pool:
        (result,) = sweep(is_interrupted, [0], executor=pool)
    assert str(result.error).endswith("KeyboardInterrupt\n")


def test_an_interrupt_stops_a_sweep_without_an_executor(file: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        list(sweep(is_interrupted, [0, 1], results=file))
    assert lines(file) == 0


def test_an_interrupt_while_reading_cancels_the_waiting_runs() -> None:
    program = """
import os, signal, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from funnet import sweep

def run(config, seed):
    if config == 2:
        os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.1)
    calls.append(config)

signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
calls = []
try:
    with ThreadPoolExecutor(1) as executor:
        list(sweep(run, range(500), executor=executor))
except KeyboardInterrupt:
    print(len(calls) < 20)
"""
    if sys.platform == "win32":
        pytest.skip("a signal can't be sent there")
    assert python(program) == "True\n"


def test_an_error_on_writing_is_raised_to_the_reader(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "results.jsonl"
    file.parent.mkdir()
    with ThreadPoolExecutor(1) as executor:
        stream = sweep(fails_for_odd, range(2_000), executor=executor, results=file)
        file.unlink()
        file.parent.rmdir()
        with pytest.raises(FileNotFoundError):
            list(stream)


def resumed(file: Path, workers: int, run: Callable[..., int], n: int) -> list[int | None]:
    with processes(workers) as executor:
        return [result.value for result in sweep(run, range(n), executor=executor, results=file)]


def test_a_run_that_dies_again_does_not_prevent_the_rest(file: Path) -> None:
    assert resumed(file, 1, dies_for_three, 8) == [0, 1, 2, None, None, None, None, None]
    assert b"BrokenProcessPool" in file.read_bytes()
    assert resumed(file, 1, dies_for_three, 8) == [0, 1, 2, None, 4, 5, 6, 7]
    assert resumed(file, 1, fails_for_odd, 4) == [0, 1, 2, None]


def test_a_dying_run_fails_others_only_once(file: Path) -> None:
    starts = [resumed(file, 2, dies_at_once_for_three, 8) for _ in range(3)]
    assert starts[-1] == [0, 1, 2, None, 4, 5, 6, 7]


def test_runs_that_never_failed_are_submitted_first(file: Path) -> None:
    calls = list[int]()

    def run(config: int, seed: np.random.SeedSequence) -> int:
        calls.append(config)
        return config

    list(sweep(fails_for_odd, range(4), results=file))
    with ThreadPoolExecutor(1) as executor:
        results = list(sweep(run, range(6), executor=executor, results=file))
    assert calls == [4, 5, 1, 3]
    assert [result.value for result in results] == list(range(6))


class Returns(ThreadPoolExecutor):
    """Fails to return a value, as a process does if it cannot be pickled."""

    def submit(self, *_: object, **__: object) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_exception(TypeError("cannot pickle"))
        return future


def test_a_value_that_cannot_be_sent_fails_its_run_only(file: Path) -> None:
    with Returns(1) as executor:
        results = list(sweep(fails_for_odd, [0, 2], executor=executor, results=file))
    assert ["cannot pickle" in str(result.error) for result in results] == [True, True]
    assert b'"died": true' not in file.read_bytes()


def test_the_cost_of_a_run_does_not_grow_with_the_number_of_runs() -> None:
    """It is counted in function calls: times depend on what else the machine does."""

    def calls(n: int) -> int:
        count = 0

        def counted(_: FrameType, event: str, __: object) -> None:
            nonlocal count
            count += event in {"call", "c_call"}

        sys.setprofile(counted)
        try:
            assert sum(1 for _ in sweep(lambda c, _: c, range(n), executor=AtOnce())) == n
        finally:
            sys.setprofile(None)
        return count

    before, middle, after = calls(2_000), calls(3_000), calls(4_000)
    assert middle - before < 100 * 1_000
    assert after - middle < 1.1 * (middle - before)  # what the garbage collector calls may vary
