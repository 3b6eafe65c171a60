"""What is in a network, and what comes out of each of its layers.

A layer is shown as one line, unless its class states in its body `applies_layers = True`, as
`Sequential`, `Residual` and `Concatenate` do: then its inner layers have lines of their own. Such a
class calls the method `forward` of each of its layers at most once, and does nothing else with
them.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Any, Never

import attrs
import numpy as np

from funnet.core.arrays import Array, ArrayT
from funnet.core.checks import check_float
from funnet.core.errors import DTypeError, StructureError, join
from funnet.core.layer import Forward, check_resting_network, empty_batch, forward
from funnet.core.locks import lock
from funnet.core.nodes import is_branch, kind_of, named_children


@attrs.frozen
class SummaryRow:
    """One line of a `Summary`.

    Parameters
    ----------
    path
        Path of the layer, such as "layers.0"; "" is the network itself.
    layer
        Name of its class.
    output_shape
        Shape of its output for one sample.
    parameters, buffers
        Number of entries of its parameters and buffers, without those of layers in other rows.
    nbytes
        Memory of both, in bytes.
    """

    path: str
    layer: str
    output_shape: tuple[int, ...]
    parameters: int
    buffers: int
    nbytes: int


_HEADER = ("path", "layer", "output shape", "parameters", "buffers", "bytes")
_TEXT_COLUMNS = 3


@attrs.frozen(repr=False)
class Summary:
    """The layers of a network, as `summary` returns them; printed as a table.

    Parameters
    ----------
    rows
        One row per layer, in the order in which they are computed: a network follows its layers.
    """

    rows: tuple[SummaryRow, ...]

    @property
    def parameters(self) -> int:
        """Number of entries of all parameters, as `parameter_count` returns it."""
        return sum(row.parameters for row in self.rows)

    @property
    def buffers(self) -> int:
        """Number of entries of all buffers."""
        return sum(row.buffers for row in self.rows)

    @property
    def nbytes(self) -> int:
        """Memory of all parameters and buffers, in bytes."""
        return sum(row.nbytes for row in self.rows)

    def _cells(self) -> list[tuple[str, ...]]:
        """Return the lines of the table, the total last."""
        return [
            *((row.path, row.layer, str(row.output_shape), *_numbers(row)) for row in self.rows),
            ("total", "", "", *_numbers(self)),
        ]

    def __repr__(self) -> str:
        lines = [_HEADER, *self._cells()]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(_aligned(line, widths).rstrip() for line in lines)

    def _repr_html_(self) -> str:
        *rows, total = self._cells()
        return (
            f"<table><thead>{_html_row(_HEADER, 'th')}</thead>"
            f"<tbody>{''.join(_html_row(cells, 'td') for cells in rows)}</tbody>"
            f"<tfoot>{_html_row(total, 'th')}</tfoot></table>"
        )


def _numbers(counted: SummaryRow | Summary) -> tuple[str, ...]:
    return tuple(f"{n:,}" for n in (counted.parameters, counted.buffers, counted.nbytes))


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(
        cell.ljust(width) if i < _TEXT_COLUMNS else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )


def _html_row(cells: Iterable[str], tag: str) -> str:
    from html import escape  # noqa: PLC0415  (slow to import)

    columns = "".join(
        f'<{tag} style="text-align: {"left" if i < _TEXT_COLUMNS else "right"}">'
        f"{escape(cell)}</{tag}>"
        for i, cell in enumerate(cells)
    )
    return f"<tr>{columns}</tr>"


def summary(params: Forward[Never, object], input_shape: Sequence[int]) -> Summary:
    """Return the layers of a network with their output shapes and the sizes of their arrays.

    The shapes are computed with an empty batch. An array or a layer at two paths counts twice, as
    in `parameter_count`: after an update, there are two of it.

    Parameters
    ----------
    params
        A layer or network at rest.
    input_shape
        Shape of one sample, such as (784,) or (1, 28, 28).

    Returns
    -------
    table
        A `Summary`. A layer is one row, and so is a network class of your own, unless it has the
        attribute `applies_layers = True` (see `funnet.inspection`).

    Raises
    ------
    ShapeError, TypeError, ValueError
        As for `output_shape`.
    StructureError
        If a layer is applied more than once; the message names it by its path.

    Examples
    --------
    >>> from funnet import Affine, Conv2d, Flatten, MaxPool2d, ReLU, sequential, summary
    >>> net = sequential(Conv2d.init(1, 16, 3, padding=1, rng=0), ReLU(), MaxPool2d(2),
    ...                  Flatten(), Affine.init(16 * 4 * 4, 10, rng=1))
    >>> summary(net, (1, 8, 8))
    path      layer       output shape  parameters  buffers   bytes
    layers.0  Conv2d      (16, 8, 8)           160        0     640
    layers.1  ReLU        (16, 8, 8)             0        0       0
    layers.2  MaxPool2d   (16, 4, 4)             0        0       0
    layers.3  Flatten     (256,)                 0        0       0
    layers.4  Affine      (10,)              2,570        0  10,280
              Sequential  (10,)                  0        0       0
    total                                    2,730        0  10,920
    """
    check_resting_network(params, "summary")
    outputs = _outputs(params, empty_batch(params, input_shape))
    return Summary(
        tuple(
            _row(path, layer, y.shape[1:], outputs.keys()) for path, (layer, y) in outputs.items()
        )
    )


def activations(params: Forward[ArrayT, object], x: ArrayT) -> dict[str, Array]:
    """Return the output of each layer of a network for a batch, by the path of the layer.

    The outputs are read-only, in the order in which they are computed; the last one, "", is that of
    the network. The layers are those in the rows of `summary`.

    Parameters
    ----------
    params
        A layer or network at rest.
    x
        A batch, with one row per sample.

    Raises
    ------
    ShapeError, DTypeError
        As for `forward`.
    StructureError
        If a layer is applied more than once; the message names it by its path.
    TypeError, ValueError
        If `params` is not a network at rest.

    Examples
    --------
    >>> import numpy as np
    >>> from funnet import Affine, ReLU, activations, sequential
    >>> net = sequential(Affine(np.array([[1.0, -1.0]]), np.array([0.0, 0.5])), ReLU())
    >>> for path, y in activations(net, np.array([[2.0]])).items():
    ...     print(f"{path!r}: {y}")
    'layers.0': [[ 2.  -1.5]]
    'layers.1': [[2. 0.]]
    '': [[2. 0.]]
    """
    check_resting_network(params, "activations")
    return {path: lock(y) for path, (_, y) in _outputs(params, x).items()}


# Any: layers of all types have only `forward` in common.
Collected = dict[str, list[tuple[object, Any]]]
"""Layers and their outputs by path, one for each time that a layer is applied."""


@attrs.frozen(eq=False)
class _Probe:
    """Stands in for a layer and collects its outputs; its other attributes are the layer's."""

    layer: object
    applied: Any  # the layer, with probes in place of the layers in it
    path: str
    collected: Collected

    def forward(self, x: Any, /) -> tuple[Any, object]:
        y, cache = self.applied.forward(x)
        self.collected.setdefault(self.path, []).append((self.layer, y))
        return y, cache

    def __getattr__(self, name: str) -> Any:
        return getattr(self.layer, name)


