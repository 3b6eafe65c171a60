"""Execute the runs of a sweep on a `concurrent.futures.Executor`."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from functools import partial
from queue import SimpleQueue
from threading import Lock
from typing import Generic

import attrs

from funnet.experiments.sweeps.result_file import ResultFile
from funnet.experiments.sweeps.results import Attempt, Config, Outcome, R, Result, traceback_of

MAX_PENDING = 1000
"""The maximum number of runs that are submitted and not yet read."""

_CANCELLED = "concurrent.futures.CancelledError: the run was cancelled before it started\n"


@attrs.define(eq=False)
class Pool(Generic[Config, R]):
    """The runs of one sweep on an executor.

    The reader's thread submits runs and waits for results. The executor's threads write results to
    the file and queue them for the reader, so they are written even if the reader is slow or gone.
    """

    attempt: Attempt[Config, R]
    configs: Sequence[Config]
    executor: Executor
    file: ResultFile | None
    failures: dict[int, int]  # how often the process of a run died in earlier sweeps
    _todo: deque[int] = attrs.field(factory=deque, init=False)
    _futures: dict[int, Future[Outcome[R]]] = attrs.field(factory=dict, init=False)
    _unwritten: SimpleQueue[tuple[Result[Config, R], bool]] = attrs.field(
        factory=SimpleQueue, init=False
    )
    _writing: Lock = attrs.field(factory=Lock, init=False)
    _ready: SimpleQueue[Result[Config, R] | BaseException] = attrs.field(
        factory=SimpleQueue, init=False
    )
    _waiting: dict[int, Result[Config, R]] = attrs.field(factory=dict, init=False)
    _running: frozenset[int] | None = attrs.field(default=None, init=False)  # when a process died

    def results(self, done: dict[int, Result[Config, R]]) -> Iterator[Result[Config, R]]:
        """Iterate over all results in order; runs that are in `done` are not executed."""
        indices = range(len(self.configs))
        self._todo.extend(sorted((i for i in indices if i not in done), key=self._priority))
        try:
            for index in indices:
                yield done.pop(index) if index in done else self._result(index)
        finally:  # if the reader stops early, too
            for future in self._futures.values():
                future.cancel()

    def _priority(self, index: int) -> tuple[int, int]:
        died = self.failures.get(index, -1)
        # Of the runs that failed when a process died, the oldest is likely the cause, so it is last
        return died, -index if died > 0 else index

    def _result(self, index: int) -> Result[Config, R]:
        """Wait for the result of a run."""
        while True:
            self._submit(index)
            if index in self._waiting:
                return self._waiting.pop(index)
            result = self._ready.get()
            if isinstance(result, BaseException):  # writing failed
                raise result
            self._waiting[result.index] = result
            del self._futures[result.index]

    def _submit(self, awaited: int) -> None:
        """Submit runs up to the limit, and always the one that is awaited."""
        while self._todo:
            index = self._todo[0]
            if self.failures.get(index, 0) > 0:
                room = not self._futures  # alone, so that no other run fails if its process dies
            else:
                room = len(self._futures) + len(self._waiting) < MAX_PENDING or not (
                    awaited in self._futures or awaited in self._waiting
                )
            if not room:
                return
            self._todo.popleft()
            config = self.configs[index]
            try:
                future = self.executor.submit(self.attempt, config, index)
            except Exception as error:  # noqa: BLE001 (finished runs are kept)
                self._waiting[index] = Result(index, config, error=traceback_of(error))
            else:
                self._futures[index] = future
                future.add_done_callback(partial(self._finished, index))

    def _finished(self, index: int, future: Future[Outcome[R]]) -> None:
        """Write and queue the result of a run; the executor calls this in one of its threads."""
        try:
            result, started, died = self._outcome(index, future)
            if self.file is None or not started:
                self._ready.put(result)
            else:
                self._unwritten.put((result, died))
                self._write(self.file)
        except BaseException as error:  # noqa: BLE001 (raised in the reader's thread)
            self._ready.put(error)

    def _outcome(
        self, index: int, future: Future[Outcome[R]]
    ) -> tuple[Result[Config, R], bool, bool]:
        """Return the result, whether the run had started, and whether its process died."""
        config = self.configs[index]
        if future.cancelled():
            return Result(index, config, error=_CANCELLED), False, False
        try:
            return Result(index, config, *future.result()), True, False
        except BaseException as error:  # noqa: BLE001 (unpicklable, or its process died)
            result: Result[Config, R] = Result(index, config, error=traceback_of(error))
            if not isinstance(error, BrokenExecutor):
                return result, True, False
            if self._running is None:  # all runs fail now, the oldest first
                running = (i for i, other in self._futures.copy().items() if other.running())
                self._running = frozenset([index, *running])
            return result, index in self._running, True

    def _write(self, file: ResultFile) -> None:
        """Write all queued results, unless another thread is writing; then that thread does."""
        while not self._unwritten.empty() and self._writing.acquire(blocking=False):
            try:
                batch = [self._unwritten.get() for _ in range(self._unwritten.qsize())]
                for result in file.append(batch):
                    self._ready.put(result)
            finally:
                self._writing.release()
