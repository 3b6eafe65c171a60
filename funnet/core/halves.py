"""Work on the two halves of a batch, on two threads where that pays."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextvars import copy_context
from threading import Thread

from funnet.core.arrays import T

LARGE = 1 << 18
"""Least work to be halved, 0.3 to 0.8 ms: to start and join a thread takes 0.1 ms."""

BLAS_LIMITS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""The variables that limit the threads of BLAS, and nothing else."""

SMALL_PRODUCT = 1 << 19
"""Multiplications of a matrix product from which on OpenBLAS divides it among its own threads."""


def in_halves(f: Callable[[slice], T], n: int, work: int, product: int = 0) -> list[T]:
    """Return what f returns for each half of n rows, or for all of them if there is little work.

    Two halves are computed on two threads, except where OMP_NUM_THREADS is 1, where the process may
    use one core only, or where products are large and BLAS may use several threads, since two calls
    would wait for those in turn. What is computed does not depend on any of this.

    Parameters
    ----------
    f
        Function of a slice of rows. It must be safe to call on two threads, and release the global
        interpreter lock most of the time, as NumPy does in products and copies.
    n
        Number of rows.
    work
        Number of array elements that f reads or writes for all rows, roughly.
    product
        Number of multiplications in the largest matrix product of f. Default: 0.

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
    if not _may_use_two_threads(product):
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


def _may_use_two_threads(product: int) -> bool:
    if _is_one("OMP_NUM_THREADS") or _number_of_cores() == 1:
        return False
    return product < SMALL_PRODUCT or any(map(_is_one, BLAS_LIMITS))


def _is_one(variable: str) -> bool:
    return os.environ.get(variable, "").partition(",")[0].strip() == "1"


def _number_of_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
