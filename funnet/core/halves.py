"""Work on the two halves of a batch, on two threads where that pays."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextvars import copy_context
from threading import Thread
from typing import TypeVar

T = TypeVar("T")

LARGE = 1 << 18
"""Least work to be halved, 0.3 to 0.8 ms: to start and join a thread takes 0.1 ms."""

LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""The environment variables that limit the threads of BLAS, and the second thread here."""


def in_halves(f: Callable[[slice], T], n: int, work: int) -> list[T]:
    """Return what f returns for each half of n rows, or for all of them if there is little work.

    Two halves are computed on two threads if the process may use two cores and no variable of
    `LIMITS` is 1. What is computed depends on the arguments alone, and so do its bits.

    Parameters
    ----------
    f
        Function of a slice of rows. It must be safe to call on two threads, and release the global
        interpreter lock most of the time, as NumPy does in products and copies.
    n
        Number of rows.
    work
        Number of array elements that f reads or writes for all rows, roughly.

    Examples
    --------
    >>> from funnet.core.halves import LARGE, in_halves
    >>> in_halves(lambda rows: rows, 5, LARGE)
    [slice(0, 2, None), slice(2, 5, None)]
    >>> in_halves(lambda rows: rows, 5, 100)
    [slice(0, 5, None)]
    """
    if n < 2 or work < LARGE:
        return [f(slice(0, n))]
    first, second = slice(0, n // 2), slice(n // 2, n)
    if not _may_use_two_cores():
        return [f(first), f(second)]

    done: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(f(second))
        except BaseException as error:  # noqa: BLE001  (raised again by the caller)
            failed.append(error)

    thread = Thread(target=copy_context().run, args=(run,))  # np.errstate is part of the context
    try:
        thread.start()
    except RuntimeError:  # the system has no thread to give
        return [f(first), f(second)]
    try:
        results = [f(first)]
    finally:
        thread.join()
    if failed:
        raise failed[0]
    return results + done


def _may_use_two_cores() -> bool:
    if any(os.environ.get(name, "").partition(",")[0].strip() == "1" for name in LIMITS):
        return False
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) > 1
    return (os.cpu_count() or 1) > 1
