"""Many runs of one function, anywhere, in a fixed order, each with a seed of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Generic, cast

import attrs
import numpy as np

from funnet.results import Config, R, Result, ResultFile, describe

if TYPE_CHECKING:  # slow to import, as are the modules imported in functions below
    from concurrent.futures import Executor, Future
    from queue import SimpleQueue
    from threading import Lock

AHEAD = 1000
"""How many runs may have been submitted and not yet read."""

_CANCELLED = "concurrent.futures.CancelledError: the run was cancelled before it began\n"


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
        A function of a configuration and a seed. For an executor of processes, it must be
        importable from a module. The seed can be given to `rng=` as it is, or split by
        `seed.spawn(n)`.
    configs
        The configurations, best as frozen attrs values.
    executor
        What runs them: any `concurrent.futures.Executor`. It must not be shut down before the last
        result has been read. At most 1000 runs are submitted and not yet read, so that results
        that wait take bounded memory. Default: the runs are executed one after the other, each
        when its result is asked for.
    seed
        An integer >= 0. From this number and its place, each configuration gets its seed.
        Default: 0.
    results
        A file with one JSON object per line, to which each result is added as soon as it is there,
        whether or not it has been read. A run that the file already has the value of, with the
        same place, configuration and seed, is not run again. Values must be JSON: numbers,
        including NaN and infinity, strings, lists and dicts; NumPy's numbers become Python's.
        Several sweeps, also in several processes, may share a file. Default: no file.

    Yields
    ------
    result
        One for each configuration, in their order, whichever finished first. A run that raises an
        exception, including `SystemExit`, or is cancelled is a failed result and does not stop the
        others. `KeyboardInterrupt` stops a sweep without an executor.

    Raises
    ------
    TypeError
        If `run` is not callable, `executor` not an executor, or `seed` not an integer.
    ValueError
        If `seed` is negative, or a line of `results` is not a result. The file is left as it is.
    StructureError
        If a configuration can't be written to `results`. A run whose value can't be written is a
        failed result with that value.
    OSError
        If `results` can't be read or written.

    Notes
    -----
    What happens when the process of a run dies (`os._exit`, a signal, no memory) depends on the
    executor:

    - `ProcessPoolExecutor` and loky break: all runs that have not finished are failed results.
      Those that were running are recorded in `results`, those that were waiting are not.
    - dask retries the run on other workers, three times by default; then only this run fails.
    - Without an executor, with threads and with MPI, the whole program ends. What had finished is
      in `results`.

    When a sweep on an executor is resumed from `results`, the runs that never failed are submitted
    first, then those that raised an exception, and finally, one at a time, those that were running
    when a process died, the ones with the fewest such deaths first. So a run that dies each time
    does not keep the others from being finished, if need be after several starts.

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
    seed = _check(run, executor, seed)
    file = None if results is None else ResultFile.of(results, configs, seed)
    values, failures = ({}, {}) if file is None else file.read()
    done = {index: Result(index, configs[index], cast(R, value)) for index, value in values.items()}
    job = _Job(run, configs, seed)
    if executor is None:
        return _one_by_one(job, done, file)
    return _in_order(_pool(job, executor, file, done, failures), done)


def _check(run: object, executor: object, seed: object) -> int:
    if not callable(run):
        raise TypeError(f"expected run to be a function of a configuration and a seed, got {run!r}")
    if executor is not None:
        from concurrent.futures import Executor  # noqa: PLC0415

        if not isinstance(executor, Executor):
            raise TypeError(f"expected a concurrent.futures.Executor, got {executor!r}")
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise TypeError(f"expected seed to be a non-negative integer, got {seed!r}")
    if seed < 0:
        raise ValueError(f"expected seed to be a non-negative integer, got {seed}")
    return int(seed)


@attrs.frozen
class _Job(Generic[Config, R]):
    """What there is to run."""

    run: Callable[[Config, np.random.SeedSequence], R]
    configs: Sequence[Config]
    seed: int

    def attempt(self, index: int) -> Result[Config, R]:
        """Return the result of one run, in this thread."""
        outcome = _attempt(self.run, self.configs[index], self.seed, index, stops=KeyboardInterrupt)
        return Result(index, self.configs[index], *outcome)


def _attempt(
    run: Callable[[Config, np.random.SeedSequence], R],
    config: Config,
    seed: int,
    index: int,
    stops: type[BaseException] | tuple[()] = (),
) -> tuple[R | None, str | None]:
    """Return the value and the error of one run; this is what another process executes."""
    try:
        # The seed that SeedSequence(seed).spawn would give, without counting on who has spawned.
        return run(config, np.random.SeedSequence(seed, spawn_key=(index,))), None
    except stops:
        raise
    except BaseException as error:  # noqa: BLE001 (whatever it is, the other runs go on)
        return None, describe(error)


def _one_by_one(
    job: _Job[Config, R], done: dict[int, Result[Config, R]], file: ResultFile | None
) -> Iterator[Result[Config, R]]:
    for index in range(len(job.configs)):
        if index in done:
            yield done.pop(index)
        else:
            result = job.attempt(index)
            yield result if file is None else file.append([(result, False)])[0]


def _in_order(
    pool: _Pool[Config, R], done: dict[int, Result[Config, R]]
) -> Iterator[Result[Config, R]]:
    try:
        for index in range(len(pool.job.configs)):
            yield done.pop(index) if index in done else pool.result(index)
    finally:
        pool.cancel()


def _pool(
    job: _Job[Config, R],
    executor: Executor,
    file: ResultFile | None,
    done: dict[int, Result[Config, R]],
    failures: dict[int, int],
) -> _Pool[Config, R]:
    from queue import SimpleQueue  # noqa: PLC0415
    from threading import Lock  # noqa: PLC0415

    def turn(index: int) -> tuple[int, int]:
        died = failures.get(index, -1)
        # Of the runs that a dying process took with it, the oldest is the most likely cause.
        return died, -index if died > 0 else index

    return _Pool(
        job, executor, file,
        todo=deque(sorted((i for i in range(len(job.configs)) if i not in done), key=turn)),
        suspects=frozenset(index for index, died in failures.items() if died),
        ready=SimpleQueue(), unwritten=SimpleQueue(), writing=Lock(),
    )  # fmt: skip


@attrs.define(eq=False)
class _Pool(Generic[Config, R]):
    """The runs of a sweep on an executor.

    The reader's thread submits runs and waits for results. The executor's threads write them to
    the file and hand them over, so they are written even if the reader is slow or has left.
    """

    job: _Job[Config, R]
    executor: Executor
    file: ResultFile | None
    todo: deque[int]
    suspects: frozenset[int]  # what was running when a process died, in an earlier sweep
    ready: SimpleQueue[Result[Config, R] | BaseException]
    unwritten: SimpleQueue[tuple[Result[Config, R], bool]]
    writing: Lock
    futures: dict[int, Future[tuple[R | None, str | None]]] = attrs.field(factory=dict, init=False)
    waiting: dict[int, Result[Config, R]] = attrs.field(factory=dict, init=False)
    running: frozenset[int] | None = attrs.field(default=None, init=False)  # when a process died

    def result(self, index: int) -> Result[Config, R]:
        """Wait for the result of a run."""
        while True:
            self._submit(index)
            if index in self.waiting:
                return self.waiting.pop(index)
            result = self.ready.get()
            if isinstance(result, BaseException):  # it could not be written
                raise result
            self.waiting[result.index] = result
            del self.futures[result.index]

    def cancel(self) -> None:
        """Cancel the runs that have not begun."""
        for future in self.futures.values():
            future.cancel()

    def _submit(self, awaited: int) -> None:
        """Submit as many runs as there is room for, and in any case the one that is awaited."""
        while self.todo:
            index = self.todo[0]
            if index in self.suspects:
                room = not self.futures  # alone, so that no other fails if it dies
            else:
                room = len(self.futures) + len(self.waiting) < AHEAD or not (
                    awaited in self.futures or awaited in self.waiting
                )
            if not room:
                return
            self.todo.popleft()
            job = self.job
            try:
                future = self.executor.submit(
                    _attempt, job.run, job.configs[index], job.seed, index
                )
            except Exception as error:  # noqa: BLE001 (what has been done is still good)
                self.waiting[index] = Result(index, job.configs[index], error=describe(error))
            else:
                self.futures[index] = future
                future.add_done_callback(partial(self._ended, index))

    def _ended(self, index: int, future: Future[tuple[R | None, str | None]]) -> None:
        """Hand over the result of a run; the executor calls this in one of its threads."""
        try:
            result, began, died = self._outcome(index, future)
            if self.file is None or not began:
                self.ready.put(result)
            else:
                self.unwritten.put((result, died))
                self._write(self.file)
        except BaseException as error:  # noqa: BLE001 (it is for the reader)
            self.ready.put(error)

    def _outcome(
        self, index: int, future: Future[tuple[R | None, str | None]]
    ) -> tuple[Result[Config, R], bool, bool]:
        """Return a result, whether the run had begun, and whether its process died."""
        config = self.job.configs[index]
        if future.cancelled():
            return Result(index, config, error=_CANCELLED), False, False
        try:
            return Result(index, config, *future.result()), True, False
        except BaseException as error:  # noqa: BLE001 (it could not be sent, or its process died)
            from concurrent.futures import BrokenExecutor  # noqa: PLC0415

            result: Result[Config, R] = Result(index, config, error=describe(error))
            if not isinstance(error, BrokenExecutor):
                return result, True, False
            if self.running is None:  # all fail now, one after the other, the oldest first
                running = (i for i, other in self.futures.copy().items() if other.running())
                self.running = frozenset([index, *running])
            return result, index in self.running, True

    def _write(self, file: ResultFile) -> None:
        """Write all results that there are, unless another thread does; then it takes them."""
        while not self.unwritten.empty() and self.writing.acquire(blocking=False):
            try:
                batch = [self.unwritten.get() for _ in range(self.unwritten.qsize())]
                for result in file.append(batch):
                    self.ready.put(result)
            finally:
                self.writing.release()
