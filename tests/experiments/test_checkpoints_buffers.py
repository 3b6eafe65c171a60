"""Files keep the buffers of a network: running statistics, and what was fitted to a data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from checkpoint_values import NORMS, content
from strategies import AnyArray, normal_array

import funnet as fn
from funnet.core.nodes import kind_of
from funnet.core.tree import named_branches

x = normal_array(1, 9, 4, dtype=np.float32)


def arrays_of(net: object) -> list[AnyArray]:
    """Return all arrays of a network, buffers included."""
    children = (kind_of(type(node)).children(node) for _, node in named_branches(net))
    return [child for each in children for child in each if isinstance(child, np.ndarray)]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_buffers_are_loaded_with_their_bits_dtypes_and_locks(
    path: Path, dtype: type[fn.Float]
) -> None:
    net = fn.astype(NORMS, dtype)
    fn.save(path, net)

    loaded = fn.load(path)

    assert content(loaded) == content(fn.load(path, like=net)) == content(net)
    assert repr(loaded) == repr(net)
    assert fn.fingerprint(loaded) == fn.fingerprint(net)
    arrays = arrays_of(loaded)
    assert len(arrays) - len(fn.tree_leaves(loaded)) == 5  # std and mean; mean, var and count
    assert not any(array.flags.writeable for array in arrays)


def test_a_loaded_network_computes_the_same_bits_at_rest_and_in_training(path: Path) -> None:
    fn.save(path, NORMS)
    loaded = fn.load(path, like=NORMS)

    assert fn.predict(loaded, x).tobytes() == fn.predict(NORMS, x).tobytes()
    (y, cache), (z, other) = (
        fn.forward(fn.training_mode(net, seed=7, step=1), x) for net in (loaded, NORMS)
    )
    assert y.tobytes() == z.tobytes()
    assert content(fn.update_statistics(loaded, cache)) == content(
        fn.update_statistics(NORMS, other)
    )


def test_a_file_of_other_buffers_does_not_match(path: Path) -> None:
    fn.save(path, NORMS)
    double = fn.astype(NORMS, np.float64)

    with pytest.raises(
        fn.CheckpointError, match=r"layers\.0\.mean: expected float64\[4\], the file has float32\[4"
    ):
        fn.load(path, like=double)
