"""Mini-batches as a value: what comes at step k is a function of (seed, k) alone."""

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
    x
        Inputs (N, ...). Shared, neither copied nor written to.
    t
        Targets (N, ...), one a row of `x`. Shared as well.
    batch_size
        How many rows a batch has. At most N of them, unless they are drawn with replacement.
    rng
        A seed, or a Generator, of which one number is drawn to be the seed.
    epochs
        How often to go through the data; without end if None.
    replacement
        If false, each row comes once an epoch, and the epoch's last batch is short where
        `batch_size` does not divide N. If true, each row of a batch is drawn from all N, as the
        textbook does with `np.random.choice`, and every batch is full.

    Returns
    -------
    batches
        The pairs `(x[rows], t[rows])`, as an iterable that gives the same ones each time.

    Raises
    ------
    DTypeError
        If `x` or `t` is not a NumPy array, or is masked.
    ShapeError
        If they have no rows, or not equally many.
    TypeError
        If `batch_size` or `epochs` is not an integer, `replacement` not a bool, or `rng` is None.
    ValueError
        If `batch_size` is below 1, or `epochs` below 0.

    Notes
    -----
    Seeds give the same batches on every machine, but not on every version of NumPy (NEP 19).

    Examples
    --------
    >>> import numpy as np
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
    return None if value is None else _natural(value, "epochs", "an integer or None")


def _seed(value: int) -> int:
    return _natural(value, "seed", "an integer")


def _natural(value: int, name: str, kind: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"expected {name} to be {kind}, got {value!r}")
    if value < 0:
        raise ValueError(f"expected {name} to be at least 0, got {value}")
    return int(value)


def _replacement(value: bool) -> bool:  # noqa: FBT001 (a converter takes its value by place)
    if not isinstance(value, bool | np.bool):
        raise TypeError(f"expected replacement to be True or False, got {value!r}")
    return bool(value)


def _rows(array: ArrayT, name: str) -> ArrayT:
    if not isinstance(array, np.ndarray):
        raise DTypeError(f"expected {name} to be a NumPy array, got {array_type(array)}")
    if array.ndim == 0 or len(array) == 0:
        raise ShapeError(f"expected {name} to have at least one row, got shape {array.shape}")
    return as_ndarray(array, name)


def _inputs(x: ArrayT) -> ArrayT:
    return _rows(x, "x")


def _targets(t: ArrayT) -> ArrayT:
    return _rows(t, "t")


@attrs.frozen(eq=False)
class Minibatches(Generic[X_co, T_co]):
    """The batches of a training run, as `minibatches` returns them.

    An iterable of pairs (inputs, targets), which can be walked again and again. `batches[k]` is
    the batch at step k, found without running through the steps before it, and `len(batches)` the
    number of steps, if there is an end.

    Parameters
    ----------
    x
        Inputs (N, ...).
    t
        Targets (N, ...).
    batch_size
        How many rows a batch has.
    seed
        What the order of the rows depends on: an integer, at least 0.
    epochs
        How often to go through the data; without end if None.
    replacement
        Whether each row is drawn from all N.

    Raises
    ------
    DTypeError, ShapeError, TypeError, ValueError
        As `minibatches` does.
    """

    x: X_co = attrs.field(converter=_inputs, repr=array_type)
    t: T_co = attrs.field(converter=_targets, repr=array_type)
    batch_size: int = attrs.field(converter=_batch_size)
    seed: int = attrs.field(converter=_seed)
    epochs: int | None = attrs.field(default=None, converter=_epochs, kw_only=True)
    replacement: bool = attrs.field(default=False, converter=_replacement, kw_only=True)

    def __attrs_post_init__(self) -> None:
        """Check what cannot be seen from the types."""
        if len(self.x) != len(self.t):
            raise ShapeError(
                f"expected x and t to have equally many rows, got {len(self.x)} and {len(self.t)}"
            )

    @property
    def steps_per_epoch(self) -> int:
        """How many batches an epoch has."""
        return -(-len(self.x) // self.batch_size)

    def __len__(self) -> int:
        if self.epochs is None:
            raise TypeError("batches without end have no len(); give minibatches(..., epochs=...)")
        return self.epochs * self.steps_per_epoch

    def __iter__(self) -> Iterator[tuple[X_co, T_co]]:
        return self.from_step(0)

    def __getitem__(self, step: int) -> tuple[X_co, T_co]:
        for batch in self.from_step(step):
            return batch
        raise IndexError(f"expected a step below {len(self)}, got {step}")

    def from_step(self, step: int) -> Iterator[tuple[X_co, T_co]]:
        """Return an iterator over the batches from a step on, such as that of a checkpoint.

        Parameters
        ----------
        step
            How many batches to leave out. It costs nothing to leave out many.

        Raises
        ------
        IndexError
            If `step` is below 0 or above `len(batches)`.
        """
        step = operator.index(step)
        if step < 0 or (self.epochs is not None and step > len(self)):
            end = "" if self.epochs is None else f" to {len(self)}"
            raise IndexError(f"expected a step from 0{end}, got {step}")
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
        """Return the rows of an epoch's batches, one batch after the other."""
        # The epoch is an address, not a position in a stream: no epoch needs the ones before it.
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(epoch,)))
        if self.replacement:
            return rng.integers(len(self.x), size=self.steps_per_epoch * self.batch_size)
        return rng.permutation(len(self.x))


def _gather(array: ArrayT, rows: Rows) -> ArrayT:
    # `take` is a tenth faster than indexing, but first copies the whole of any other array.
    if type(array) is np.ndarray and array.flags.c_contiguous and array.flags.aligned:
        return typed_like(array, array.take(rows, axis=0))
    return typed_like(array, array[rows])
