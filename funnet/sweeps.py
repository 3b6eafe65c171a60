"""Many runs of one function, anywhere, in a fixed order, each with a seed of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from os import PathLike
from typing import TYPE_CHECKING, Generic, TypeVar, cast

import attrs
import numpy as np

from funnet.encoding import SEQUENCES, ArraySpec, Constant, Json, Node, encode
from funnet.fingerprints import fingerprint

if TYPE_CHECKING:  # slow to import, as are the modules imported in functions below
    from concurrent.futures import Executor, Future
    from pathlib import Path

Config = TypeVar("Config")
R = TypeVar("R")


@attrs.frozen
class Result(Generic[Config, R]):
    """What became of one run.

    Parameters
    ----------
    index
        The place of its configuration.
    config
        The configuration.
    value
        What the run returned; None if it raised an exception.
    error
        The traceback of the exception, also of one because the value is nothing that a file of
        results can hold; None if there was none.
    """

    index: int
    config: Config
    value: R | None = None
    error: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the run came to its end."""
        return self.error is None


def sweep(
    run: Callable[[Config, np.random.SeedSequence], R],
    configs: Iterable[Config],
    *,
    executor: Executor | None = None,
    seed: int = 0,
    results: str | PathLike[str] | None = None,
) -> Iterator[Result[Config, R]]:
    """Run a function with each of several configurations.

    Parameters
    ----------
    run
        A function of a configuration and a seed. For an executor of processes, one that stands in
        a module. The seed can be given to `rng=` as it is, or split by `seed.spawn(n)`.
    configs
        The configurations, best as frozen attrs values.
    executor
        What runs them: any `concurrent.futures.Executor`. One after the other without.
    seed
        From this number and its place, each configuration gets its seed.
    results
        A file with one JSON object a line, to which each result is added when it is there. What
        it already has from a run that came to its end, with the same place, configuration and
        seed, is not run again. Values must be JSON then: numbers, strings, lists and dicts.

    Yields
    ------
    result
        One for each configuration, in their order, whoever finished first. A run that fails, by
        an exception or because its process died, is one of them and does not stop the others.

    Raises
    ------
    TypeError
        If a configuration can't be written to `results`. A run whose value can't be is one that
        fails, with that value.
    ValueError
        If a line of `results` is no result.
    OSError
        If `results` can't be read or written.

    Examples
    --------
    >>> from funnet import sweep
    >>> def half(config, seed):
    ...     return 12 // config
    >>> for result in sweep(half, [2, 0, 3]):
    ...     print(result.config, result.value, result.ok)
    2 6 True
    0 None False
    3 4 True
    """
    configs = list(configs)
    _seed(seed, 0)  # a seed that is none is a mistake here, not in each run
    from pathlib import Path  # noqa: PLC0415

    file = None if results is None else _ResultFile(Path(results), seed)
    done: dict[int, Result[Config, R]] = {} if file is None else file.read(configs)
    fresh = _results(run, configs, executor, seed, skip=frozenset(done))
    return _in_order(len(configs), done, fresh, file)


def _in_order(
    n: int,
    done: dict[int, Result[Config, R]],
    fresh: Generator[Result[Config, R], None, None],
    file: _ResultFile | None,
) -> Iterator[Result[Config, R]]:
    with closing(fresh):  # whoever stops listening has the runs cancelled that have not begun
        for index in range(n):
            while index not in done:
                result = next(fresh)
                if file is not None:
                    result = file.append(result)
                done[result.index] = result
            yield done.pop(index)


def _results(
    run: Callable[[Config, np.random.SeedSequence], R],
    configs: list[Config],
    executor: Executor | None,
    seed: int,
    skip: frozenset[int],
) -> Generator[Result[Config, R], None, None]:
    """Iterate over the results in the order in which they come."""
    todo = [index for index in range(len(configs)) if index not in skip]
    if executor is None:
        for index in todo:
            yield _attempt(run, index, configs[index], seed)
        return
    from concurrent.futures import FIRST_COMPLETED, wait  # noqa: PLC0415

    futures: dict[Future[Result[Config, R]], int] = {}
    try:
        for index in todo:
            futures[_submit(executor, run, index, configs[index], seed)] = index
        while futures:
            finished, _ = wait(futures, return_when=FIRST_COMPLETED)
            for future in sorted(finished, key=futures.__getitem__):
                index = futures.pop(future)
                error = future.exception()
                if error is None:
                    yield future.result()
                else:  # the process died, or something could not be sent
                    yield Result(index, configs[index], error=_describe(error))
    finally:
        for future in futures:
            future.cancel()


