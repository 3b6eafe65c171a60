"""State dicts have PyTorch's names and layouts, and bring its parameters in unchanged."""

from __future__ import annotations

import warnings
from typing import Any

import attrs
import numpy as np
import pytest
from zoo import CASES, Scale, TwoLayerNet

import funnet as fn


def images(rng: np.random.Generator) -> fn.SomeLayer:
    """Return a network of all layers that have a counterpart in PyTorch, with random buffers."""
    gamma, beta, mean, var = rng.uniform(0.5, 1.5, (4, 4))
    norm = fn.BatchNorm(gamma, beta, mean, var, np.array(30))
    return fn.sequential(
        fn.Conv2d.init(2, 4, (3, 2), stride=2, padding=1, rng=rng, dtype=np.float64),
        norm,
        fn.sequential(fn.ReLU(), fn.MaxPool2d(2)),
        fn.Flatten(),
        fn.sequential(fn.Affine.init(16, 5, rng=rng, dtype=np.float64), fn.Tanh()),
        fn.LayerNorm(rng.uniform(0.5, 1.5, 5), rng.uniform(0.5, 1.5, 5)),
    )


NAMES = [
    "0.weight",
    "0.bias",
    "1.weight",
    "1.bias",
    "1.running_mean",
    "1.running_var",
    "1.num_batches_tracked",
    "4.0.weight",
    "4.0.bias",
    "5.weight",
    "5.bias",
]


def test_names_are_those_of_torch_nn_sequential() -> None:
    assert list(fn.to_state_dict(images(np.random.default_rng(0)))) == NAMES


def test_a_network_without_arrays_has_an_empty_state_dict() -> None:
    assert fn.to_state_dict(fn.sequential(fn.ReLU())) == {}
    assert fn.to_state_dict(fn.sequential()) == {}


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case.live])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_what_goes_out_comes_in_again(name: str, dtype: type[fn.Float]) -> None:
    net, other = CASES[name].layer(0, dtype), CASES[name].layer(1, dtype)
    state = fn.to_state_dict(net)
    assert all(array.flags.writeable and array.flags.c_contiguous for array in state.values())
    back = fn.from_state_dict(other, state)
    again = fn.to_state_dict(back)
    assert list(again) == list(state)
    for key, array in state.items():
        assert again[key].dtype == array.dtype
        np.testing.assert_array_equal(again[key], array)
    for (path, ours), (_, theirs) in zip(fn.named_leaves(back), fn.named_leaves(net), strict=True):
        np.testing.assert_array_equal(ours, theirs, err_msg=path)


@attrs.frozen(eq=False)
class WithoutBias:
    """A user's product without a bias, as `torch.nn.Linear(bias=False)`."""

    W: fn.Matrix = attrs.field(converter=fn.lock_matrix)


def test_a_layer_that_is_a_whole_network_has_bare_names() -> None:
    layer = fn.Affine.init(3, 2, rng=0)
    for net, shapes in [
        (layer, {"weight": (2, 3), "bias": (2,)}),
        (WithoutBias(layer.W), {"weight": (2, 3)}),
    ]:
        assert {name: array.shape for name, array in fn.to_state_dict(net).items()} == shapes


def test_fields_of_a_users_layer_keep_their_names_and_layout() -> None:
    rng = np.random.default_rng(0)
    own = TwoLayerNet(rng.normal(size=(4, 5)), np.ones(5), rng.normal(size=(5, 3)), np.ones(3))
    state = fn.to_state_dict(fn.sequential(own, Scale(np.ones(3))))
    assert list(state) == ["0.W1", "0.b1", "0.W2", "0.b2", "1.gain"]
    np.testing.assert_array_equal(state["0.W1"], own.W1)


def test_a_field_with_the_name_of_pytorchs_count_is_an_array_as_others() -> None:
    mine = {"num_batches_tracked": np.array([7, 0])}
    theirs = {"num_batches_tracked": np.array([8, 1])}

    assert fn.to_state_dict(mine)["num_batches_tracked"].tolist() == [7, 0]
    assert fn.from_state_dict(mine, theirs)["num_batches_tracked"].tolist() == [8, 1]
    with pytest.raises(fn.StructureError, match="missing: 'num_batches_tracked'"):
        fn.from_state_dict(mine, {})


def test_arrays_in_containers_have_the_names_of_their_entries() -> None:
    net = {"params": {"W1": np.ones((2, 3)), "b1": np.zeros(3)}, "scales": (np.ones(2), 1.5)}

    state = fn.to_state_dict(net)
    assert list(state) == ["params.W1", "params.b1", "scales.0"]
    other = fn.from_state_dict(net, {name: array + 1 for name, array in state.items()})

    assert fn.fingerprint(other) == fn.fingerprint(fn.tree_map(lambda a: a + 1, net))


def test_arrays_of_another_byte_order_are_read() -> None:
    net = fn.Affine.init(3, 2, rng=0)
    state = {name: array.astype(">f4") for name, array in fn.to_state_dict(net).items()}

    assert fn.fingerprint(fn.from_state_dict(net, state)) == fn.fingerprint(net)


def test_parts_of_combinators_have_the_names_of_their_fields() -> None:
    inner = fn.Affine.init(3, 3, rng=0)
    net = fn.sequential(fn.residual(fn.sequential(fn.ReLU(), inner)), fn.concatenate(inner, inner))
    assert list(fn.to_state_dict(net))[::2] == ["0.layer.1.weight", "1.0.weight", "1.1.weight"]