def _outputs(params: object, x: Array) -> dict[str, tuple[object, Array]]:
    """Return each layer and its output by its path, in the order in which they are computed."""
    collected: Collected = {}
    forward(_probe(params, "", collected), x)
    outputs = {}
    for path, (first, *more) in collected.items():
        layer, y = first
        if more:
            raise StructureError(
                f"{type(layer).__name__} must be applied once to be shown, but is applied "
                f"{1 + len(more)} times",
                path,
            )
        try:
            check_float(y, f"the output of {type(layer).__name__}")
        except DTypeError as error:
            if path:
                error.locate(path)
            raise
        outputs[path] = first
    return outputs


def _probe(layer: object, path: str, collected: Collected) -> _Probe:
    shows = getattr(layer, "applies_layers", False)
    applied = _with_probes(layer, path, collected) if shows else layer
    # The notes of errors name the class of a layer.
    cls: type[_Probe] = type(type(layer).__name__, (_Probe,), {})
    return cls(layer, applied, path, collected)


def _with_probes(node: object, path: str, collected: Collected) -> object:
    """Return a tree with probes in place of the layers in it."""
    kind = kind_of(type(node))
    new: list[object] = []
    for name, child in named_children(node):
        below = join(path, name)
        if not is_branch(child):
            new.append(child)
        elif hasattr(child, "forward"):
            new.append(_probe(child, below, collected))
        else:
            new.append(_with_probes(child, below, collected))
    return kind.refill(node, new)


def _row(path: str, layer: object, shape: tuple[int, ...], others: Container[str]) -> SummaryRow:
    arrays = list(_own_arrays(layer, path, others))
    return SummaryRow(
        path,
        type(layer).__name__,
        shape,
        sum(array.size for array, is_parameter in arrays if is_parameter),
        sum(array.size for array, is_parameter in arrays if not is_parameter),
        sum(array.nbytes for array, _ in arrays),
    )


def _own_arrays(
    node: object, path: str, others: Container[str], *, is_parameter: bool = True
) -> Iterator[tuple[Array, bool]]:
    """Iterate over the arrays that are not at or below other paths, and whether each is trained."""
    kept = kind_of(type(node)).kept
    for i, (name, child) in enumerate(named_children(node)):
        below, trained = join(path, name), is_parameter and i not in kept
        if isinstance(child, np.ndarray):
            yield child, trained
        elif below not in others:
            yield from _own_arrays(child, below, others, is_parameter=trained)
