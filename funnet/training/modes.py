"""The network at a step of training, and what it learns there besides its gradients.

A network is at rest: it computes what it computes at inference. `training_mode` returns the same
network as it is at one step of training, a live network, in which dropout draws its masks and batch
norms use the statistics of their batch:

    live = training_mode(net, seed=7, step=step)
    y, cache = forward(live, x)
    loss, dy = softmax_cross_entropy(y, t)
    grads = backward(live, cache, dy)
    net = sgd_update(net, grads, lr=0.1)
    net = update_statistics(net, cache)

`train(..., seed=7)` does the same. All functions work for layers and networks of any class; see
`funnet.core.context` for what a layer declares to take part.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, cast, runtime_checkable

import attrs
import numpy as np
import numpy.typing as npt

from funnet.core.arrays import Array, Float, array_type
from funnet.core.checks import as_samples, check_count
from funnet.core.context import Context, Statistics
from funnet.core.errors import LocatedError, StructureError, is_inside
from funnet.core.layer import ROWS_AT_ONCE, AnyLayer, check_resting_network, forward
from funnet.core.live import check_at_rest, contexts, map_contexts
from funnet.core.nodes import is_branch
from funnet.core.tree import Tree, named_branches, replace_at, value_at


@runtime_checkable
class KeepsStatistics(Protocol):
    """A layer that is changed by the statistics of the batches it was trained on."""

    def with_statistics(self, values: tuple[Array, ...], /) -> object:
        """Return the layer after a batch with these statistics."""


@runtime_checkable
class HasPopulation(Protocol):
    """A layer whose statistics can be computed from those of all batches of a data set."""

    def with_population(self, parts: Sequence[tuple[Array, ...]], /) -> object:
        """Return the layer with the statistics of a data set, given those of its batches."""


def training_mode(
    net: Tree,
    *,
    seed: int | np.random.SeedSequence,
    step: int,
    shard: int = 0,
    at_rest: Iterable[str] = (),
) -> Tree:
    """Return the network as it is at one step of training; `net` itself if no layer is affected.

    Parameters
    ----------
    net
        A network at rest.
    seed
        Seed of the training run: an integer >= 0 or a SeedSequence. Random numbers are a function
        of seed, step, path of the layer, and shard.
    step
        Number of updates made so far.
    shard
        Index of the part of the batch, if several parts of it are computed separately. Default: 0.
    at_rest
        Paths of layers that stay as they are at inference, such as a frozen "layers.0".

    Raises
    ------
    ValueError
        If `net` is already live, a number is negative, a path of `at_rest` is not that of a layer,
        or at a step > 0 a layer has no statistics yet: then `update_statistics` was not called.
    KeyError
        If a path of `at_rest` does not exist.
    TypeError
        If `seed`, `step` or `shard` is not an integer, or `at_rest` is not a list of paths.

    Examples
    --------
    >>> from funnet import Dropout, forward, training_mode
    >>> net = Dropout(0.5)
    >>> x = np.ones((1, 8), np.float32)
    >>> forward(training_mode(net, seed=7, step=0), x)[0]
    array([[0., 2., 2., 2., 0., 0., 2., 0.]], dtype=float32)
    """
    check_at_rest(net, "training_mode")
    resting = check_paths(net, at_rest)
    here = Context(seed, step, shard=shard)

    def context(path: str, layer: object) -> Context | None:
        if is_inside(path, resting):
            return None
        if step and getattr(layer, "has_statistics", True) is False:
            raise ValueError(
                f"{path or type(layer).__name__} has no statistics at step {step}; "
                "call net = update_statistics(net, cache) after each step; for a layer that was "
                "at rest until now, call net = population_statistics(net, x) once"
            )
        return attrs.evolve(here, path=path)

    return map_contexts(net, context)


def inference_mode(net: Tree) -> Tree:
    """Return the network at rest, as it is at inference: the inverse of `training_mode`.

    Examples
    --------
    >>> from funnet import Dropout, inference_mode, training_mode
    >>> inference_mode(training_mode(Dropout(0.5), seed=7, step=0))
    Dropout(rate=0.5)
    """
    return map_contexts(net, lambda *_: None)


def update_statistics(net: Tree, cache: object, *, at_rest: Iterable[str] = ()) -> Tree:
    """Return the network with the statistics of a forward pass in training mode.

    Parameters
    ----------
    net
        The network, at rest or live; usually after the update of its parameters.
    cache
        The cache that `forward` returned for the live network.
    at_rest
        Paths of layers that were at rest, as for `training_mode`.

    Raises
    ------
    StructureError
        If the cache has no statistics of a layer that keeps some, or has some of another layer.
    ShapeError, DTypeError
        If statistics have another shape or dtype than the layer's.
    """
    found = tuple(records(cache))
    updated = apply_statistics(net, found)
    reported, resting = {record.path for record in found}, check_paths(net, at_rest)
    for path, layer in named_branches(net):
        if (
            isinstance(layer, KeepsStatistics)
            and path not in reported
            and not is_inside(path, resting)
        ):
            raise StructureError(
                f"the cache has no statistics of {type(layer).__name__}; "
                "pass the cache of a forward pass of training_mode(net, ...)",
                path,
            )
    return updated


def apply_statistics(net: Tree, statistics: Iterable[Statistics]) -> Tree:
    """Return the network with statistics passed to its layers, in order."""
    for record in statistics:
        try:
            layer = value_at(net, record.path)
        except KeyError as error:
            raise StructureError(f"the cache is of another network: {error.args[0]}") from None
        if not isinstance(layer, KeepsStatistics):
            raise StructureError(
                f"expected a layer that keeps statistics, got {type(layer).__name__}", record.path
            )
        try:
            updated = layer.with_statistics(record.values)
        except LocatedError as error:
            if record.path:
                error.locate(record.path)
            raise
        if type(updated) is not type(layer):
            raise StructureError(
                f"with_statistics must return a {type(layer).__name__}, got {array_type(updated)}",
                record.path,
            )
        net = replace_at(net, record.path, updated)
    return net


@np.errstate(over="ignore", invalid="ignore")  # the error says more
def population_statistics(net: Tree, x: npt.NDArray[Float], batch_size: int | None = None) -> Tree:
    """Return the network with its statistics computed anew from a data set.

    One pass over the rows of `x`, with the layers that keep statistics in training mode and all
    others at rest. Needed where parameters have been averaged. The statistics of the first such
    layer are exact; further layers see inputs that were normalized batch by batch.

    Parameters
    ----------
    net
        A network at rest.
    x
        Inputs, one row per sample; they are distributed evenly over the batches.
    batch_size
        Largest number of rows per batch; for 2, an odd number of rows makes one batch of 3.
        Default: 1024.

    Raises
    ------
    ValueError
        If `net` is live, `x` has no rows, `batch_size` is less than 1, or a statistic is infinite
        or NaN.
    ShapeError
        If a batch has one row and a batch norm needs two.
    DTypeError
        If `x` is not an array.
    TypeError
        If `net` is not a network, or a layer with statistics has no method `with_population`.
    StructureError
        If the cache of a layer that keeps statistics contains none.
    """
    check_resting_network(net, "population_statistics")
    rows = ROWS_AT_ONCE if batch_size is None else check_count(batch_size, "batch_size")
    x = as_samples(x)
    if len(x) == 0:
        raise ValueError("x must have at least one row, got 0")
    live = map_contexts(
        net,
        lambda path, layer: Context(0, 0, path) if isinstance(layer, KeepsStatistics) else None,
    )
    n_batches = -(-len(x) // rows)
    if rows > 1:  # a batch norm needs two values per channel
        n_batches = min(n_batches, max(1, len(x) // 2))
    parts: dict[str, list[tuple[Array, ...]]] = {}
    for i in range(n_batches):
        batch = x[i * len(x) // n_batches : (i + 1) * len(x) // n_batches]
        _, cache = forward(cast(AnyLayer, live), batch)
        for record in statistics_of(live, cache):
            if not all(np.isfinite(value).all() for value in record.values):
                raise ValueError(
                    f"the statistics of {record.path or 'the network'} are infinite or NaN; "
                    "x must be finite, and not too large for its dtype"
                )
            parts.setdefault(record.path, []).append(record.values)
    for path, values in parts.items():
        layer = value_at(net, path)
        if not isinstance(layer, HasPopulation):
            raise TypeError(
                f"{type(layer).__name__} at {path!r} must have a method with_population(parts)"
            )
        net = replace_at(net, path, layer.with_population(values))
    return net


def records(cache: object) -> Iterator[Statistics]:
    """Iterate over the statistics in a cache, in order."""
    return (value for _, value in named_branches(cache) if isinstance(value, Statistics))


def statistics_of(live: object, cache: object) -> tuple[Statistics, ...]:
    """Return what the layers report; raise StructureError if one that keeps statistics does not."""
    statistics = tuple(records(cache))
    reported = {record.path for record in statistics}
    for path, layer, context in contexts(live):
        if context is not None and isinstance(layer, KeepsStatistics) and path not in reported:
            raise StructureError(
                f"the cache has no statistics of {type(layer).__name__}; its forward must return "
                "a cache that contains Statistics(path, values) and is an attrs value, a tuple, a "
                "list or a dict",
                path,
            )
    return statistics


def check_paths(net: object, paths: Iterable[str]) -> tuple[str, ...]:
    """Return paths as a tuple; raise KeyError or ValueError if one is not that of a layer."""
    found = tuple(paths) if isinstance(paths, Iterable) and not isinstance(paths, str) else None
    if found is None or not all(isinstance(path, str) for path in found):
        raise TypeError(f"at_rest must be a list of paths, got {paths!r}")
    for path in found:
        if not is_branch(value_at(net, path)):
            layer = path.rpartition(".")[0]
            raise ValueError(f"at_rest expects paths of layers, such as {layer!r}, got {path!r}")
    return found