def _submit(
    executor: Executor,
    run: Callable[[Config, np.random.SeedSequence], R],
    index: int,
    config: Config,
    seed: int,
) -> Future[Result[Config, R]]:
    try:
        return executor.submit(_attempt, run, index, config, seed)
    except Exception as error:  # noqa: BLE001 (its processes died; what has been done is still good)
        from concurrent.futures import Future  # noqa: PLC0415

        failed: Future[Result[Config, R]] = Future()
        failed.set_exception(error)
        return failed


def _attempt(
    run: Callable[[Config, np.random.SeedSequence], R], index: int, config: Config, seed: int
) -> Result[Config, R]:
    """Return the result of one run; this is what goes to another process."""
    try:
        return Result(index, config, run(config, _seed(seed, index)))
    except Exception as error:  # noqa: BLE001 (whatever it is, the other runs go on)
        return Result(index, config, error=_describe(error))


def _seed(seed: int, index: int) -> np.random.SeedSequence:
    # The seed that SeedSequence(seed).spawn would give, without counting on who has spawned.
    return np.random.SeedSequence(seed, spawn_key=(index,))


def _describe(error: BaseException) -> str:
    import traceback  # noqa: PLC0415

    return "".join(traceback.format_exception(error))


@attrs.frozen
class _ResultFile:
    """A file of JSON lines."""

    path: Path
    seed: int

    def read(self, configs: list[Config]) -> dict[int, Result[Config, R]]:
        """Return the results of the runs that came to their end."""
        import json  # noqa: PLC0415

        done: dict[int, Result[Config, R]] = {}
        keys = {index: self._key(index, config) for index, config in enumerate(configs)}
        for number, line in enumerate(self._lines(), 1):
            try:
                record = json.loads(line)
                key, value, error = record["run"], record["value"], record["error"]
                index = key["index"]
            except (ValueError, LookupError, TypeError) as damage:
                raise ValueError(f"{self.path}, line {number} is not a result") from damage
            if error is None and key == keys.get(index):
                done[index] = Result(index, configs[index], cast(R, value))
        return done

    def _lines(self) -> list[bytes]:
        if not self.path.exists():
            return []
        *lines, unfinished = self.path.read_bytes().split(b"\n")
        if unfinished:  # a process died while it wrote this line
            os.truncate(self.path, self.path.stat().st_size - len(unfinished))
        return lines

    def append(self, result: Result[Config, R]) -> Result[Config, R]:
        """Add a result, see to it that it is on the disk, and return what it says there."""
        import json  # noqa: PLC0415

        try:
            value = _json(result.value, "the value")
        except TypeError as error:
            value, result = None, attrs.evolve(result, error=_describe(error))
        record = {
            "run": self._key(result.index, result.config),
            "value": value,
            "error": result.error,
        }
        with self.path.open("ab") as file:
            file.write(json.dumps(record).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        return result

    def _key(self, index: int, config: object) -> Json:
        """Return what tells a run from all others."""
        return {
            "index": index,
            "seed": self.seed,
            "config": _readable(encode(config, {}, "config")),
            "fingerprint": fingerprint(config),
        }


def _readable(node: Node) -> Json:
    """Return a structure as one would write it by hand; the fingerprint says the rest."""
    if isinstance(node, Constant):
        return node.value
    if isinstance(node, ArraySpec):
        return str(node)
    items = {name: _readable(child) for name, child in node.items.items()}
    return list(items.values()) if node.type in SEQUENCES else items


def _json(value: object, name: str) -> Json:
    if value is None or type(value) in (bool, int, float, str):
        return cast(Json, value)
    if isinstance(value, np.bool | np.integer | np.floating):
        return cast(Json, value.item())
    if type(value) is list:
        return [_json(item, f"{name}[{i}]") for i, item in enumerate(value)]
    if type(value) is dict and all(type(key) is str for key in value):
        return {key: _json(item, f"{name}[{key!r}]") for key, item in value.items()}
    raise TypeError(
        f"expected {name} to be JSON, as it goes to a file: a number, string, list, dict with "
        f"strings as keys, or None; got {type(value).__name__}"
    )
