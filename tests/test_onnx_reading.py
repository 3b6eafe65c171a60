"""ONNX models from elsewhere come in, and what funnet does not have or trust is an error."""

from __future__ import annotations

import io
import sys
import tracemalloc
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funnet as fn

onnx = pytest.importorskip("onnx", reason="needs onnx (dependency group onnx)")

from funnet.onnx import OnnxError, from_onnx, to_onnx  # noqa: E402

IMAGES = fn.sequential(
    fn.Conv2d.init(1, 2, 3, padding=1, rng=0),
    fn.BatchNorm.init(2),
    fn.ReLU(),
    fn.MaxPool2d(2),
    fn.AvgPool2d(2),
    fn.Flatten(),
    fn.Dropout(0.5),
    fn.Affine.init(8, 3, rng=1),
    fn.Softmax(),
)
MODEL = to_onnx(IMAGES, (1, 8, 8))


def graph_of(
    *nodes: Any,
    W: tuple[int, ...] = (3, 2),
    shape: list[int | str] | None = None,
    **constants: Any,
) -> bytes:
    """Return a model of these nodes on "x", which may have a shape; "W" and "b" are constants."""
    helper, float32 = onnx.helper, onnx.TensorProto.FLOAT
    arrays = {"W": np.ones(W, np.float32), "b": np.ones(W[-1], np.float32)} | constants
    arrays["K"] = np.ones((2, 1, 2, 2), np.float32)
    arrays |= {"zero": np.zeros((), np.float32), "zeros": np.zeros((1, 1, 1), np.float32)}
    arrays |= {"true": np.ones((), bool), "false": np.zeros((), bool)}
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", float32, shape)],
        [helper.make_tensor_value_info("y", float32, None)],
        [onnx.numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    data: bytes = helper.make_model(graph).SerializeToString()
    return data


def node(operator: str, *inputs: str, **attributes: Any) -> Any:
    return onnx.helper.make_node(operator, inputs, ["y"], name="n", **attributes)


def greater(than: str, to: int = 1) -> list[Any]:
    return [
        onnx.helper.make_node("Greater", ["x", than], ["h"], name="n"),
        node("Cast", "h", to=to),
    ]


def test_matmul_and_add_are_an_affine_layer_in_either_order() -> None:
    product = onnx.helper.make_node("MatMul", ["x", "W"], ["h"])
    for inputs in [("h", "b"), ("b", "h")]:
        (layer,) = from_onnx(graph_of(product, node("Add", *inputs))).layers
        assert isinstance(layer, fn.Affine)
        np.testing.assert_array_equal(layer.b, np.ones(2))


def test_a_missing_bias_is_zero() -> None:
    for model in [
        graph_of(node("MatMul", "x", "W")),
        graph_of(node("Gemm", "x", "W")),
        graph_of(node("Conv", "x", "W"), W=(4, 1, 3, 3)),
    ]:
        (layer,) = from_onnx(model).layers
        assert not layer.b.any()


def test_a_transposed_gemm_and_a_bias_of_one_row_are_read() -> None:
    W = np.arange(6, dtype=np.float32).reshape(2, 3)
    model = graph_of(node("Gemm", "x", "A", "c", transB=1), A=W, c=np.ones((1, 2), np.float32))
    (layer,) = from_onnx(model).layers
    np.testing.assert_array_equal(layer.W, W.T)
    assert layer.b.shape == (2,)


def test_numbers_are_the_decimals_that_were_meant() -> None:
    assert from_onnx(MODEL).layers[1].eps == 1e-5
    assert from_onnx(MODEL).layers[1].momentum == 0.1
    assert from_onnx(MODEL).layers[6].rate == 0.5


def test_a_batch_norm_that_comes_in_has_statistics() -> None:
    live = fn.training_mode(from_onnx(MODEL), seed=0, step=1)
    assert live.layers[1].context is not None


WRONG_NODES = {
    "another operator": ([node("Erf", "x")], "is not an operator that funnet has"),
    "a domain": ([node("Relu", "x", domain="com.example")], "has an operator of the domain"),
    "the first of a pair": (
        [node("GlobalAveragePool", "x")],
        "is not an operator that funnet has, unless it is followed by Flatten",
    ),
    "alpha": ([node("Gemm", "x", "W", "b", alpha=2.0)], "has alpha=2.0; funnet computes alpha=1.0"),
    "groups": (
        [node("Conv", "x", "W", group=2)],
        "must have a constant input 1 of rank 4, got shape (3, 2)",
    ),
    "another attribute": ([node("Relu", "x", beta=1.0)], "has an unknown attribute 'beta'"),
    "two inputs": ([node("Add", "x", "x")], "must be applied to the output of the node before it"),
    "constants first": ([node("MatMul", "W", "x")], "must have its input first"),
    "not in a row": (
        [onnx.helper.make_node("Relu", ["x"], ["h"], name="r"), node("Add", "h", "x")],
        "since only operators in a row can be read",
    ),
    "an output that is not the last": (
        [node("Relu", "x"), onnx.helper.make_node("Relu", ["y"], ["z"], name="r")],
        "the output of the model must be that of its last node",
    ),
    "a bias of another shape": (
        [node("Gemm", "x", "W", "W")],
        "must add a bias of shape (2,), got (3, 2)",
    ),
    "uneven padding": (
        [node("MaxPool", "x", kernel_shape=[2, 2], pads=[0, 0, 1, 1])],
        "must have equal padding on both sides",
    ),
    "one dimension": (
        [node("MaxPool", "x", kernel_shape=[2])],
        "does not fit: kernel_size must be",
    ),
    "ceil_mode": (
        [node("MaxPool", "x", kernel_shape=[2, 2], ceil_mode=1)],
        "has ceil_mode=1; funnet computes ceil_mode=0 only",
    ),
    "padding that does not count": (
        [node("AveragePool", "x", kernel_shape=[2, 2], pads=[1, 1, 1, 1])],
        "has count_include_pad=0; funnet counts the padding",
    ),
    "automatic padding": (
        [node("MaxPool", "x", kernel_shape=[2, 2], auto_pad="SAME_UPPER")],
        "must have equal padding on both sides",
    ),
    "automatic padding at the start": (
        [node("Conv", "x", "K", auto_pad="SAME_LOWER")],
        "has auto_pad='SAME_LOWER', which funnet does not have",
    ),
    "an axis": ([node("Softmax", "x", axis=0)], "has axis=0; funnet applies softmax to the"),
    "a step of integers": ([*greater("zero", to=7)], "has to=7; funnet computes to=1 only"),
    "a comparison of more than a number": ([*greater("zeros")], "must compare with 0"),
    "an axis of rows": (
        [node("LayerNormalization", "x", "b", axis=0)],
        "has axis=0; funnet normalizes rows",
    ),
    "an attribute of another type": (
        [node("Gemm", "x", "W", transB=1.0)],
        "must have transB like 0, got 1.0",
    ),
    "dropout in training": ([node("Dropout", "x", "zero", "true")], "must be at inference"),
    "a rate for each column": ([node("Dropout", "x", "b")], "must have one ratio, got shape (2,)"),
    "a constant that is no tensor": (
        [onnx.helper.make_node("Constant", [], ["c"], value_floats=[1.0])],
        "(Constant) must have a tensor as its value",
    ),
    "a number out of range": ([node("Dropout", "x", ratio=2.0)], "does not fit: rate"),
}


@pytest.mark.parametrize(("nodes", "message"), WRONG_NODES.values(), ids=WRONG_NODES)
def test_what_funnet_does_not_compute_is_an_error(nodes: list[Any], message: str) -> None:
    with pytest.raises(OnnxError) as caught:
        from_onnx(graph_of(*nodes))
    assert message in str(caught.value)


def test_widths_that_do_not_fit_are_an_error() -> None:
    first = onnx.helper.make_node("MatMul", ["x", "W"], ["h"])
    with pytest.raises(OnnxError, match="expects 3 input features, but layer 0"):
        from_onnx(graph_of(first, node("MatMul", "h", "W")))


def changed(change: Callable[[Any], object]) -> bytes:
    """Return the model after a change of its first tensor."""
    model = onnx.load_from_string(MODEL)
    change(model.graph.initializer[0])
    data: bytes = model.SerializeToString()
    return data


def huge(tensor: Any) -> None:
    tensor.dims[:] = [2**40, 2**20, 3, 3]


def external(tensor: Any) -> None:
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"


def negative(tensor: Any) -> None:
    tensor.dims[:] = [-2, -1, 3, 3]


def twice(tensor: Any) -> None:
    """Store half of the values in one field and half in another."""
    tensor.raw_data = tensor.raw_data[: 9 * 4]
    tensor.float_data.extend([0.0] * 9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (twice, "must have 18 values"),
        (huge, "must have 10376293541461622784 values, got 18"),
        (external, "is stored in another file, which is not read"),
        (negative, "must have rank <= 4, got shape"),
        (lambda tensor: tensor.dims.extend([1]), "must have rank <= 4, got shape"),
        (lambda tensor: tensor.float_data.append(1.0), "must have 18 values"),
        (
            lambda tensor: setattr(tensor, "data_type", 16),
            "must be of float32, float64, int64 or bool",
        ),
    ],
)
def test_tensors_are_checked_before_they_are_allocated(
    change: Callable[[Any], object], message: str
) -> None:
    with pytest.raises(OnnxError) as caught:
        from_onnx(changed(change))
    assert message in str(caught.value)


