"""The examples of the gallery run and give the results that they are known for."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import test_laws
from programs import python
from zoo import AnyLayer, Case

from funnet import Float

EXAMPLES = Path(__file__).parent.parent / "examples"
GALLERY, BENCHMARKS = (
    sorted(
        path.relative_to(EXAMPLES).with_suffix("").as_posix()
        for path in EXAMPLES.glob(programs)
        if "def main" in path.read_text()
    )
    for programs in ("*.py", "benchmarks/*.py")
)


@pytest.fixture
def run(run: Callable[..., str], tmp_path: Path) -> Callable[..., str]:
    """Return a function that runs an example, and asserts that it writes what it prints."""

    def run_and_look(name: str, *arguments: str) -> str:
        output = run(name, *arguments)
        written = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
        named = re.findall(r"^(?:picture|network): (.*)$", output, re.MULTILINE)
        assert written == set(map(Path, named))
        return output

    return run_and_look


def rows(output: str, *names: str) -> list[list[float]]:
    """Return the numbers of each line that begins with the names."""
    start = r"\s+".join(map(re.escape, names))
    lines = re.findall(rf"^ *{start}  +([-+.\de ]+)$", output, re.MULTILINE)
    return [[float(number) for number in line.split()] for line in lines]


def row(output: str, *names: str) -> list[float]:
    """Return the numbers of the one line that begins with the names."""
    (numbers,) = rows(output, *names)
    return numbers


def found(pattern: str, output: str) -> float:
    """Return the number that the pattern matches once."""
    (number,) = re.findall(pattern, output)
    return float(number.replace(",", ""))


HELP = """
import runpy, sys
for path in sys.argv[1:]:
    sys.argv = [path, "--help"]
    sys.path[0] = path.rpartition("/")[0]
    try:
        runpy.run_path(path, run_name="__main__")
    except SystemExit as end:
        print(f"exit {end.code}", end=chr(0))
