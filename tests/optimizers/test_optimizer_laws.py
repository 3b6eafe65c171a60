"""Laws of every optimizer and wrapper, and of a user's update rule."""

import copy
import pickle
from collections.abc import Callable
from inspect import isfunction, signature
from typing import Any, assert_type

import numpy as np
import pytest
from optimizer_cases import MAKERS, NET, PLAIN, content, every_optimizer, gradients, run

import funnet as fn
from funnet import optimizers
from funnet.optimizers.schedules import LearningRate


def test_the_laws_are_tried_on_every_optimizer() -> None:
    functions = [value for value in vars(optimizers).values() if isfunction(value)]
    takes_a_rate = [f for f in functions if next(iter(signature(f).parameters)) == "lr"]

    assert set(takes_a_rate) == set(MAKERS)


@every_optimizer
def test_arguments_stay_unchanged(optimizer: fn.Optimizer) -> None:
    net, state = run(optimizer, NET, 2)
    grads = gradients(7)
    before = content((net, grads, state))
    _ = optimizer.update(net, grads, state)

    assert content((net, grads, state)) == before


@every_optimizer
def test_equal_arguments_give_equal_bytes(optimizer: fn.Optimizer) -> None:
    assert content(run(optimizer, NET, 3)) == content(run(optimizer, NET, 3))


@every_optimizer
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_dtype_is_kept_and_all_arrays_are_locked(
    optimizer: fn.Optimizer, dtype: type[fn.Float]
) -> None:
    net, state = run(optimizer, fn.astype(NET, dtype), 3)
    arrays = fn.tree_leaves((net, state))

    assert {array.dtype for array in fn.tree_leaves(net)} == {np.dtype(dtype)}
    assert {array.dtype for array in fn.tree_leaves(state)} <= {
        np.dtype(dtype),
        np.dtype(np.float32),
    }
    assert not any(array.flags.writeable for array in arrays)
    assert all(np.isfinite(array).all() for array in arrays)


@every_optimizer
def test_an_optimizer_is_a_value(optimizer: fn.Optimizer) -> None:
    assert pickle.loads(pickle.dumps(optimizer)) == optimizer == copy.deepcopy(optimizer)  # noqa: S301
    assert hash(optimizer) == hash(copy.deepcopy(optimizer))


@every_optimizer
def test_gradients_of_another_network_are_refused(optimizer: fn.Optimizer) -> None:
    wrong: Any = fn.sequential(fn.Affine.init(4, 5, rng=0), fn.ReLU(), fn.Affine.init(5, 2, rng=1))
    with pytest.raises(
        fn.ShapeError, match=r"^layers\.2\.W: expected shape \(5, 3\), got \(5, 2\)"
    ):
        optimizer.update(NET, wrong, optimizer.init(NET))


@every_optimizer
def test_gradients_of_another_dtype_are_refused(optimizer: fn.Optimizer) -> None:
    with pytest.raises(fn.DTypeError, match=r"layers\.0\.W: .*float32, got float64"):
        optimizer.update(NET, fn.astype(NET, np.float64), optimizer.init(NET))


@pytest.mark.parametrize("optimizer", PLAIN.values(), ids=PLAIN)
def test_zero_gradients_give_no_nan(optimizer: fn.Optimizer) -> None:
    for dtype in (np.float16, np.float32, np.float64):
        net = fn.astype(NET, dtype)
        zeros = fn.tree_map(np.zeros_like, net)
        new, _ = optimizer.update(net, zeros, optimizer.init(net))

        assert all(np.isfinite(array).all() for array in fn.tree_leaves(new))


def test_sgd_is_sgd_update() -> None:
    optimizer = fn.sgd(lr=0.1)
    new, _ = optimizer.update(NET, gradients(0), optimizer.init(NET))

    assert content(new) == content(fn.sgd_update(NET, gradients(0), lr=0.1))


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(
    "lr",
    [
        0.1,
        fn.constant_lr(0.1),
        fn.step_lr(0.1, 2),
        fn.cosine_lr(1, 9),
        fn.piecewise_lr([3], [1, 2]),
    ],
)
def test_optimizers_and_schedules_print_as_the_calls_that_make_them(
    make: Callable[..., fn.Optimizer], lr: LearningRate
) -> None:
    assert repr(make(lr)).startswith(f"Optimizer(update={make.__name__}(lr={lr!r}")
    assert eval(repr(lr), vars(fn).copy()) == lr  # noqa: S307 (what is printed is the subject)


def test_wrapped_optimizers_print_what_they_wrap() -> None:
    optimizer = fn.freeze(fn.clip_by_global_norm(fn.weight_decay(fn.sgd(0.1), 0.5), 1.0), "b")

    assert repr(optimizer) == (
        "Optimizer(update=freeze(update=clip_by_global_norm(update=weight_decay("
        "update=sgd(lr=0.1), rate=0.5, biases=False), max_norm=1.0), paths=('b',)))"
    )


@pytest.mark.parametrize("optimizer", [*PLAIN.values(), fn.weight_decay(fn.sgd(), 0.1)])
def test_an_update_refuses_what_is_no_state(optimizer: fn.Optimizer) -> None:
    with pytest.raises(TypeError, match=r"state must be an OptimizerState, .*, got NoneType"):
        optimizer.update(NET, NET, None)  # type: ignore[arg-type]


