"""Data-parallel training on the ranks of an MPI communicator, such as `mpi4py.MPI.COMM_WORLD`.

Every rank runs the same program: it has the same network, and iterates over the same batches. Each
batch is divided into a fixed number of shards, which the ranks take in turn. Their gradients are
gathered in one buffer and combined in the order of the shards, so every rank has the same bytes,
and so has any number of ranks.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, Protocol

import attrs
import numpy as np
import numpy.typing as npt

from funnet.core.arrays import AnyArray, Array, T
from funnet.core.checks import check_count
from funnet.core.context import Statistics
from funnet.core.errors import ShapeError
from funnet.core.layer import Layer, X, Y
from funnet.core.locks import lock_in_place
from funnet.core.tree import tree_leaves, tree_like
from funnet.data.shards import rows_of, shards_of
from funnet.experiments.fingerprints import fingerprint
from funnet.optimizers.optimizer import Optimizer, P, check_optimizer
from funnet.training.state import TrainState
from funnet.training.steps import (
    BatchGradients,
    apply_gradients,
    combine,
    gradients_with,
    live_network,
)
from funnet.training.train import walk

__all__ = ["Communicator", "abort_on_error", "train"]


class Communicator(Protocol):
    """What is used of a communicator of mpi4py."""

    def Get_rank(self) -> int:  # noqa: N802 (mpi4py's names)
        """Return the number of this process, from 0."""

    def Get_size(self) -> int:  # noqa: N802
        """Return the number of processes."""

    def bcast(self, obj: T) -> T:
        """Send an object from rank 0 to all."""

    def allgather(self, sendobj: T) -> list[T]:
        """Send an object from each rank to all."""

    def Allgather(self, sendbuf: AnyArray, recvbuf: AnyArray) -> None:  # noqa: N802
        """Send an array from each rank to all."""

    def Abort(self, errorcode: int = 0) -> None:  # noqa: N802
        """End all processes."""


@contextmanager
def abort_on_error(comm: Communicator) -> Iterator[None]:
    """Return a context manager that ends all ranks after an exception on one of them.

    The exception is printed, as at the end of any program; without this, the other ranks would wait
    forever. `sys.exit` with an error counts as one. On one rank alone, exceptions are raised as
    usual.

    Examples
    --------
    >>> from funnet.mpi import abort_on_error
    >>> with abort_on_error(MPI.COMM_WORLD):  # doctest: +SKIP
    ...     main()
    """
    try:
        yield
    except (Exception, KeyboardInterrupt, SystemExit) as error:
        if comm.Get_size() == 1 or (isinstance(error, SystemExit) and not error.code):
            raise
        try:
            sys.excepthook(*sys.exc_info())
            sys.stderr.flush()
        finally:  # whatever a hook does, and if there is no stderr
            comm.Abort(1)
        # MPICH returns from Abort, and ends the process only a moment later.
        raise SystemExit(1) from None


def train(
    start: Layer[X, Y, Any, P] | TrainState[Layer[X, Y, Any, P]],
    batches: Iterable[tuple[X, T]],
    *,
    loss: Callable[[Y, T], tuple[float, Y]],
    optimizer: Optimizer,
    comm: Communicator,
    n_shards: int,
    seed: int | np.random.SeedSequence | None = None,
    at_rest: Iterable[str] = (),
) -> Generator[TrainState[P], None, None]:
    """Return a generator of the states of a training run, one after each update, on every rank.

    The states are equal on all ranks, and for every number of ranks: those of `funnet.train` with
    the same `n_shards`.

    Parameters
    ----------
    start, batches, loss, optimizer, seed, at_rest
        See `funnet.train`; equal on all ranks.
    comm
        Communicator of mpi4py, such as `MPI.COMM_WORLD`.
    n_shards
        Number of shards of each batch, >= 1; a batch of fewer rows has one shard for each row.
        More ranks than shards have nothing to do.

    Raises
    ------
    ValueError
        If the states at the start, `n_shards`, `seed`, `at_rest` or the first batches are not equal
        on all ranks, or `n_shards` is less than 1.
    NonFiniteError, ShapeError, DTypeError, TypeError, KeyError
        See `funnet.train`. On several ranks, an error in the gradients of one shard ends all.
    """
    check_optimizer(optimizer)
    n = check_count(n_shards, "n_shards")
    paths = tuple(at_rest) if not isinstance(at_rest, str) else at_rest
    state: TrainState[Any]
    state = start if isinstance(start, TrainState) else TrainState.init(start, optimizer)
    gradients_of = gradients_with(live_network(state.params, seed, paths), loss)
    _check_equal(
        comm,
        (fingerprint(state), n, str(seed), *sorted(paths)),
        "the states at the start, n_shards, seed and at_rest must be equal on all ranks",
    )
    first_step = state.step

    # Any: the types of the network are those of `start`.
    @np.errstate(all="ignore")  # as in `batch_gradients`
    def step(state: TrainState[Any], x: X, t: T) -> TrainState[Any]:
        net, k, shards = state.params, state.step, shards_of(x, n)
        if k == first_step:
            _check_equal(
                comm,
                fingerprint(x),
                "the batches must be equal on all ranks, which take the shards of each in turn; do "
                "not divide the data between the ranks",
            )
        with abort_on_error(comm):
            mine = [
                BatchGradients(*gradients_of(net, rows_of(x, shard), rows_of(t, shard), k, shard.i))
                for shard in shards[comm.Get_rank() :: comm.Get_size()]
            ]
            parts = _gather(comm, mine, net, len(shards))
        return apply_gradients(state, combine(parts), optimizer=optimizer)

    return walk(state, batches, step)


def _check_equal(comm: Communicator, value: object, message: str) -> None:
    """Raise ValueError on every rank unless all have the same value."""
    if len(set(comm.allgather(value))) > 1:
        raise ValueError(message)


@attrs.frozen
class _Layout:
    """The arrays of a part in a buffer: loss and weight, the gradients, and the statistics."""

    arrays: tuple[tuple[str, tuple[int, ...]], ...]
    statistics: tuple[tuple[str, int], ...]

    @staticmethod
    def of(part: BatchGradients[object]) -> _Layout:
        """Return the layout of a part."""
        return _Layout(
            tuple((array.dtype.str, array.shape) for array in _arrays(part)),
            tuple((record.path, len(record.values)) for record in part.statistics),
        )

    @property
    def sizes(self) -> list[int]:
        """The size of each array in bytes."""
        return [np.dtype(dtype).itemsize * math.prod(shape) for dtype, shape in self.arrays]

    def read(self, buffer: npt.NDArray[np.uint8], params: P) -> BatchGradients[P]:
        """Return a part from its bytes."""
        pieces = np.split(buffer, np.cumsum(self.sizes)[:-1])
        # Copies, since what starts anywhere is not aligned.
        numbers, *arrays = (
            lock_in_place(np.frombuffer(piece.tobytes(), dtype).reshape(shape))
            for piece, (dtype, shape) in zip(pieces, self.arrays, strict=True)
        )
        loss, weight = numbers.tolist()
        following = iter(arrays)
        grads = tree_like(params, islice(following, len(tree_leaves(params))))
        statistics = tuple(
            Statistics(path, tuple(islice(following, count))) for path, count in self.statistics
        )
        return BatchGradients(loss, weight, grads, statistics)


def _arrays(part: BatchGradients[object]) -> list[Array]:
    numbers = np.array([part.loss, part.weight], np.float64)
    statistics = [np.asarray(value) for record in part.statistics for value in record.values]
    return [numbers, *tree_leaves(part.grads), *statistics]


def _gather(
    comm: Communicator, mine: list[BatchGradients[P]], params: P, count: int
) -> list[BatchGradients[P]]:
    """Return the parts of all ranks, in the order of the shards."""
    size = comm.Get_size()
    layouts = [_Layout.of(part) for part in mine]
    first = layouts[:1]  # empty on a rank without a shard, which gets it from rank 0
    (layout,) = comm.bcast(first) if size > count else first
    if any(each != layout for each in layouts):
        raise ShapeError("the gradients and statistics of all shards must have equal shapes")
    places = -(-count // size)
    own = np.zeros((places, sum(layout.sizes)), np.uint8)
    for row, part in zip(own, mine, strict=False):
        row[:] = np.frombuffer(b"".join(array.tobytes() for array in _arrays(part)), np.uint8)
    gathered = np.empty((size, *own.shape), np.uint8)
    comm.Allgather(own, gathered)
    return [layout.read(gathered[i % size, i // size], params) for i in range(count)]