"""


@pytest.fixture(scope="module")
def helps() -> dict[str, str]:
    """Return what each example prints for --help, from one process: they import the same."""
    names = GALLERY + BENCHMARKS
    texts = python(HELP, *(EXAMPLES / f"{name}.py" for name in names)).split("\0")[:-1]
    return dict(zip(names, texts, strict=True))


@pytest.mark.parametrize("name", GALLERY + BENCHMARKS)
def test_help_shows_what_an_example_is_about_and_its_options(
    name: str, helps: dict[str, str]
) -> None:
    summary = (EXAMPLES / f"{name}.py").read_text().splitlines()[0].strip('"')

    text = " ".join(helps[name].split())

    assert summary in text
    assert ("--out" if name in GALLERY else "--quick") in text
    assert text.endswith("exit 0")


def test_the_gallery_shows_each_example_with_its_command_and_its_pictures() -> None:
    text = (EXAMPLES / "README.md").read_text()
    pictures = EXAMPLES / "pictures"

    assert len(GALLERY) > 20
    assert [name for name in GALLERY if f"`python examples/{name}.py`" not in text] == []
    shown = set(re.findall(r"\]\(pictures/(.*)\)", text))
    assert shown == {picture.name for picture in pictures.iterdir()}
    assert shown.issuperset(re.findall(r'src="pictures/(.*?)"', text))
    assert sum(picture.stat().st_size for picture in pictures.iterdir()) < 2_000_000


def test_two_layers_of_perceptrons_are_xor(run: Callable[..., str]) -> None:
    output = run("gates")

    gates = ["AND", "NAND", "OR", "XOR"]
    truth = [[0, 1, 0, 0], [0, 1, 1, 1], [0, 1, 1, 1], [1, 0, 1, 0]]
    assert output.splitlines()[0].split() == ["x1", "x2", *gates]
    assert [row(output, a, b) for a in "01" for b in "01"] == truth
    assert "correct truth tables: 4 of 4" in output


def test_softmax_outputs_sum_to_one(run: Callable[..., str]) -> None:
    output = run("forward_pass")

    assert "input (10, 2), output (10, 3)" in output
    assert len(re.findall(r"  1$", output, re.MULTILINE)) == 10  # sums of softmax rows
    assert "softmax of 1010, 1000, 990: [9.99954600e-01 4.53978686e-05 2.06106005e-09]" in output


def test_batches_give_the_answers_of_single_images(run: Callable[..., str]) -> None:
    output = run("batch_inference")

    assert "data: 8 x 8 digits, since MNIST is not available" in output
    assert all(row(output, size) > [0] for size in ("1", "10", "100", "1000"))
    assert "same predictions as with softmax: 4 of 4 batch sizes" in output
    assert found(r"test accuracy: ([\d.]+)%", output) > 90
    assert found(r"batches of 100 are ([\d.]+) times", output) > 1.5  # about 10 on an idle machine


def test_the_derivatives_are_those_of_the_functions(run: Callable[..., str]) -> None:
    output = run("activations")

    x = np.array(row(output, "derivative at"))
    y = 1 / (1 + np.exp(-x))
    assert row(output, "step") == [0] * 6
    assert row(output, "sigmoid") == pytest.approx(y * (1 - y), rel=1e-3)
    assert row(output, "tanh") == pytest.approx(1 - np.tanh(x) ** 2, rel=1e-3)
    assert row(output, "ReLU") == [0, 0, 0, 1, 1, 1]
    assert row(output, "leaky ReLU, slope 0.1") == [0.1, 0.1, 0.1, 1, 1, 1]
    assert row(output, "identity") == [1] * 6


def test_one_neuron_learns_a_table_but_not_xor(run: Callable[..., str]) -> None:
    output = run("delta_rule", "--epochs", "2000")

    outputs = re.findall(r"^[01], [01], 1  +[01]  +([\d.]+)$", output, re.MULTILINE)
    expected = [0, 0, 1, 1, 0.5, 0.5, 0.5, 0.5]
    assert list(map(float, outputs)) == pytest.approx(expected, abs=0.05)
    assert found(r"the delta rule differ by (.*)\n(?:.*\n)*XOR", output) < 1e-15


def test_two_layers_solve_xor_from_nine_of_ten_seeds(run: Callable[..., str]) -> None:
    output = run("xor", "--epochs", "2000")

    outputs = np.array([row(output, str(seed)) for seed in range(10)])
    solved = (np.abs(outputs - [0, 1, 1, 0]) < 0.1).all(axis=1).sum()
    assert solved >= 9
    assert f"within 0.1 of the targets: {solved} of 10 seeds" in output


def test_cross_entropy_is_faster_than_the_squared_error(run: Callable[..., str]) -> None:
    output = run("cross_entropy", "--seeds", "2")

    assert found(r"delta and the error y - t differ by (.*)", output) < 1e-15
    for seed in "01":
        squared, cross = row(output, seed)
        assert 0 < 2 * cross < squared < 2000


def test_a_graph_passes_gradients_to_both_inputs_of_its_nodes(run: Callable[..., str]) -> None:
    output = run("computational_graph")

    shopping = {
        "apple price": [100, 2.2],
        "apple count": [2, 110],
        "orange price": [150, 3.3],
        "orange count": [3, 165],
        "tax": [1.1, 650],
        "total": [715, 1],
    }
    assert {name: row(output, *name.split()) for name in shopping} == shopping
    y = 1 / (1 + np.exp(-1))
    assert row(output, "sigmoid") == pytest.approx([y, 1], rel=1e-3)
    assert row(output, "x") == pytest.approx([1, y * (1 - y)], rel=1e-3)
    assert row(output, "-1") == pytest.approx([-1, -y * (1 - y)], rel=1e-3)
    assert found(r"20: value (.*),", output) < 1e-12
    assert found(r", gradient (\S+)", output) < 1e-12


def test_backpropagation_is_the_numerical_gradient_but_faster(run: Callable[..., str]) -> None:
    output = run("gradient_check", "--hidden", "10")

    for path, size in (("0.W", 640), ("0.b", 10), ("2.W", 100), ("2.b", 10)):
        numbers, difference = row(output, f"layers.{path}")
        assert numbers == size
        assert difference < 1e-8
    assert "backward agrees with the numerical gradient" in output
    assert found(r"([\d,]+) times as fast for 760 parameters", output) > 50  # about 1,000 if idle


def test_xavier_keeps_the_spread_with_sigmoid_and_he_with_relu(run: Callable[..., str]) -> None:
    output = run("vanishing_gradient")

    sigmoid, *_ = rows(output, "sigmoid", "Xavier")
    assert min(sigmoid[1:]) > 0.85 * max(sigmoid[1:]) > 0.1
    assert row(output, "ReLU", "std 0.01")[4] < 1e-5
    he, he_gradients = rows(output, "ReLU", "He")
    assert he == pytest.approx([0.85] * 5, abs=0.16)
    assert rows(output, "sigmoid", "Xavier")[1][7] == pytest.approx(1e-4, rel=0.1)
    assert he_gradients[7] == pytest.approx(0.2, rel=0.1)


def test_the_optimizers_go_down_the_valley_as_in_the_textbook(run: Callable[..., str]) -> None:
    output = run("optimizers", "--steps", "60")

    known = {"SGD": 0.0133, "Momentum": 0.048, "AdaGrad": 0.0007, "Adam": 0.10}
    height, loss = np.transpose([row(output, name) for name in known])
    assert height == pytest.approx(list(known.values()), rel=0.035)
    assert max(loss) < np.log(10) + 0.1  # that of guessing
    assert "data: 8 x 8 digits, since MNIST is not available" in output


def test_weights_with_std_one_hundredth_do_not_learn(run: Callable[..., str]) -> None:
    output = run("weight_init_compare", "--steps", "600")

    first, after = np.transpose([row(output, name) for name in ("std 0.01", "Xavier", "He")])
    assert first == pytest.approx([np.log(10)] * 3, abs=0.2)
    assert after[0] == pytest.approx(np.log(10), abs=0.02)
    assert after[2] < after[1] < 1.6
    assert "data: 8 x 8 digits, since MNIST is not available" in output


def test_batch_norm_learns_from_nearly_all_weights(run: Callable[..., str]) -> None:
    output = run("batch_norm", "--epochs", "10")

    learned = r"batch norm, learned \(over 50 %\): (\d+) of 16"
    assert found(f"with {learned}", output) >= 10
    assert found(f"without {learned}", output) <= 4
    assert "data: 8 x 8 digits, since MNIST is not available" in output


def test_a_deep_network_learns_300_digits_by_heart(run: Callable[..., str]) -> None:
    output = run("overfitting", "--epochs", "28")

    assert row(output, "no remedy")[0] > 98
    assert row(output, "weight decay 0.1")[0] < 95
    assert row(output, "dropout 0.2")[0] < 95
    assert "data: 8 x 8 digits, since MNIST is not available" in output


def test_tables_are_predicted_by_networks_that_stopped_in_time(run: Callable[..., str]) -> None:
    output = run("tabular")

    assert found(r"wine: ([\d.]+)% of 178 held-out rows", output) >= 97
    assert found(r"diabetes: R² ([\d.]+),", output) >= 0.45
    assert found(r"with ridge regression ([\d.]+)", output) == pytest.approx(0.496, abs=0.001)
    found_in = r"by the saved network: grape (\d) .*, in truth (\d)$"
    ((grape, truth),) = re.findall(found_in, output, re.MULTILINE)
    assert grape == truth


def test_a_random_search_is_the_same_on_any_number_of_processes(run: Callable[..., str]) -> None:
    arguments = ["hyperparameters", "--runs", "16", "--epochs", "8", "--processes"]

    output = run(*arguments, "2")

    best, median = (found(rf"{name}: ([\d.]+)", output) for name in ("best", "median"))
    assert best > 75
    assert median < best - 30
    assert "data: 8 x 8 digits, since MNIST is not available" in output
    assert run(*arguments, "1") == output


def test_a_user_s_layer_and_network_pass_the_checks_and_learn(run: Callable[..., str]) -> None:
    output = run("custom_layer")

    assert "\nSwish: backward agrees with the numerical gradient: of 300 entries" in output
    assert "\nTwoLayerNet: backward agrees with the numerical gradient: of 4002 entries" in output
    assert found(r"test accuracy: ([\d.]+)%", output) > 94
    (complaint,) = re.findall(r"returns dx\(\) instead of dx:\n.*: error: (.*)", output)
    assert complaint.startswith('Incompatible return value type (got "tuple[Swish, ndarray')
    assert complaint.endswith("[return-value]")


def test_a_saved_network_is_the_same_in_another_process(run: Callable[..., str]) -> None:
    output = run("save_and_reuse")

    assert found(r"first process: .* accuracy ([\d.]+)%", output) > 95
    first, second = re.findall(r"process: +(network \w+, scores \w+, .*)", output)
    assert first == second
    assert output.endswith("\nequal\n")


# The laws that take one case and nothing else.
LAWS = [
    law
    for name, law in vars(test_laws).items()
    if name.startswith("test_") and list(inspect.signature(law).parameters) == ["case"]
]


@pytest.fixture
def cases(monkeypatch: pytest.MonkeyPatch) -> dict[str, Case]:
    """Return the layer and the network of custom_layer.py as cases for the laws."""
    monkeypatch.syspath_prepend(EXAMPLES)
    example = importlib.import_module("custom_layer")

    def swish(rng: np.random.Generator, dtype: type[Float]) -> AnyLayer:
        layer: AnyLayer = example.Swish(rng.normal(size=4).astype(dtype))
        return layer

    def network(rng: np.random.Generator, dtype: type[Float]) -> AnyLayer:
        shapes = (4, 5), (5,), (5,), (5, 3), (3,)
        W1, b1, beta, W2, b2 = (rng.normal(size=shape).astype(dtype) for shape in shapes)
        net: AnyLayer = example.TwoLayerNet(W1, b1, example.Swish(beta), W2, b2)
        return net

    return {"Swish": Case(swish, (6, 4)), "TwoLayerNet": Case(network, (6, 4))}


@pytest.mark.parametrize("name", ["Swish", "TwoLayerNet"])
@pytest.mark.parametrize("law", LAWS, ids=[law.__name__[5:] for law in LAWS])
def test_a_user_s_layer_obeys_the_laws(
    law: Callable[..., None], name: str, cases: dict[str, Case]
) -> None:
    law(case=cases[name])
