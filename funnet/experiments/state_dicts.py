"""Parameters under PyTorch's names and in its layouts, as plain arrays; torch is not imported.

The name of an array is its path with the field renamed: `W` and `gamma` are "weight", `b` and
`beta` are "bias", and a batch norm has "running_mean", "running_var" and "num_batches_tracked".
"layers" is left out, so that the names are those of `torch.nn.Sequential`: "layers.0.W" is
"0.weight". Fields of other names keep them. Matrices `W` are transposed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from funnet.core.arrays import array_type, plain
from funnet.core.checks import as_float, check_dtype
from funnet.core.errors import DTypeError, ShapeError, StructureError, join
from funnet.core.live import check_at_rest
from funnet.core.nodes import kind_of, named_children
from funnet.core.tree import Tree, named_branches, replace_at
from funnet.layers.normalization import MANY

AnyArray = npt.NDArray[Any]

# By all array fields of a layer, since a field `mean` alone does not say whose mean it is.
_NAMES: dict[tuple[str, ...], tuple[str, ...]] = {
    ("W",): ("weight",),
    ("W", "b"): ("weight", "bias"),
    ("gamma", "beta"): ("weight", "bias"),
    ("gamma", "beta", "mean", "var", "count"): (
        "weight", "bias", "running_mean", "running_var", "num_batches_tracked",
    ),
}  # fmt: skip
_TRACKED = "num_batches_tracked"


def to_state_dict(net: object) -> dict[str, AnyArray]:
    """Return copies of the parameters and buffers of a network, as PyTorch names and stores them.

    `module.load_state_dict({name: torch.from_numpy(a) for name, a in to_state_dict(net).items()})`
    loads them, and `safetensors.numpy.save_file` saves them. "num_batches_tracked" is 1 if a batch
    norm has statistics, else 0.

    Raises
    ------
    ValueError
        If the network is in training mode.
    StructureError
        If two arrays would have one name.

    Examples
    --------
    >>> from funnet import Affine, ReLU, sequential, to_state_dict
    >>> net = sequential(Affine.init(3, 2, rng=0), ReLU())
    >>> {name: array.shape for name, array in to_state_dict(net).items()}
    {'0.weight': (2, 3), '0.bias': (2,)}
    """
    check_at_rest(net, "to_state_dict")
    state = {}
    for _, _, entries in _layers(net):
        for field, name, array in entries:
            tracked = _is_tracked(field, name)
            value = np.array(int(array > 0)) if tracked else _turned(field, array)
            state[name] = np.array(value, order="C")
    return state


def from_state_dict(net: Tree, state: Mapping[str, object]) -> Tree:
    """Return a network with the parameters and buffers of a state dict of PyTorch.

    Parameters
    ----------
    net
        A network of the same architecture, whose parameters are replaced.
    state
        Arrays by name, such as those of `safetensors.numpy.load_file` or `module.state_dict()`.
        "num_batches_tracked" may be missing. A batch norm that has seen batches continues
        with the exponential average, as in PyTorch.

    Raises
    ------
    StructureError
        If a name is missing or unknown.
    ShapeError, DTypeError
        If an array does not have the shape or dtype of the parameter; the message names both.
    TypeError
        If `state` is not a dict.
    ValueError
        If the network is in training mode.

    Examples
    --------
    >>> from funnet import Affine, from_state_dict, sequential
    >>> net = sequential(Affine.init(2, 1, rng=0, dtype=np.float64))
    >>> state = {"0.weight": np.array([[1.0, 2.0]]), "0.bias": np.array([3.0])}
    >>> from_state_dict(net, state).layers[0].W
    array([[1.],
           [2.]])
    """
    check_at_rest(net, "from_state_dict")
    if not isinstance(state, Mapping):
        raise TypeError(f"state must be a dict of arrays by name, got {type(state).__name__}")
    layers = list(_layers(net))
    fields = {name: field for _, _, entries in layers for field, name, _ in entries}
    missing = sorted(n for n, f in fields.items() if n not in state and not _is_tracked(f, n))
    unknown = sorted(set(state).difference(fields), key=str)
    if missing or unknown:
        raise StructureError(
            f"the state dict must have the names of the network; missing: {_listed(missing)}; "
            f"unknown: {_listed(unknown)}"
        )
    for path, layer, entries in layers:
        children = dict(named_children(layer))
        children |= {field: _given(state, name, path, field, own) for field, name, own in entries}
        net = replace_at(net, path, kind_of(type(layer)).build(layer, list(children.values())))
    return net


def _layers(net: object) -> Iterator[tuple[str, object, list[tuple[str, str, AnyArray]]]]:
    """Iterate over layers and containers with arrays: path, value, (entry, name, array) of each.

    Raise StructureError if two arrays have one name, as a field `layers` is left out.
    """
    seen: set[str] = set()
    for path, layer in named_branches(net):
        arrays = [(f, child) for f, child in named_children(layer) if isinstance(child, np.ndarray)]
        fields = tuple(field for field, _ in arrays)
        prefix = [part for part in path.split(".") if part not in {"layers", ""}]
        names = [".".join((*prefix, name)) for name in _NAMES.get(fields, fields)]
        for name in names:
            if name in seen:
                raise StructureError(
                    f"{name!r} would be the name of two arrays in the state dict", path
                )
            seen.add(name)
        if arrays:
            entries = zip(arrays, names, strict=True)
            yield path, layer, [(field, name, array) for (field, array), name in entries]


def _is_tracked(field: str, name: str) -> bool:
    """Return whether an array is the count of a batch norm, and not a field of PyTorch's name."""
    return field == "count" and name.endswith(_TRACKED)


def _turned(field: str, array: AnyArray) -> AnyArray:
    """Return a matrix of weights in the other layout."""
    return array.T if field == "W" and array.ndim == 2 else array


def _given(
    state: Mapping[str, object], name: str, path: str, field: str, own: AnyArray
) -> AnyArray:
    if _is_tracked(field, name):
        return np.array(MANY if as_float(np.asarray(state.get(name, 1)), name) > 0 else 0)
    what = f"{name!r}, for {join(path, field)},"
    try:
        value = np.asanyarray(state[name])
    except (TypeError, RuntimeError) as error:  # of a tensor that NumPy cannot represent
        raise DTypeError(f"{what} cannot be read as a NumPy array: {error}") from error
    array = plain(value, name)
    given = _turned(field, array)
    if given.shape != own.shape:
        raise ShapeError(
            f"{what} must have shape {_turned(field, own).shape}, got {array_type(array)}"
        )
    check_dtype(given, own.dtype, what)
    return given


def _listed(names: list[str]) -> str:
    shown = ", ".join(map(repr, names[:5])) or "none"
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")
