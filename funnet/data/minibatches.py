"""Mini-batches as a value: the batch at step k is a function of (seed, k) alone.

Augmentation is a function that is mapped over the batches, and draws from a Generator of its step:

    def add_noise(x, t, rng):
        return x + rng.normal(scale=0.1, size=x.shape).astype(x.dtype), t

    batches = minibatches(x, t, 100, rng=0, epochs=20).map(add_noise)

Targets may be a tuple of arrays, such as `(t, w)` for a weighted loss.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import Any, Generic, TypeAlias, TypeVar

import attrs
import numpy as np

from funnet.core.arrays import AnyArray, RNGLike, ShapeT, array_type
from funnet.core.checks import check_count, check_flag, generator
from funnet.core.context import addressed, sha256_of
from funnet.data.rows import (
    Arrays,
    ArraysT,
    Rows,
    check_array,
    check_arrays,
    check_same_rows,
    each,
    gather,
    shown,
)
from funnet.data.shards import Shard, too_few_rows

X_co = TypeVar("X_co", bound=AnyArray, covariant=True)
T_co = TypeVar("T_co", bound=Arrays, covariant=True)
NewX = TypeVar("NewX", bound=AnyArray)
NewT = TypeVar("NewT", bound=Arrays)
XType = TypeVar("XType", bound=np.dtype[np.generic])

# Any: the types of the arrays between two transforms are known to `map` and `shard` only.
Map: TypeAlias = Callable[[Any, Any, "np.random.Generator"], tuple[Any, Any]]

_TAG = 0x6D617073  # keeps the streams of maps apart from other uses of the same seed


def minibatches(
    x: np.ndarray[ShapeT, XType],
    t: ArraysT,
    batch_size: int,
    *,
    rng: RNGLike,
    epochs: int | None = None,
    replacement: bool = False,
    drop_last: bool = False,
) -> Minibatches[np.ndarray[ShapeT, XType], ArraysT]:
    """Return the batches of a training run, in random order.

    Parameters
    ----------
    x, t
        Inputs (N, ...) and targets (N, ...), one row per sample, where targets may also be a tuple
        of arrays, such as `(t, w)`. Neither copied nor written to.
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
    drop_last
        If True, the short batch at the end of an epoch is left out. Default: False.

    Returns
    -------
    batches
        An iterable of the pairs `(x[rows], t[rows])`, the same ones each time. For a tuple, t[rows]
        is the tuple of the rows of each array.

    Raises
    ------
    DTypeError
        If `x` is not a NumPy array, `t` not one or a tuple of them, or an array is masked.
    ShapeError
        If they have no rows, or different numbers of rows.
    TypeError
        If `batch_size` or `epochs` is not an integer, `replacement` or `drop_last` not a bool, or
        `rng` is None.
    ValueError
        If `batch_size` < 1 or `epochs` < 0, or `drop_last` leaves no batch.

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
    >>> [len(tb) for xb, tb in minibatches(x, t, 2, rng=0, epochs=3, drop_last=True)]
    [2, 2, 2, 2, 2, 2]
    """
    seed = int(generator(rng).integers(2**63))
    return Minibatches(
        x, t, batch_size, seed, epochs=epochs, replacement=replacement, drop_last=drop_last
    )


def _batch_size(value: int) -> int:
    return check_count(value, "batch_size")


def _epochs(value: int | None) -> int | None:
    return None if value is None else check_count(value, "epochs", 0)


def _seed(value: int) -> int:
    return check_count(value, "seed", 0)


def _replacement(value: bool) -> bool:  # noqa: FBT001 (a converter's argument is positional)
    return check_flag(value, "replacement")


def _drop_last(value: bool) -> bool:  # noqa: FBT001
    return check_flag(value, "drop_last")


def _inputs(x: AnyArray) -> AnyArray:
    return check_array(x, "x")


def _targets(t: Arrays) -> Arrays:
    return check_arrays(t, "t")


def _transforms(value: Iterable[Map | Shard]) -> tuple[Map | Shard, ...]:
    transforms = tuple(value)
    for f in transforms:
        if not isinstance(f, Shard) and not callable(f):
            raise TypeError(f"f must be a function of x, t and rng, got {f!r}")
    return transforms


def _pair(batch: object) -> tuple[AnyArray, Arrays]:
    if not isinstance(batch, tuple) or len(batch) != 2:
        got = f"a tuple of {len(batch)}" if isinstance(batch, tuple) else array_type(batch)
        raise TypeError(f"f must return a pair (x, t), got {got}")
    x = check_array(batch[0], "the x that f returned")
    t = check_arrays(batch[1], "the t that f returned")
    check_same_rows(x, t, "the x and t that f returned")
    return x, t


@attrs.frozen(eq=False)
class Minibatches(Generic[X_co, T_co]):
    """The batches of a training run, as `minibatches` returns them.

    An iterable of pairs (inputs, targets) that can be iterated over any number of times.
    `batches[k]` is the batch at step k, computed without the ones before it, and `len(batches)` the
    number of steps if `epochs` is not None. `x` and `t` are the data, before any map. `seed` is an
    integer >= 0, and `transforms` what `map` and `shard` have added, in order; for the other
    fields, and what is raised, see `minibatches`.
    """

    x: AnyArray = attrs.field(converter=_inputs, repr=array_type)
    t: Arrays = attrs.field(converter=_targets, repr=shown)
    batch_size: int = attrs.field(converter=_batch_size)
    seed: int = attrs.field(converter=_seed)
    epochs: int | None = attrs.field(default=None, converter=_epochs, kw_only=True)
    replacement: bool = attrs.field(default=False, converter=_replacement, kw_only=True)
    drop_last: bool = attrs.field(default=False, converter=_drop_last, kw_only=True)
    transforms: tuple[Map | Shard, ...] = attrs.field(
        default=(), converter=_transforms, kw_only=True
    )

    def __attrs_post_init__(self) -> None:
        """Check that x and t fit together, that there is a batch, and that no part is empty."""
        check_same_rows(self.x, self.t, "x and t")
        if self.steps_per_epoch == 0:
            raise ValueError(
                f"batch_size must be <= {len(self.x)}, the number of rows, with drop_last=True, "
                f"got {self.batch_size}"
            )
        rows = self._fewest_rows()
        for shard in self._first_shards():  # a map may return more rows, or fewer
            if rows < shard.n:
                raise too_few_rows(shard.n, rows)
            rows //= shard.n

    def _fewest_rows(self) -> int:
        """Return the number of rows of the shortest batch."""
        short = 0 if self.replacement or self.drop_last else len(self.x) % self.batch_size
        return short or self.batch_size

    def _first_shards(self) -> list[Shard]:
        """Return the shards before the first map."""
        shards = []
        for transform in self.transforms:
            if not isinstance(transform, Shard):
                break
            shards.append(transform)
        return shards

    @property
    def steps_per_epoch(self) -> int:
        """The number of batches in an epoch."""
        if self.drop_last and not self.replacement:
            return len(self.x) // self.batch_size
        return -(-len(self.x) // self.batch_size)

    def __len__(self) -> int:
        if self.epochs is None:
            raise TypeError("batches without end have no len(); pass epochs to minibatches")
        return self.epochs * self.steps_per_epoch

    @property
    def _end(self) -> float:
        """The number of steps, or infinity; `len` is limited to `sys.maxsize`."""
        return math.inf if self.epochs is None else self.epochs * self.steps_per_epoch

    def __iter__(self) -> Iterator[tuple[X_co, T_co]]:
        return self.from_step(0)

    def __getitem__(self, step: int) -> tuple[X_co, T_co]:
        for batch in self.from_step(step):
            return batch
        raise IndexError(f"step must be below {self._end}, got {step}")

    def from_step(self, step: int) -> Iterator[tuple[X_co, T_co]]:
        """Return an iterator over the batches from a step on, such as that of a checkpoint.

        Skipping many steps costs nothing.

        Raises
        ------
        IndexError
            If `step` < 0 or `step` > `len(batches)`.
        """
        step = operator.index(step)
        if not 0 <= step <= self._end:
            end = " on" if self.epochs is None else f" to {self._end}"
            raise IndexError(f"step must be from 0{end}, got {step}")
        return self._walk(step)

    def map(
        self, f: Callable[[X_co, T_co, np.random.Generator], tuple[NewX, NewT]]
    ) -> Minibatches[NewX, NewT]:
        """Return the batches `f(x, t, rng)`, such as augmented ones.

        The stream of `rng` depends only on the seed, the step, and the maps and shards before this
        one, so a resumed run sees the batches of an uninterrupted one. It is independent of the
        order of the rows and of the layers of a network with the same seed, and another one for
        each map and, after `shard`, for each part.

        Parameters
        ----------
        f
            A function that returns a pair (x, t) of arrays with one row per sample, where `t` may
            also be a tuple of arrays; the number of rows, shapes and types may be others than
            before. It may write to the arrays it is given. For pickling, a function of a module.

        Raises
        ------
        TypeError
            If `f` is not callable, or, at a batch, does not return a pair.
        DTypeError, ShapeError
            At a batch, if `f` returns anything but arrays with equal numbers of rows.

        Examples
        --------
        >>> from funnet.data import minibatches
        >>> def flip(x, t, rng):
        ...     left = rng.random(len(x)) < 0.5
        ...     return np.where(left[:, None], x[:, ::-1], x), t
        >>> x, t = np.arange(12.0).reshape(4, 3), np.arange(4)
        >>> batches = minibatches(x, t, 2, rng=0, epochs=5).map(flip)
        >>> bool((batches[7][0] == list(batches)[7][0]).all())
        True
        """
        return self._with(f)

    def shard(self, i: int, n: int) -> Minibatches[X_co, T_co]:
        """Return part i of n of each batch.

        The parts of a batch, one after another, are the batch. They differ by at most one row, and
        the longer ones come first, as in `np.array_split`. No part is empty.

        After `map`, the parts are those of the mapped batch, so each of them costs the whole map.
        Before `map`, the function is applied to the part alone, with an `rng` of its own. A part of
        a part is divided again; the only part of one is all of it.

        Raises
        ------
        TypeError
            If `i` or `n` is not an integer.
        ValueError
            If `n` < 1, `i` < 0 or `i` >= `n`.
        ShapeError
            If a batch has fewer than `n` rows; after `map`, when the batch is computed.

        Examples
        --------
        >>> from funnet.data import minibatches
        >>> x, t = np.zeros((10, 2)), np.arange(10)
        >>> batches = minibatches(x, t, 5, rng=0, epochs=1)
        >>> parts = [batches.shard(i, 2)[0][1] for i in range(2)]
        >>> [len(part) for part in parts]
        [3, 2]
        >>> bool((np.concatenate(parts) == batches[0][1]).all())
        True
        """
        part = Shard(i, n)
        return self if part.n == 1 else self._with(part)

    def _with(self, transform: Map | Shard) -> Minibatches[Any, Any]:
        return attrs.evolve(self, transforms=(*self.transforms, transform))

    def _walk(self, step: int) -> Iterator[tuple[X_co, T_co]]:
        first_epoch, skip = divmod(step, self.steps_per_epoch)
        epochs = count(first_epoch) if self.epochs is None else range(first_epoch, self.epochs)
        for epoch in epochs:
            order = self._order(epoch)
            for index in range(skip, self.steps_per_epoch):
                rows = order[index * self.batch_size : (index + 1) * self.batch_size]
                yield self._batch(rows, epoch * self.steps_per_epoch + index)
            skip = 0

    def _batch(self, rows: Rows, step: int) -> tuple[Any, Any]:
        # Parts before the first map are parts of the rows, so the others need not be gathered.
        shards = self._first_shards()
        for shard in shards:
            rows = shard.of(rows)
        x, t = gather(self.x, rows), gather(self.t, rows)
        for place in range(len(shards), len(self.transforms)):
            transform = self.transforms[place]
            if isinstance(transform, Shard):
                x, t = transform.of(x), each(transform.of, t)
            else:
                x, t = _pair(transform(x, t, self._generator(step, place)))
        return x, t

    def _generator(self, step: int, place: int) -> np.random.Generator:
        """Return the Generator of the map at a place among the transforms."""
        before = (
            f"{f.i}/{f.n}" if isinstance(f, Shard) else "map" for f in self.transforms[:place]
        )
        return addressed(self.seed, _TAG, sha256_of(" ".join((str(step), *before))))

    def _order(self, epoch: int) -> Rows:
        """Return the rows of all batches of an epoch."""
        # Addressed by the epoch, so that no epoch needs the ones before it.
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(epoch,)))
        if self.replacement:
            return rng.integers(len(self.x), size=self.steps_per_epoch * self.batch_size)
        return rng.permutation(len(self.x))
