"""Mini-batches as a value: the batch at step k is a function of (seed, k) alone."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from itertools import count
from typing import Generic, TypeVar

import attrs
import numpy as np
import numpy.typing as npt

from funnet.core.arrays import RNGLike, array_type, as_ndarray, check_count, generator, typed_like
from funnet.core.errors import DTypeError, ShapeError

X_co = TypeVar("X_co", bound=npt.NDArray[np.generic], covariant=True)
T_co = TypeVar("T_co", bound=npt.NDArray[np.generic], covariant=True)
XShape = TypeVar("XShape", bound=tuple[int, ...])
TShape = TypeVar("TShape", bound=tuple[int, ...])
XType = TypeVar("XType", bound=np.dtype[np.generic])
TType = TypeVar("TType", bound=np.dtype[np.generic])

ArrayT = TypeVar("ArrayT", bound=npt.NDArray[np.generic])

Rows = np.ndarray[tuple[int], np.dtype[np.int64]]


def minibatches(
    x: np.ndarray[XShape, XType],
    t: np.ndarray[TShape, TType],
    batch_size: int,
    *,
    rng: RNGLike,
    epochs: int | None = None,
    replacement: bool = False,
) -> Minibatches[np.ndarray[XShape, XType], np.ndarray[TShape, TType]]:
    """Return the batches of a training run, in random order.

    Parameters
    ----------
    x, t
        Inputs (N, ...) and targets (N, ...), one row per sample. Neither copied nor written to.
    batch_size
        The number of rows of a batch; without replacement limited to N.
    rng
        A seed, or a Generator, from which one number is drawn as the seed.
    epochs
        The number of passes through the data. Default: None, without end.
    replacement
        If False, the default, each row is in one batch per epoch; the last batch of an epoch is
        short if `batch_size` does not divide N. If True, each row of a batch is drawn from all N,
        as the textbook does with `np.random.choice`, and every batch is full.

    Returns
    -------
    batches
        An iterable of the pairs `(x[rows], t[rows])`, the same ones each time.

    Raises
    ------
    DTypeError
        If `x` or `t` is not a NumPy array, or is masked.
    ShapeError
        If they have no rows, or different numbers of rows.
    TypeError
        If `batch_size` or `epochs` is not an integer, `replacement` not a bool, or `rng` is None.
    ValueError
        If `batch_size` < 1 or `epochs` < 0.

    Notes
    -----
    A seed gives the same batches on every machine, but not with every version of NumPy (NEP 19).

    Examples
    --------
    >>> from funnet.data import minibatches
    >>> x, t = np.arange(10.0).reshape(5, 2), np.arange(5)
    >>> batches = minibatches(x, t, 2, rng=0, epochs=3)
    >>> len(batches), batches.steps_per_epoch
    (9, 3)
    >>> [len(tb) for xb, tb in batches]
    [2, 2, 1, 2, 2, 1, 2, 2, 1]
    >>> bool((batches[7][1] == list(batches)[7][1]).all())
    True
    >>> sum(1 for batch in batches.from_step(4))
    5
    """
    seed = int(generator(rng).integers(2**63))
    return Minibatches(x, t, batch_size, seed, epochs=epochs, replacement=replacement)


def _batch_size(value: int) -> int:
    return check_count(value, "batch_size")


def _epochs(value: int | None) -> int | None:
    return None if value is None else check_count(value, "epochs", 0)


def _seed(value: int) -> int:
    return check_count(value, "seed", 0)


def _replacement(value: bool) -> bool:  # noqa: FBT001 (a converter's argument is positional)
    if not isinstance(value, bool | np.bool):
        raise TypeError(f"replacement must be True or False, got {value!r}")
    return bool(value)


def _rows(array: ArrayT, name: str) -> ArrayT:
    if not isinstance(array, np.ndarray):
        raise DTypeError(f"{name} must be a NumPy array, got {array_type(array)}")
    if array.ndim == 0 or len(array) == 0:
        raise ShapeError(f"{name} must have at least one row, got shape {array.shape}")
    return as_ndarray(array, name)


def _inputs(x: ArrayT) -> ArrayT:
    return _rows(x, "x")


def _targets(t: ArrayT) -> ArrayT:
    return _rows(t, "t")


@attrs.frozen(eq=False)
class Minibatches(Generic[X_co, T_co]):
    """The batches of a training run, as `minibatches` returns them.

    An iterable of pairs (inputs, targets) that can be iterated over any number of times.
    `batches[k]` is the batch at step k, computed without the ones before it, and `len(batches)` the
    number of steps if `epochs` is not None. `seed` is an integer >= 0; for the other fields, and
    what is raised, see `minibatches`.
    """

    x: X_co = attrs.field(converter=_inputs, repr=array_type)
    t: T_co = attrs.field(converter=_targets, repr=array_type)
    batch_size: int = attrs.field(converter=_batch_size)
    seed: int = attrs.field(converter=_seed)
    epochs: int | None = attrs.field(default=None, converter=_epochs, kw_only=True)
    replacement: bool = attrs.field(default=False, converter=_replacement, kw_only=True)

    def __attrs_post_init__(self) -> None:
        """Check that x and t fit together."""
        if len(self.x) != len(self.t):
            raise ShapeError(
                f"x and t must have the same number of rows, got {len(self.x)} and {len(self.t)}"
            )

    @property
    def steps_per_epoch(self) -> int:
        """The number of batches in an epoch."""
        return -(-len(self.x) // self.batch_size)

    def __len__(self) -> int:
        if self.epochs is None:
            raise TypeError("batches without end have no len(); pass epochs to minibatches")
        return self.epochs * self.steps_per_epoch

    def __iter__(self) -> Iterator[tuple[X_co, T_co]]:
        return self.from_step(0)

    def __getitem__(self, step: int) -> tuple[X_co, T_co]:
        for batch in self.from_step(step):
            return batch
        raise IndexError(f"step must be below {len(self)}, got {step}")

    def from_step(self, step: int) -> Iterator[tuple[X_co, T_co]]:
        """Return an iterator over the batches from a step on, such as that of a checkpoint.

        Skipping many steps costs nothing.

        Raises
        ------
        IndexError
            If `step` < 0 or `step` > `len(batches)`.
        """
        step = operator.index(step)
        if step < 0 or (self.epochs is not None and step > len(self)):
            end = " on" if self.epochs is None else f" to {len(self)}"
            raise IndexError(f"step must be from 0{end}, got {step}")
        return self._walk(step)

    def _walk(self, step: int) -> Iterator[tuple[X_co, T_co]]:
        first_epoch, skip = divmod(step, self.steps_per_epoch)
        epochs = count(first_epoch) if self.epochs is None else range(first_epoch, self.epochs)
        for epoch in epochs:
            order = self._order(epoch)
            for start in range(skip * self.batch_size, len(order), self.batch_size):
                rows = order[start : start + self.batch_size]
                yield _gather(self.x, rows), _gather(self.t, rows)
            skip = 0

    def _order(self, epoch: int) -> Rows:
        """Return the rows of all batches of an epoch."""
        # Addressed by the epoch, so that no epoch needs the ones before it.
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(epoch,)))
        if self.replacement:
            return rng.integers(len(self.x), size=self.steps_per_epoch * self.batch_size)
        return rng.permutation(len(self.x))


def _gather(array: ArrayT, rows: Rows) -> ArrayT:
    # `take` is a tenth faster than indexing, but copies any other array as a whole.
    if type(array) is np.ndarray and array.flags.c_contiguous and array.flags.aligned:
        return typed_like(array, array.take(rows, axis=0))
    return typed_like(array, array[rows])