def test_the_network_and_the_mapping_are_unchanged() -> None:
    net, other = (fn.Affine.init(3, 2, rng=seed) for seed in (0, 1))
    state = fn.to_state_dict(other)
    before = fn.fingerprint((net, state))
    back = fn.from_state_dict(net, state)
    state["weight"][:] = 0  # nothing is shared
    np.testing.assert_array_equal(back.W, other.W)
    state = fn.to_state_dict(other)
    assert fn.fingerprint((net, state)) == before


class Unreadable:
    """A tensor of a type that NumPy does not have, as PyTorch's bfloat16."""

    def __array__(self, *_: object, **__: object) -> None:
        raise TypeError("no BFloat16")


NET = fn.sequential(fn.Affine.init(3, 2, rng=0))
STATE = fn.to_state_dict(NET)
W, b = STATE.values()


@pytest.mark.parametrize(
    ("state", "error", "message"),
    [
        ({"0.weight": W}, fn.StructureError,
         "the state dict must have the names of the network; missing: '0.bias'; unknown: none"),
        (STATE | dict.fromkeys("abcdefg", b), fn.StructureError,
         "the state dict must have the names of the network; missing: none; unknown: 'a', 'b', "),
        (STATE | {"0.weight": W.T}, fn.ShapeError,
         "'0.weight', for layers.0.W, must have shape (2, 3), got float32[3, 2]"),
        (STATE | {"0.bias": b.astype(np.float64)}, fn.DTypeError,
         "'0.bias', for layers.0.b, must be float32, got float64"),
        (STATE | {"0.bias": np.ma.masked_array(b)}, fn.DTypeError,
         "0.bias must be an array without a mask"),
        (STATE | {"0.bias": Unreadable()}, fn.DTypeError,
         "'0.bias', for layers.0.b, cannot be read as a NumPy array: no BFloat16"),
        (STATE | {"0.bias": "zeros"}, fn.ShapeError,
         "'0.bias', for layers.0.b, must have shape (2,), got"),
    ],
)  # fmt: skip
def test_a_state_dict_that_does_not_fit_is_an_error(
    state: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        fn.from_state_dict(NET, state)
    assert str(caught.value).startswith(message)


def test_a_state_dict_is_a_mapping() -> None:
    wrong: Any = [("weight", np.ones((2, 3)))]
    with pytest.raises(TypeError, match="state must be a dict of arrays by name, got list"):
        fn.from_state_dict(fn.Affine.init(3, 2, rng=0), wrong)


@pytest.mark.parametrize("tracked", [None, np.ones(2)])
def test_the_number_of_batches_is_a_number(tracked: object) -> None:
    state: dict[str, Any] = fn.to_state_dict(fn.BatchNorm.init(2))
    with pytest.raises(TypeError, match="num_batches_tracked must be a number, got"):
        fn.from_state_dict(fn.BatchNorm.init(2), state | {"num_batches_tracked": tracked})


def test_two_arrays_of_one_name_are_refused() -> None:
    """Which a field `layers` makes possible, as it is left out, and keys of two types."""
    norm = fn.BatchNorm.init(1)
    nested = {"a": {"layers": norm}, "a.layers": norm}
    for net, name in (
        (nested, r"a\.layers: 'a\.weight'"),
        ({"1": np.ones(2), 1: np.zeros(2)}, "'1'"),
    ):
        for call in (fn.to_state_dict, lambda net: fn.from_state_dict(net, {})):
            with pytest.raises(fn.StructureError, match=f"{name} would be the name of two"):
                call(net)


def test_a_batch_norm_continues_with_the_exponential_average() -> None:
    fresh = fn.BatchNorm.init(2, dtype=np.float64)
    state = fn.to_state_dict(fresh)
    assert state["num_batches_tracked"] == 0
    assert not fn.from_state_dict(fresh, state).has_statistics
    state["num_batches_tracked"][...] = 3
    norm = fn.from_state_dict(fresh, state)
    assert norm.has_statistics
    _, cache = fn.forward(fn.training_mode(norm, seed=0, step=1), np.array([[1.0, 2.0]] * 2))
    np.testing.assert_allclose(fn.update_statistics(norm, cache).mean, [0.1, 0.2], rtol=1e-12)
    del state["num_batches_tracked"]  # as in files of PyTorch before 0.4.1
    assert fn.from_state_dict(fresh, state).has_statistics


def counterpart() -> Any:
    """Return the architecture of `images` in PyTorch; Any, since torch is not a dependency."""
    with warnings.catch_warnings():  # torch's own, at import
        warnings.simplefilter("ignore")
        torch = pytest.importorskip("torch", reason="needs PyTorch (dependency group torch)")
    nn = torch.nn
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 4, (3, 2), stride=2, padding=1),
        nn.BatchNorm2d(4),
        nn.Sequential(nn.ReLU(), nn.MaxPool2d(2)),
        nn.Flatten(),
        nn.Sequential(nn.Linear(16, 5), nn.Tanh()),
        nn.LayerNorm(5),
    ).double()


@pytest.mark.parametrize("outward", [True, False], ids=["to PyTorch", "from PyTorch"])
def test_pytorch_and_funnet_compute_the_same_with_one_state_dict(*, outward: bool) -> None:
    module, net = counterpart(), images(np.random.default_rng(1))
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(2).normal(size=(3, 2, 8, 6))
    if outward:
        state = {name: torch.from_numpy(array) for name, array in fn.to_state_dict(net).items()}
        module.load_state_dict(state, strict=True)
    else:
        module(torch.from_numpy(x))  # so that the batch norm has statistics
        net = fn.from_state_dict(net, module.state_dict())
    with torch.no_grad():
        theirs = module.eval()(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(fn.predict(net, x), theirs, rtol=1e-10, atol=1e-12)
