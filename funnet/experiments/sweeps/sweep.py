"""Many runs of one function, anywhere, in a fixed order, each with a seed of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, cast

import numpy as np

from funnet.experiments.sweeps.results import Attempt, Config, R, Result, describe

if TYPE_CHECKING:  # slow to import, as are the modules imported in functions below
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
    file, done, failures = None, dict[int, Result[Config, R]](), dict[int, int]()
    if results is not None:
        from funnet.experiments.sweeps.result_file import ResultFile  # noqa: PLC0415

        file = ResultFile.of(results, configs, seed)
        values, failures = file.read()
        done = {i: Result(i, configs[i], cast(R, value)) for i, value in values.items()}
    if executor is None:
        serial: Attempt[Config, R] = partial(_attempt, run, seed, stops=KeyboardInterrupt)
        return _one_by_one(serial, configs, done, file)
    from funnet.experiments.sweeps.pool import Pool  # noqa: PLC0415

    return Pool(partial(_attempt, run, seed), configs, executor, file, failures).results(done)


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


def _attempt(
    run: Callable[[Config, np.random.SeedSequence], R],
    seed: int,
    config: Config,
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
