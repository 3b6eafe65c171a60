"""Results as values, and the file that keeps them."""

from __future__ import annotations

import json
import math
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import attrs
import numpy as np
import pytest
from hypothesis import given, strategies as st
from sweep_runs import Config, fails_for_odd

from funnet import Affine, Result, StructureError, save, sweep

sys.path.insert(0, str(Path(__file__).parent))  # for the processes, too


def bare(word: str) -> object:
    raise ValueError(f"{word} is not JSON")


def runs_again(configs: list[object], file: Path, *, seed: int = 0) -> bool:
    """Return whether anything is run for a file that should have it all."""
    calls = []
    list(sweep(lambda config, _seed: calls.append(config), configs, results=file, seed=seed))
    return bool(calls)


# What is in the file


@pytest.mark.parametrize(
    "content",
    [
        b'{"lr": 0.1}',
        b'{"lr": 0.1}\n',
        b"[1, 2",
        b"lr,loss\n0.1,",
        b"\n",
        b"\x00\x00",
        b'{"run": {"index": []}}',
        b'{"run": {"index": x',
        b'{"run": {"index": "0',
        b'{"run": {"index": 0}}',
        '{"run": {"index": 0, "café'.encode("latin-1"),
        b"\xef\xbb\xbf{",
        b'{"run": {"index": 0, "seed": ' + b"[" * 100_000,
    ],
)
def test_a_file_of_something_else_is_refused_and_not_touched(
    content: bytes, tmp_path: Path
) -> None:
    file = tmp_path / "config.json"
    file.write_bytes(content)
    old = file.stat()
    with pytest.raises(ValueError, match=r"config\.json, line 1 is not a result"):
        sweep(fails_for_odd, [0], results=file)
    assert file.read_bytes() == content
    assert file.stat().st_mtime_ns == old.st_mtime_ns


def test_a_checkpoint_is_refused_and_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "net.npz"
    save(file, Affine.init(3, 2, rng=0))
    content = file.read_bytes()
    with pytest.raises(ValueError, match="line 1 is not a result"):
        sweep(fails_for_odd, [0], results=file)
    assert file.read_bytes() == content


RECORD = {
    "run": {"index": 0, "seed": 0, "config": 0, "fingerprint": "0"}, "value": 0, "error": None,
}  # fmt: skip


def changed(**changes: object) -> bytes:
    run = RECORD["run"] | {k: v for k, v in changes.items() if k in RECORD["run"]}  # type: ignore[operator]
    rest = {k: v for k, v in changes.items() if k not in RECORD["run"]}  # type: ignore[operator]
    return json.dumps(RECORD | {"run": run} | rest).encode()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"null",
        b'{"run": {"index": []}}',
        b"[" * 100_000,
        b'{"run": ' * 10_000,
        changed().replace(b'"0"', b'"\xff"'),
        changed().replace(b'"0"', b'"\xed\xa0\x80"'),
        changed()[:-1],
        changed(index=[]),
        changed(index={}),
        changed(index=True),
        changed(index=0.0),
        changed(index=-1),
        changed(index=10**30),
        changed(index="0"),
        changed(index=None),
        changed(seed=None),
        changed(seed=-1),
        changed(seed=False),
        changed(fingerprint=0),
        changed(error=0),
        changed(error="failed"),
        changed(value={"float": 1}),
        changed(value={"float": "0x1p3"}),
        changed(value={"float": []}),
        changed(value={"dict": 1}),
        changed(more=1),
        changed(died=False),
        changed().replace(b'"value": 0', b'"value": ' + b"1" * 5_000),
    ],
)
def test_a_damaged_line_is_named_by_its_number(line: bytes, tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    content = changed() + b"\n" + line + b"\n" + changed() + b"\n"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"results\.jsonl, line 2 is not a result"):
        sweep(fails_for_odd, [0], results=file)
    assert file.read_bytes() == content


@given(data=st.data())
def test_whatever_is_damaged_a_file_is_read_or_refused(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("damaged") / "results.jsonl"
    list(sweep(fails_for_odd, range(3), results=file))
    content = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    whole = bytes(content[: content.rfind(b"\n") + 1])
    file.write_bytes(content)
    try:
        results = list(sweep(fails_for_odd, range(3), results=file))
    except ValueError as error:
        assert "is not a result" in str(error)  # noqa: PT017 (it need not be raised)
        assert file.read_bytes() == content
    else:
        assert len(results) == 3
        assert file.read_bytes().startswith(whole)


def test_a_line_without_its_end_is_read(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    list(sweep(fails_for_odd, [0, 2], results=file))
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])

    assert not runs_again([0, 2], file)
    assert file.read_bytes() == whole
    file.write_bytes(whole[:-1])
    list(sweep(fails_for_odd, [0, 2, 4], results=file))
    assert file.read_bytes().startswith(whole)
    assert not runs_again([0, 2, 4], file)


