"""`sweep`: run a function with many configurations, serially or on an executor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, cast

import numpy as np

from funnet.core.checks import check_count
from funnet.experiments.sweeps.results import Attempt, Config, Outcome, R, Result, traceback_of

if TYPE_CHECKING:  # slow to import
    from concurrent.futures import Executor

    from funnet.experiments.sweeps.result_file import ResultFile


def sweep(
    run: Callable[[Config, np.random.SeedSequence], R],
    configs: Iterable[Config],
    *,
    executor: Executor | None = None,
    seed: int = 0,
    results: str | PathLike[str] | None = None,
) -> Iterator[Result[Config, R]]:
    """Run a function with each configuration, and return an iterator over the results in order.

    If a run raises an exception, even `SystemExit`, or is cancelled, its result is failed and the
    others continue; without an executor, `KeyboardInterrupt` stops the sweep.

    Parameters
    ----------
    run, configs
        A function of a configuration and a seed, which can be passed as `rng=` or split by
        `seed.spawn(n)`, and the configurations, such as frozen attrs values. For an executor of
        processes, the function must be importable from a module.
    executor
        A `concurrent.futures.Executor`, which must not be shut down before the last result has been
        read. At most 1000 runs are submitted and not yet read. Default: each run is executed when
        its result is requested.
    seed
        An integer >= 0; the seed of each run depends on it and on the index of the configuration
        only. Default: 0.
    results
        A file with one JSON object per line, to which each result is appended when the run ends,
        whether or not it has been read. A run whose value is in the file, with the same index,
        configuration and seed, is not executed again. Values must be JSON (NaN and infinity are
        allowed, and NumPy scalars become Python's). Several sweeps, in several processes, may share
        a file. Default: no file.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is described above, or a line of `results` is not a result; then
        the file is unchanged.
    StructureError, OSError
        If a configuration cannot be written to `results`, or the file cannot be read or written. A
        value that cannot be written fails only its run.

    Notes
    -----
    If the process of a run dies (`os._exit`, a signal, out of memory), the executor decides:

    - `ProcessPoolExecutor` and loky fail all unfinished runs. Those that were running are recorded
      in `results`, those that were waiting are not.
    - dask retries the run on other workers, three times by default; then only this run fails.
    - Without an executor, with threads and with MPI, the program ends. Finished runs are in
      `results`.

    A sweep that is resumed on an executor first submits the runs that never failed, then those that
    raised an exception, then, one at a time, those that were running when a process died, fewest
    deaths first. So all others finish after some restarts, even if a run always dies.

    Examples
    --------
    >>> from funnet import sweep
    >>> for result in sweep(lambda config, seed: 12 // config, [2, 0]):
    ...     print(result.config, result.value, result.ok)
    2 6 True
    0 None False
    """
    configs = list(configs)
    seed = _check(run, executor, seed)
    file, done, failures = None, dict[int, Result[Config, R]](), dict[int, int]()
    if results is not None:
        from funnet.experiments.sweeps.result_file import ResultFile

        file = ResultFile.of(results, configs, seed)
        values, failures = file.read()
        done = {i: Result(i, configs[i], cast(R, value)) for i, value in values.items()}
    if executor is None:
        serial: Attempt[Config, R] = partial(_attempt, run, seed, stops=KeyboardInterrupt)
        return _run_serially(serial, configs, done, file)
    from funnet.experiments.sweeps.pool import Pool

    return Pool(partial(_attempt, run, seed), configs, executor, file, failures).results(done)


def _check(run: object, executor: object, seed: object) -> int:
    if not callable(run):
        raise TypeError(f"run must be a function of a configuration and a seed, got {run!r}")
    if executor is not None:
        from concurrent.futures import Executor

        if not isinstance(executor, Executor):
            raise TypeError(f"executor must be a concurrent.futures.Executor, got {executor!r}")
    return check_count(seed, "seed", 0)


def _attempt(
    run: Callable[[Config, np.random.SeedSequence], R],
    seed: int,
    config: Config,
    index: int,
    stops: type[BaseException] | tuple[()] = (),
) -> Outcome[R]:
    """Return the value and the error of one run; worker processes execute this."""
    try:
        # The seed that SeedSequence(seed).spawn(...)[index] would be.
        return run(config, np.random.SeedSequence(seed, spawn_key=(index,))), None
    except stops:
        raise
    except BaseException as error:  # noqa: BLE001 (the other runs continue)
        return None, traceback_of(error)


def _run_serially(
    attempt: Attempt[Config, R],
    configs: Sequence[Config],
    done: dict[int, Result[Config, R]],
    file: ResultFile | None,
) -> Iterator[Result[Config, R]]:
    for index, config in enumerate(configs):
        if index in done:
            yield done.pop(index)
        else:
            result = Result(index, config, *attempt(config, index))
            yield result if file is None else file.append([(result, False)])[0]
