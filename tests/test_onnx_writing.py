"""An ONNX model computes what `predict` computes, in ONNX Runtime and by the reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from random_networks import random_network
from zoo import AnyLayer, Scale

import funnet as fn

onnx = pytest.importorskip("onnx", reason="needs onnx (dependency group onnx)")
reference = pytest.importorskip("onnx.reference", reason="needs onnx (dependency group onnx)")
runtime = pytest.importorskip("onnxruntime", reason="needs onnxruntime (dependency group onnx)")

from funnet.onnx import Graph, OnnxError, from_onnx, save_onnx, to_onnx  # noqa: E402

SQUARE = fn.Affine.init(3, 3, rng=0)
WITHOUT_FLOAT64 = {"Conv", "AveragePool", "GlobalAveragePool", "LeakyRelu", "Elu"}
"""Operators for which ONNX Runtime has no kernel in float64."""


def operators(model: bytes) -> set[str]:
    return {node.op_type for node in onnx.load_from_string(model).graph.node}


def run(model: bytes, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return what ONNX Runtime computes, or the reference where it has no kernel."""
    if x.dtype == np.float64 and operators(model) & WITHOUT_FLOAT64:
        session: Any = reference.ReferenceEvaluator(onnx.load_from_string(model))
    else:
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = runtime.InferenceSession(model, options)
    (y,) = session.run(["y"], {"x": x})
    return np.asarray(y)


def assert_close(ours: npt.NDArray[Any], theirs: npt.NDArray[Any], tolerance: float) -> None:
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    if ours.size:
        assert np.abs(ours - theirs).max() <= tolerance * max(1, np.abs(ours).max())


@pytest.mark.parametrize("block", range(10))
def test_onnx_runtime_computes_what_predict_does(block: int) -> None:
    for seed in range(30 * block, 30 * block + 30):
        net, shape = random_network(seed)
        model = to_onnx(net, shape)
        for n in (1, 7, 0):
            x = np.random.default_rng([seed, n]).normal(size=(n, *shape)).astype(np.float32)
            assert_close(fn.predict(net, x), run(model, x), 1e-5)


@pytest.mark.parametrize("block", range(5))
def test_in_float64_eps_and_slopes_are_rounded_to_float32_at_most(block: int) -> None:
    compared = 0
    for seed in range(12 * block, 12 * block + 12):
        net, shape = random_network(seed, np.float64)
        model = to_onnx(net, shape)
        if {"MaxPool"} < operators(model) & (WITHOUT_FLOAT64 | {"MaxPool"}):
            continue  # the reference evaluator raises ValueError for some of these
        x = np.random.default_rng(seed).normal(size=(3, *shape))
        # Attributes are float32 in ONNX; networks without eps and slopes agree to rounding.
        rounded = any(name in repr(net) for name in ("eps=", "slope=", "alpha="))
        assert_close(fn.predict(net, x), run(model, x), 1e-6 if rounded else 1e-12)
        compared += 1
    assert compared > 5


def test_nodes_and_constants_are_named_by_paths() -> None:
    net = fn.sequential(fn.residual(fn.Affine.init(3, 3, rng=0)), fn.ReLU())
    graph = onnx.load_from_string(to_onnx(net, (3,))).graph
    assert [node.name for node in graph.node] == ["layers.0.layer", "layers.0", "layers.1", "y"]
    assert [t.name for t in graph.initializer] == ["layers.0.layer.W", "layers.0.layer.b"]


def test_the_model_states_its_opset_and_the_shapes_of_any_batch() -> None:
    model = onnx.load_from_string(to_onnx(fn.Affine.init(3, 2, rng=0), (3,)))
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 17)]
    (value,) = model.graph.output
    first, second = value.type.tensor_type.shape.dim
    assert (value.name, first.dim_param, second.dim_value) == ("y", "N", 2)


def test_the_shape_may_hold_integers_of_numpy() -> None:
    layer = fn.Affine.init(3, 2, rng=0)

    assert to_onnx(layer, np.array([3])) == to_onnx(layer, (3,))  # type: ignore[arg-type]


def test_equal_networks_give_equal_bytes() -> None:
    nets = [random_network(4)[0] for _ in range(2)]
    shape = random_network(4)[1]
    assert to_onnx(nets[0], shape) == to_onnx(nets[1], shape)