def test_a_network_without_parameters_has_an_empty_update() -> None:
    optimizer = fn.adam()
    new, state = optimizer.update(fn.ReLU(), fn.ReLU(), optimizer.init(fn.ReLU()))

    assert fn.parameter_count((new, state)) == 0


def test_integer_parameters_are_refused() -> None:
    for optimizer in (fn.sgd(), fn.adam()):
        with pytest.raises(fn.DTypeError, match=r"x: a parameter must be .* got int64"):
            optimizer.init({"x": np.zeros(2, int)})


@pytest.mark.parametrize("optimizer", PLAIN.values(), ids=PLAIN)
def test_parameters_of_rank_0_are_refused(optimizer: fn.Optimizer) -> None:
    with pytest.raises(fn.ShapeError, match=r"^x: expected a parameter of rank >= 1, got rank 0"):
        optimizer.init({"x": np.ones(())})


def test_numpy_scalars_as_constants_do_not_change_the_dtype() -> None:
    ten = np.float64(0.1)
    for optimizer in (
        fn.sgd(ten),
        fn.momentum(ten, ten),
        fn.adam(ten, (ten, ten), ten),
        fn.weight_decay(fn.adamw(ten, weight_decay=ten), ten),
        fn.clip_by_global_norm(fn.sgd(lambda _: ten), ten),
    ):
        new, _ = optimizer.update(NET, gradients(0), optimizer.init(NET))
        assert {array.dtype for array in fn.tree_leaves(new)} == {np.dtype(np.float32)}


def test_betas_are_two_numbers() -> None:
    betas: Any = 0.9  # mypy refuses it as well
    with pytest.raises(TypeError, match="betas must be two numbers"):
        fn.adam(betas=betas)


def test_weight_decay_spares_biases_by_default() -> None:
    zeros = fn.tree_map(np.zeros_like, NET)
    ones = fn.tree_map(np.ones_like, NET)
    for biases, expected in ((False, 1.0), (True, 0.5)):
        for optimizer in (
            fn.weight_decay(fn.sgd(lr=1.0), 0.5, biases=biases),
            fn.adamw(lr=1.0, weight_decay=0.5, biases=biases),
        ):
            new, _ = optimizer.update(ones, zeros, optimizer.init(ones))
            assert np.unique(new.layers[0].W).tolist() == [0.5]
            assert np.unique(new.layers[0].b).tolist() == [expected]


def test_frozen_arrays_stay_the_same_objects() -> None:
    optimizer = fn.freeze(fn.adam(), "layers.0", "layers.2.b")
    net, state = run(optimizer, NET, 3)
    kept = {
        p for (p, a), b in zip(fn.named_leaves(net), fn.tree_leaves(NET), strict=True) if a is b
    }

    assert kept == {"layers.0.W", "layers.0.b", "layers.2.b"}
    assert not state["m"].layers[0].W.any()
    assert state["m"].layers[2].W.any()


def test_freezing_keeps_the_state_of_the_frozen_part() -> None:
    net, state = run(fn.momentum(), NET, 2)
    velocity = state["velocity"].layers[0].W
    _, after = fn.freeze(fn.momentum(), "layers.0").update(net, gradients(5), state)

    assert velocity.any()
    assert after["velocity"].layers[0].W is velocity


def test_a_path_matches_whole_names() -> None:
    tree = {"a": np.ones(1), "ab": np.ones(1)}
    optimizer = fn.freeze(fn.sgd(lr=1.0), "a")
    new, _ = optimizer.update(tree, tree, optimizer.init(tree))

    assert (new["a"].item(), new["ab"].item()) == (1.0, 0.0)


def test_a_missing_path_is_named() -> None:
    with pytest.raises(KeyError, match=r"at or below 'layers\.7'; there are layers\.0\.W"):
        fn.freeze(fn.sgd(), "layers.7").init(NET)


def test_a_list_is_not_a_path() -> None:
    with pytest.raises(TypeError, match=r"^paths must be strings, got .*; pass a list of them as"):
        fn.freeze(fn.sgd(), ["layers.0"])  # type: ignore[arg-type]


def test_types_of_optimizers_are_known() -> None:
    optimizer = fn.adam()
    assert_type(optimizer, fn.Optimizer)
    layer = fn.Affine.init(3, 2, rng=0)
    state = optimizer.init(layer)
    assert_type(state, fn.OptimizerState[fn.Affine[int, int]])
    assert_type(optimizer.update(layer, layer, state)[0], fn.Affine[int, int])
    assert_type(state["m"], fn.Affine[int, int])


def test_a_function_that_makes_an_optimizer_is_not_one() -> None:
    wrong: Any = fn.adam
    wraps: list[Callable[[], object]] = [
        lambda: fn.weight_decay(wrong, 0.1),
        lambda: fn.clip_by_global_norm(wrong, 1.0),
        lambda: fn.freeze(wrong, "W"),
    ]

    for wrap in wraps:
        with pytest.raises(
            TypeError, match=r"must be an Optimizer, such as adam\(\), got <function"
        ):
            wrap()
