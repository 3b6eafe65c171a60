"""Arguments that `sweep` rejects, configurations and values in the results file, and `Result`."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, strategies as st
from sweep_runs import Config, runs_again

from funnet import Result, StructureError, sweep


def bare(word: str) -> object:
    raise ValueError(f"{word} is not JSON")


# Arguments that are rejected before the first run


def never(config: object, seed: np.random.SeedSequence) -> int:
    raise AssertionError("the function was called")


@pytest.mark.parametrize("seed", [np.int64(3), np.uint8(3)])
def test_a_numpy_integer_is_a_seed(seed: int, file: Path) -> None:
    fresh = list(sweep(lambda _, seed: seed.entropy, [0], seed=seed, results=file))
    assert fresh[0].value == 3
    assert not runs_again([0], file, seed=3)


def test_the_run_must_be_callable_and_the_executor_an_executor() -> None:
    wrong: Any = 4  # mypy reports both
    with pytest.raises(TypeError, match="run must be a function"):
        sweep(wrong, [0])
    with pytest.raises(TypeError, match=r"executor must be a concurrent\.futures\.Executor, got 4"):
        sweep(never, [0], executor=wrong)


def test_the_results_file_must_be_a_regular_file_in_an_existing_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        sweep(never, [0], results=tmp_path / "none" / "results.jsonl")
    with pytest.raises(IsADirectoryError):
        sweep(never, [0], results=tmp_path)
    if os.name == "posix":
        (tmp_path / "link").symlink_to("/dev/zero")
        with pytest.raises(OSError, match="not a regular file"):
            sweep(never, [0], results=tmp_path / "link")


def endless() -> list[object]:
    value: list[object] = []
    value += [value, value]
    return value


@pytest.mark.parametrize(
    "config",
    [object(), 1j, {1, 2}, np.longdouble(1), np.datetime64(0, "s"), endless(), 10**5_000],
    ids=range(7),
)
def test_a_configuration_that_cannot_be_written_is_refused(config: object, file: Path) -> None:
    with pytest.raises(StructureError, match="config"):
        sweep(never, [0, config], results=file)
    assert not file.exists()


# Configurations


def test_numpy_scalars_in_a_configuration_are_numbers(file: Path, tmp_path: Path) -> None:
    configs = [Config(lr, width) for lr in np.logspace(-3, 0, 4) for width in np.array([4, 8])]
    plain = [Config(float(config.lr), int(config.width)) for config in configs]
    list(sweep(lambda config, _seed: config.lr, configs, results=file))

    assert not runs_again(configs, file)
    assert not runs_again(plain, file)
    first = json.loads(file.read_bytes().splitlines()[0])
    assert first["run"]["config"] == {"lr": 0.001, "width": 4}
    mixed = [np.str_("adam"), np.bool(True), np.float32(0.5), (np.int8(1), {"a": np.uint64(2)})]
    assert runs_again(mixed, tmp_path / "mixed.jsonl")
    assert not runs_again(["adam", True, 0.5, (1, {"a": 2})], tmp_path / "mixed.jsonl")


def test_a_configuration_with_arrays_is_told_by_their_numbers_and_shown_by_their_shape(
    file: Path,
) -> None:
    first, second = ({"W": np.full((3, 2), v, np.float32), "betas": (v, 0.9)} for v in (0.0, 1.0))
    assert runs_again([first], file)
    assert not runs_again([first], file)
    (line,) = file.read_text().splitlines()
    assert json.loads(line)["run"]["config"] == {"W": "float32[3, 2]", "betas": [0.0, 0.9]}

    assert runs_again([{**first, "W": second["W"]}], file)


def test_a_configuration_with_nan_is_found_in_the_file(file: Path) -> None:
    configs: list[object] = [Config(math.nan), math.inf, [-math.inf, math.nan], np.float16("nan")]
    assert runs_again(configs, file)
    assert not runs_again(configs, file)
    for line in file.read_bytes().splitlines():
        json.loads(line, parse_constant=bare)


def test_a_configuration_that_its_run_mutates_is_found_in_the_file(file: Path) -> None:
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
def test_a_value_is_read_as_it_was_written(
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


def test_numpy_scalars_in_a_value_become_pythons(file: Path) -> None:
    numbers = [np.float32(0.5), np.int64(2), np.bool(True)]
    fresh = list(sweep(lambda _config, _seed: numbers, [0], results=file))
    (read,) = sweep(never, [0], results=file)
    assert fresh[0].value == [0.5, 2, True]
    assert repr(read.value) == "[0.5, 2, True]"


def test_a_value_that_cannot_be_written_fails_its_run_and_not_the_sweep(file: Path) -> None:
    knot: dict[str, object] = {}
    knot["knot"] = knot
    values = [
        10**5_000, endless(), knot, nested(5_000), np.longdouble(1), np.zeros(2), {1: 2}, b"",
        (1, 2), {"a": [1j]},
    ]  # fmt: skip

    results = list(sweep(lambda i, _seed: values[i], range(len(values)), results=file))
    assert not any(result.ok for result in results)
    assert all(result.value is value for result, value in zip(results, values, strict=True))
    assert "the value must be JSON" in str(results[-2].error)
    assert "the value['a'][0] must be JSON" in str(results[-1].error)
    assert str(results[-1].error).endswith("or None), got complex\n")
    (fine,) = sweep(lambda _config, _seed: nested(100), [0], results=file)
    assert fine.ok
    assert next(sweep(lambda _config, _seed: nested(1), [0], results=file)).value == nested(100)


# Equality


@attrs.frozen
class Weights:
    """A value with an array."""

    w: npt.NDArray[np.generic]


@dataclass
class Biases:
    """Another."""

    b: npt.NDArray[np.generic]


def test_results_with_arrays_are_compared_by_their_elements() -> None:
    def result(x: float, dtype: type[np.generic] = np.float64) -> list[Result[object, object]]:
        w = np.full((2, 3), x, dtype)
        return [
            Result(0, 0, w),
            Result(0, w, 1),
            Result(0, 0, [w, {"a": (w, 1)}]),
            Result(0, Weights(w), 1),
            Result(0, 0, Biases(w)),
            Result(0, 0, np.array([w, None], object)),
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


def test_results_are_compared_by_all_fields() -> None:
    assert Result(0, 1, 2) == Result(0, 1, 2.0)
    assert Result(0, 1, 2) != Result(1, 1, 2)
    assert Result(0, 1, 2) != Result(0, 2, 2)
    assert Result(0, 1, None, "failed") != Result(0, 1, None)
    assert Result(0, 1, 2) != (0, 1, 2)