@pytest.mark.parametrize(
    ("net", "shape"),
    [(fn.sequential(), (3,)), (fn.sequential(*[SQUARE] * 2), (3,)), (fn.Softmax(), (3, 4, 5))],
    ids=["no layers", "the same layer twice", "softmax of images"],
)
def test_networks_of_other_kinds_are_written(net: AnyLayer, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
    assert_close(fn.predict(net, x), run(to_onnx(net, shape), x), 1e-6)


def write_scale(graph: Graph, path: str, layer: Scale, x: str) -> str:
    """Add nodes with the names of the input and the output of the model."""
    return graph.node("Mul", [x, graph.constant("y", layer.gain)], "x")


def test_a_users_layer_takes_part_by_a_function_which_may_give_any_names() -> None:
    net = fn.sequential(fn.Affine.init(3, 2, rng=0), Scale(np.array([2.0, 3.0], np.float32)))
    x = np.ones((4, 3), np.float32)
    model = to_onnx(net, (3,), layers={Scale: write_scale})
    assert_close(fn.predict(net, x), run(model, x), 1e-6)


def test_a_function_that_returns_no_name_is_an_error() -> None:
    net = fn.sequential(Scale(np.ones(2, np.float32)))
    with pytest.raises(
        fn.StructureError, match=r"^layers\.0: .* writes a Scale must return .* None"
    ):
        to_onnx(net, (2,), layers={Scale: lambda *_: None})  # type: ignore[dict-item]


def test_a_users_layer_without_a_function_is_an_error_with_its_path() -> None:
    net = fn.sequential(fn.residual(Scale(np.ones(2, np.float32))))
    with pytest.raises(fn.StructureError, match=r"^layers\.0\.layer: cannot write .* Scale; pass"):
        to_onnx(net, (2,))


AFFINE = fn.Affine.init(3, 2, rng=0)


@pytest.mark.parametrize(
    ("net", "shape", "error", "message"),
    [
        (AFFINE, (4,), fn.ShapeError, "x of Affine must have"),
        (
            fn.astype(AFFINE, np.float16),
            (3,),
            fn.DTypeError,
            "W: must be float32 or float64, as all of the network, got float16",
        ),
        (
            fn.training_mode(fn.Dropout(0.5), seed=0, step=0),
            (3,),
            ValueError,
            "to_onnx needs a network at rest",
        ),
    ],
    ids=["another shape", "float16", "a live network"],
)
def test_what_cannot_be_written_is_an_error(
    net: AnyLayer, shape: tuple[int, ...], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{message}"):
        to_onnx(net, shape)


def test_a_file_is_written_completely_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    save_onnx(path, AFFINE, (3,))
    before = path.read_bytes()
    assert before == to_onnx(AFFINE, (3,))
    with pytest.raises(fn.ShapeError):
        save_onnx(path, AFFINE, (4,))
    assert path.read_bytes() == before
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        save_onnx(tmp_path / "missing" / "net.onnx", AFFINE, (3,))


def flat(net: AnyLayer) -> list[AnyLayer]:
    """Return the layers of a network that was read, in which Identity is left out."""
    return [layer for layer in net.layers if not isinstance(layer, fn.Identity)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("block", range(5))
def test_a_row_of_layers_comes_back(block: int, dtype: type[fn.Float]) -> None:
    for seed in range(20 * block, 20 * block + 20):
        net, shape = random_network(seed, dtype, nested=False)
        back = from_onnx(to_onnx(net, shape))
        expected = flat(net)
        assert [type(layer) for layer in back.layers] == [type(layer) for layer in expected]
        for ours, theirs in zip(fn.tree_leaves(expected), fn.tree_leaves(back), strict=True):
            np.testing.assert_array_equal(ours, theirs)
        x: fn.Array = np.random.default_rng(seed).normal(size=(4, *shape)).astype(dtype)
        np.testing.assert_array_equal(fn.predict(net, x), fn.predict(back, x))


def test_onnx_error_is_a_value_error() -> None:
    with pytest.raises(OnnxError, match="not an ONNX model"):
        from_onnx(b"not a model")
    assert issubclass(OnnxError, ValueError)
