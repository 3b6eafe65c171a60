"""A state belongs to one optimizer, and to parameters of one dtype."""

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from optimizer_cases import NET, every_optimizer, run

import funnet as fn


@pytest.mark.parametrize(
    ("made_by", "given_to", "message"),
    [
        (fn.momentum(), fn.adam(), "keeps m, v, got one that keeps velocity"),
        (fn.adam(), fn.adamw(), "expected the state of adamw, got that of adam"),
        (fn.adamw(), fn.adam(), "expected the state of adam, got that of adamw"),
        (fn.momentum(), fn.nesterov(), "expected the state of nesterov, got that of momentum"),
        (fn.adagrad(), fn.rmsprop(), "expected the state of rmsprop, got that of adagrad"),
        (
            fn.sgd(),
            fn.momentum(),
            r"keeps velocity, got one that keeps nothing \(momentum, not sgd\)",
        ),
        (
            fn.clip_by_global_norm(fn.adam(), 1.0),
            fn.adam(),
            r"expected the state of adam, got that of clip_by_global_norm\(adam\)",
        ),
        (
            fn.sgd(),
            fn.weight_decay(fn.sgd(), 0.1),
            r"expected the state of weight_decay\(\.\.\.\), got that of sgd",
        ),
        (
            fn.weight_decay(fn.clip_by_global_norm(fn.sgd(), 1.0), 0.1),
            fn.clip_by_global_norm(fn.weight_decay(fn.sgd(), 0.1), 1.0),
            r"clip_by_global_norm\(.*\), got that of weight_decay\(clip_by_global_norm\(sgd\)\)",
        ),
        (
            fn.elementwise(lambda p, g: (p,), 0.1, name="mine"),
            fn.sgd(),
            "expected the state of sgd, got that of mine",
        ),
        (
            fn.Optimizer(lambda _: fn.OptimizerState(0), fn.sgd().update),
            fn.sgd(),
            "expected the state of sgd, got that of an optimizer without a name",
        ),
    ],
)
def test_a_state_is_only_for_the_optimizer_that_made_it(
    made_by: fn.Optimizer, given_to: fn.Optimizer, message: str
) -> None:
    with pytest.raises(fn.StructureError, match=message):
        given_to.update(NET, NET, made_by.init(NET))


@pytest.mark.parametrize(
    ("made_by", "given_to"),
    [
        (fn.adam(0.1), fn.adam(fn.cosine_lr(0.01, 9), (0.8, 0.9), 1e-6)),
        (
            fn.clip_by_global_norm(fn.weight_decay(fn.momentum(0.1), 0.1), 1.0),
            fn.clip_by_global_norm(fn.weight_decay(fn.momentum(0.01, 0.5), 0.2, biases=True), 2.0),
        ),
        (fn.freeze(fn.adam(), "layers.0"), fn.adam()),
        (fn.adam(), fn.freeze(fn.adam(), "layers.0")),
    ],
)
def test_a_state_continues_with_other_constants(
    made_by: fn.Optimizer, given_to: fn.Optimizer
) -> None:
    net, state = run(made_by, NET, 2)

    assert given_to.update(net, NET, state)[1].step == 3


@every_optimizer
def test_an_update_keeps_the_names_of_the_optimizer(optimizer: fn.Optimizer) -> None:
    _, state = run(optimizer, NET, 2)

    assert state.optimizer == optimizer.init(NET).optimizer != ()


def test_equal_dtypes_need_not_be_one_object() -> None:
    optimizer, x = fn.momentum(), np.ones(1, np.dtype(np.float64, copy=True))
    state = optimizer.init(np.ones(1))
    new, _ = optimizer.update(np.ones(1), x, attrs.evolve(state, slots=(x,)))

    assert x.dtype is not state["velocity"].dtype
    assert new.dtype == np.float64


def test_a_state_has_as_many_names_as_slots() -> None:
    with pytest.raises(fn.StructureError, match=r"expected slots for \('m', 'v'\), got 0"):
        fn.OptimizerState(0, ("m", "v"))


def test_an_unknown_slot_is_named() -> None:
    with pytest.raises(KeyError, match="no 'h' in a state of m, v"):
        fn.adam().init(NET)["h"]


def test_a_float16_run_continues_from_a_file(path: Path) -> None:
    """The file holds the float32 state and the names of the optimizer."""
    net, optimizer = fn.astype(NET, np.float16), fn.clip_by_global_norm(fn.adam(), 1.0)
    batches = fn.minibatches(np.ones((6, 4), np.float16), np.arange(6) % 3, 2, rng=0, epochs=2)
    whole = list(fn.train(net, batches, loss=fn.softmax_cross_entropy, optimizer=optimizer))
    fn.save(path, whole[2])
    state = fn.load(path, like=fn.TrainState.init(net, optimizer))
    rest = fn.train(state, batches, loss=fn.softmax_cross_entropy, optimizer=optimizer)

    assert state.optimizer_state.optimizer == ("clip_by_global_norm", "adam")
    assert list(map(fn.fingerprint, rest)) == list(map(fn.fingerprint, whole[3:]))
    fn.save(path, fn.astype(whole[2], np.float16))
    with pytest.raises(fn.CheckpointError, match=r"expected float32.*, the file has float16"):
        fn.load(path, like=fn.TrainState.init(net, optimizer))


@pytest.mark.parametrize(
    "wrong",
    [{"step": np.int64(1)}, {"names": []}, {"slots": []}, {"metrics": {}}, {"optimizer": "adam"}],
)
def test_the_fields_of_a_state_have_their_types(wrong: dict[str, Any]) -> None:
    """A state that can't be saved is refused when it is made. Any: mypy refuses these as well."""
    with pytest.raises(TypeError, match=r"expected step to be an int, and names, .* to be tuples"):
        attrs.evolve(fn.sgd().init(NET), **wrong)


@pytest.mark.parametrize(
    "wrong", [{"step": np.int64(1)}, {"epoch": 1.0}, {"optimizer_state": None}, {"loss": 1}]
)
def test_the_fields_of_a_training_state_have_their_types(wrong: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="expected step and epoch to be ints"):
        attrs.evolve(fn.TrainState.init(NET, fn.sgd()), **wrong)