def test_only_bytes_are_a_model() -> None:
    with pytest.raises(TypeError, match="model must be the bytes of an ONNX model, got str; read"):
        from_onnx("net.onnx")  # type: ignore[arg-type]


def test_mutated_models_are_read_or_refused_in_bounded_memory() -> None:
    rng = np.random.default_rng(0)
    read = refused = 0
    tracemalloc.start()
    for _ in range(2000):
        data = bytearray(MODEL)
        for _ in range(rng.integers(1, 4)):
            i = int(rng.integers(len(data)))
            kind = rng.integers(3)
            if kind == 0:
                data[i] ^= 1 << int(rng.integers(8))
            elif kind == 1:
                del data[i : i + int(rng.integers(1, 20))]
            else:
                data[i:i] = rng.bytes(int(rng.integers(1, 20)))
        try:
            from_onnx(bytes(data))
            read += 1
        except OnnxError:
            refused += 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert read > 20
    assert refused > 1000
    assert peak < 50 * len(MODEL) + 5_000_000


def modules(nn: Any) -> list[tuple[Any, tuple[int, ...]]]:
    """Return ten networks of PyTorch and the shapes of their samples."""
    conv = nn.Conv2d
    return [
        (nn.Sequential(nn.Linear(5, 3)), (5,)),
        (nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3, bias=False)), (5,)),
        (nn.Sequential(nn.Linear(5, 4), nn.LeakyReLU(0.2), nn.Linear(4, 3), nn.Softmax(1)), (5,)),
        (nn.Sequential(nn.LayerNorm(5), nn.Linear(5, 4), nn.Tanh(), nn.Dropout(0.3)), (5,)),
        (nn.Sequential(nn.BatchNorm1d(5), nn.Linear(5, 4), nn.Sigmoid(), nn.Identity()), (5,)),
        (nn.Sequential(conv(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(108, 2)), (1, 8, 8)),
        (nn.Sequential(conv(2, 3, (3, 2), 2, 1, bias=False), nn.MaxPool2d(2)), (2, 8, 8)),
        (nn.Sequential(nn.BatchNorm2d(2), conv(2, 3, 3, padding="same")), (2, 8, 8)),
        (nn.Sequential(conv(1, 4, 3), nn.BatchNorm2d(4), nn.AvgPool2d(3, 2, 1)), (1, 8, 8)),
        (nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2)), (3, 8, 8)),
    ]


