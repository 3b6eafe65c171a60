"""The results file of a sweep: JSON lines that several processes may append to."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, get_args

import attrs
import numpy as np

from funnet.core.arrays import AnyArray
from funnet.core.encoding import SEQUENCES, ArraySpec, Constant, Json, Node, encode, to_json
from funnet.experiments.checkpoints.files import file_to_write
from funnet.experiments.fingerprints import digest
from funnet.experiments.sweeps.results import Config, R, Result, traceback_of


@attrs.frozen
class _Run:
    """The identity of a run."""

    index: int
    seed: int
    config: Json = attrs.field(eq=False)  # for people to read; the fingerprint covers it
    fingerprint: str


@attrs.frozen
class _Record:
    """The content of a line."""

    run: _Run
    value: object
    error: str | None
    died: bool


_START = b'{"run": {"index": '
_PLAIN = None | bool | int | float | str
_MAX_DEPTH = 100  # the json module and the stack have room for more, wherever they are called


@attrs.define(eq=False)
class ResultFile:
    """A file with one JSON object per line for each run that finished or failed.

    Sweeps that share a file read and write it under a lock. So an unfinished last line was left by
    a process that died, and is removed. Nothing else ever is: a line that is not a result raises
    ValueError, and after an OSError on writing the file is as it was.
    """

    path: Path
    runs: Sequence[_Run]
    _size: int = attrs.field(default=0, init=False)  # in bytes, of the lines read so far
    _lines: int = attrs.field(default=0, init=False)

    @staticmethod
    def of(path: str | os.PathLike[str], configs: Sequence[object], seed: int) -> ResultFile:
        """Return the results file of a sweep, which need not exist."""
        runs = [_run(index, config, seed) for index, config in enumerate(configs)]
        return ResultFile(file_to_write(path), runs)

    def read(self) -> tuple[dict[int, object], dict[int, int]]:
        """Return, by index, the values of finished runs, and how often failed ones died.

        A run dies if its process does; 0 means that it raised an exception.
        """
        values: dict[int, object] = {}
        failures: dict[int, int] = {}
        with self._open() as file:
            for record in self._records(file):
                index = record.run.index
                if index >= len(self.runs) or record.run != self.runs[index]:
                    continue
                if record.error is None:
                    values[index] = record.value
                else:
                    failures[index] = failures.get(index, 0) + record.died
        return values, {index: died for index, died in failures.items() if index not in values}

    def append(self, results: Sequence[tuple[Result[Config, R], bool]]) -> list[Result[Config, R]]:
        """Append results, each with whether its process died, and flush them to the disk.

        They are returned; a result whose value cannot be written is then failed.
        """
        lines = [self._line(result, died=died) for result, died in results]
        with self._open() as file:
            for _ in self._records(file):
                pass
            end = os.fstat(file.fileno()).st_size
            try:
                _write(file.fileno(), b"".join(line for line, _ in lines))
            except BaseException:
                os.ftruncate(file.fileno(), end)
                raise
        return [result for _, result in lines]

    @contextmanager
    def _open(self) -> Iterator[IO[bytes]]:
        """Open the file for reading and appending, locked against other threads and processes."""
        with self.path.open("a+b") as file:
            _lock(file, on=True)
            try:
                yield file
            finally:
                _lock(file, on=False)

    def _records(self, file: IO[bytes]) -> Iterator[_Record]:
        """Iterate over new lines; a last line without its end is completed or removed."""
        if file.seek(0, os.SEEK_END) < self._size:  # another program truncated or replaced it
            self._size = self._lines = 0
        file.seek(self._size)
        for line in file:
            try:
                record = _record(line)
            except (ValueError, RecursionError) as damage:
                if _is_unfinished(line, damage):
                    os.ftruncate(file.fileno(), self._size)
                    return
                raise ValueError(f"{self.path}, line {self._lines + 1} is not a result") from damage
            yield record
            if line.endswith(b"\n"):
                self._size += len(line)
                self._lines += 1
            else:
                _write(file.fileno(), b"\n")
                return

    def _line(self, result: Result[Config, R], *, died: bool) -> tuple[bytes, Result[Config, R]]:
        try:
            value = json.dumps(_encoded(result.value, "the value"))
        except (TypeError, ValueError, RecursionError) as failure:
            value, result = "null", attrs.evolve(result, error=traceback_of(failure))
        run = json.dumps(attrs.asdict(self.runs[result.index], recurse=False))
        error = json.dumps(result.error)
        rest = ', "died": true' if died else ""
        line = f'{{"run": {run}, "value": {value}, "error": {error}{rest}}}\n'
        return line.encode(), result


def _record(line: bytes) -> _Record:
    match json.loads(line.decode()):
        case {
            "run": {
                "index": int(index),
                "seed": int(seed),
                "config": config,
                "fingerprint": str(sha),
                **others,
            },
            "value": value,
            "error": None | str() as error,
            **rest,
        } if (
            not others
            and rest in ({}, {"died": True})
            and type(index) is type(seed) is int
            and 0 <= index <= sys.maxsize
            and seed >= 0
            and (error is None or value is None)
        ):
            return _Record(_Run(index, seed, config, sha), _decoded(value), error, bool(rest))
    raise ValueError("expected a run, a value and an error")


def _is_unfinished(line: bytes, damage: Exception) -> bool:
    """Whether a line is the first part of one that `ResultFile` writes."""
    number = line[len(_START) :][:1]
    return (
        isinstance(damage, json.JSONDecodeError)  # a line is not JSON before its last character
        and damage.msg != "Extra data"
        and not line.endswith(b"\n")
        and (_START.startswith(line) or (line.startswith(_START) and number.isdigit()))
    )


def _run(index: int, config: object, seed: int) -> _Run:
    arrays: dict[str, AnyArray] = {}
    structure = encode(config, arrays, "config", numpy_scalars=True)
    return _Run(index, seed, _readable(structure), digest(structure, arrays))


def _readable(node: Node) -> Json:
    """Return a structure as JSON for people to read."""
    if isinstance(node, Constant):
        return to_json(node)
    if isinstance(node, ArraySpec):
        return str(node)
    items = {name: _readable(child) for name, child in node.items.items()}
    return list(items.values()) if node.type in SEQUENCES else items


def _encoded(value: object, name: str, depth: int = 0) -> Json:
    """Return a value as JSON.

    NaN and infinity are not JSON: NaN becomes {"float": "nan"}. To keep this unambiguous, a dict
    whose only key is "float" or "dict" becomes {"dict": ...}.
    """
    if isinstance(value, np.bool | np.integer | np.floating):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if isinstance(value, _PLAIN) and type(value) in get_args(_PLAIN):
        return value
    if depth == _MAX_DEPTH:
        raise ValueError(f"the value must be nested at most {_MAX_DEPTH} deep")
    if type(value) is list:
        return [_encoded(item, f"{name}[{i}]", depth + 1) for i, item in enumerate(value)]
    if type(value) is dict and all(type(key) is str for key in value):
        items = {key: _encoded(item, f"{name}[{key!r}]", depth + 1) for key, item in value.items()}
        return {"dict": items} if _is_escape(items) else items
    raise TypeError(
        f"{name} must be JSON to be written to the results file (a number, string, list, dict with "
        f"strings as keys, or None), got {type(value).__name__}"
    )


def _decoded(value: Json) -> object:
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    if not isinstance(value, dict):
        return value
    if _is_escape(value):
        match value:
            case {"float": "nan" | "inf" | "-inf" as number}:
                return float(number)
            case {"dict": dict(items)} if _is_escape(items):
                value = items
            case _:
                raise ValueError("expected an escaped number or dict")
    return {key: _decoded(item) for key, item in value.items()}


def _is_escape(items: dict[str, Json]) -> bool:
    return items.keys() in ({"float"}, {"dict"})


def _write(file: int, data: bytes) -> None:
    """Write all of the data, and flush it to the disk."""
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
    os.fsync(file)


def _lock(file: IO[bytes], *, on: bool) -> None:
    # Closing the file would not unlock it: a process forked meanwhile also has it open. Where
    # there are no locks, as on some network file systems, each append is still a single write.
    with suppress(ImportError, OSError):
        if sys.platform == "win32":
            import msvcrt

            os.lseek(file.fileno(), 2**62, os.SEEK_SET)  # others cannot read locked bytes
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK if on else msvcrt.LK_UNLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX if on else fcntl.LOCK_UN)
