"""A state is for the optimizer that made it, and for parameters of one dtype."""

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from optimizer_cases import NET, every_optimizer, run

from funnet import (
    CheckpointError,
    DTypeError,
    Optimizer,
    OptimizerState,
    StructureError,
    TrainState,
    adagrad,
    adam,
    adamw,
    astype,
    clip_by_global_norm,
    cosine_lr,
    elementwise,
    fingerprint,
    freeze,
    load,
    minibatches,
    momentum,
    nesterov,
    rmsprop,
    save,
    sgd,
    softmax_cross_entropy,
    train,
    weight_decay,
)


def test_the_state_of_another_optimizer_is_refused() -> None:
    with pytest.raises(StructureError, match="keeps m, v, got one that keeps velocity"):
        adam().update(NET, NET, momentum().init(NET))


@pytest.mark.parametrize(
    ("made_by", "given_to", "message"),
    [
        (adam(), adamw(), "expected the state of adamw, got that of adam"),
        (adamw(), adam(), "expected the state of adam, got that of adamw"),
        (momentum(), nesterov(), "expected the state of nesterov, got that of momentum"),
        (adagrad(), rmsprop(), "expected the state of rmsprop, got that of adagrad"),
        (sgd(), momentum(), r"keeps velocity, got one that keeps nothing \(momentum, not sgd\)"),
        (
            clip_by_global_norm(adam(), 1.0),
            adam(),
            r"expected the state of adam, got that of clip_by_global_norm\(adam\)",
        ),
        (
            sgd(),
            weight_decay(sgd(), 0.1),
            r"expected the state of weight_decay\(\.\.\.\), got that of sgd",
        ),
        (
            weight_decay(clip_by_global_norm(sgd(), 1.0), 0.1),
            clip_by_global_norm(weight_decay(sgd(), 0.1), 1.0),
            r"clip_by_global_norm\(.*\), got that of weight_decay\(clip_by_global_norm\(sgd\)\)",
        ),
        (
            elementwise(lambda p, g: (p,), 0.1, name="mine"),
            sgd(),
            "expected the state of sgd, got that of mine",
        ),
        (
            Optimizer(lambda _: OptimizerState(0), sgd().update),
            sgd(),
            "expected the state of sgd, got that of an optimizer without a name",
        ),
    ],
)
def test_a_state_is_only_for_the_optimizer_that_made_it(
    made_by: Optimizer, given_to: Optimizer, message: str
) -> None:
    with pytest.raises(StructureError, match=message):
        given_to.update(NET, NET, made_by.init(NET))


@pytest.mark.parametrize(
    ("made_by", "given_to"),
    [
        (adam(0.1), adam(cosine_lr(0.01, 9), (0.8, 0.9), 1e-6)),
        (
            clip_by_global_norm(weight_decay(momentum(0.1), 0.1), 1.0),
            clip_by_global_norm(weight_decay(momentum(0.01, 0.5), 0.2, biases=True), 2.0),
        ),
        (freeze(adam(), "layers.0"), adam()),
        (adam(), freeze(adam(), "layers.0")),
    ],
)
def test_a_state_goes_on_with_other_numbers(made_by: Optimizer, given_to: Optimizer) -> None:
    net, state = run(made_by, NET, 2)

    assert given_to.update(net, NET, state)[1].step == 3


@every_optimizer
def test_the_names_of_the_optimizer_stay_in_its_states(optimizer: Optimizer) -> None:
    _, state = run(optimizer, NET, 2)

    assert state.optimizer == optimizer.init(NET).optimizer != ()


def test_the_state_of_another_dtype_is_refused() -> None:
    state = momentum().init(astype(NET, np.float64))
    with pytest.raises(DTypeError, match="expected velocity to be float32, got float64"):
        momentum().update(NET, NET, state)


def test_an_unknown_slot_is_named() -> None:
    with pytest.raises(KeyError, match="no 'h' in a state of m, v"):
        adam().init(NET)["h"]


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_a_float16_run_goes_on_from_a_file(tmp_path: Path, suffix: str) -> None:
    """What is kept in float32, and the names of the optimizer, are in the file."""
    if suffix == "safetensors":
        pytest.importorskip("safetensors", reason="the safetensors extra is not installed")
    net, optimizer = astype(NET, np.float16), clip_by_global_norm(adam(), 1.0)
    batches = minibatches(np.ones((6, 4), np.float16), np.arange(6) % 3, 2, rng=0, epochs=2)
    whole = list(train(net, batches, loss=softmax_cross_entropy, optimizer=optimizer))
    file = tmp_path / f"state.{suffix}"
    save(file, whole[2])
    state = load(file, like=TrainState.init(net, optimizer))
    rest = train(state, batches, loss=softmax_cross_entropy, optimizer=optimizer)

    assert state.optimizer_state.optimizer == ("clip_by_global_norm", "adam")
    assert list(map(fingerprint, rest)) == list(map(fingerprint, whole[3:]))
    save(file, astype(whole[2], np.float16))
    with pytest.raises(CheckpointError, match=r"expected float32.*, the file has float16"):
        load(file, like=TrainState.init(net, optimizer))


@pytest.mark.parametrize(
    "wrong",
    [{"step": np.int64(1)}, {"names": []}, {"slots": []}, {"metrics": {}}, {"optimizer": "adam"}],
)
def test_the_fields_of_a_state_have_their_types(wrong: dict[str, Any]) -> None:
    """What can't be saved is refused when it is made. Any: mypy refuses these as well."""
    with pytest.raises(TypeError, match=r"expected step to be an int, and names, .* to be tuples"):
        attrs.evolve(sgd().init(NET), **wrong)


@pytest.mark.parametrize(
    "wrong", [{"step": np.int64(1)}, {"epoch": 1.0}, {"optimizer_state": None}, {"loss": 1}]
)
def test_the_fields_of_a_training_state_have_their_types(wrong: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="expected step and epoch to be ints"):
        attrs.evolve(TrainState.init(NET, sgd()), **wrong)