@pytest.mark.parametrize("index", range(10))
def test_networks_exported_by_pytorch_come_in(index: int) -> None:
    with warnings.catch_warnings():  # torch's own, at import and of its first exporter
        warnings.simplefilter("ignore")
        torch = pytest.importorskip("torch", reason="needs PyTorch (dependency group torch)")
        torch.manual_seed(index)
        module, shape = modules(torch.nn)[index]
        x = torch.randn(16, *shape)
        module(x)  # so that batch norms have statistics
        module.eval()
        file = io.BytesIO()
        axes = {"x": {0: "N"}, "y": {0: "N"}}
        torch.onnx.export(
            module, (x,), file, dynamo=False, input_names=["x"], output_names=["y"],
            dynamic_axes=axes,
        )  # fmt: skip
        theirs = module(x).detach().numpy()
    ours = fn.predict(from_onnx(file.getvalue()), x.numpy())
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5 * np.abs(theirs).max())


@pytest.mark.parametrize("to", [(-1, 8), (0, -1), (0, 8), (3, 8), (3, -1)])
def test_a_model_that_pytorch_reshapes_is_flattened(to: tuple[int, ...]) -> None:
    model = graph_of(node("Reshape", "x", "s"), s=np.array(to), shape=[3, 2, 2, 2])
    (layer,) = from_onnx(model).layers
    assert isinstance(layer, fn.Flatten)