def test_a_line_that_a_process_left_is_dropped_before_the_next(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    stream = sweep(fails_for_odd, [0, 2, 4], results=file)
    next(stream)
    with file.open("ab") as other:
        other.write(changed()[:40])
    assert len(list(stream)) == 2
    assert not runs_again([0, 2, 4], file)


def test_lines_of_others_are_kept_and_what_is_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    stream = sweep(fails_for_odd, [0, 2, 4], results=file)
    next(stream)
    with file.open("ab") as other:
        other.write(changed() + b"\n")
    next(stream)
    assert len(file.read_bytes().splitlines()) == 3
    with file.open("ab") as other:
        other.write(b"a note\n")
    with pytest.raises(ValueError, match="line 4 is not a result"):
        next(stream)
    assert file.read_bytes().endswith(b"a note\n")


def test_a_file_that_is_removed_meanwhile_begins_anew(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    stream = sweep(fails_for_odd, [0, 2, 4], results=file)
    next(stream)
    file.unlink()
    list(stream)
    assert len(file.read_bytes().splitlines()) == 2


STARTER = """
import sys
sys.path.insert(0, {folder!r})
from concurrent.futures import ThreadPoolExecutor
from funnet import sweep
from sweep_runs import fails_for_odd

_, file, seed, workers = sys.argv
executor = ThreadPoolExecutor(int(workers)) if int(workers) else None
results = sweep(fails_for_odd, range(60), seed=int(seed), executor=executor, results=file)
assert len(list(results)) == 60
"""


def test_processes_that_share_a_file_lose_nothing(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    program = STARTER.format(folder=str(Path(__file__).parent))
    starters = [
        subprocess.Popen([sys.executable, "-c", program, file, seed, workers])
        for seed in "01"
        for workers in "023"
    ]
    assert [starter.wait(60) for starter in starters] == [0] * 6
    done = {
        (record["run"]["seed"], record["run"]["index"])
        for record in map(json.loads, file.read_bytes().splitlines())
    }
    assert done == {(seed, index) for seed in range(2) for index in range(60)}


def test_threads_that_share_a_file_lose_nothing(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"

    def start(seed: int) -> None:
        list(sweep(fails_for_odd, range(0, 80, 2), seed=seed, results=file))

    threads = [threading.Thread(target=start, args=(seed,)) for seed in (0, 1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(file.read_bytes().splitlines()) == 120
    assert not any(runs_again(list(range(0, 80, 2)), file, seed=seed) for seed in range(3))


def test_a_file_that_can_not_grow_keeps_its_lines_and_stops_the_sweep(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="this system sets no limits")
    file = tmp_path / "results.jsonl"
    list(sweep(fails_for_odd, [0, 2], results=file))
    whole = file.read_bytes()
    program = """
import resource, sys
from funnet import sweep
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
try:
    list(sweep(lambda config, seed: config, [0, 2, 4], results=sys.argv[1]))
except OSError as error:
    print(type(error).__name__)
"""
    command = [sys.executable, "-c", program, str(file), str(len(whole) + 50)]
    run = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)

    assert resource
    assert run.stdout == "OSError\n", run.stderr
    assert file.read_bytes() == whole


# What is refused before the first run


def never(config: object, seed: np.random.SeedSequence) -> int:
    raise AssertionError("it is run")


@pytest.mark.parametrize("seed", [None, True, 1.0, "1", np.float64(1), [1]])
def test_a_seed_that_is_not_an_integer_is_refused(seed: object) -> None:
    with pytest.raises(TypeError, match="expected seed to be a non-negative integer"):
        sweep(never, [0], seed=seed)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [-1, np.int64(-1)])
def test_a_negative_seed_is_refused(seed: int) -> None:
    with pytest.raises(ValueError, match="expected seed to be a non-negative integer, got -1"):
        sweep(never, [0], seed=seed)


@pytest.mark.parametrize("seed", [np.int64(3), np.uint8(3)])
def test_a_seed_of_numpy_is_that_number(seed: int, tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    fresh = list(sweep(lambda _, seed: seed.entropy, [0], seed=seed, results=file))
    assert fresh[0].value == 3
    assert not runs_again([0], file, seed=3)


def test_what_can_not_be_called_is_refused() -> None:
    with pytest.raises(TypeError, match="expected run to be a function"):
        sweep(3, [0])  # type: ignore[arg-type]


def test_what_is_not_an_executor_is_refused() -> None:
    with pytest.raises(TypeError, match=r"expected a concurrent\.futures\.Executor, got 4"):
        sweep(never, [0], executor=4)  # type: ignore[arg-type]


def test_a_path_that_can_not_be_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="expected a folder to write"):
        sweep(never, [0], results=tmp_path / "none" / "results.jsonl")
    with pytest.raises(IsADirectoryError):
        sweep(never, [0], results=tmp_path)
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no FIFOs or devices")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to(tmp_path / "fifo")
    for path in (tmp_path / "fifo", tmp_path / "link", os.devnull):
        with pytest.raises(OSError, match="not a regular file"):
            sweep(never, [0], results=path)
    assert stat.S_ISFIFO((tmp_path / "fifo").stat().st_mode)


@pytest.mark.parametrize("config", [object(), 1j, {1, 2}, np.longdouble(1), np.datetime64(0, "s")])
def test_a_configuration_that_can_not_be_written_is_refused(config: object, tmp_path: Path) -> None:
    with pytest.raises(StructureError, match="config"):
        sweep(never, [0, config], results=tmp_path / "results.jsonl")
    assert not list(tmp_path.iterdir())


def test_a_configuration_without_an_end_is_refused(tmp_path: Path) -> None:
    endless: list[object] = []
    endless.append(endless)
    for config in (endless, 10**5_000):
        with pytest.raises(StructureError, match="config"):
            sweep(never, [config], results=tmp_path / "results.jsonl")


# Configurations


def test_numbers_of_numpy_in_a_configuration_are_numbers(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    configs = [Config(lr, width) for lr in np.logspace(-3, 0, 4) for width in np.array([4, 8])]
    plain = [Config(float(config.lr), int(config.width)) for config in configs]
    list(sweep(lambda config, _seed: config.lr, configs, results=file))

    assert not runs_again([*configs], file)
    assert not runs_again([*plain], file)
    assert json.loads(file.read_bytes().splitlines()[0])["run"]["config"] == {
        "lr": 0.001,
        "width": 4,
    }
    mixed = [np.str_("adam"), np.bool(True), np.float32(0.5), (np.int8(1), {"a": np.uint64(2)})]
    assert runs_again([*mixed], tmp_path / "mixed.jsonl")
    assert not runs_again(["adam", True, 0.5, (1, {"a": 2})], tmp_path / "mixed.jsonl")


def test_a_configuration_with_nan_is_found_as_done(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    configs: list[object] = [Config(math.nan), math.inf, [-math.inf, math.nan], np.float16("nan")]
    assert runs_again(configs, file)
    assert not runs_again(configs, file)
    for line in file.read_bytes().splitlines():
        json.loads(line, parse_constant=bare)


def test_a_configuration_that_its_run_changes_is_found_as_done(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    list(sweep(lambda config, _seed: config.append(1), [[0]], results=file))
    assert not runs_again([[0]], file)


# Values

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["float", "dict", "a"]) | st.text(), inner)
        | st.fixed_dictionaries({"float": inner | st.sampled_from(["nan", "inf"])})
        | st.fixed_dictionaries({"dict": inner})
    ),
)


@given(value=VALUES)
def test_what_is_read_is_what_was_written(
    value: object, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("values") / "results.jsonl"
    list(sweep(lambda _config, _seed: value, [0], results=file))
    for line in file.read_bytes().splitlines():
        json.loads(line, parse_constant=bare)
    (read,) = sweep(never, [0], results=file)
    assert repr(read.value) == repr(value)


def nested(depth: int) -> list[object]:
    value: list[object] = []
    for _ in range(depth - 1):
        value = [value]
    return value


def test_a_value_that_can_not_be_written_fails_its_run_and_not_the_sweep(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    endless: list[object] = []
    endless += [endless, endless]
    knot: dict[str, object] = {}
    knot["knot"] = knot
    values = [10**5_000, endless, knot, nested(5_000), np.longdouble(1), np.zeros(2), {1: 2}, b""]

    results = list(sweep(lambda i, _seed: values[i], range(len(values)), results=file))
    assert not any(result.ok for result in results)
    assert all(result.value is value for result, value in zip(results, values, strict=True))
    (fine,) = sweep(lambda _config, _seed: nested(100), [0], results=file)
    assert fine.ok
    assert next(sweep(lambda _config, _seed: nested(1), [0], results=file)).value == nested(100)


# Equality


@attrs.frozen
class Weights:
    """A value with an array."""

    w: np.ndarray


def test_results_with_arrays_are_compared() -> None:
    def result(x: float, dtype: type[np.generic] = np.float64) -> list[Result[object, object]]:
        w = np.full((2, 3), x, dtype)
        return [
            Result(0, 0, w),
            Result(0, w, 1),
            Result(0, 0, [w, {"a": (w, 1)}]),
            Result(0, Weights(w), 1),
        ]

    assert result(1.0) == result(1.0) == result(1.0, np.float32)
    for same, other in zip(result(1.0), result(2.0), strict=True):
        assert (same == other) is False
        assert same != other
    assert Result(0, 0, np.zeros(2)) != Result(0, 0, np.zeros(3))
    assert Result(0, 0, np.zeros(2)) != Result(0, 0, 0.0)
    assert Result(0, 0, [np.zeros(2)]) != Result(0, 0, [np.zeros(2), 1])
    assert Result(0, 0, {"a": np.zeros(2)}) != Result(0, 0, {"b": np.zeros(2)})
    assert Result(0, 0, 0.0) != Result(0, 0, np.zeros(2))
    assert hash(Result(0, 0, np.zeros(2))) == hash(Result(0, 0, np.zeros(2)))


def test_results_of_plain_values_are_compared_as_these_are() -> None:
    assert Result(0, 1, 2) == Result(0, 1, 2.0)
    assert Result(0, 1, 2) != Result(1, 1, 2)
    assert Result(0, 1, 2) != Result(0, 2, 2)
    assert Result(0, 1, None, "failed") != Result(0, 1, None)
    assert Result(0, 1, 2) != (0, 1, 2)
