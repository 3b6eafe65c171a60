"""Sweeps, and what tells runs apart."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import assert_type

import numpy as np
import pytest
from sweep_runs import Config, dies_for_three, fails_for_odd, seed_of, training

from funnet import Result, StructureError, compare_manifests, fingerprint, manifest, sweep

sys.path.insert(0, str(Path(__file__).parents[1]))  # for the processes, too

CONFIGS = [Config(lr, width) for lr in (0.01, 0.1) for width in (8, 64, 128)]


def outcome(results: list[Result[Config, dict[str, str | float]]]) -> str:
    assert [result.config for result in results] == CONFIGS
    assert all(result.ok for result in results), results
    return fingerprint([result.value for result in results])


@pytest.fixture(scope="module")
def serial() -> str:
    return outcome(list(sweep(training, CONFIGS, seed=5)))


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_threads_give_the_same_results(workers: int, serial: str) -> None:
    with ThreadPoolExecutor(workers) as executor:
        assert outcome(list(sweep(training, CONFIGS, executor=executor, seed=5))) == serial


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_processes_give_the_same_results(workers: int, serial: str) -> None:
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as executor:
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
    program.write_text(PROGRAM.format(folder=str(Path(__file__).parents[1]), executor=executor))
    command = [sys.executable]
    if name == "mpi4py":
        bin_folder = str(Path(sys.executable).parent)  # where packages of MPI have it
        mpiexec = shutil.which("mpiexec", path=os.pathsep.join([bin_folder, os.defpath]))
        if mpiexec is None:
            pytest.skip("there is no mpiexec")
        command = [mpiexec, "-n", "3", sys.executable, "-m", "mpi4py.futures"]
    run = subprocess.run(
        [*command, program],
        check=False, capture_output=True, text=True, timeout=120, cwd=tmp_path,
    )  # fmt: skip

    assert f"outcome {serial}\n" in run.stdout, run.stderr


def test_each_place_has_a_seed_of_its_own() -> None:
    seeds = [result.value for result in sweep(seed_of, [7, 7, 7], seed=1)]
    spawned = [seq.generate_state(2).tolist() for seq in np.random.SeedSequence(1).spawn(3)]

    assert seeds == spawned
    assert seeds[:2] == [result.value for result in sweep(seed_of, [7, 8], seed=1)]
    assert seeds != [result.value for result in sweep(seed_of, [7, 7, 7], seed=2)]


def test_results_come_in_order_whoever_finishes_first() -> None:
    turn = [threading.Event() for _ in range(4)]
    turn[3].set()

    def backwards(config: int, seed: np.random.SeedSequence) -> int:
        assert turn[config].wait(10)
        turn[config - 1].set()
        return config

    with ThreadPoolExecutor(4) as executor:
        results = list(sweep(backwards, range(4), executor=executor))

    assert [result.value for result in results] == [0, 1, 2, 3]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_failed_run_is_told_of_and_does_not_stop_the_others(workers: int) -> None:
    executor = ThreadPoolExecutor(workers) if workers else None
    results = list(sweep(fails_for_odd, range(4), executor=executor))

    assert [result.value for result in results] == [0, None, 2, None]
    assert [result.ok for result in results] == [True, False, True, False]
    assert results[3].config == 3
    assert "ValueError: 3 is odd" in str(results[3].error)
    assert "fails_for_odd" in str(results[3].error)


def test_a_process_that_dies_is_told_of_and_the_rest_can_be_run_again(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        first = list(sweep(dies_for_three, range(6), executor=executor, results=file))

    assert [result.value for result in first[:3]] == [0, 1, 2]
    assert "BrokenProcessPool" in str(first[3].error)
    assert [result.index for result in first] == list(range(6))

    again = list(sweep(fails_for_odd, [0, 1, 2, 4, 4, 6], results=file))
    assert [result.value for result in again] == [0, 1, 2, 4, 4, 6]


def test_whoever_stops_listening_cancels_what_has_not_begun() -> None:
    started = []

    def note(config: int, seed: np.random.SeedSequence) -> int:
        started.append(config)
        return config

    stream = sweep(note, range(1000))
    assert [result.value for result in islice(stream, 2)] == [0, 1]
    assert started == [0, 1]


def test_what_is_in_the_file_is_not_run_again(tmp_path: Path) -> None:
    file, calls = tmp_path / "results.jsonl", []

    def run(config: Config, seed: np.random.SeedSequence) -> dict[str, float]:
        calls.append(config)
        if config.width == 8:
            raise ValueError("not yet")
        return {"lr": config.lr, "nan": float("nan")}

    list(islice(sweep(run, CONFIGS, results=file), 3))
    assert calls == CONFIGS[:3]
    first = list(sweep(run, CONFIGS, results=file))
    assert calls == [*CONFIGS[:3], CONFIGS[0], *CONFIGS[3:]]  # the failed one is tried again
    second = list(sweep(run, CONFIGS, results=file))
    assert calls[7:] == [CONFIGS[0], CONFIGS[3]]
    assert repr([r.value for r in second]) == repr([r.value for r in first])
    list(sweep(run, CONFIGS[1:3], results=file, seed=1))
    assert calls[9:] == CONFIGS[1:3]


def test_a_line_says_what_was_run(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    list(sweep(fails_for_odd, [2, 3], results=file, seed=9))
    good, bad = map(json.loads, file.read_text().splitlines())

    assert good["value"] == 2
    assert good["error"] is None
    assert (good["run"]["index"], good["run"]["seed"], good["run"]["config"]) == (0, 9, 2)
    assert bad["value"] is None
    assert "3 is odd" in bad["error"]


def test_a_line_that_was_not_finished_is_dropped(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    list(sweep(fails_for_odd, [0, 2, 4], results=file))
    whole = file.read_bytes()
    for length in range(whole.rindex(b"\n", 0, -1) + 1, len(whole)):
        file.write_bytes(whole[:length])
        assert [r.value for r in sweep(fails_for_odd, [0, 2, 4], results=file)] == [0, 2, 4]
        assert file.read_bytes() == whole


def test_a_line_of_something_else_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    for line in ("nonsense", "[]", "{}", '{"run": 1, "value": 2, "error": null}'):
        file.write_text(line + "\n")
        with pytest.raises(ValueError, match=r"results\.jsonl, line 1 is not a result"):
            sweep(fails_for_odd, [0], results=file)


def test_a_value_that_is_no_json_fails_its_run_and_is_there(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    values: list[object] = [1, {"a": [1j]}, (1, 2), 3]

    first, nested, pair, final = sweep(lambda i, _seed: values[i], range(4), results=file)

    assert [first.ok, nested.ok, pair.ok, final.ok] == [True, False, False, True]
    assert "the value['a'][0] must be JSON" in str(nested.error)
    assert str(nested.error).endswith("or None), got complex\n")
    assert "the value must be JSON" in str(pair.error)
    assert pair.value == (1, 2)
    again = list(sweep(lambda _config, _seed: 0, range(4), results=file))
    assert [result.value for result in again] == [1, 0, 0, 3]


def test_numbers_of_numpy_are_numbers(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    numbers = [np.float32(0.5), np.int64(2), np.bool(True)]

    fresh = list(sweep(lambda _config, _seed: numbers, [0], results=file))
    read = list(sweep(lambda _config, _seed: numbers, [0], results=file))

    assert fresh[0].value == read[0].value == [0.5, 2, True]
    assert [type(number) for number in read[0].value or []] == [float, int, bool]


def test_a_configuration_that_is_no_json_is_named(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    with pytest.raises(StructureError, match="config: a value of object can't be written"):
        sweep(fails_for_odd, [object()], results=file)  # type: ignore[arg-type]


def test_a_seed_that_is_none_is_refused_at_the_call() -> None:
    with pytest.raises(ValueError, match="non-negative"):
        sweep(fails_for_odd, [0], seed=-1)


def test_no_configurations_give_no_results() -> None:
    assert list(sweep(fails_for_odd, [])) == []


def test_types_of_results_are_known() -> None:
    executor: Executor | None = None
    for result in sweep(seed_of, [1], executor=executor):
        assert_type(result, Result[int, list[int]])
        assert_type(result.value, list[int] | None)


def test_a_fingerprint_tells_values_apart_that_differ_in_anything() -> None:
    values: list[object] = [
        None, True, 1, 1.0, "1", (), [], {}, (1,), [1], {"a": 1}, {"b": 1},
        np.zeros(2), np.zeros(2, np.float32), np.zeros((2, 1)), np.zeros((1, 2)),
        np.zeros(4, np.float32),
        np.array([0.0, -0.0]), np.array([0.0, 1.0]), (np.zeros(1), np.zeros(1)), float("nan"),
        Config(0.1), Config(0.1, 17), Config(0.2),
    ]  # fmt: skip
    assert len({fingerprint(value) for value in values}) == len(values)


def test_a_fingerprint_does_not_depend_on_the_layout() -> None:
    plain = np.arange(6.0).reshape(2, 3)
    layouts = [np.asfortranarray(plain), plain.astype(">f8"), np.repeat(plain, 2, 0)[::2]]

    assert {fingerprint(layout) for layout in layouts} == {fingerprint(plain)}


def test_manifests_are_compared_field_by_field() -> None:
    a = manifest(seed=1, x=np.zeros(3), config=Config(0.1))
    b = manifest(seed=2, x=np.zeros(3), config=Config(0.2))

    assert compare_manifests(a, a) == {}
    assert list(compare_manifests(a, b)) == ["seed", "data.config"]
    assert compare_manifests(a, b)["seed"] == ("1", "2")
    assert compare_manifests({}, {"python": "3"}) == {"python": ("missing", "3")}
    assert json.loads(json.dumps(a)) == a


def test_a_manifest_knows_the_blas_of_numpys_own_wheels() -> None:
    fields = manifest()
    if "openblas" not in fields["blas"]:
        pytest.skip(f"this NumPy uses {fields['blas']}")

    assert fields["blas.architecture"].isalnum()
    assert int(fields["blas.threads"]) >= 1
