"""The average of the gradients of several parts of a batch."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from live_cases import LIVE
from training_cases import NET, T, X, gradients, init

import funnet as fn


@pytest.mark.parametrize("bounds", [[0, 23], [0, 1, 23], [0, 7, 7 + 9, 23], list(range(24))])
def test_parts_give_the_loss_and_the_gradients_of_the_batch(bounds: list[int]) -> None:
    net, x = fn.astype(NET, np.float64), X.astype(np.float64)
    whole = gradients(net, x, T)
    parts = [gradients(net, x[a:b], T[a:b]) for a, b in pairwise(bounds)]
    combined = fn.combine(part for part in parts)

    assert combined.weight == whole.weight == 23
    assert combined.loss == pytest.approx(whole.loss, rel=1e-12)
    for ours, expected in zip(
        fn.tree_leaves(combined.grads), fn.tree_leaves(whole.grads), strict=True
    ):
        np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-14)
        assert not ours.flags.writeable


def part(loss: float, weight: Any, *values: float) -> fn.BatchGradients[Any]:
    return fn.BatchGradients(loss, weight, {"a": np.array(values), "b": np.array(values[0])})


def test_gradients_are_averaged_by_weight_and_added_in_order() -> None:
    parts = [part(1.0, 1.0, 0.1, 1e30), part(2.0, 2.0, 0.2, -1e30), part(4.0, 1.0, 0.3, 3.0)]
    combined = fn.combine(parts)
    a = (0.1 * 0.25 + 0.2 * 0.5) + 0.3 * 0.25

    assert (combined.loss, combined.weight) == (2.25, 4.0)
    assert combined.grads["a"].tolist() == [a, (1e30 * 0.25 - 1e30 * 0.5) + 0.75]
    assert combined.grads["b"].tolist() == a
    assert fn.combine(parts[1:] + parts[:1]).grads["a"][0] == (0.2 * 0.5 + 0.3 * 0.25) + 0.1 * 0.25


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_combined_gradients_keep_their_dtype(dtype: type[fn.Float]) -> None:
    parts = [fn.BatchGradients(0.0, k, np.full(2, k, dtype)) for k in (1.0, 3.0)]

    assert fn.combine(parts).grads.dtype == dtype
    assert fn.combine(parts).grads.tolist() == [2.5, 2.5]


def test_one_part_is_returned_as_it_is() -> None:
    only = part(float("nan"), 0.0, 1.0)

    assert fn.combine([only]) is only


def test_a_part_of_weight_0_is_not_averaged() -> None:
    combined = fn.combine([part(float("nan"), 0.0, float("nan")), part(3.0, 2.0, 5.0)])

    assert (combined.loss, combined.grads["a"].tolist()) == (3.0, [5.0])


def test_parts_without_weight_give_zero() -> None:
    combined = fn.combine([part(float("nan"), 0.0, float("nan"))] * 2)

    assert (combined.loss, combined.weight, combined.grads["a"].tolist()) == (0.0, 0.0, [0.0])


@pytest.mark.parametrize(
    ("parts", "error", "message"),
    [
        ([], ValueError, "at least one BatchGradients, got none"),
        (
            part(1.0, 1.0, 1.0),
            TypeError,
            "parts must be a list of BatchGradients, got BatchGradients$",
        ),
        ([part(1.0, 1.0, 1.0), 2.0], TypeError, r"parts\[1\] must be BatchGradients, got float$"),
        ([part(1.0, w, 1.0) for w in (2.0, -1.0)], ValueError, r"parts\[1\].weight .*, got -1\.0"),
        ([part(1.0, np.nan, 1.0)] * 2, ValueError, r"parts\[0\].weight must be finite .*, got nan"),
        ([part(1.0, 1e308, 1.0)] * 2, ValueError, "a sum in the range of float64"),
        ([part(1.0, np.ones(2), 1.0)] * 2, TypeError, r"parts\[0\].weight must be a number"),
        ([part(1.0, 1.0, 1.0), part(1.0, 1.0, 1.0, 2.0)], fn.ShapeError, "^a: expected shape"),
        ([gradients(NET), gradients(NET.layers[0], t=T)], fn.StructureError, "expected Sequential"),
    ],
)
def test_parts_that_cannot_be_averaged_are_refused(
    parts: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        fn.combine(parts)


def test_gradients_that_cancel_at_infinity_raise_no_warning() -> None:
    grads = [fn.BatchGradients(0.0, 1.0, np.array([v])) for v in (np.inf, -np.inf)]

    assert np.isnan(fn.combine(grads).grads).all()


def test_statistics_of_all_parts_are_applied_in_order() -> None:
    parts = [
        gradients(LIVE, X[a:b], T[a:b], seed=0, shard=i)
        for i, (a, b) in enumerate([(0, 8), (8, 13), (13, 23)])
    ]
    expected = LIVE.layers[1]
    for one in parts:
        expected = expected.with_statistics(one.statistics[0].values)
    new = fn.apply_gradients(init(LIVE), fn.combine(parts), optimizer=fn.sgd(0.0)).params
    norm = new.layers[1]

    assert norm.count == 23
    assert fn.fingerprint((norm.mean, norm.var)) == fn.fingerprint((expected.mean, expected.var))


def test_shards_draw_their_own_masks() -> None:
    grads = [fn.fingerprint(gradients(LIVE, seed=0, shard=i).grads) for i in (0, 0, 1)]

    assert grads[0] == grads[1] != grads[2]
