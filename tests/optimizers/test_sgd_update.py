"""`sgd_update`: one step of gradient descent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given, strategies as st
from strategies import dtypes
from zoo import Case, every_case

import funnet as fn
from funnet.core.kernels import scalar

rates = st.floats(-4, 4, width=16)


@every_case
@given(dtype=dtypes, lr=rates | rates.map(np.float64) | st.integers(0, 3))
def test_sgd_subtracts_the_rate_times_the_gradient(
    case: Case, dtype: type[fn.Float], lr: float
) -> None:
    params = case.layer(0, dtype)
    grads = fn.tree_map(lambda array: (array * 3 + 1).astype(array.dtype), params)

    updated = dict(fn.named_leaves(fn.sgd_update(params, grads, lr)))

    for (path, p), g in zip(fn.named_leaves(params), fn.tree_leaves(grads), strict=True):
        np.testing.assert_array_equal(updated[path], p - dtype(lr) * g, strict=True)


def test_a_rate_of_0_gives_equal_bytes_with_either_sign() -> None:
    """Equal rates may share one array, whichever came first."""
    params = fn.Affine(np.array([[-0.0, 0.0]]), np.array([-0.0, 0.0]))
    grads = fn.Affine(np.array([[1.0, 1.0]]), np.array([-1.0, -1.0]))
    results = set()
    for rates in ([0.0, -0.0], [-0.0, 0.0]):
        scalar.cache_clear()
        results |= {fn.fingerprint(fn.sgd_update(params, grads, lr)) for lr in rates}

    assert len(results) == 1


def test_a_parameter_of_rank_0_is_refused() -> None:
    params: Any = {"x": np.ones(())}  # Any: no network

    with pytest.raises(fn.ShapeError, match=r"^x: expected a parameter of rank >= 1, got rank 0"):
        fn.sgd_update(params, params, 0.1)


@attrs.frozen(eq=False)
class Mask:
    """A user's tree, whose constructor neither checks nor locks."""

    W: fn.Array
    mask: fn.Array = attrs.field(metadata=fn.BUFFER)


@pytest.mark.parametrize("optimizer", [fn.sgd(0.5), fn.adam(0.5)])
@pytest.mark.parametrize("put", [lambda a: {"W": a}, lambda a: (a,), lambda a: Mask(a, a)])
def test_new_arrays_are_locked_and_in_c_order_whatever_the_old_ones_are(
    optimizer: fn.Optimizer, put: Callable[[fn.Array], object]
) -> None:
    params = put(np.asfortranarray(np.arange(6.0).reshape(2, 3)))
    for new in (
        optimizer.update(params, params, optimizer.init(params))[0],
        fn.sgd_update(params, params, 0.5),  # type: ignore[call-overload]
    ):
        for array in fn.tree_leaves(new):
            assert array.flags.c_contiguous
            assert not array.flags.writeable
