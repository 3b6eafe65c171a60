"""Sweeps give the same results on every executor, and resume from a results file."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from programs import FOLDER, mpiexec
from sweep_runs import Config, fails_for_odd, processes, runs_again, seed_of, training

from funnet import Result, fingerprint, sweep

CONFIGS = [Config(lr, width) for lr in (0.01, 0.1) for width in (8, 64, 128)]


def outcome(results: list[Result[Config, dict[str, str | float]]]) -> str:
    assert [result.config for result in results] == CONFIGS
    assert all(result.ok for result in results), results
    return fingerprint([result.value for result in results])


@pytest.fixture(scope="module")
def serial() -> str:
    return outcome(list(sweep(training, CONFIGS, seed=5)))


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("pool", [ThreadPoolExecutor, processes])
def test_threads_and_processes_give_the_same_results(
    pool: Callable[[int], Executor], workers: int, serial: str
) -> None:
    with pool(workers) as executor:
        assert outcome(list(sweep(training, CONFIGS, executor=executor, seed=5))) == serial


OTHERS = {
    "loky": """
from loky import get_reusable_executor
executor = get_reusable_executor(2)
""",
    "dask": """
from dask.distributed import Client
client = Client(n_workers=2, threads_per_worker=1, dashboard_address=None, processes=True)
executor = client.get_executor()
""",
    "mpi4py": """
from mpi4py.futures import MPIPoolExecutor
executor = MPIPoolExecutor()
""",
}
PROGRAM = """
import sys
sys.path.insert(0, {folder!r})
from funnet import fingerprint, sweep
from sweep_runs import Config, training

if __name__ == "__main__":
    {executor}
    configs = [Config(lr, width) for lr in (0.01, 0.1) for width in (8, 64, 128)]
    results = list(sweep(training, configs, executor=executor, seed=5))
    assert all(r.ok for r in results), results
    print("outcome", fingerprint([r.value for r in results]))
    executor.shutdown()
"""


@pytest.mark.parametrize("name", OTHERS)
def test_other_executors_give_the_same_results(name: str, serial: str, tmp_path: Path) -> None:
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    program = tmp_path / "program.py"
    executor = OTHERS[name].strip().replace("\n", "\n    ")
    program.write_text(PROGRAM.format(folder=str(FOLDER), executor=executor))
    if name == "mpi4py":
        run = mpiexec(3, "-m", "mpi4py.futures", program)
    else:
        run = subprocess.run(
            [sys.executable, program],
            check=False, capture_output=True, text=True, timeout=120, cwd=tmp_path,
        )  # fmt: skip

    assert f"outcome {serial}\n" in run.stdout, run.stderr


def test_the_seed_of_a_run_depends_on_the_seed_and_the_index() -> None:
    seeds = [result.value for result in sweep(seed_of, [7, 7, 7], seed=1)]
    spawned = [seq.generate_state(2).tolist() for seq in np.random.SeedSequence(1).spawn(3)]

    assert seeds == spawned
    assert seeds[:2] == [result.value for result in sweep(seed_of, [7, 8], seed=1)]
    assert seeds != [result.value for result in sweep(seed_of, [7, 7, 7], seed=2)]


def test_results_are_in_order_whichever_run_finishes_first() -> None:
    turn = [threading.Event() for _ in range(4)]
    turn[3].set()

    def backwards(config: int, seed: np.random.SeedSequence) -> int:
        assert turn[config].wait(10)
        turn[config - 1].set()
        return config

    with ThreadPoolExecutor(4) as executor:
        results = list(sweep(backwards, range(4), executor=executor))

    assert [result.value for result in results] == [0, 1, 2, 3]


def test_without_an_executor_runs_are_executed_on_demand() -> None:
    started = []

    def note(config: int, seed: np.random.SeedSequence) -> int:
        started.append(config)
        return config

    stream = sweep(note, range(1000))
    assert [result.value for result in islice(stream, 2)] == [0, 1]
    assert started == [0, 1]


def test_runs_that_are_in_the_file_are_not_executed_again(file: Path) -> None:
    calls = []

    def run(config: Config, seed: np.random.SeedSequence) -> dict[str, float]:
        calls.append(config)
        if config.width == 8:
            raise ValueError("not yet")
        return {"lr": config.lr, "nan": float("nan")}

    list(islice(sweep(run, CONFIGS, results=file), 3))
    assert calls == CONFIGS[:3]
    first = list(sweep(run, CONFIGS, results=file))
    assert calls == [*CONFIGS[:3], CONFIGS[0], *CONFIGS[3:]]  # the failed run is executed again
    second = list(sweep(run, CONFIGS, results=file))
    assert calls[7:] == [CONFIGS[0], CONFIGS[3]]
    assert repr([r.value for r in second]) == repr([r.value for r in first])
    list(sweep(run, CONFIGS[1:3], results=file, seed=1))
    assert calls[9:] == CONFIGS[1:3]


def test_a_run_is_identified_by_its_index_configuration_and_seed(file: Path) -> None:
    assert runs_again([1, 2], file)
    assert not runs_again([1, 2], file)
    assert runs_again([1, 3], file)
    assert runs_again([2], file)
    assert runs_again([1, 2], file, seed=1)


def test_no_configurations_give_no_results() -> None:
    assert list(sweep(fails_for_odd, [])) == []