@pytest.mark.parametrize(
    "to", [(2, 2, -1), (1, -1), (-1, 0), (-1, -1), (0, 0), (-1, -2), (8,), (0.0, 8.0)]
)
def test_another_reshape_is_refused(to: tuple[float, ...]) -> None:
    with pytest.raises(OnnxError, match="must flatten images"):
        from_onnx(graph_of(node("Reshape", "x", "s"), s=np.array(to), shape=["N", 2, 2, 2]))


def test_a_reshape_to_no_rows_is_refused() -> None:
    with pytest.raises(OnnxError, match="must flatten images"):
        from_onnx(graph_of(node("Reshape", "x", "s", allowzero=1), s=np.array([0, 8])))


def test_softmax_of_channels_is_read_for_rows_only() -> None:
    """The last axis of rows is axis 1, which is also the default before opset 13."""
    flatten = onnx.helper.make_node("Flatten", ["x"], ["h"], name="n")
    for axis in ({"axis": 1}, {}):
        rows = graph_of(node("Softmax", "x", **axis), shape=["N", 3])
        flat = graph_of(flatten, node("Softmax", "h", **axis), shape=["N", 3, 4, 4])
        assert isinstance(from_onnx(rows).layers[0], fn.Softmax)
        assert isinstance(from_onnx(flat).layers[1], fn.Softmax)
        shapes: list[list[int | str] | None] = [["N", 3, 4, 4], None]
        for shape in shapes:
            with pytest.raises(OnnxError, match="has axis=1; funnet applies softmax to the last"):
                from_onnx(graph_of(node("Softmax", "x", **axis), shape=shape))
    images = graph_of(node("Softmax", "x", axis=-1), shape=["N", 3, 4, 4])
    assert isinstance(from_onnx(images).layers[0], fn.Softmax)


def test_dropout_may_state_that_it_is_at_inference() -> None:
    (layer,) = from_onnx(graph_of(node("Dropout", "x", "zero", "false"))).layers
    assert repr(layer) == "Dropout(rate=0.0)"


def test_a_constant_may_be_a_node() -> None:
    V = np.arange(6, dtype=np.float32).reshape(3, 2)
    constant = onnx.helper.make_node(
        "Constant", [], ["V"], value=onnx.numpy_helper.from_array(V, "V")
    )
    (layer,) = from_onnx(graph_of(constant, node("MatMul", "x", "V"))).layers
    np.testing.assert_array_equal(layer.W, V)


def test_sparse_tensors_are_refused() -> None:
    model = onnx.load_from_string(MODEL)
    model.graph.sparse_initializer.add()
    with pytest.raises(OnnxError, match="has sparse tensors, which are not supported"):
        from_onnx(model.SerializeToString())


def test_a_branched_network_does_not_come_back() -> None:
    net, shape = fn.sequential(fn.residual(fn.Affine.init(2, 2, rng=0))), (2,)
    with pytest.raises(OnnxError, match="only operators in a row can be read"):
        from_onnx(to_onnx(net, shape))


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r'pip install "funnet\[onnx\]"'):
        from_onnx(b"")
